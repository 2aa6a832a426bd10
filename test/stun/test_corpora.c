/* Every file of the corpora's folder stun/ is parsed or rejected, whole and truncated at each byte. */
#include "test_stun.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact_copy.h"

/* How many bytes were read; files of this folder are below 4 kB. */
static size_t read_file(const char *folder, const char *name, uint8_t *out, size_t capacity) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(out, 1, capacity, file);
    assert_true(length < capacity);
    fclose(file);
    return length;
}

static void parse_or_reject(void **state) {
    (void)state;
    const char *corpora = getenv("STRATA_CORPORA");
    char folder[2048];
    snprintf(folder, sizeof folder, "%s/stun", corpora != NULL ? corpora : "");
    DIR *directory = corpora != NULL ? opendir(folder) : NULL;
    if (directory == NULL) {
        printf("SKIP: parse_or_reject: corpora not present (set STRATA_CORPORA)\n");
        skip();
    }
    unsigned files = 0;
    unsigned accepted = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        uint8_t bytes[65536];
        size_t length = read_file(folder, entry->d_name, bytes, sizeof bytes);
        files++;
        if (read_everything(bytes, length) == STUN_OK)
            accepted++;
        for (size_t cut = 0; cut < length; cut++)
            read_everything(bytes, cut);
    }
    closedir(directory);
    printf("%u files, %u well-formed\n", files, accepted);
    assert_true(files > 0);
    assert_true(accepted > 0 && accepted < files);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parse_or_reject)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
