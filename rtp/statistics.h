/*
 * What rtp/ counts: the fields of RTCInboundRtpStreamStats, RTCOutboundRtpStreamStats and RTCRemote* of the W3C (webrtc-stats),
 * in C spelling, and the frames that a session hands up.
 */
#ifndef RTP_STATISTICS_H
#define RTP_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#include "rtp/payload.h"

/* One frame as it came: whole and, for video, decodable given the frames before it. `bytes` is valid until the next call. */
struct rtp_received_frame {
    enum rtp_codec codec;
    const uint8_t *bytes;
    size_t length;
    uint32_t ssrc;
    uint32_t timestamp;    /* of RTP */
    bool key_frame;        /* true for every audio frame */
    bool marker;
    uint64_t receive_us;   /* when its last packet came */
    uint32_t duration;     /* audio: in timestamp units; 0: the packet does not say */
    uint32_t lost_before;  /* audio: packets missing since the frame before: conceal lost_before - 1 of them, and try in-band
                            * FEC of this one for the last; video: frames dropped since the frame before */
    bool has_capture_time; /* a sender report has come */
    int64_t capture_ntp_us; /* the sender's wall clock, Unix microseconds: what lip sync compares */
};

/* RTCOutboundRtpStreamStats of one SSRC: all begins anew when that changes. Nothing is retransmitted, so nothing of that is counted. */
struct rtp_sender_statistics {
    uint32_t ssrc;
    uint64_t packets_sent;
    uint64_t bytes_sent;        /* payload */
    uint64_t header_bytes_sent; /* header and padding */
    uint64_t total_packet_send_delay_us; /* from the cutting of the frame to poll_packet, summed over packets */
    uint64_t frames_sent;
    uint64_t key_frames_sent;
    uint64_t huge_frames_sent; /* video: of at least 2.5 times the average of those before */
    uint64_t frame_bytes;      /* of all frames */
    uint64_t frames_refused; /* RTP_ERROR_CAPACITY */
    uint64_t nack_count;
    uint64_t pli_count;
    uint64_t fir_count;
    bool has_remote_report; /* RTCRemoteInboundRtpStreamStats below: what the last report block about it says */
    uint64_t remote_report_us; /* when it came */
    uint64_t remote_packets_received;
    int64_t remote_packets_lost;
    double remote_fraction_lost; /* 0..1 */
    uint64_t remote_jitter_us;
    uint64_t round_trip_time_us; /* 0: not measured */
    uint64_t total_round_trip_time_us;
    uint64_t round_trip_time_measurements;
};

/* RTCInboundRtpStreamStats of one m= section. */
struct rtp_receiver_statistics {
    uint32_t ssrc; /* 0: no source yet */
    uint8_t payload_type; /* of the last packet of media, and what it stands for; valid once packets_received is not 0 */
    enum rtp_codec codec;
    uint32_t clock_rate_hz;
    uint64_t packets_received;
    int64_t packets_lost;
    uint64_t packets_discarded; /* late, or beyond the buffer, or while paused */
    uint64_t packets_duplicated;
    uint64_t packets_malformed; /* of the payload format */
    uint64_t bytes_received;
    uint64_t header_bytes_received;
    uint64_t last_packet_received_us;
    uint64_t jitter_us;
    uint64_t frames_received; /* assembled and handed up */
    uint64_t key_frames_received;
    uint64_t frames_dropped;
    uint64_t frames_assembled_from_multiple_packets;
    uint64_t total_assembly_time_us; /* from the first to the last packet of each of these */
    uint64_t concealment_events;
    uint64_t tones_received;
    uint64_t pli_count;
    uint64_t nack_count; /* none is sent yet */
    uint64_t target_delay_us; /* of the playout of audio, now */
    /* Summed over what left the jitter buffer: samples of audio, frames of video. */
    uint64_t jitter_buffer_emitted_count;
    uint64_t jitter_buffer_delay_us;
    uint64_t jitter_buffer_target_delay_us;
    uint64_t jitter_buffer_minimum_delay_us; /* what the target would have been without its lower bound, and without waiting for sound */
    bool has_remote_report; /* RTCRemoteOutboundRtpStreamStats below: what the last sender report says */
    uint64_t remote_report_us; /* when it came */
    int64_t remote_timestamp_unix_us; /* when it was sent, by the sender's clock */
    uint64_t remote_packets_sent;
    uint64_t remote_bytes_sent;
    uint64_t remote_reports_sent;
};

struct rtp_session_statistics {
    uint64_t rtcp_packets_sent;
    uint64_t rtcp_packets_received;
    uint64_t rtcp_packets_malformed;
    uint64_t rtp_packets_malformed;
    uint64_t rtp_packets_unknown; /* no receiver, or on probation */
    uint64_t loops_detected;      /* our own SSRC came back */
    size_t memory_bytes;
};

#endif
