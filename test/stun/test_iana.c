/* The numbers of stun/message.h against the IANA registry "Session Traversal Utilities for NAT (STUN) Parameters". */
#include "test_stun.h"

#include "stun/integrity.h"
#include "stun/message.h"

struct number {
    const char *name;
    unsigned here;
    unsigned registered;
};

static void compare(const struct number *numbers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (numbers[i].here != numbers[i].registered)
            fail_msg("%s: 0x%04X, but registered as 0x%04X", numbers[i].name, numbers[i].here, numbers[i].registered);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(numbers[i].here, numbers[k].here);
    }
}

static void attributes(void **state) {
    (void)state;
    static const struct number numbers[] = {
        {"MAPPED-ADDRESS", STUN_ATTRIBUTE_MAPPED_ADDRESS, 0x0001},
        {"USERNAME", STUN_ATTRIBUTE_USERNAME, 0x0006},
        {"MESSAGE-INTEGRITY", STUN_ATTRIBUTE_MESSAGE_INTEGRITY, 0x0008},
        {"ERROR-CODE", STUN_ATTRIBUTE_ERROR_CODE, 0x0009},
        {"UNKNOWN-ATTRIBUTES", STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, 0x000A},
        {"CHANNEL-NUMBER", STUN_ATTRIBUTE_CHANNEL_NUMBER, 0x000C},
        {"LIFETIME", STUN_ATTRIBUTE_LIFETIME, 0x000D},
        {"XOR-PEER-ADDRESS", STUN_ATTRIBUTE_XOR_PEER_ADDRESS, 0x0012},
        {"DATA", STUN_ATTRIBUTE_DATA, 0x0013},
        {"REALM", STUN_ATTRIBUTE_REALM, 0x0014},
        {"NONCE", STUN_ATTRIBUTE_NONCE, 0x0015},
        {"XOR-RELAYED-ADDRESS", STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, 0x0016},
        {"REQUESTED-ADDRESS-FAMILY", STUN_ATTRIBUTE_REQUESTED_ADDRESS_FAMILY, 0x0017},
        {"EVEN-PORT", STUN_ATTRIBUTE_EVEN_PORT, 0x0018},
        {"REQUESTED-TRANSPORT", STUN_ATTRIBUTE_REQUESTED_TRANSPORT, 0x0019},
        {"DONT-FRAGMENT", STUN_ATTRIBUTE_DONT_FRAGMENT, 0x001A},
        {"MESSAGE-INTEGRITY-SHA256", STUN_ATTRIBUTE_MESSAGE_INTEGRITY_SHA256, 0x001C},
        {"PASSWORD-ALGORITHM", STUN_ATTRIBUTE_PASSWORD_ALGORITHM, 0x001D},
        {"USERHASH", STUN_ATTRIBUTE_USERHASH, 0x001E},
        {"XOR-MAPPED-ADDRESS", STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, 0x0020},
        {"RESERVATION-TOKEN", STUN_ATTRIBUTE_RESERVATION_TOKEN, 0x0022},
        {"PRIORITY", STUN_ATTRIBUTE_PRIORITY, 0x0024},
        {"USE-CANDIDATE", STUN_ATTRIBUTE_USE_CANDIDATE, 0x0025},
        {"ADDITIONAL-ADDRESS-FAMILY", STUN_ATTRIBUTE_ADDITIONAL_ADDRESS_FAMILY, 0x8000},
        {"ADDRESS-ERROR-CODE", STUN_ATTRIBUTE_ADDRESS_ERROR_CODE, 0x8001},
        {"PASSWORD-ALGORITHMS", STUN_ATTRIBUTE_PASSWORD_ALGORITHMS, 0x8002},
        {"ALTERNATE-DOMAIN", STUN_ATTRIBUTE_ALTERNATE_DOMAIN, 0x8003},
        {"ICMP", STUN_ATTRIBUTE_ICMP, 0x8004},
        {"SOFTWARE", STUN_ATTRIBUTE_SOFTWARE, 0x8022},
        {"ALTERNATE-SERVER", STUN_ATTRIBUTE_ALTERNATE_SERVER, 0x8023},
        {"FINGERPRINT", STUN_ATTRIBUTE_FINGERPRINT, 0x8028},
        {"ICE-CONTROLLED", STUN_ATTRIBUTE_ICE_CONTROLLED, 0x8029},
        {"ICE-CONTROLLING", STUN_ATTRIBUTE_ICE_CONTROLLING, 0x802A},
    };
    compare(numbers, COUNT(numbers));
}

static void methods(void **state) {
    (void)state;
    static const struct number numbers[] = {
        {"Binding", STUN_METHOD_BINDING, 0x001},
        {"Allocate", STUN_METHOD_ALLOCATE, 0x003},
        {"Refresh", STUN_METHOD_REFRESH, 0x004},
        {"Send", STUN_METHOD_SEND, 0x006},
        {"Data", STUN_METHOD_DATA, 0x007},
        {"CreatePermission", STUN_METHOD_CREATE_PERMISSION, 0x008},
        {"ChannelBind", STUN_METHOD_CHANNEL_BIND, 0x009},
    };
    compare(numbers, COUNT(numbers));
}

static void error_codes(void **state) {
    (void)state;
    static const struct number numbers[] = {
        {"Try Alternate", STUN_CODE_TRY_ALTERNATE, 300},
        {"Bad Request", STUN_CODE_BAD_REQUEST, 400},
        {"Unauthenticated", STUN_CODE_UNAUTHENTICATED, 401},
        {"Forbidden", STUN_CODE_FORBIDDEN, 403},
        {"Unknown Attribute", STUN_CODE_UNKNOWN_ATTRIBUTE, 420},
        {"Allocation Mismatch", STUN_CODE_ALLOCATION_MISMATCH, 437},
        {"Stale Nonce", STUN_CODE_STALE_NONCE, 438},
        {"Address Family not Supported", STUN_CODE_ADDRESS_FAMILY_NOT_SUPPORTED, 440},
        {"Wrong Credentials", STUN_CODE_WRONG_CREDENTIALS, 441},
        {"Unsupported Transport Protocol", STUN_CODE_UNSUPPORTED_TRANSPORT, 442},
        {"Peer Address Family Mismatch", STUN_CODE_PEER_ADDRESS_FAMILY_MISMATCH, 443},
        {"Allocation Quota Reached", STUN_CODE_ALLOCATION_QUOTA_REACHED, 486},
        {"Role Conflict", STUN_CODE_ROLE_CONFLICT, 487},
        {"Server Error", STUN_CODE_SERVER_ERROR, 500},
        {"Insufficient Capacity", STUN_CODE_INSUFFICIENT_CAPACITY, 508},
    };
    compare(numbers, COUNT(numbers));
}

/* The remaining registries: password algorithms, security features (bit 0 is the leftmost of 24). */
static void others(void **state) {
    (void)state;
    static const struct number numbers[] = {
        {"MD5", STUN_PASSWORD_MD5, 0x0001},
        {"SHA-256", STUN_PASSWORD_SHA256, 0x0002},
        {"Password algorithms", STUN_SECURITY_FEATURE_PASSWORD_ALGORITHMS, 1u << 23},
        {"Username anonymity", STUN_SECURITY_FEATURE_USERNAME_ANONYMITY, 1u << 22},
    };
    compare(numbers, COUNT(numbers));
    assert_int_equal(STUN_MAGIC_COOKIE, 0x2112A442);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes),
        cmocka_unit_test(methods),
        cmocka_unit_test(error_codes),
        cmocka_unit_test(others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
