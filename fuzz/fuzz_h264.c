/* links: rtp */
/* H264 (RFC 6184): packets joined, frames cut and joined (payload_script.h). */
#include "fuzz/payload_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    return run_payload_script(RTP_CODEC_H264, bytes, length);
}
