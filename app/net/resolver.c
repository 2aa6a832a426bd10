/* One slot per question. A slot that is answered without asking anybody still answers from the loop, through a timer of 0 ms. */
#include "app/net/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "app/net/sockaddr_internal.h"

struct question {
    struct net_resolver *resolver;
    uint64_t number;
    struct question *next;
    struct stun_address literal; /* its own answer; family NONE with .local */
    uv_getaddrinfo_t request;
    uv_timer_t timer;
};

/* Freed when the caller has freed it and the last question has come back. */
struct net_resolver {
    uv_loop_t *loop;
    net_resolved resolved;
    void *context;
    bool freed;
    size_t count;
    struct question *questions;
};

struct net_resolver *net_resolver_new(uv_loop_t *loop, net_resolved resolved, void *context) {
    struct net_resolver *resolver = calloc(1, sizeof *resolver);
    if (resolver == NULL)
        return NULL;
    *resolver = (struct net_resolver){.loop = loop, .resolved = resolved, .context = context};
    return resolver;
}

void net_resolver_free(struct net_resolver *resolver) {
    if (resolver == NULL)
        return;
    resolver->freed = true;
    for (struct question *at = resolver->questions; at != NULL; at = at->next)
        if (at->request.data != NULL)
            uv_cancel((uv_req_t *)&at->request); /* one that a worker already has comes back by itself */
    if (resolver->count == 0)
        free(resolver);
}

/* Removes the question, then tells: the answer may ask again, or free the resolver. */
static void answer(struct question *question, const struct stun_address *addresses, size_t count, int error) {
    struct net_resolver *resolver = question->resolver;
    uint64_t number = question->number;
    struct question **link = &resolver->questions;
    while (*link != question)
        link = &(*link)->next;
    *link = question->next;
    free(question);
    resolver->count--;
    if (!resolver->freed)
        resolver->resolved(resolver->context, number, addresses, count, error);
    else if (resolver->count == 0)
        free(resolver);
}

static size_t read_answers(const struct addrinfo *list, struct stun_address addresses[NET_RESOLVER_ADDRESS_MAX]) {
    size_t count = 0;
    for (; list != NULL && count < NET_RESOLVER_ADDRESS_MAX; list = list->ai_next)
        if (list->ai_addr != NULL && net_sockaddr_read(list->ai_addr, &addresses[count]))
            addresses[count++].port = 0;
    return count;
}

static void on_answer(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
    struct stun_address addresses[NET_RESOLVER_ADDRESS_MAX];
    size_t count = status == 0 ? read_answers(list, addresses) : 0;
    uv_freeaddrinfo(list);
    answer(request->data, addresses, count, status);
}

static void on_timer_closed(uv_handle_t *handle) {
    struct question *question = handle->data;
    struct stun_address literal = question->literal;
    bool known = literal.family != STUN_ADDRESS_NONE;
    answer(question, &literal, known ? 1 : 0, known ? 0 : UV_EAI_NONAME);
}

static void on_timer(uv_timer_t *timer) {
    uv_close((uv_handle_t *)timer, on_timer_closed);
}

/* RFC 6762 section 3: names that end in .local, with or without the final dot, belong to multicast DNS. */
static bool is_local_name(const char *name, size_t length) {
    static const char suffix[] = ".local";
    size_t suffix_length = sizeof suffix - 1;
    if (length > 0 && name[length - 1] == '.')
        length--;
    return length >= suffix_length && strncasecmp(name + length - suffix_length, suffix, suffix_length) == 0;
}

int net_resolver_ask(struct net_resolver *resolver, uint64_t query, const char *name) {
    size_t length = strnlen(name, NET_RESOLVER_NAME_MAX_BYTES + 2);
    if (length == 0 || length > NET_RESOLVER_NAME_MAX_BYTES)
        return -EINVAL;
    if (resolver->count == NET_RESOLVER_QUERY_MAX)
        return -EBUSY;
    struct question *question = calloc(1, sizeof *question);
    if (question == NULL)
        return -ENOMEM;
    question->resolver = resolver;
    question->number = query;
    if (stun_address_parse_ip(name, length, &question->literal) || is_local_name(name, length)) {
        uv_timer_init(resolver->loop, &question->timer);
        question->timer.data = question;
        uv_timer_start(&question->timer, on_timer, 0, 0);
    } else {
        struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
        question->request.data = question;
        int error = uv_getaddrinfo(resolver->loop, &question->request, on_answer, name, NULL, &hints);
        if (error != 0) {
            free(question);
            return error;
        }
    }
    question->next = resolver->questions;
    resolver->questions = question;
    resolver->count++;
    return 0;
}
