/* An association of ours and one of usrsctp, a link between them that loses, doubles and reorders by a seed, and virtual time. */
#ifndef TEST_USRSCTP_MEETING_H
#define TEST_USRSCTP_MEETING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sctp/association.h"
#include "test/sim/link.h"

#define MEETING_MAIL_MAX 1024
#define MEETING_RESETS_MAX 64
#define MEETING_PACKETS_MAX 4096

enum meeting_call { WE_CALL, THEY_CALL, BOTH_CALL, MEETING_CALLS };

/* All zero: a perfect link of no length, without interleaving. */
struct meeting_config {
    uint64_t seed;
    struct sim_link_config link; /* each way */
    enum meeting_call call;
    bool we_interleave, they_interleave;
};

struct meeting_mail {
    struct sctp_message message; /* as it came */
    uint8_t *bytes;
};

struct meeting_reset {
    uint16_t stream;
    bool is_incoming, is_refused;
};

/* What one side has seen. */
struct meeting_side {
    struct meeting_mail mail[MEETING_MAIL_MAX];
    size_t mail_count;
    struct meeting_reset resets[MEETING_RESETS_MAX];
    size_t reset_count;
    unsigned connections;
    bool is_interleaved, is_partially_reliable, can_reset_streams;
    bool is_closed, is_orderly;
};

struct meeting {
    uint64_t now_us, next_tick_us;
    struct sim_random random;
    struct sctp_association *association;
    struct usrsctp_end *peer;
    struct meeting_side us, them;
    enum sctp_closed_reason reason;
    unsigned they_abandoned;
    struct sim_link link_to_us, link_to_them;
    struct {
        struct sim_link_copy copy;
        bool is_to_us;
        uint8_t *bytes;
        size_t length;
    } packets[MEETING_PACKETS_MAX];
    size_t packet_count;
};

struct meeting *meeting_new(const struct meeting_config *config); /* nobody has called */
struct meeting *meeting_connected(const struct meeting_config *config);
void meeting_free(struct meeting *meeting); /* each end has connected once */
void meeting_free_rest(void);               /* of a test that has failed */

void meeting_run(struct meeting *meeting, uint64_t us);
/* Until `is_so` says so; fails after a virtual hour. */
void meeting_run_until(struct meeting *meeting, bool (*is_so)(const struct meeting *meeting));

/* Tries again for as long as there is no room. */
void meeting_we_send(struct meeting *meeting, const struct sctp_message *message);
void meeting_they_send(struct meeting *meeting, const struct sctp_message *message);
void meeting_we_reset(struct meeting *meeting, uint16_t stream);
void meeting_they_reset(struct meeting *meeting, uint16_t stream);
/* Such a reset was seen. */
bool meeting_has_reset(const struct meeting_side *side, uint16_t stream, bool is_incoming);

struct sctp_association_statistics meeting_statistics(const struct meeting *meeting);

#endif
