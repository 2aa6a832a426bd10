/* links: dtls */
/* A fingerprint attribute: whatever is accepted is written back and read again as the same. */
#include <stdint.h>
#include <stdlib.h>

#include "dtls/fingerprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct dtls_fingerprint first;
    struct dtls_fingerprint second;
    char text[DTLS_FINGERPRINT_TEXT_BYTES];
    if (dtls_fingerprint_parse((const char *)data, size, &first) == DTLS_OK) {
        size_t length = dtls_fingerprint_write(&first, text, sizeof text);
        if (length != size || dtls_fingerprint_parse(text, length, &second) != DTLS_OK || !dtls_fingerprint_equal(&first, &second)) {
            abort();
        }
    }
    return 0;
}
