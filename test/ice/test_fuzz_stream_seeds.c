/* The seeds of fuzz_ice_streams, replayed: every invariant holds, and what the target is there for is reached. */
#include "../../fuzz/fuzz_ice_streams.c"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define SEEDS "fuzz/seeds/ice_streams"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *name, struct fuzz_ice_streams_reached *sum) {
    uint8_t bytes[4096];
    char path[512];
    snprintf(path, sizeof path, SEEDS "/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, size);
    sum->connected |= world.reached.connected;
    sum->failed |= world.reached.failed;
    sum->disconnected |= world.reached.disconnected;
    sum->received |= world.reached.received;
    sum->refused_stranger |= world.reached.refused_stranger;
    sum->resolved |= world.reached.resolved;
    sum->restarted |= world.reached.restarted;
}

static void all_seeds(void **state) {
    (void)state;
    struct fuzz_ice_streams_reached sum = {0};
    DIR *folder = opendir(SEEDS);
    assert_non_null(folder); /* run from the root of the repository */
    struct dirent *entry;
    size_t count = 0;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        replay(entry->d_name, &sum);
        count++;
    }
    closedir(folder);
    assert_true(count >= 20);
    assert_true(sum.connected && sum.failed && sum.disconnected && sum.received && sum.refused_stranger && sum.resolved && sum.restarted);
}

static void what_their_names_say(void **state) {
    (void)state;
    static const char *const connecting[] = {"connects", "byte_by_byte", "active_only", "udp_and_tcp", "names", "names_udp", "restart", "both_control"};
    for (size_t i = 0; i < sizeof connecting / sizeof connecting[0]; i++) {
        struct fuzz_ice_streams_reached reached = {0};
        replay(connecting[i], &reached);
        if (!reached.connected || reached.failed)
            fail_msg("%s does not connect", connecting[i]);
    }
    struct fuzz_ice_streams_reached reached = {0};
    replay("connects", &reached);
    assert_true(reached.received);
    reached = (struct fuzz_ice_streams_reached){0};
    replay("refused", &reached);
    assert_true(reached.failed && !reached.connected);
    reached = (struct fuzz_ice_streams_reached){0};
    replay("names", &reached);
    assert_true(reached.resolved && reached.received);
    reached = (struct fuzz_ice_streams_reached){0};
    replay("strangers", &reached);
    assert_true(reached.refused_stranger && !reached.connected);
}

/* A few hundred random scripts, so that every `make check` walks off the beaten path a little */
static void random_scripts(void **state) {
    (void)state;
    uint64_t random = 1;
    uint8_t script[100];
    for (unsigned n = 0; n < 300; n++) {
        for (size_t i = 0; i < sizeof script; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            script[i] = (uint8_t)(random >> 56);
        }
        script[1] = STREAM_SIGNAL;
        script[2] = 128 + STREAM_SIGNAL;
        LLVMFuzzerTestOneInput(script, sizeof script);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_seeds), cmocka_unit_test(what_their_names_say), cmocka_unit_test(random_scripts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
