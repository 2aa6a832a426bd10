/* What two transport sides tell each other beside the network: text that arrives after a delay, in order. */
#include "test/sim/transport_side.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct signaling_message {
    struct signaling_message *next;
    struct transport_side *to;
    enum signaling_kind kind;
    char text[];
};

void signaling_free(struct transport_side *side) {
    while (side->messages) {
        struct signaling_message *message = side->messages;
        side->messages = message->next;
        free(message);
    }
}

/* RFC 8842 section 5.3: the offer says actpass, the answerer becomes the client, and that stays. */
static void take_description(struct transport_side *side, const char *text) {
    struct description remote;
    size_t length = strlen(text);
    assert(length < sizeof side->remote_text);
    bool is_restart = side->has_remote;
    /* RFC 8839 section 4.4.2: other credentials in an offer are an ICE restart, and the answer has new ones too. */
    if (is_restart && !side->is_offerer) {
        int restarted = peer_transport_restart(side->transport, sim_now(side->sim), NULL, NULL);
        assert(restarted == PEER_OK);
        (void)restarted;
        side->restarts++;
    }
    memcpy(side->remote_text, text, length + 1);
    bool is_good = description_read(side->remote_text, &remote);
    is_good = is_good && description_apply(side->transport, sim_now(side->sim), &remote, side->is_offerer ? DTLS_ROLE_SERVER : DTLS_ROLE_CLIENT);
    assert(is_good);
    (void)is_good;
    side->has_remote = true;
    if (side->described_us == 0)
        side->described_us = sim_now(side->sim);
    if (side->is_offerer || !side->config.trickles)
        return;
    if (!is_restart)
        transport_side_gather(side);
    signaling_send_description(side, false);
}

static void take_candidate(struct transport_side *side, const char *text) {
    struct ice_candidate candidate;
    if (ice_candidate_parse(text, strlen(text), &candidate, NULL) != ICE_OK)
        abort();
    (void)peer_transport_add_remote_candidate(side->transport, sim_now(side->sim), &candidate); /* of an older generation, perhaps */
}

static void deliver(struct sim *sim, void *context) {
    struct signaling_message *message = context;
    struct transport_side *side = message->to;
    switch (message->kind) {
    case SIGNALING_DESCRIPTION: take_description(side, message->text); break;
    case SIGNALING_CANDIDATE: take_candidate(side, message->text); break;
    case SIGNALING_END_OF_CANDIDATES: (void)peer_transport_end_of_remote_candidates(side->transport, sim_now(sim)); break;
    case SIGNALING_PLEASE_RESTART: transport_side_hear_request(side); break;
    }
}

void signaling_send(struct transport_side *side, enum signaling_kind kind, const char *text) {
    size_t length = strlen(text);
    struct signaling_message *message = malloc(sizeof *message + length + 1);
    if (!message)
        abort();
    *message = (struct signaling_message){.next = side->messages, .to = side->other, .kind = kind};
    memcpy(message->text, text, length + 1);
    side->messages = message;
    sim_at(side->sim, sim_now(side->sim) + side->config.signaling_delay_us, deliver, message, side->other->endpoint);
}

void signaling_send_description(struct transport_side *side, bool is_complete) {
    char text[DESCRIPTION_MAX_BYTES];
    size_t length = description_write(side->transport, is_complete, text, sizeof text);
    assert(length > 0);
    (void)length;
    signaling_send(side, SIGNALING_DESCRIPTION, text);
}
