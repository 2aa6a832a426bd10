/*
 * One call: what the files of app/call share.
 *
 *     call.c            its life: beginning, timers, signals, end
 *     call_signaling.c  WebSocket client and signaling session
 *     call_whip.c       instead of it: an endpoint of WHIP or WHEP; http.c carries what is said there
 *     call_peer.c       PeerConnection and the network driver
 *     call_event.c      what PeerConnection has to say
 *     call_description.c  offer, answer and candidates between the two
 *     call_media.c      senders and receivers
 *     call_data.c       --data: a channel between stdin and stdout (data_pipe.c)
 *     call_codecs.c     which codecs are named, in which order
 *     summary.c, statistics.c, live.c    what is told about it
 */
#ifndef CALL_INTERNAL_H
#define CALL_INTERNAL_H

#include <stdio.h>

#include <uv.h>

#include "app/call/data_pipe.h"
#include "app/call/ice_servers.h"
#include "app/call/json_log.h"
#include "app/call/options.h"
#include "app/call/why.h"
#include "app/media/media_receiver.h"
#include "app/media/media_sender.h"
#include "app/net/driver.h"
#include "app/peer/peer_connection.h"
#include "signaling/session.h"
#include "signaling/websocket/client.h"

#define CALL_SDP_MAX_BYTES PEER_DESCRIPTION_MAX_BYTES
#define CALL_NO_MEDIA_PATIENCE_MS 10000u /* connected this long without any frame: exit 13 */
#define CALL_NO_TRANSCEIVER SIZE_MAX
#define CALL_NO_CHANNEL SIZE_MAX
#define CALL_EXCHANGE_FAILURE_MAX 3u     /* offers in a row of which nothing came: then it offers no more by itself */
#define CALL_SESSION_ID_BYTES 32u        /* RFC 8866 section 5.2: <sess-id> is digits; longer ones are cut */
#define CALL_FAREWELL_MS 4000u           /* signaling's closing handshake is given up then */

/* One kind of media of the call: the first section of it. */
struct call_media {
    enum peer_media_kind kind;
    size_t transceiver;              /* what we send, and as a rule what comes; CALL_NO_TRANSCEIVER: nobody has asked for it yet */
    size_t inbound;                  /* what comes: another one when they offered to send only (RFC 9429 section 5.10). Likewise */
    struct media_sender *sender;     /* NULL: we send none */
    struct media_receiver *receiver; /* NULL until the track is there */
    struct media_sender_statistics sent;       /* the last numbers, kept when the objects are gone */
    struct media_receiver_statistics received;
    bool wants_key_frame;            /* the pacer refused a frame: what follows needs a new beginning */
    bool is_failure_told;
    bool is_refusal_told;            /* our section was refused */
    enum media_codec not_sent;       /* agreed, but the source cannot be sent as it: said; NONE: nothing of the kind */
    bool is_dtmf_done;               /* --dtmf was passed on, or refused */
};
#define CALL_MEDIA_COUNT 2

/* The one channel of --data. */
struct call_data {
    struct data_pipe *pipe; /* NULL: there is no --data */
    size_t channel;         /* CALL_NO_CHANNEL: none yet, or it is closed */
    bool is_closing;        /* by the other side: all that it had to say has come */
    bool is_closed;         /* in order, by either side */
    bool is_output_ended;
    bool is_held;           /* messages, because stdout is slow */
};

/* Microseconds of net_clock_now_us; 0: has not happened. */
struct call_timings {
    uint64_t started, joined, offer_or_answer, gathering_began, gathering_ended, connected, first_audio, first_video;
};

struct call_whip;

struct call {
    const struct call_options *options;
    const char *program;
    bool creates_offer;

    uv_loop_t loop;
    uv_async_t media_wake;
    uv_signal_t interrupt, terminate;
    uv_timer_t wait_timer, duration_timer, no_media_timer, second_timer;
    unsigned interruptions;

    struct signaling_session *session;
    struct signaling_client *client;
    struct call_whip *whip; /* NULL: there is a room */
    bool is_signaling_open, is_joined, is_pumping;
    char peer_id[SIGNALING_ID_BYTES * 2 + 1];

    struct dtls_certificate *certificate;
    struct peer_connection *connection;
    struct net_driver *driver;
    struct call_ice_server servers[ICE_SERVER_MAX]; /* usable ones, from the command line and from the room; the agent has them in this order */
    size_t server_count;
    struct call_media media[CALL_MEDIA_COUNT];
    struct call_data data;
    bool is_described; /* offer or answer has been made: this connection belongs to one peer */
    bool has_peer_left; /* the room: an offer that comes now is another one's */
    bool was_agreed;   /* offer and answer have agreed on something: what is said later cannot take that away */
    unsigned exchange_failures; /* in a row */
    char peer_session[CALL_SESSION_ID_BYTES]; /* <sess-id> of their descriptions; "": none has come */
    bool is_connected;  /* this connection is, or was */
    bool was_connected; /* this one or one before it: there was a call */

    bool is_ending;
    bool is_duration_over;
    struct call_problem problem; /* exit_code CALL_EXIT_OK: none */
    struct call_problem last_attempt; /* with somebody who left before there was a path; exit_code CALL_EXIT_OK: nobody did */
    struct call_timings timings;
    struct call_json_log *log;
    json_t *summary; /* composed when the call ends, written last */
    FILE *key_log;
    bool is_terminal, is_live_line_open;
};

/* call.c */
void call_end(struct call *call); /* polite, once; call->problem says why when it is not a success */
void call_fail(struct call *call, enum call_exit exit_code, const char *layer, const char *what, const char *why, const char *try_this);
void call_connected(struct call *call);
void call_wait(struct call *call); /* --wait begins, until call_connected */

/* call_signaling.c */
bool call_signaling_begin(struct call *call);
void call_signaling_pump(struct call *call); /* events and texts of the session, until there are none */
void call_signaling_send_candidate(struct call *call, const char *candidate, const char *mid, int line_index, const char *ufrag);
void call_signaling_leave(struct call *call);

void call_signaling_add_server(struct call *call, const char *uri, struct signaling_text username, struct signaling_text credential, const char *from);
void call_signaling_own_servers(struct call *call); /* those of the command line, and no others */

/* call_whip.c */
bool call_whip_begin(struct call *call);
void call_whip_candidate(struct call *call, const char *candidate); /* of ours; "": there are no more */
void call_whip_restart(struct call *call);   /* ICE, by PATCH */
bool call_whip_wait_over(struct call *call); /* --wait is over: true, and it has failed, when there is no session */
void call_whip_leave(struct call *call);     /* DELETE */
void call_whip_stop(struct call *call);      /* no more waiting for its answer */
void call_whip_free(struct call *call);

/* call_peer.c */
bool call_peer_begin(struct call *call);
void call_peer_restart(struct call *call); /* another peer: everything of the last one goes */
void call_peer_leave(struct call *call);   /* RTCP BYE and close_notify */
void call_peer_free(struct call *call);
void call_peer_ask_for_media(struct call *call); /* before the first offer is ours: the kinds that we do not send are wanted, too */

/* call_event.c */
void call_peer_event(struct call *call, const struct peer_connection_event *event);
const struct ice_agent *call_agent(const struct call *call); /* of the connection, for its statistics; NULL: there is none */
void call_fail_of_ice(struct call *call);                   /* no path: says what was tried and what would help */

/* call_description.c */
void call_peer_offer(struct call *call);
void call_peer_answer(struct call *call, struct signaling_text offer);
void call_peer_renegotiate(struct call *call); /* another offer to the same peer */
void call_peer_accept(struct call *call, struct signaling_text answer);
char *call_peer_local_description(struct call *call, enum peer_sdp_type *type, size_t *length); /* to be freed; NULL: there is none, or no memory */
bool call_peer_describe(struct call *call, enum peer_sdp_type type, char **text, size_t *length); /* setLocalDescription of it; the text to be freed. False: said why */
bool call_peer_take(struct call *call, enum peer_sdp_type type, struct signaling_text sdp); /* setRemoteDescription, and for an answer whether anything is agreed */
void call_peer_begin_with_peer(struct call *call);
void call_peer_take_back(struct call *call); /* our offer */
void call_peer_add_candidate(struct call *call, const struct signaling_candidate *candidate, bool is_of_ignored_offer);

/* call_media.c */
bool call_media_open(struct call *call); /* the sources, before anybody is bothered */
void call_media_start(struct call *call); /* agreed: made ready; connected, or agreed anew: sent, as the codec that was agreed; what was not, is not */
void call_media_track(struct call *call, size_t transceiver, enum peer_codec codec);
void call_media_frame(struct call *call, const struct peer_received_frame *frame);
void call_media_pump(struct call *call);
void call_media_second(struct call *call); /* once a second */
void call_media_request_key_frame(struct call *call, size_t transceiver);
void call_media_measure(struct call *call);
void call_media_let_go(struct call *call); /* of a connection: senders rest, receivers are closed */
void call_media_dtmf(struct call *call, char digit, uint32_t duration_ms); /* the other side pressed a key */
void call_media_close(struct call *call);
bool call_media_is_missing(const struct call *call, bool any, const char **kind); /* agreed to be received, but nothing was decoded, nor came that need not be */

bool call_media_is_agreed(const struct call *call); /* something is sent or received */

/* call_data.c */
bool call_data_begin(struct call *call);  /* stdin and stdout, before anybody is bothered */
bool call_data_offer(struct call *call);  /* before our first offer */
void call_data_event(struct call *call, const struct peer_connection_event *event);
bool call_data_go_on(struct call *call);   /* while our reader is slow nothing is told of channels, what we send included. True: something was sent */
void call_data_let_go(struct call *call); /* of a connection */
bool call_data_is_flushed(const struct call *call); /* all that came is written; after a failure nobody waits for that */
bool call_data_is_missing(const struct call *call); /* --data, and nobody opened that channel */
void call_data_judge(struct call *call);
void call_data_print(const struct call *call); /* one line on stderr, with --data */
void call_data_close(struct call *call);

/* call_codecs.c */
enum media_codec call_codec_of_peer(enum peer_codec codec);
/* setCodecPreferences of a kind: those of --codec; none of them named: all that are coded here, the codec of a file first, and without a source of
 * our own all that can be recorded. Returns how many. */
size_t call_codec_preference(const struct call *call, enum peer_media_kind kind, struct peer_codec_capability out[CALL_CODEC_PREFERENCE_MAX]);
/* Their offer was taken: the sections that we do not send in get what --codec says, or the order of the offer. Before our answer. */
void call_codecs_follow_offer(struct call *call, const char *text, size_t length);

/* statistics.c */
json_t *call_statistics_json(const struct call *call);

/* summary.c */
json_t *call_summary_json(const struct call *call);
void call_set_server(const struct call *call, json_t *out, const struct ice_candidate *candidate); /* url and relayProtocol, of a local one that has them */
void call_summary_print(const struct call *call);

/* live.c */
void call_live_update(struct call *call);
void call_live_clear(struct call *call);
void call_say(struct call *call, int verbosity, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
