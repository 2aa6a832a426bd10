/* The seeds of fuzz_ice, replayed: every invariant holds, and what the target is there for is reached. */
#include "../../fuzz/fuzz_ice.c"

#undef MS
#undef SECOND

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define SEEDS "fuzz/seeds/ice"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *name, struct fuzz_ice_reached *sum) {
    uint8_t bytes[4096];
    char path[512];
    snprintf(path, sizeof path, SEEDS "/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, size);
    sum->nominated |= world.reached.nominated;
    sum->connected |= world.reached.connected;
    sum->completed |= world.reached.completed;
    sum->disconnected |= world.reached.disconnected;
    sum->failed |= world.reached.failed;
    sum->role_changed |= world.reached.role_changed;
    sum->selected_after_restart |= world.reached.selected_after_restart;
    sum->cancelled |= world.reached.cancelled;
    sum->relayed_pair |= world.reached.relayed_pair;
    sum->payload_by_datagram |= world.reached.payload_by_datagram;
    sum->payload_by_stream |= world.reached.payload_by_stream;
    sum->relay_lost |= world.reached.relay_lost;
    sum->relay_again |= world.reached.relay_again;
    sum->closed |= world.reached.closed;
}

static void all_seeds(void **state) {
    (void)state;
    struct fuzz_ice_reached sum = {0};
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
    assert_true(count >= 10);
    assert_true(sum.nominated && sum.connected && sum.completed && sum.disconnected && sum.failed && sum.role_changed);
}

static void what_their_names_say(void **state) {
    (void)state;
    struct fuzz_ice_reached reached = {0};
    replay("connects", &reached);
    assert_true(reached.nominated && reached.completed && !reached.failed);
    reached = (struct fuzz_ice_reached){0};
    replay("fails", &reached);
    assert_true(reached.failed && !reached.nominated);
    reached = (struct fuzz_ice_reached){0};
    replay("consent_expires", &reached);
    assert_true(reached.completed && reached.disconnected && reached.failed);
    reached = (struct fuzz_ice_reached){0};
    replay("restarts", &reached);
    assert_true(reached.selected_after_restart && reached.completed && !reached.failed);
    reached = (struct fuzz_ice_reached){0};
    replay("restart_cancelled", &reached);
    assert_true(reached.cancelled && reached.completed && !reached.failed);
    reached = (struct fuzz_ice_reached){0};
    replay("restart_cancelled_after_failure", &reached);
    assert_true(reached.cancelled && reached.failed);
    reached = (struct fuzz_ice_reached){0};
    replay("restarts_after_failure", &reached);
    assert_true(reached.selected_after_restart && reached.failed);
    reached = (struct fuzz_ice_reached){0};
    replay("relayed", &reached);
    assert_true(reached.relayed_pair && reached.payload_by_datagram && !reached.relay_lost);
    reached = (struct fuzz_ice_reached){0};
    replay("relayed_by_stream", &reached);
    assert_true(reached.relayed_pair && reached.payload_by_stream);
    reached = (struct fuzz_ice_reached){0};
    replay("relay_server_restarts", &reached);
    assert_true(reached.relay_lost && reached.relay_again && reached.payload_by_datagram && reached.selected_after_restart);
    reached = (struct fuzz_ice_reached){0};
    replay("relay_stream_breaks", &reached);
    assert_true(reached.relay_lost && reached.relay_again && reached.payload_by_stream);
    reached = (struct fuzz_ice_reached){0};
    replay("relay_closes", &reached);
    assert_true(reached.closed && reached.relayed_pair);
    reached = (struct fuzz_ice_reached){0};
    replay("role_conflict", &reached);
    assert_true(reached.role_changed && reached.completed);
}

/* A few thousand random scripts, so that every `make check` walks off the beaten path a little */
static void random_scripts(void **state) {
    (void)state;
    uint64_t random = 1;
    uint8_t script[120];
    for (unsigned n = 0; n < 1500; n++) {
        for (size_t i = 0; i < sizeof script; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            script[i] = (uint8_t)(random >> 56);
        }
        script[1] = OPERATION_SIGNAL;
        script[2] = 128 + OPERATION_SIGNAL;
        LLVMFuzzerTestOneInput(script, sizeof script);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_seeds), cmocka_unit_test(what_their_names_say), cmocka_unit_test(random_scripts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
