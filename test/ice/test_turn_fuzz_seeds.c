/* The seeds of fuzz_turn_client, replayed: every invariant of the target holds, and the states it is there for are reached. */
#include "../../fuzz/fuzz_turn_client.c"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define SEEDS "fuzz/seeds/turn_client"

static void all_seeds(void **state) {
    (void)state;
    DIR *folder = opendir(SEEDS);
    assert_non_null(folder); /* run from the root of the repository */
    struct dirent *entry;
    unsigned count = 0, allocated = 0, failed = 0, closed = 0;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        uint8_t bytes[4096];
        char path[512];
        snprintf(path, sizeof path, SEEDS "/%s", entry->d_name);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        LLVMFuzzerTestOneInput(bytes, size);
        count++;
        allocated += world.allocated;
        failed += world.failed;
        closed += world.closed;
    }
    closedir(folder);
    assert_true(count >= 70);
    assert_true(allocated >= 30 && failed >= 30 && closed >= 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
