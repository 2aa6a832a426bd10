/* Sockets that see what passes a network device (packet(7)), and one that sends whole IPv4 datagrams (raw(7)). Linux only. */
#ifndef TEST_WIRE_PACKET_SOCKET_H
#define TEST_WIRE_PACKET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whole Ethernet frames, of whatever protocol and to whomever, that arrive on this device. Non-blocking.
 * Returns the file descriptor, or -1 with errno.
 */
int wire_frame_socket(const char *device);

/* IPv4 datagrams without link header that arrive on this device, and are meant for this host's link address. */
int wire_datagram_socket(const char *device);

/*
 * Returns the length of what was read, or -1 when nothing is there. What is longer than the buffer counts as nothing.
 * to_us  written: its link address was this device's own, not broadcast, multicast or another's
 */
ptrdiff_t wire_receive(int socket, uint8_t *buffer, size_t capacity, bool *to_us);

/* Sends IPv4 datagrams with the header they have; the kernel finds the way and the next hop's link address. */
int wire_raw_socket(void);
bool wire_raw_send(int socket, const uint8_t *datagram, size_t length);

/* Now, on a clock that only goes forward. */
uint64_t wire_now_us(void);

/* User and system time of this process. */
double wire_cpu_seconds(void);

#endif
