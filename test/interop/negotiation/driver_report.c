#include "test/interop/negotiation/driver_internal.h"

static const char *direction_name(enum peer_direction direction) {
    static const char *const names[] = {"inactive", "sendonly", "recvonly", "sendrecv"};
    return names[direction];
}

/* RTCRtpTransceiver, and what ours says besides. */
static json_t *transceiver_json(size_t index, const struct peer_transceiver *transceiver) {
    json_t *out = json_pack("{s:I,s:s,s:s,s:i,s:s}", "transceiver", (json_int_t)index, "kind", peer_media_kind_name(transceiver->kind), "direction",
                            direction_name(transceiver->direction), "section", transceiver->section, "codec", peer_codec_name(transceiver->codec));
    json_object_set_new(out, "mid", transceiver->mid[0] ? json_string(transceiver->mid) : json_null());
    json_object_set_new(out, "currentDirection", transceiver->has_current_direction ? json_string(direction_name(transceiver->current_direction)) : json_null());
    json_object_update_new(out, json_pack("{s:b,s:b,s:b,s:s?}", "stopping", transceiver->stopping, "stopped", transceiver->stopped, "dtmf", transceiver->dtmf, "refused",
                                          transceiver->refused));
    json_object_update_new(out, json_pack("{s:i,s:i,s:s,s:s}", "sendPayloadType", transceiver->send_payload_type, "receivePayloadType", transceiver->receive_payload_type,
                                          "sendParameters", transceiver->send_parameters ? transceiver->send_parameters : "", "receiveParameters",
                                          transceiver->receive_parameters ? transceiver->receive_parameters : ""));
    return out;
}

json_t *driver_transceivers(const struct driver *driver) {
    json_t *all = json_array();
    struct peer_transceiver transceiver;
    for (size_t i = 0; i < peer_connection_transceiver_count(driver->connection); i++)
        if (peer_connection_transceiver(driver->connection, i, &transceiver))
            json_array_append_new(all, transceiver_json(i, &transceiver));
    return all;
}

static json_t *inbound_json(const struct driver *driver, const struct peer_statistics *report) {
    size_t index = report->as.inbound_rtp.transceiver;
    return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I}", "kind", peer_media_kind_name(report->as.inbound_rtp.kind), "mid", report->as.inbound_rtp.mid, "codec",
                     peer_codec_name(report->as.inbound_rtp.codec), "packetsReceived", (json_int_t)report->as.inbound_rtp.packets_received, "packetsLost",
                     (json_int_t)report->as.inbound_rtp.packets_lost, "frames", (json_int_t)(index < PEER_TRANSCEIVER_MAX ? driver->streams[index].frames_received : 0));
}

static json_t *outbound_json(const struct peer_statistics *report) {
    return json_pack("{s:s,s:s,s:s,s:I,s:I}", "kind", peer_media_kind_name(report->as.outbound_rtp.kind), "mid", report->as.outbound_rtp.mid, "codec",
                     peer_codec_name(report->as.outbound_rtp.codec), "packetsSent", (json_int_t)report->as.outbound_rtp.packets_sent, "pliCount",
                     (json_int_t)report->as.outbound_rtp.pli_count);
}

static json_t *transport_json(const struct peer_statistics *report) {
    return json_pack("{s:s,s:I,s:I}", "iceLocalUsernameFragment", report->as.transport.ice_local_username_fragment ? report->as.transport.ice_local_username_fragment : "",
                     "packetsReceived", (json_int_t)report->as.transport.packets_received, "dropped", (json_int_t)report->as.transport.dropped);
}

/* getStats(): what a test of negotiation wants to know of it. */
json_t *driver_statistics(const struct driver *driver) {
    json_t *all = json_array();
    struct peer_statistics report;
    for (size_t cursor = 0; peer_connection_statistics(driver->connection, &cursor, &report);) {
        json_t *one = report.type == PEER_STATISTICS_INBOUND_RTP    ? inbound_json(driver, &report)
                      : report.type == PEER_STATISTICS_OUTBOUND_RTP ? outbound_json(&report)
                      : report.type == PEER_STATISTICS_TRANSPORT    ? transport_json(&report)
                                                                    : json_object();
        json_object_set_new(one, "type", json_string(peer_statistics_type_name(report.type)));
        json_object_set_new(one, "id", json_string(report.id));
        json_array_append_new(all, one);
    }
    return all;
}
