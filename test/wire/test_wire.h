/* What every test of test/wire includes: cmocka with the headers it needs before it. */
#ifndef TEST_WIRE_TEST_WIRE_H
#define TEST_WIRE_TEST_WIRE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
