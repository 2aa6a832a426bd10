/* links: stun */
/* Any text: when it is an IP literal, it is written in one canonical form, which reads back to the same address. */
#include <string.h>

#include "stun/address.h"

#define MUST(condition)     \
    do {                    \
        if (!(condition))   \
            __builtin_trap(); \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct stun_address address = {.family = 0xEE};
    if (!stun_address_parse_ip((const char *)data, size, &address)) {
        MUST(address.family == 0xEE);
        return 0;
    }
    char text[STUN_ADDRESS_TEXT_BYTES];
    size_t length = stun_address_write_ip(&address, text, sizeof text);
    MUST(length > 0 && length == strlen(text));
    struct stun_address again;
    MUST(stun_address_parse_ip(text, length, &again));
    MUST(stun_address_equal(&address, &again));
    address.port = 65535;
    size_t with_port = stun_address_write(&address, text, sizeof text);
    MUST(with_port == length + (address.family == STUN_ADDRESS_IPV6 ? 8 : 6));
    return 0;
}
