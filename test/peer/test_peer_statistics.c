/* getStats (W3C webrtc-stats): every id is of one dictionary, every reference points to one of the right type, every counter is the peer's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/peer/connection_pair.h"

#define SECOND_US 1000000u
#define REPORT_MAX 512

struct report {
    size_t count;
    struct peer_statistics entries[REPORT_MAX];
    size_t of_type[PEER_STATISTICS_CERTIFICATE + 1];
};

static const struct peer_statistics *find(const struct report *report, const char *id) {
    for (size_t i = 0; i < report->count; i++)
        if (strcmp(report->entries[i].id, id) == 0)
            return &report->entries[i];
    return NULL;
}

/* "" is no reference; anything else is one to a dictionary of that type. */
static void check_reference(const struct report *report, const char *id, enum peer_statistics_type type) {
    if (*id == '\0')
        return;
    const struct peer_statistics *found = find(report, id);
    assert_non_null(found);
    assert_int_equal(found->type, type);
}

static void check_required(const struct report *report, const char *id, enum peer_statistics_type type) {
    assert_true(*id != '\0');
    check_reference(report, id, type);
}

static void check_streams(const struct report *report, const struct peer_statistics *entry) {
    switch (entry->type) {
    case PEER_STATISTICS_INBOUND_RTP:
        check_required(report, entry->as.inbound_rtp.transport_id, PEER_STATISTICS_TRANSPORT);
        check_required(report, entry->as.inbound_rtp.codec_id, PEER_STATISTICS_CODEC);
        check_reference(report, entry->as.inbound_rtp.remote_id, PEER_STATISTICS_REMOTE_OUTBOUND_RTP);
        assert_true(*entry->as.inbound_rtp.track_identifier != '\0');
        break;
    case PEER_STATISTICS_OUTBOUND_RTP:
        check_required(report, entry->as.outbound_rtp.transport_id, PEER_STATISTICS_TRANSPORT);
        check_required(report, entry->as.outbound_rtp.codec_id, PEER_STATISTICS_CODEC);
        check_required(report, entry->as.outbound_rtp.media_source_id, PEER_STATISTICS_MEDIA_SOURCE);
        check_reference(report, entry->as.outbound_rtp.remote_id, PEER_STATISTICS_REMOTE_INBOUND_RTP);
        break;
    case PEER_STATISTICS_REMOTE_INBOUND_RTP:
        check_required(report, entry->as.remote_inbound_rtp.local_id, PEER_STATISTICS_OUTBOUND_RTP);
        check_required(report, entry->as.remote_inbound_rtp.codec_id, PEER_STATISTICS_CODEC);
        check_required(report, entry->as.remote_inbound_rtp.transport_id, PEER_STATISTICS_TRANSPORT);
        assert_string_equal(find(report, entry->as.remote_inbound_rtp.local_id)->as.outbound_rtp.remote_id, entry->id);
        break;
    case PEER_STATISTICS_REMOTE_OUTBOUND_RTP:
        check_required(report, entry->as.remote_outbound_rtp.local_id, PEER_STATISTICS_INBOUND_RTP);
        check_required(report, entry->as.remote_outbound_rtp.codec_id, PEER_STATISTICS_CODEC);
        check_required(report, entry->as.remote_outbound_rtp.transport_id, PEER_STATISTICS_TRANSPORT);
        assert_string_equal(find(report, entry->as.remote_outbound_rtp.local_id)->as.inbound_rtp.remote_id, entry->id);
        break;
    default:
        break;
    }
}

static void check_entry(const struct report *report, const struct peer_statistics *entry) {
    check_streams(report, entry);
    switch (entry->type) {
    case PEER_STATISTICS_CODEC:
        check_required(report, entry->as.codec.transport_id, PEER_STATISTICS_TRANSPORT);
        break;
    case PEER_STATISTICS_TRANSPORT:
        check_reference(report, entry->as.transport.selected_candidate_pair_id, PEER_STATISTICS_CANDIDATE_PAIR);
        check_required(report, entry->as.transport.local_certificate_id, PEER_STATISTICS_CERTIFICATE);
        check_reference(report, entry->as.transport.remote_certificate_id, PEER_STATISTICS_CERTIFICATE);
        break;
    case PEER_STATISTICS_CANDIDATE_PAIR:
        check_required(report, entry->as.candidate_pair.transport_id, PEER_STATISTICS_TRANSPORT);
        check_required(report, entry->as.candidate_pair.local_candidate_id, PEER_STATISTICS_LOCAL_CANDIDATE);
        check_required(report, entry->as.candidate_pair.remote_candidate_id, PEER_STATISTICS_REMOTE_CANDIDATE);
        break;
    case PEER_STATISTICS_LOCAL_CANDIDATE:
    case PEER_STATISTICS_REMOTE_CANDIDATE:
        check_required(report, entry->as.candidate.transport_id, PEER_STATISTICS_TRANSPORT);
        break;
    default:
        break;
    }
}

/* Takes the report of one end, and judges it as a whole. Free it. */
static struct report *take(const struct connection_pair *pair, int end) {
    struct report *report = calloc(1, sizeof *report);
    size_t cursor = 0;
    while (peer_connection_statistics(pair->ends[end].connection, &cursor, &report->entries[report->count])) {
        const struct peer_statistics *entry = &report->entries[report->count];
        assert_true(*entry->id != '\0');
        assert_null(find(report, entry->id));
        report->of_type[entry->type]++;
        report->count++;
        assert_true(report->count < REPORT_MAX);
    }
    for (size_t i = 0; i < report->count; i++)
        check_entry(report, &report->entries[i]);
    assert_int_equal(report->of_type[PEER_STATISTICS_PEER_CONNECTION], 1);
    assert_int_equal(report->of_type[PEER_STATISTICS_DATA_CHANNEL], 0);
    return report;
}

static void judge(const struct connection_pair *pair) {
    for (int end = 0; end < 2; end++)
        free(take(pair, end));
}

static const struct peer_statistics *inbound_of(const struct report *report, uint32_t ssrc) {
    for (size_t i = 0; i < report->count; i++)
        if (report->entries[i].type == PEER_STATISTICS_INBOUND_RTP && report->entries[i].as.inbound_rtp.ssrc == ssrc)
            return &report->entries[i];
    return NULL;
}

/* What one end says of a stream that it sends, and the other of the same as it receives it. */
static void compare(const struct report *sender, const struct report *receiver, uint64_t lost_most) {
    size_t compared = 0;
    for (size_t i = 0; i < sender->count; i++) {
        const struct peer_statistics *out = &sender->entries[i];
        if (out->type != PEER_STATISTICS_OUTBOUND_RTP)
            continue;
        const struct peer_statistics *in = inbound_of(receiver, out->as.outbound_rtp.ssrc);
        assert_non_null(in);
        uint64_t lost = out->as.outbound_rtp.packets_sent - in->as.inbound_rtp.packets_received;
        assert_true(lost <= lost_most);
        assert_true(in->as.inbound_rtp.packets_lost <= (int64_t)lost && in->as.inbound_rtp.packets_lost + 2 >= (int64_t)lost); /* but for the first and the last */
        assert_string_equal(in->as.inbound_rtp.mid, out->as.outbound_rtp.mid);
        assert_int_equal(in->as.inbound_rtp.kind, out->as.outbound_rtp.kind);
        assert_int_equal(in->as.inbound_rtp.codec, out->as.outbound_rtp.codec);
        assert_string_equal(find(receiver, in->as.inbound_rtp.codec_id)->as.codec.mime_type, find(sender, out->as.outbound_rtp.codec_id)->as.codec.mime_type);
        assert_int_equal(find(receiver, in->as.inbound_rtp.codec_id)->as.codec.payload_type, find(sender, out->as.outbound_rtp.codec_id)->as.codec.payload_type);
        assert_int_equal(out->as.outbound_rtp.pli_count <= in->as.inbound_rtp.pli_count, 1);
        if (lost == 0) {
            assert_int_equal(in->as.inbound_rtp.bytes_received, out->as.outbound_rtp.bytes_sent);
            assert_int_equal(in->as.inbound_rtp.header_bytes_received, out->as.outbound_rtp.header_bytes_sent);
            assert_int_equal(in->as.inbound_rtp.frames_received, out->as.outbound_rtp.frames_sent);
            assert_int_equal(in->as.inbound_rtp.packets_discarded, 0);
        }
        const struct peer_statistics *told = find(sender, out->as.outbound_rtp.remote_id), *heard = find(receiver, in->as.inbound_rtp.remote_id);
        assert_non_null(told);
        assert_non_null(heard);
        assert_int_equal(told->as.remote_inbound_rtp.ssrc, out->as.outbound_rtp.ssrc);
        assert_true(told->as.remote_inbound_rtp.packets_lost <= in->as.inbound_rtp.packets_lost);
        assert_true(told->as.remote_inbound_rtp.packets_received <= in->as.inbound_rtp.packets_received && told->as.remote_inbound_rtp.packets_received > 0);
        assert_true(told->as.remote_inbound_rtp.round_trip_time_measurements > 0);
        assert_in_range(told->as.remote_inbound_rtp.total_round_trip_time_us / told->as.remote_inbound_rtp.round_trip_time_measurements, 19500,
                        23000); /* the pair is 10 ms apart */
        assert_true(told->timestamp_us <= out->timestamp_us);
        assert_int_equal(heard->as.remote_outbound_rtp.ssrc, out->as.outbound_rtp.ssrc);
        assert_true(heard->as.remote_outbound_rtp.packets_sent <= out->as.outbound_rtp.packets_sent && heard->as.remote_outbound_rtp.packets_sent > 0);
        assert_true(heard->as.remote_outbound_rtp.bytes_sent <= out->as.outbound_rtp.bytes_sent);
        assert_true(heard->as.remote_outbound_rtp.reports_sent > 0);
        compared++;
    }
    assert_true(compared > 0);
}

/* RTCTransportStats and RTCIceCandidatePairStats count payload: what the pairs carried is what the transport did. */
static void check_payload(const struct report *report, const struct peer_statistics *transport) {
    uint64_t packets[2] = {0}, bytes[2] = {0};
    for (size_t i = 0; i < report->count; i++) {
        const struct ice_pair_statistics *pair = &report->entries[i].as.candidate_pair.pair;
        if (report->entries[i].type != PEER_STATISTICS_CANDIDATE_PAIR || strcmp(report->entries[i].as.candidate_pair.transport_id, transport->id) != 0)
            continue;
        packets[0] += pair->packets_sent;
        packets[1] += pair->packets_received;
        bytes[0] += pair->bytes_sent;
        bytes[1] += pair->bytes_received;
        assert_int_equal(pair->last_sent_us != 0, pair->packets_sent != 0);
        assert_int_equal(pair->last_received_us != 0, pair->packets_received != 0);
        assert_true(pair->last_sent_us <= transport->timestamp_us && pair->last_received_us <= transport->timestamp_us);
    }
    assert_int_equal(packets[0], transport->as.transport.packets_sent);
    assert_int_equal(packets[1], transport->as.transport.packets_received);
    assert_int_equal(bytes[0], transport->as.transport.bytes_sent);
    assert_int_equal(bytes[1], transport->as.transport.bytes_received);
}

/* RTCCertificateStats: the certificate that one side has is, to the byte, the one that the other has seen. */
static void check_certificates(const struct connection_pair *pair, int end) {
    uint8_t ours[1024], seen[1024];
    size_t length = peer_connection_certificate(pair->ends[end].connection, 0, ours, sizeof ours);
    assert_in_range(length, 200, sizeof ours);
    assert_int_equal(peer_connection_certificate(pair->ends[1 - end].connection, 1, seen, sizeof seen), length);
    assert_memory_equal(ours, seen, length);
    assert_int_equal(peer_connection_certificate(pair->ends[end].connection, PEER_TRANSPORT_MAX + 1, seen, sizeof seen), 0);
    assert_int_equal(peer_connection_certificate(pair->ends[end].connection, SIZE_MAX, seen, sizeof seen), 0);
}

static void compare_ends(const struct connection_pair *pair, uint64_t lost_most) {
    struct report *reports[2] = {take(pair, 0), take(pair, 1)};
    compare(reports[0], reports[1], lost_most);
    compare(reports[1], reports[0], lost_most);
    for (int end = 0; end < 2; end++) {
        const struct peer_statistics *transport = find(reports[end], "transport-0"), *theirs = find(reports[1 - end], "transport-0");
        assert_int_equal(transport->as.transport.tls_version, 0xFEFD);
        assert_int_equal(transport->as.transport.dtls_cipher, theirs->as.transport.dtls_cipher);
        assert_true(transport->as.transport.selected_candidate_pair_changes >= 1);
        check_payload(reports[end], transport);
        check_certificates(pair, end);
        if (lost_most == 0) {
            assert_int_equal(transport->as.transport.packets_sent, theirs->as.transport.packets_received);
            assert_int_equal(transport->as.transport.bytes_sent, theirs->as.transport.bytes_received);
        }
        /* The certificate that one side shows is the one that the other has seen. */
        assert_string_equal(find(reports[end], transport->as.transport.local_certificate_id)->as.certificate.fingerprint,
                            find(reports[1 - end], theirs->as.transport.remote_certificate_id)->as.certificate.fingerprint);
    }
    free(reports[0]);
    free(reports[1]);
}

static void run_media(struct connection_pair *pair, uint64_t duration_us) {
    pair->media_from_us = pair->now_us;
    connection_pair_run(pair, pair->now_us + duration_us);
    pair->media_from_us = UINT64_MAX;
    connection_pair_run(pair, pair->now_us + SECOND_US);
}

/* From the first moment to the last; nothing is said before it is so. */
static void test_through_a_call(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start(&pair, 21, NULL, true));
    struct report *report = take(&pair, 0);
    assert_int_equal(report->count, 2); /* the connection and its certificate */
    free(report);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    judge(&pair);
    connection_pair_stop(&pair);
    assert_true(connection_pair_connect(&pair, 22));
    judge(&pair);
    run_media(&pair, 5 * SECOND_US);
    report = take(&pair, 0);
    assert_int_equal(report->of_type[PEER_STATISTICS_INBOUND_RTP], 2);
    assert_int_equal(report->of_type[PEER_STATISTICS_OUTBOUND_RTP], 2);
    assert_int_equal(report->of_type[PEER_STATISTICS_REMOTE_INBOUND_RTP], 2);
    assert_int_equal(report->of_type[PEER_STATISTICS_REMOTE_OUTBOUND_RTP], 2);
    assert_int_equal(report->of_type[PEER_STATISTICS_MEDIA_SOURCE], 2);
    assert_int_equal(report->of_type[PEER_STATISTICS_CODEC], 4);
    assert_int_equal(report->of_type[PEER_STATISTICS_TRANSPORT], 1);
    assert_int_equal(report->of_type[PEER_STATISTICS_CERTIFICATE], 2);
    free(report);
    compare_ends(&pair, 0);
    peer_connection_close(pair.ends[0].connection, pair.now_us);
    judge(&pair);
    connection_pair_run(&pair, pair.now_us + SECOND_US);
    judge(&pair);
    connection_pair_stop(&pair);
}

static void test_with_loss(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_connect(&pair, 23));
    pair.loss = 0.05;
    pair.media_from_us = pair.now_us;
    connection_pair_run(&pair, pair.now_us + 10 * SECOND_US);
    pair.loss = 0;
    connection_pair_run(&pair, pair.now_us + 3 * SECOND_US);
    pair.media_from_us = UINT64_MAX;
    connection_pair_run(&pair, pair.now_us + SECOND_US);
    compare_ends(&pair, pair.lost);
    connection_pair_stop(&pair);
}

/* Without a BUNDLE each section has its transport, and its own ids. */
static void test_several_transports(void **state) {
    (void)state;
    struct connection_pair pair;
    assert_true(connection_pair_start_with(&pair, 24, NULL, true, PEER_BUNDLE_MAX_COMPAT));
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    connection_pair_run(&pair, pair.now_us + SECOND_US);
    struct report *report = take(&pair, 0);
    assert_int_equal(report->of_type[PEER_STATISTICS_TRANSPORT], 2);
    assert_true(report->of_type[PEER_STATISTICS_LOCAL_CANDIDATE] >= 2);
    free(report);
    connection_pair_stop(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_through_a_call),
        cmocka_unit_test(test_with_loss),
        cmocka_unit_test(test_several_transports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
