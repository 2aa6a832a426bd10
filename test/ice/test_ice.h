/* What every test of this room includes. */
#ifndef TEST_ICE_H
#define TEST_ICE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ice/agent_internal.h"
#include "scripted_peer.h"
#include "tcp_agents.h"
#include "two_agents.h"

#endif
