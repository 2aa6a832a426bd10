#include "test/sim/description.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const setup_names[] = {"actpass", "active", "passive"};

struct text {
    char *bytes;
    size_t length, capacity;
};

__attribute__((format(printf, 2, 3))) static void append(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text->bytes + text->length, text->capacity - text->length, format, arguments);
    va_end(arguments);
    if (written < 0 || (size_t)written >= text->capacity - text->length)
        text->capacity = text->length; /* sticks: nothing more fits */
    else
        text->length += (size_t)written;
}

size_t description_write(const struct peer_transport *transport, bool is_complete, char *bytes, size_t capacity) {
    struct text text = {bytes, 0, capacity};
    struct peer_transport_parameters local;
    peer_transport_local_parameters(transport, &local);
    append(&text, "ufrag: %.*s\npwd: %.*s\nsetup: %s\n", (int)local.ufrag_length, local.ufrag, (int)local.password_length, local.password,
           setup_names[local.setup]);
    for (size_t i = 0; i < local.fingerprint_count; i++) {
        char fingerprint[DTLS_FINGERPRINT_TEXT_BYTES];
        dtls_fingerprint_write(&local.fingerprints[i], fingerprint, sizeof fingerprint);
        append(&text, "fingerprint: %s\n", fingerprint);
    }
    const struct ice_agent *agent = peer_transport_ice(transport);
    for (size_t i = 0; is_complete && i < ice_agent_local_candidate_count(agent); i++) {
        char candidate[ICE_CANDIDATE_TEXT_BYTES];
        if (ice_candidate_write(ice_agent_local_candidate(agent, i), candidate, sizeof candidate) > 0)
            append(&text, "candidate: %s\n", candidate);
    }
    if (is_complete)
        append(&text, "end-of-candidates\n");
    return text.capacity == text.length ? 0 : text.length;
}

static bool read_line(struct description *out, const char *name, size_t name_length, const char *value, size_t length) {
    struct peer_transport_parameters *parameters = &out->parameters;
    if (name_length == 5 && memcmp(name, "ufrag", 5) == 0) {
        parameters->ufrag = value;
        parameters->ufrag_length = length;
        return true;
    }
    if (name_length == 3 && memcmp(name, "pwd", 3) == 0) {
        parameters->password = value;
        parameters->password_length = length;
        return true;
    }
    if (name_length == 5 && memcmp(name, "setup", 5) == 0) {
        for (unsigned i = 0; i < 3; i++)
            if (strlen(setup_names[i]) == length && memcmp(setup_names[i], value, length) == 0) {
                parameters->setup = (enum peer_setup)i;
                return true;
            }
        return false;
    }
    if (name_length == 11 && memcmp(name, "fingerprint", 11) == 0)
        return parameters->fingerprint_count < PEER_FINGERPRINT_MAX &&
               dtls_fingerprint_parse(value, length, &parameters->fingerprints[parameters->fingerprint_count++]) == DTLS_OK;
    if (name_length == 9 && memcmp(name, "candidate", 9) == 0)
        return out->candidate_count < ICE_LOCAL_CANDIDATE_MAX &&
               ice_candidate_parse(value, length, &out->candidates[out->candidate_count++], NULL) == ICE_OK;
    return false;
}

bool description_read(const char *text, struct description *out) {
    *out = (struct description){0};
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length == strlen("end-of-candidates") && memcmp(text, "end-of-candidates", length) == 0) {
            out->is_complete = true;
        } else {
            const char *colon = memchr(text, ':', length);
            if (!colon || colon[1] != ' ')
                return false;
            size_t name_length = (size_t)(colon - text);
            if (!read_line(out, text, name_length, colon + 2, length - name_length - 2))
                return false;
        }
        text += length;
        text += *text == '\n';
    }
    return out->parameters.ufrag && out->parameters.password && out->parameters.fingerprint_count > 0;
}

bool description_apply(struct peer_transport *transport, uint64_t now_us, const struct description *remote, enum dtls_role local_role) {
    if (peer_transport_set_remote_parameters(transport, now_us, &remote->parameters, local_role) != PEER_OK)
        return false;
    for (size_t i = 0; i < remote->candidate_count; i++)
        if (peer_transport_add_remote_candidate(transport, now_us, &remote->candidates[i]) != PEER_OK)
            return false;
    return !remote->is_complete || peer_transport_end_of_remote_candidates(transport, now_us) == PEER_OK;
}

bool description_write_file(const char *path, const struct peer_transport *transport, bool is_complete) {
    char text[DESCRIPTION_MAX_BYTES], temporary[4096];
    size_t length = description_write(transport, is_complete, text, sizeof text);
    int path_length = snprintf(temporary, sizeof temporary, "%s.part", path);
    if (length == 0 || path_length < 0 || (size_t)path_length >= sizeof temporary)
        return false;
    FILE *file = fopen(temporary, "w");
    if (!file)
        return false;
    bool written = fwrite(text, 1, length, file) == length;
    written = fclose(file) == 0 && written;
    return written && rename(temporary, path) == 0;
}

bool description_read_file(const char *path, char text[DESCRIPTION_MAX_BYTES], struct description *out) {
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    size_t length = fread(text, 1, DESCRIPTION_MAX_BYTES - 1, file);
    fclose(file);
    text[length] = '\0';
    return description_read(text, out);
}
