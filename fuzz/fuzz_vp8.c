/* links: rtp */
/* VP8 (RFC 7741): packets joined, frames cut and joined (payload_script.h). */
#include "fuzz/payload_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    return run_payload_script(RTP_CODEC_VP8, bytes, length);
}
