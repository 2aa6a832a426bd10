#include "capture.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_HEADER_BYTES 24
#define RECORD_HEADER_BYTES 16

static uint32_t little(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

struct capture capture_open(const char *name) {
    struct capture capture = {.at = FILE_HEADER_BYTES};
    const char *root = getenv("STRATA_CORPORA");
    char path[1024];
    snprintf(path, sizeof path, "%s/pcap/%s", root == NULL ? "/nonexistent" : root, name);
    FILE *file = fopen(path, "rb");
    if (file != NULL) {
        size_t capacity = 1u << 20;
        capture.bytes = malloc(capacity);
        capture.length = capture.bytes == NULL ? 0 : fread(capture.bytes, 1, capacity, file);
        fclose(file);
    }
    return capture;
}

void capture_close(struct capture *capture) {
    free(capture->bytes);
}

/* Bytes of the link header, by the network number of the file: Ethernet, Linux cooked, BSD loopback, raw IP. */
static size_t link_bytes(const struct capture *capture) {
    switch (little(capture->bytes + 20)) {
    case 1: return 14;
    case 113: return 16;
    case 0: return 4;
    default: return 0;
    }
}

bool capture_next(struct capture *capture, const uint8_t **datagram, size_t *length) {
    while (capture->length - capture->at >= RECORD_HEADER_BYTES) {
        size_t captured = little(capture->bytes + capture->at + 8);
        capture->at += RECORD_HEADER_BYTES;
        if (captured > capture->length - capture->at) {
            return false;
        }
        const uint8_t *ip = capture->bytes + capture->at + link_bytes(capture);
        size_t left = captured - link_bytes(capture);
        capture->at += captured;
        size_t header = (size_t)(ip[0] & 15) * 4 + 8;
        if (left > header && ip[0] >> 4 == 4 && ip[9] == 17) {
            *datagram = ip + header;
            *length = left - header;
            return true;
        }
    }
    return false;
}
