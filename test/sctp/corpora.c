/* See corpora.h. */
#include "corpora.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take_file(const char *name, FILE *file, void (*take)(void *context, const char *file, const struct sctp_chunk *chunk), void *context) {
    static uint8_t whole[SCTP_PACKET_MAX_BYTES];
    size_t length = fread(whole, 1, sizeof whole, file);
    uint8_t *bytes = malloc(length + 1);
    struct sctp_packet packet;
    struct sctp_chunk chunk;
    memcpy(bytes, whole, length);
    if (sctp_packet_parse(bytes, length, &packet) == SCTP_OK) {
        struct sctp_walk walk = sctp_walk_packet(&packet);
        while (sctp_walk_chunk(&walk, &chunk))
            take(context, name, &chunk);
    }
    free(bytes);
}

bool corpora_chunks(const char *test, void (*take)(void *context, const char *file, const struct sctp_chunk *chunk), void *context) {
    const char *folder = getenv("STRATA_CORPORA");
    char path[1024];
    snprintf(path, sizeof path, "%s/sctp", folder ? folder : "");
    DIR *files = folder ? opendir(path) : NULL;
    if (!files) {
        printf("SKIP: %s: corpora not present (set STRATA_CORPORA)\n", test);
        return false;
    }
    for (struct dirent *entry; (entry = readdir(files)) != NULL;) {
        snprintf(path, sizeof path, "%s/sctp/%s", folder, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!file)
            continue;
        take_file(entry->d_name, file, take, context);
        fclose(file);
    }
    closedir(files);
    return true;
}
