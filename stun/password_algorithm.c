/* PASSWORD-ALGORITHMS and PASSWORD-ALGORITHM, RFC 8489 sections 14.11 and 14.12. The picture stands in stun/password_algorithm.h. */
#include "stun/password_algorithm.h"

#include "stun/bytes_internal.h"
#include "stun/message_writer_internal.h"

#define ENTRY_HEADER_BYTES 4u
#define ENTRIES_MAX (65532u / ENTRY_HEADER_BYTES)

int stun_password_algorithm_next(const uint8_t *list, size_t length, size_t *offset, struct stun_password_algorithm_entry *out) {
    if (*offset >= length)
        return STUN_ERROR_NOT_FOUND;
    size_t left = length - *offset;
    if (left < ENTRY_HEADER_BYTES)
        return STUN_ERROR_MALFORMED;
    const uint8_t *entry = list + *offset;
    uint16_t parameters_length = stun_load_u16(entry + 2);
    if (parameters_length > left - ENTRY_HEADER_BYTES)
        return STUN_ERROR_MALFORMED;
    *out = (struct stun_password_algorithm_entry){
        .algorithm = stun_load_u16(entry), .parameters_length = parameters_length, .parameters = entry + ENTRY_HEADER_BYTES};
    /* RFC 8489 section 14.11: the parameters are padded to 32 bits. The attribute's own padding stands for that of the last entry. */
    size_t whole = ENTRY_HEADER_BYTES + stun_padded(parameters_length);
    *offset += whole < left ? whole : left;
    return STUN_OK;
}

int stun_password_algorithm_choose(const uint8_t *list, size_t length, enum stun_password_algorithm *out) {
    size_t offset = 0;
    bool found = false;
    struct stun_password_algorithm_entry entry;
    int error;
    while ((error = stun_password_algorithm_next(list, length, &offset, &entry)) == STUN_OK) {
        /* RFC 8489 section 9.2.5, MUST: the first of the list that the client supports. Sections 18.5.1.1 and 18.5.1.2: no parameters. */
        bool supported = (entry.algorithm == STUN_PASSWORD_MD5 || entry.algorithm == STUN_PASSWORD_SHA256) && entry.parameters_length == 0;
        if (supported && !found) {
            *out = (enum stun_password_algorithm)entry.algorithm;
            found = true;
        }
    }
    if (error == STUN_ERROR_MALFORMED)
        return error;
    return found ? STUN_OK : STUN_ERROR_NOT_FOUND;
}

static void write_entry(uint8_t *out, enum stun_password_algorithm algorithm) {
    stun_store_u16(out, (uint16_t)algorithm);
    stun_store_u16(out + 2, 0);
}

void stun_writer_add_password_algorithm(struct stun_writer *writer, enum stun_password_algorithm algorithm) {
    uint8_t *out = stun_writer_append(writer, STUN_ATTRIBUTE_PASSWORD_ALGORITHM, ENTRY_HEADER_BYTES);
    if (out != NULL)
        write_entry(out, algorithm);
}

void stun_writer_add_password_algorithms(struct stun_writer *writer, const enum stun_password_algorithm *algorithms, size_t count) {
    if (count > ENTRIES_MAX) {
        stun_writer_fail(writer, STUN_ERROR_ARGUMENT);
        return;
    }
    uint8_t *out = stun_writer_append(writer, STUN_ATTRIBUTE_PASSWORD_ALGORITHMS, count * ENTRY_HEADER_BYTES);
    for (size_t i = 0; out != NULL && i < count; i++)
        write_entry(out + i * ENTRY_HEADER_BYTES, algorithms[i]);
}
