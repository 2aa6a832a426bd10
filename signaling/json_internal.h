/* JSON by our rules (RFC 8259, I-JSON's RFC 7493 where it is stricter), and the small writer. */
#ifndef SIGNALING_JSON_INTERNAL_H
#define SIGNALING_JSON_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signaling/message.h"

/*
 * Any JSON value. out: a new reference on success, NULL on failure.
 * Returns SIGNALING_OK, BAD_JSON, TOO_LARGE or MEMORY; problem (may be NULL) says where.
 */
enum signaling_error signaling_json_load(const char *bytes, size_t length, json_t **out, struct signaling_problem *problem);

/* Fills a problem: the sentence is cut to fit. problem may be NULL. */
void signaling_problem_set(struct signaling_problem *problem, uint32_t line, uint32_t column, const char *sentence);

/* The same with "NAME" put between: before + name + after. */
void signaling_problem_name(struct signaling_problem *problem, const char *before, const char *name, const char *after);

/* Output that counts beyond its capacity, so that the needed length is known; `failed` says that a text was not UTF-8. */
struct signaling_json_writer {
    char *bytes;
    size_t capacity;
    size_t length;
    bool failed;
};
void signaling_json_raw(struct signaling_json_writer *writer, const char *string);
void signaling_json_string(struct signaling_json_writer *writer, struct signaling_text text); /* quoted and escaped */
void signaling_json_number(struct signaling_json_writer *writer, uint32_t number);

#endif
