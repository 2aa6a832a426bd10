#include "app/media/freeze.h"

static void judge(struct media_freeze *freeze, uint64_t duration_us, uint64_t filled) {
    uint64_t mean_us = freeze->sum_us / filled;
    uint64_t limit_us = 3 * mean_us > mean_us + MEDIA_FREEZE_EXTRA_US ? 3 * mean_us : mean_us + MEDIA_FREEZE_EXTRA_US;

    if (duration_us >= limit_us) {
        freeze->freeze_count++;
        freeze->total_freezes_duration_us += duration_us;
    }
}

void media_freeze_picture(struct media_freeze *freeze, uint64_t now_us) {
    if (freeze->pictures > 0) {
        uint64_t duration_us = now_us - freeze->last_us;
        uint64_t filled = freeze->pictures - 1 < MEDIA_FREEZE_WINDOW ? freeze->pictures - 1 : MEDIA_FREEZE_WINDOW;
        uint64_t *slot = &freeze->durations_us[(freeze->pictures - 1) % MEDIA_FREEZE_WINDOW];
        if (filled >= MEDIA_FREEZE_MIN_DURATIONS) {
            judge(freeze, duration_us, filled);
        }
        freeze->sum_us += duration_us;
        freeze->sum_us -= filled == MEDIA_FREEZE_WINDOW ? *slot : 0;
        *slot = duration_us;
    }
    freeze->last_us = now_us;
    freeze->pictures++;
}
