#include "app/net/turn_secret.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define LINE_MAX_BYTES 4096
#define SHA1_BYTES 20

/* ---- the file -------------------------------------------------------------------------------------------------------- */

/* The text between the blanks at both ends. */
static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]))
        length--;
    text[length] = '\0';
    return text;
}

static int set_secret(struct net_turn_secret *out, const char *text) {
    size_t length = strlen(text);
    if (length == 0 || length > NET_TURN_SECRET_MAX_BYTES)
        return length == 0 ? -EBADMSG : -E2BIG;
    memcpy(out->bytes, text, length);
    out->length = length;
    return 0;
}

/* coturn reads "key=value", blanks around both allowed; "#" begins a comment. */
static const char *value_of(const char *line) {
    static const char key[] = "static-auth-secret";
    if (strncmp(line, key, sizeof key - 1) != 0)
        return NULL;
    line += sizeof key - 1;
    line += strspn(line, " \t");
    return *line == '=' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

/* A file of one line is the secret; in one of more, which is a configuration, it has to be named. */
static int read_lines(FILE *file, struct net_turn_secret *out) {
    char line[LINE_MAX_BYTES];
    int result = -EBADMSG;
    bool is_found = false;
    for (size_t count = 0; !is_found && fgets(line, sizeof line, file);) {
        char *text = trim(line);
        const char *value = value_of(text);
        is_found = value != NULL;
        if (is_found)
            result = set_secret(out, value);
        else if (text[0] != '\0' && text[0] != '#')
            result = ++count == 1 ? set_secret(out, text) : -EBADMSG;
    }
    if (ferror(file))
        result = -errno;
    OPENSSL_cleanse(line, sizeof line);
    return result;
}

int net_turn_secret_read(const char *path, struct net_turn_secret *out, bool *is_exposed) {
    FILE *file = fopen(path, "r");
    struct stat status;
    if (!file)
        return -errno;
    int error = fstat(fileno(file), &status) == 0 ? 0 : -errno;
    if (error == 0)
        error = read_lines(file, out);
    (void)fclose(file);
    if (error == 0)
        *is_exposed = (status.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0;
    else
        net_turn_secret_wipe(out);
    return error;
}

void net_turn_secret_wipe(struct net_turn_secret *secret) {
    OPENSSL_cleanse(secret, sizeof *secret);
}

/* ---- the credential -------------------------------------------------------------------------------------------------- */

static bool is_id(const char *id, size_t length) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    for (size_t i = 0; i < length; i++)
        if (!memchr(allowed, id[i], sizeof allowed - 1))
            return false;
    return length >= 1 && length <= NET_TURN_ID_MAX_BYTES;
}

bool net_turn_credential_make(const struct net_turn_secret *secret, uint64_t expiry_seconds, const char *id, size_t id_length,
                              struct net_turn_credential *out) {
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_length = 0;
    if (secret->length == 0 || !is_id(id, id_length))
        return false;
    int length = snprintf(out->username, sizeof out->username, "%" PRIu64 ":%.*s", expiry_seconds, (int)id_length, id);
    if (length <= 0 || (size_t)length >= sizeof out->username)
        return false;
    if (!HMAC(EVP_sha1(), secret->bytes, (int)secret->length, (const uint8_t *)out->username, (size_t)length, mac, &mac_length) ||
        mac_length != SHA1_BYTES)
        return false;
    EVP_EncodeBlock((unsigned char *)out->credential, mac, SHA1_BYTES);
    OPENSSL_cleanse(mac, sizeof mac);
    return true;
}
