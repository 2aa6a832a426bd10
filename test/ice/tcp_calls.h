/* What the tests of TCP candidates do again and again, on one network. */
#ifndef TEST_TCP_CALLS_H
#define TEST_TCP_CALLS_H

#include "tcp_agents.h"

extern struct tcp_agents net;

/* Side 0 controls. */
void open_net(uint64_t seed);
/* Both sides listen, at 5000 and 6000; only candidates of these kinds are told. */
void connect_by(enum ice_tcp_type of_first, enum ice_tcp_type of_second);
/* As many payloads each way, of growing length; all arrive, by TCP. */
void exchange_data(size_t rounds);
/* Side 1 listens and knows the credentials of side 0. */
void listen_only(void);
/* A framed check for side 1, signed by this password; its length with the header. */
size_t write_check(uint8_t *frame, size_t capacity, const char *password);

#endif
