/*
 * A peer that sends by a script of bytes, a network that loses, doubles and reorders, and a model of what has to come out: the messages
 * that were sent, each once, those of a stream in order but for the unordered, and none missing that was not given up.
 * For the fuzzer and for a test with seeds.
 */
#ifndef TEST_SCTP_INBOUND_MODEL_H
#define TEST_SCTP_INBOUND_MODEL_H

#include <stddef.h>
#include <stdint.h>

/* What a run has reached. */
struct inbound_model_result {
    unsigned sent, received, given_up, forwards, resets, duplicates, refused;
};
/* abort() when the model is contradicted. */
struct inbound_model_result inbound_model_run(const uint8_t *script, size_t length);

#endif
