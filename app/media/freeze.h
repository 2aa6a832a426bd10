/* Counts freezes as webrtc-stats does (RTCInboundRtpStreamStats.freezeCount): a pause between two shown pictures of at least
 * three mean frame durations, or of the mean and 150 ms, whichever is longer; the mean is over the last 30 of them.
 * Nothing is judged before there are 5 of them: the first pictures of a call come as they can (browsers do the same).
 * Pure: the time of each picture is an argument. */
#ifndef MEDIA_FREEZE_H
#define MEDIA_FREEZE_H

#include <stddef.h>
#include <stdint.h>

enum {
    MEDIA_FREEZE_WINDOW = 30,
    MEDIA_FREEZE_MIN_DURATIONS = 5,
    MEDIA_FREEZE_EXTRA_US = 150000
};

/* Zeroed is fresh. */
struct media_freeze {
    uint64_t last_us;                              /* of the last picture; meaningful when pictures > 0 */
    uint64_t pictures;
    uint64_t durations_us[MEDIA_FREEZE_WINDOW];    /* a ring; min(pictures - 1, WINDOW) of it are filled */
    uint64_t sum_us;                               /* of what is filled */
    uint64_t freeze_count;
    uint64_t total_freezes_duration_us;
};

/* A picture was shown at `now_us` (never before the last one). */
void media_freeze_picture(struct media_freeze *freeze, uint64_t now_us);

#endif
