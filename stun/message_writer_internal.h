/* What integrity.c needs from the writer. */
#ifndef STUN_MESSAGE_WRITER_INTERNAL_H
#define STUN_MESSAGE_WRITER_INTERNAL_H

#include "stun/message.h"

/*
 * Appends the header of an attribute and its zero padding, and sets the message's length field to include it all.
 * length  of the value, 0..65,532
 * Returns where the value is to be written, or NULL: then the error is in the writer (STUN_ERROR_ARGUMENT: too long, or
 * behind an attribute that must come later; STUN_ERROR_BUFFER: no room).
 */
uint8_t *stun_writer_append(struct stun_writer *writer, uint16_t type, size_t length);

/* Puts `error` into the writer, unless there is an earlier one. */
void stun_writer_fail(struct stun_writer *writer, int error);

#endif
