/* What every test of stun/ includes: cmocka with the headers it needs before it. */
#ifndef TEST_STUN_TEST_STUN_H
#define TEST_STUN_TEST_STUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
