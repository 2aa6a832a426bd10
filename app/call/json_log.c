#include "app/call/json_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call_json_log {
    FILE *file;
    bool is_stdout, has_failed;
    uint64_t started_us;
};

struct call_json_log *call_json_log_new(const char *file, uint64_t started_us, struct call_problem *problem) {
    struct call_json_log *log = calloc(1, sizeof *log);
    if (log) {
        log->is_stdout = !file;
        log->started_us = started_us;
        log->file = file ? fopen(file, "w") : stdout;
    }
    if (!log || !log->file) {
        call_problem_set(problem, CALL_EXIT_FILE, "system", NULL, strerror(errno), "Give a path that can be written.");
        call_sentence(problem->what, "The JSON log %s could not be opened.", file ? file : "on stdout");
        free(log);
        return NULL;
    }
    return log;
}

bool call_json_log_free(struct call_json_log *log) {
    if (!log)
        return true;
    bool is_good = !log->has_failed;
    if ((log->is_stdout ? fflush(log->file) : fclose(log->file)) != 0)
        is_good = false;
    free(log);
    return is_good;
}

void call_json_log_event(struct call_json_log *log, uint64_t now_us, const char *event, json_t *members) {
    json_t *line = log ? json_object() : NULL;
    if (line) {
        uint64_t since_us = now_us > log->started_us ? now_us - log->started_us : 0;
        json_object_set_new(line, "t", json_real((double)since_us / 1e6));
        json_object_set_new(line, "event", json_string(event));
        if (members)
            json_object_update(line, members);
        /* JSON_REAL_PRECISION counts digits. 15 are what a double keeps of any decimal: milliseconds since 1900 have two decimals, and 0.07 stays 0.07. */
        char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(15));
        if (!text || fprintf(log->file, "%s\n", text) < 0 || fflush(log->file) != 0)
            log->has_failed = true;
        free(text);
        json_decref(line);
    }
    json_decref(members);
}
