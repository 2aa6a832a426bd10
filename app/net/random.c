/* getrandom(2): no descriptor that could be used up, and it waits for the pool only once, early at boot. */
#include "app/net/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void net_random(void *context, uint8_t *out, size_t length) {
    (void)context;
    while (length > 0) {
        ssize_t got = getrandom(out, length, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fputs("strata: the kernel gives no random numbers; stopping, because keys would be guessable\n", stderr);
            abort();
        }
        out += got;
        length -= (size_t)got;
    }
}
