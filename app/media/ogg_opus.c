#include "app/media/ogg_opus.h"

#include <string.h>

/*   RFC 3533 section 6, a page, little-endian:
 *   "OggS" version[1]=0 flags[1] granule[8] serial[4] page_number[4] checksum[4] segments[1] segment_lengths[segments] bytes
 *   A packet is its segments of 255 bytes and one that is shorter; it may go on in the next page. */
enum { PAGE_HEADER_BYTES = 27, FLAG_CONTINUED = 1, FLAG_FIRST = 2, FLAG_LAST = 4, SEGMENT_MAX = 255 };
enum { HEAD_BYTES = 19, OPUS_MAX_SAMPLES = 5760 };

static uint32_t get_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool broken(struct media_parse_problem *problem, size_t offset, const char *rule) {
    problem->offset = offset;
    problem->rule = rule;
    return false;
}

uint32_t media_opus_packet_duration(const uint8_t *packet, size_t length_bytes) {
    /* RFC 6716 section 3.1, table 2: SILK 10, 20, 40, 60 ms; hybrid 10, 20 ms; CELT 2.5, 5, 10, 20 ms. */
    static const uint16_t silk[4] = { 480, 960, 1920, 2880 }, hybrid[2] = { 480, 960 }, celt[4] = { 120, 240, 480, 960 };
    if (length_bytes == 0) {
        return 0;
    }
    unsigned config = packet[0] >> 3;
    uint32_t samples = config < 12 ? silk[config & 3] : config < 16 ? hybrid[config & 1] : celt[config & 3];
    unsigned frames = 1;
    switch (packet[0] & 3) {
    case 0:
        break;
    case 3:
        frames = length_bytes > 1 ? packet[1] & 0x3FU : 0;
        break;
    default:
        frames = 2;
        break;
    }
    /* RFC 6716 section 3.4, MUST: a packet holds at most 120 ms. */
    return frames * samples <= OPUS_MAX_SAMPLES ? frames * samples : 0;
}

/* RFC 3533 section 6: polynomial 0x04C11DB7, not reflected, from 0, over the page with zeros in the place of the sum. */
static uint32_t checksum(const uint8_t *page, size_t length) {
    static const uint32_t nibbles[16] = {
        0x00000000, 0x04C11DB7, 0x09823B6E, 0x0D4326D9, 0x130476DC, 0x17C56B6B, 0x1A864DB2, 0x1E475005,
        0x2608EDB8, 0x22C9F00F, 0x2F8AD6D6, 0x2B4BCB61, 0x350C9B64, 0x31CD86D3, 0x3C8EA00A, 0x384FBDBD
    };
    uint32_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = i >= 22 && i < 26 ? 0 : page[i];
        sum = sum << 4 ^ nibbles[sum >> 28 ^ byte >> 4];
        sum = sum << 4 ^ nibbles[sum >> 28 ^ (byte & 0x0F)];
    }
    return sum;
}

/* The page at reader->page: whole, and its sum right. *end: where the next one begins. */
static bool judge_page(const struct media_ogg_opus_reader *reader, size_t *end, struct media_parse_problem *problem) {
    const uint8_t *page = reader->bytes + reader->page;
    size_t left = reader->length_bytes - reader->page;

    if (left < PAGE_HEADER_BYTES || left - PAGE_HEADER_BYTES < page[26]) {
        return broken(problem, reader->page, "It ends within the header of a page");
    }
    if (memcmp(page, "OggS", 4) != 0 || page[4] != 0) {
        return broken(problem, reader->page, "No Ogg page begins here (RFC 3533 section 6)");
    }
    size_t length = PAGE_HEADER_BYTES + page[26];
    for (size_t i = 0; i < page[26]; i++) {
        length += page[PAGE_HEADER_BYTES + i];
    }
    if (length > left) {
        return broken(problem, reader->page, "It ends within a page");
    }
    if (checksum(page, length) != get_u32(page + 22)) {
        return broken(problem, reader->page, "The checksum of a page is wrong (RFC 3533 section 6)");
    }
    *end = reader->page + length;
    return true;
}

/* Whether the page belongs to the stream that we read: RFC 7845 section 3, the first that begins with OpusHead. */
static bool is_ours(struct media_ogg_opus_reader *reader) {
    const uint8_t *page = reader->bytes + reader->page;
    if (!reader->found && (page[5] & FLAG_FIRST) != 0 && page[26] > 0 && page[PAGE_HEADER_BYTES] >= 8 &&
        memcmp(page + PAGE_HEADER_BYTES + page[26], "OpusHead", 8) == 0) {
        reader->found = true;
        reader->serial = get_u32(page + 14);
        reader->next_page_number = get_u32(page + 18);
    }
    return reader->found && get_u32(page + 14) == reader->serial;
}

/* Goes to the next page of our stream, from the one that is used up. `within`: a packet goes on in it. */
static enum media_ogg_opus_result enter_page(struct media_ogg_opus_reader *reader, bool within, struct media_parse_problem *problem) {
    size_t end = reader->page;

    for (;; reader->page = end) {
        if (reader->in_page) {
            end = reader->body;
            reader->in_page = false;
            continue;
        }
        if (reader->page == reader->length_bytes) {
            return reader->found ? MEDIA_OGG_OPUS_END : (broken(problem, 0, "There is no Opus stream in it (RFC 7845 section 3)"), MEDIA_OGG_OPUS_BROKEN);
        }
        if (!judge_page(reader, &end, problem)) {
            return MEDIA_OGG_OPUS_BROKEN;
        }
        if (is_ours(reader)) {
            break;
        }
    }
    const uint8_t *page = reader->bytes + reader->page;
    if (get_u32(page + 18) != reader->next_page_number++) {
        (void)broken(problem, reader->page, "A page of the stream is missing before this one (RFC 3533 section 6)");
        return MEDIA_OGG_OPUS_BROKEN;
    }
    if (((page[5] & FLAG_CONTINUED) != 0) != within) {
        (void)broken(problem, reader->page, "A packet that goes on in another page has lost a part (RFC 3533 section 6)");
        return MEDIA_OGG_OPUS_BROKEN;
    }
    reader->in_page = true;
    reader->segments = page[26];
    reader->segment = 0;
    reader->body = reader->page + PAGE_HEADER_BYTES + page[26];
    return MEDIA_OGG_OPUS_PACKET;
}

/* One packet of the stream, header or sound; *length may be 0. */
static enum media_ogg_opus_result read_packet(struct media_ogg_opus_reader *reader, uint8_t *out, size_t *length,
                                              struct media_parse_problem *problem) {
    bool within = false;

    *length = 0;
    for (;;) {
        if (!reader->in_page || reader->segment == reader->segments) {
            bool last = reader->in_page && (reader->bytes[reader->page + 5] & FLAG_LAST) != 0;
            enum media_ogg_opus_result result = last ? MEDIA_OGG_OPUS_END : enter_page(reader, within, problem);
            if (result == MEDIA_OGG_OPUS_END && within) {
                (void)broken(problem, reader->page, "It ends within a packet (RFC 3533 section 6)");
                return MEDIA_OGG_OPUS_BROKEN;
            }
            if (result != MEDIA_OGG_OPUS_PACKET) {
                return result;
            }
            continue;
        }
        size_t bytes = reader->bytes[reader->page + PAGE_HEADER_BYTES + reader->segment++];
        if (bytes > MEDIA_OPUS_FILE_MAX_PACKET_BYTES - *length) {
            (void)broken(problem, reader->body, "A packet has more than 61440 bytes (RFC 7845 section 6)");
            return MEDIA_OGG_OPUS_BROKEN;
        }
        memcpy(out + *length, reader->bytes + reader->body, bytes);
        *length += bytes;
        reader->body += bytes;
        within = bytes == SEGMENT_MAX;
        if (!within) {
            return MEDIA_OGG_OPUS_PACKET;
        }
    }
}

/* RFC 7845 section 5.1: "OpusHead" version[1] channels[1] pre_skip[2] rate[4] gain[2] mapping[1]; section 5.2: "OpusTags" ... */
static bool judge_header(const struct media_ogg_opus_reader *reader, const uint8_t *packet, size_t length, struct media_parse_problem *problem) {
    if (reader->headers == 1) {
        return (length >= 8 && memcmp(packet, "OpusTags", 8) == 0) ||
               broken(problem, reader->page, "The second packet is not OpusTags (RFC 7845 section 5.2)");
    }
    if (length < HEAD_BYTES) {
        return broken(problem, reader->page, "OpusHead has fewer than 19 bytes (RFC 7845 section 5.1)");
    }
    /* RFC 7845 section 5.1, MUST: an unknown major version is not read. */
    if (packet[8] > 15) {
        return broken(problem, reader->page, "OpusHead has an unknown version (RFC 7845 section 5.1)");
    }
    /* RFC 7587 section 4.1: a packet is one Opus stream of one or two channels; mapping family 1 joins several. */
    if (packet[18] != 0 || packet[9] < 1 || packet[9] > 2) {
        return broken(problem, reader->page, "It has another layout of channels than mono or stereo (RFC 7845 section 5.1.1)");
    }
    return true;
}

enum media_ogg_opus_result media_ogg_opus_next(struct media_ogg_opus_reader *reader, uint8_t out[MEDIA_OPUS_FILE_MAX_PACKET_BYTES],
                                               struct media_ogg_opus_packet *packet, struct media_parse_problem *problem) {
    for (;;) {
        enum media_ogg_opus_result result = read_packet(reader, out, &packet->length_bytes, problem);
        if (result == MEDIA_OGG_OPUS_END && reader->headers < 2) {
            (void)broken(problem, reader->page, "It ends before the first packet with sound (RFC 7845 section 3)");
            result = MEDIA_OGG_OPUS_BROKEN;
        }
        if (result != MEDIA_OGG_OPUS_PACKET) {
            return result;
        }
        if (reader->headers < 2) {
            if (!judge_header(reader, out, packet->length_bytes, problem)) {
                return MEDIA_OGG_OPUS_BROKEN;
            }
            reader->headers++;
            continue;
        }
        packet->samples = media_opus_packet_duration(out, packet->length_bytes);
        if (packet->samples == 0) {
            (void)broken(problem, reader->page, "A packet in this page is not Opus (RFC 6716 section 3.4)");
            return MEDIA_OGG_OPUS_BROKEN;
        }
        return MEDIA_OGG_OPUS_PACKET;
    }
}
