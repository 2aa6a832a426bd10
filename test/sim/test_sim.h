/* What every test of test/sim includes: cmocka with the headers it needs before it. */
#ifndef TEST_SIM_TEST_SIM_H
#define TEST_SIM_TEST_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MS UINT64_C(1000)
#define SECOND UINT64_C(1000000)

#endif
