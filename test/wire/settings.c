#include "test/wire/settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { PERCENT, MILLISECONDS, KILOBITS, BYTES_64, BYTES_32, SWITCH };

struct setting {
    const char *name;
    enum kind kind;
    size_t offset; /* in struct sim_link_config */
};

static const struct setting settings[] = {
    {"loss", PERCENT, offsetof(struct sim_link_config, loss)},
    {"burst_enter", PERCENT, offsetof(struct sim_link_config, burst_enter)},
    {"burst_leave", PERCENT, offsetof(struct sim_link_config, burst_leave)},
    {"burst_loss", PERCENT, offsetof(struct sim_link_config, burst_loss)},
    {"delay_ms", MILLISECONDS, offsetof(struct sim_link_config, delay_us)},
    {"jitter_ms", MILLISECONDS, offsetof(struct sim_link_config, jitter_us)},
    {"jitter_keeps_order", SWITCH, offsetof(struct sim_link_config, jitter_keeps_order)},
    {"reorder", PERCENT, offsetof(struct sim_link_config, reorder)},
    {"reorder_delay_ms", MILLISECONDS, offsetof(struct sim_link_config, reorder_delay_us)},
    {"duplicate", PERCENT, offsetof(struct sim_link_config, duplicate)},
    {"corrupt", PERCENT, offsetof(struct sim_link_config, corrupt)},
    {"mtu_bytes", BYTES_32, offsetof(struct sim_link_config, mtu_bytes)},
    {"rate_kbps", KILOBITS, offsetof(struct sim_link_config, rate_bps)},
    {"queue_bytes", BYTES_64, offsetof(struct sim_link_config, queue_bytes)},
};

/* The largest value of each kind: beyond a minute of delay, 100 Gbit/s or 4 GB it is a slip of the pen. */
static double largest(enum kind kind) {
    switch (kind) {
    case PERCENT: return 100.0;
    case MILLISECONDS: return 60000.0;
    case KILOBITS: return 1e8;
    case BYTES_64:
    case BYTES_32: return 4e9;
    case SWITCH: return 1.0;
    }
    return 0.0;
}

static void set(struct sim_link_config *config, const struct setting *setting, double value) {
    char *member = (char *)config + setting->offset;
    double chance = value / 100.0;
    uint64_t scaled = setting->kind == BYTES_64 ? (uint64_t)value : (uint64_t)(value * 1000.0);
    uint32_t bytes = (uint32_t)value;
    bool on = value > 0.0;
    switch (setting->kind) {
    case PERCENT: memcpy(member, &chance, sizeof chance); break;
    case MILLISECONDS:
    case KILOBITS:
    case BYTES_64: memcpy(member, &scaled, sizeof scaled); break;
    case BYTES_32: memcpy(member, &bytes, sizeof bytes); break;
    case SWITCH: memcpy(member, &on, sizeof on); break;
    }
}

static const struct setting *find(const char *name, size_t length) {
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (strlen(settings[i].name) == length && memcmp(settings[i].name, name, length) == 0)
            return &settings[i];
    return NULL;
}

bool wire_settings_word(const char *word, struct wire_scope *scope, struct sim_link_config configs[WIRE_DIRECTIONS]) {
    if (strcmp(word, "both") == 0 || strcmp(word, "up") == 0 || strcmp(word, "down") == 0) {
        *scope = (struct wire_scope){.up = word[0] != 'd', .down = word[0] != 'u'};
        return true;
    }
    const char *equals = strchr(word, '=');
    const struct setting *setting = equals ? find(word, (size_t)(equals - word)) : NULL;
    if (!setting || equals[1] < '0' || equals[1] > '9')
        return false;
    char *end;
    errno = 0;
    double value = strtod(equals + 1, &end);
    if (errno || *end != '\0' || !(value >= 0.0 && value <= largest(setting->kind)))
        return false;
    if (scope->up)
        set(&configs[WIRE_UP], setting, value);
    if (scope->down)
        set(&configs[WIRE_DOWN], setting, value);
    return true;
}
