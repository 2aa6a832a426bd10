#include "app/call/token_path.h"

#include <string.h>

#include "stun/address.h"

static bool is_loopback(const char *host) {
    static const uint8_t one[16] = {[15] = 1};
    struct stun_address address;
    if (!stun_address_parse_ip(host, strlen(host), &address))
        return strcmp(host, "localhost") == 0; /* RFC 6761 section 6.3 */
    return address.family == STUN_ADDRESS_IPV4 ? address.ip[0] == 127 : memcmp(address.ip, one, sizeof one) == 0;
}

/*
 * RFC 9725 section 4.7.1, MUST: the token goes with every request, wherever section 4.5's redirections and a Location lead: an endpoint shares its load
 * with other servers, and each wants it. RFC 9110 section 15.4 would have us consider to leave it out, RFC 6750 section 5.3 never to send it without TLS:
 * that is our user's decision, who hears of it.
 */
bool call_token_path_step(struct call_token_path *path, const struct signaling_http_url *url, char sentence[CALL_SENTENCE_BYTES]) {
    char authority[SIGNALING_HTTP_AUTHORITY_BYTES];
    signaling_http_url_authority(url, authority);
    bool is_first = path->authority[0] == '\0', is_same = path->is_tls == url->is_tls && strcmp(path->authority, authority) == 0;
    bool is_clear = !url->is_tls && !is_loopback(url->host);
    memcpy(path->authority, authority, sizeof authority);
    path->is_tls = url->is_tls;
    if (is_same || (is_first && !is_clear))
        return false;
    call_sentence(sentence, "the token goes to %s%s://%s%s", is_first ? "" : "another server, ", url->is_tls ? "https" : "http", authority,
                  is_clear ? ", where all on the way can read it: use https:" : "");
    return true;
}
