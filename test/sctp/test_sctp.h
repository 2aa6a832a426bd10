/* What every test of sctp/ includes: cmocka with the headers it needs before it. */
#ifndef TEST_SCTP_TEST_SCTP_H
#define TEST_SCTP_TEST_SCTP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sctp/chunk.h"

#endif
