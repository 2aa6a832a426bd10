#include "test/wire/packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_BUFFER_BYTES (4 * 1024 * 1024)

static bool set_option(int socket, int level, int name, int value) {
    return setsockopt(socket, level, name, &value, sizeof value) == 0;
}

static int fail(int socket) {
    int why = errno;
    close(socket);
    errno = why;
    return -1;
}

static int packet_socket(const char *device, int type, uint16_t protocol) {
    unsigned index = if_nametoindex(device);
    if (index == 0)
        return -1;
    /* Protocol 0 until bind: nothing of other devices comes in meanwhile. */
    int fd = socket(AF_PACKET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = (int)index};
    struct packet_mreq promiscuous = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
    if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES) || !set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES) ||
        !set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1))
        return fail(fd);
    if (type == SOCK_RAW && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) != 0)
        return fail(fd);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return fail(fd);
    return fd;
}

int wire_frame_socket(const char *device) {
    return packet_socket(device, SOCK_RAW, ETH_P_ALL);
}

int wire_datagram_socket(const char *device) {
    return packet_socket(device, SOCK_DGRAM, ETH_P_IP);
}

ptrdiff_t wire_receive(int socket, uint8_t *buffer, size_t capacity, bool *to_us) {
    for (;;) {
        struct sockaddr_ll from = {0};
        socklen_t from_bytes = sizeof from;
        ssize_t length = recvfrom(socket, buffer, capacity, MSG_TRUNC, (struct sockaddr *)&from, &from_bytes);
        if (length < 0 && errno == EINTR)
            continue;
        if (length >= 0 && (size_t)length > capacity)
            continue;
        *to_us = from.sll_pkttype == PACKET_HOST;
        return length;
    }
}

int wire_raw_socket(void) {
    int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
    if (fd >= 0 && !set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES))
        return fail(fd);
    return fd;
}

bool wire_raw_send(int socket, const uint8_t *datagram, size_t length) {
    struct sockaddr_in to = {.sin_family = AF_INET};
    memcpy(&to.sin_addr, datagram + 16, 4);
    return sendto(socket, datagram, length, 0, (struct sockaddr *)&to, sizeof to) == (ssize_t)length;
}

uint64_t wire_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static double seconds(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

double wire_cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}
