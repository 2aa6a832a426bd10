/* The kept seeds of fuzz/fuzz_transport.c reach what they are kept for: connected, failed, closed, and media both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz_transport.c"

static void the_seeds_reach_every_state(void **state) {
    (void)state;
    static const char folder[] = "fuzz/seeds/transport";
    DIR *seeds = opendir(folder);
    assert_non_null(seeds);
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(seeds)) != NULL;) {
        char path[512];
        uint8_t bytes[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!file)
            continue;
        size_t length = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        assert_int_equal(LLVMFuzzerTestOneInput(bytes, length), 0);
        count++;
    }
    closedir(seeds);
    assert_true(count >= 10);
    for (int reached = PEER_TRANSPORT_NEW; reached <= PEER_TRANSPORT_CLOSED; reached++)
        if (!(states_reached & 1u << reached))
            fail_msg("no seed reaches %s", peer_transport_state_name((enum peer_transport_state)reached));
    assert_true(media_reached[0] > 0 && media_reached[1] > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_seeds_reach_every_state)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
