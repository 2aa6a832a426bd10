/* A capture of $STRATA_CORPORA/pcap: the payloads of its UDP datagrams over IPv4. */
#ifndef TEST_RTP_CAPTURE_H
#define TEST_RTP_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture {
    uint8_t *bytes; /* the file; NULL: the corpora are not there */
    size_t length;
    size_t at;
};

struct capture capture_open(const char *name);
void capture_close(struct capture *capture);
bool capture_next(struct capture *capture, const uint8_t **datagram, size_t *length);

#endif
