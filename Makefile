# strata: one archive per RFC layer, a thin app above them. One file, non-recursive.
#
#   make                 everything, into build/release
#   make MODE=asan       the same with AddressSanitizer and UBSan (also: debug)
#   make demo            a call across two NATed hosts, judged from its recordings
#   make lab A=symmetric B=port-restricted DELAY=40 LOSS=3     one call in the laboratory, who won and when
#   make nat-matrix      every pair of NAT kinds, into docs/nat-matrix.md and .svg
#   make check           all tests; ends with "N passed, N failed, N skipped"
#   make check-unit      the unit tests;  make check-stun, check-ice, ...: one room
#   make check-layers    who may know whom, read from the archives
#   make fuzz TARGET=sdp TIME=60
#   make walks           100,000 random walks over the API of PeerConnection
#   make bench           ratios to a floor measured in the same run
#   make bench-rivals    data channels beside other stacks' (from npm), in turns

MODE  ?= release
BUILD := build/$(MODE)
CC    ?= gcc
AR    ?= ar

# ---- flags ---------------------------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wformat=2 -Wformat-security -Wstrict-prototypes -Wvla -Werror
CFLAGS_release := -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
CFLAGS_debug   := -O0 -g3
CFLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
ifeq ($(CFLAGS_$(MODE)),)
$(error MODE must be release, debug or asan)
endif
CPPFLAGS := -I. -MMD -MP
CFLAGS   := -std=c11 $(WARNINGS) $(CFLAGS_$(MODE)) $(EXTRA_CFLAGS)
LDFLAGS  := $(filter -fsanitize=%,$(CFLAGS_$(MODE))) $(EXTRA_LDFLAGS)

# ---- the rooms: archive, sources, what it links ----------------------------------------------------------------------
# A library's strata dependencies come first in link order; check-layers proves that there are no others.

LIBRARIES := stun ice sdp dtls rtp sctp signaling signaling-websocket peer

DIR_stun := stun
DIR_ice  := ice
DIR_sdp  := sdp
DIR_dtls := dtls
DIR_rtp  := rtp
DIR_sctp := sctp
DIR_signaling := signaling
DIR_signaling-websocket := signaling/websocket
DIR_peer := app/peer

DEPS_stun :=
DEPS_ice  := stun
DEPS_sdp  :=
DEPS_dtls :=
DEPS_rtp  :=
DEPS_sctp :=
DEPS_signaling :=
DEPS_signaling-websocket := signaling
DEPS_peer := ice stun sdp dtls rtp sctp

LIBS_stun := -lcrypto
LIBS_dtls := -lssl -lcrypto -lsrtp2
LIBS_signaling := -ljansson
LIBS_signaling-websocket := -lwebsockets -luv -ljansson
LIBS_ice  := $(LIBS_stun)
LIBS_sdp  :=
LIBS_rtp  :=
LIBS_sctp :=
LIBS_peer := $(LIBS_dtls)
LIBS_net  := -luv -lssl -lcrypto
LIBS_media = -lopus -lvpx -lyuv -logg -lpthread $(OPTIONAL_MEDIA_LIBS)

# Optional devices: compiled in when their development files are there.
have = $(shell pkg-config --exists $(1) 2>/dev/null && echo 1)
ifeq ($(call have,alsa),1)
MEDIA_CPPFLAGS += -DSTRATA_HAVE_ALSA
OPTIONAL_MEDIA_LIBS += -lasound
endif
ifeq ($(call have,sdl2),1)
MEDIA_CPPFLAGS += -DSTRATA_HAVE_SDL
OPTIONAL_MEDIA_LIBS += -lSDL2
endif
ifeq ($(call have,xcb-shm),1)
MEDIA_CPPFLAGS += -DSTRATA_HAVE_XCB
OPTIONAL_MEDIA_LIBS += -lxcb -lxcb-shm
endif

# ---- what is built ---------------------------------------------------------------------------------------------------

archive  = $(BUILD)/libstrata-$(1).a
objects  = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
archives_of = $(foreach l,$(1) $(DEPS_$(1)),$(call archive,$(l)))

ARCHIVES := $(foreach l,$(LIBRARIES),$(call archive,$(l)))
APP_NET   := $(BUILD)/libapp-net.a
APP_MEDIA := $(BUILD)/libapp-media.a
# The mains: app/NAME.c is one program; the sources in app/call are what caller and callee share, those in app/server are signaling-server's.
PROGRAM_SOURCES := $(wildcard app/*.c)
PROGRAMS := $(foreach s,$(PROGRAM_SOURCES),$(BUILD)/$(subst _,-,$(basename $(notdir $(s)))))
PKGCONFIGS := $(foreach l,$(LIBRARIES),$(BUILD)/strata-$(l).pc)
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(wildcard docs/example/*.c))

.PHONY: all
all: $(ARCHIVES) $(PROGRAMS) $(EXAMPLES) $(PKGCONFIGS)

# Strict C for the protocol libraries; the app, its tests and the test network speak to the operating system.
$(BUILD)/app/net/%.o $(BUILD)/app/media/%.o $(BUILD)/app/call/%.o $(BUILD)/app/server/%.o $(BUILD)/app/probe/%.o: CPPFLAGS += -D_GNU_SOURCE $(MEDIA_CPPFLAGS)
$(BUILD)/signaling/websocket/%.o $(BUILD)/test/%.o $(BUILD)/bench/%.o $(BUILD)/docs/%.o: CPPFLAGS += -D_GNU_SOURCE
$(patsubst %.c,$(BUILD)/%.o,$(PROGRAM_SOURCES)): CPPFLAGS += -D_GNU_SOURCE $(MEDIA_CPPFLAGS)

# Counts its basic blocks as steps.
$(BUILD)/test/sdp/test_steps.o: CFLAGS += -fsanitize-coverage=trace-pc

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

define library_rule
$(call archive,$(1)): $$(call objects,$(DIR_$(1)))
	@rm -f $$@
	$(AR) rcs $$@ $$^
endef
$(foreach l,$(LIBRARIES),$(eval $(call library_rule,$(l))))

$(APP_NET): $(call objects,app/net)
	@rm -f $@
	$(AR) rcs $@ $^
$(APP_MEDIA): $(call objects,app/media)
	@rm -f $@
	$(AR) rcs $@ $^

# pkg-config files say what check-layers proves.
VERSION := 0.1.0
PREFIX  ?= /usr/local
comma := ,
space := $(subst ,, )
$(BUILD)/strata-%.pc: Makefile
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'Name: strata-$*' 'Description: strata, the $* layer of a WebRTC stack' \
	  'Version: $(VERSION)' 'Requires: $(subst $(space),$(comma) ,$(addprefix strata-,$(DEPS_$*)))' \
	  'Cflags: -I$${prefix}/include/strata' 'Libs: -L$${prefix}/lib -lstrata-$* $(LIBS_$*)' > $@

.PHONY: install
install: $(ARCHIVES) $(PKGCONFIGS) $(PROGRAMS)
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(ARCHIVES) $(DESTDIR)$(PREFIX)/lib
	install -m 644 $(PKGCONFIGS) $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	set -e; for d in $(foreach l,$(LIBRARIES),$(DIR_$(l))); do \
	  install -d $(DESTDIR)$(PREFIX)/include/strata/$$d; \
	  for h in $$(ls $$d/*.h | grep -v _internal.h); do install -m 644 $$h $(DESTDIR)$(PREFIX)/include/strata/$$d; done; done

# ---- programs ----------------------------------------------------------------------------------------------------------

PEER_ARCHIVES := $(foreach l,peer $(DEPS_peer),$(call archive,$(l)))
CALL_OBJECTS  := $(call objects,app/call)

SERVER_OBJECTS := $(call objects,app/server) $(addprefix $(BUILD)/app/call/,ice_uri.o token.o)

# What probe has in common with caller and callee: the command line, problems, the JSON log.
PROBE_SHARES := options.o options_network.o options_whip.o help.o ice_uri.o ice_servers.o network.o harmless.o problem.o json_log.o token.o why.o

$(BUILD)/signaling/websocket/web_files.o: $(wildcard signaling/web/*)
$(BUILD)/signaling-server: $(BUILD)/app/signaling_server.o $(SERVER_OBJECTS) $(call archives_of,signaling-websocket) $(APP_NET) $(call archive,stun)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_signaling-websocket) -lcrypto
$(BUILD)/caller $(BUILD)/callee: $(BUILD)/%: $(BUILD)/app/%.o $(CALL_OBJECTS) $(APP_MEDIA) $(APP_NET) $(call archives_of,signaling-websocket) $(PEER_ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_signaling-websocket) $(LIBS_peer) $(LIBS_media) -lm
$(BUILD)/probe: $(BUILD)/app/probe.o $(call objects,app/probe) $(addprefix $(BUILD)/app/call/,$(PROBE_SHARES)) $(APP_NET) $(call archives_of,ice)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_net) $(LIBS_ice) -ljansson
$(BUILD)/sdp-explain: $(BUILD)/app/sdp_explain.o $(call archive,sdp)
	$(CC) $(LDFLAGS) -o $@ $^

$(BUILD)/test/lab/transport_pair: $(BUILD)/test/lab/transport_pair.o $(BUILD)/test/sim/description.o $(APP_NET) $(PEER_ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_peer) $(LIBS_net)

# A PeerConnection on JSON lines, for what drives it against a browser.
$(BUILD)/test/interop/negotiation/peer_driver: $(call objects,test/interop/negotiation) $(APP_MEDIA) $(APP_NET) $(PEER_ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_peer) $(LIBS_net) -ljansson $(LIBS_media) -lm

$(BUILD)/test/lab/mdns_peer: $(BUILD)/test/lab/mdns_peer.o $(APP_NET) $(call archive,stun)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_net)

# The laboratory's NAT and its bad cable share their models with the simulator.
$(BUILD)/test/lab/lab_nat $(BUILD)/test/lab/lab_link: $(BUILD)/test/lab/%: $(BUILD)/test/lab/%.o \
  $(patsubst %,$(BUILD)/test/wire/%.o,udp_datagram packet_queue packet_socket settings) $(patsubst %,$(BUILD)/test/sim/%.o,nat link random) $(call archive,stun)
	$(CC) $(LDFLAGS) -o $@ $^

$(BUILD)/test/lab/turn_coturn: $(BUILD)/test/lab/turn_coturn.o $(call archives_of,ice)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_ice)

$(BUILD)/docs/example/%: $(BUILD)/docs/example/%.o $(PEER_ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_peer)

# ---- tests: test/ROOM/test_NAME.c is one cmocka program; other sources of that folder are its helpers -------------------

TEST_ROOMS := stun ice sdp dtls rtp sctp usrsctp signaling websocket peer net media sim wire call server
ROOM_ARCHIVES_usrsctp := $(call archive,sctp)
ROOM_OBJECTS_usrsctp  := $(patsubst %,$(BUILD)/test/sim/%.o,link random)
ROOM_LIBS_usrsctp     := -lusrsctp -lm
ROOM_ARCHIVES_websocket := $(call archives_of,signaling-websocket) $(APP_NET) $(call archive,stun)
ROOM_LIBS_websocket := $(LIBS_signaling-websocket) -lcrypto
ROOM_ARCHIVES_net  := $(APP_NET) $(call archives_of,ice)
ROOM_LIBS_net      := $(LIBS_net) $(LIBS_ice)
ROOM_ARCHIVES_media := $(APP_MEDIA) $(call archive,rtp)
ROOM_LIBS_media    := $(LIBS_media) -lm
ROOM_ARCHIVES_wire := $(call archive,stun)
ROOM_OBJECTS_wire  := $(patsubst %,$(BUILD)/test/sim/%.o,link random)
ROOM_LIBS_wire     := -lm
ROOM_ARCHIVES_sim  := $(PEER_ARCHIVES)
ROOM_LIBS_sim      := $(LIBS_peer) -lm
ROOM_OBJECTS_peer   := $(filter-out $(BUILD)/test/sim/test_%,$(call objects,test/sim)) $(patsubst %,$(BUILD)/test/sdp/%.o,answer_rules answer_rules_rtp answer_text)
ROOM_LIBS_peer     := $(LIBS_peer) -lm
ROOM_ARCHIVES_call := $(APP_MEDIA) $(APP_NET) $(call archives_of,signaling-websocket) $(PEER_ARCHIVES)
ROOM_OBJECTS_call  := $(CALL_OBJECTS)
ROOM_ARCHIVES_server := $(call archives_of,signaling-websocket) $(APP_NET) $(call archive,stun)
ROOM_OBJECTS_server  := $(SERVER_OBJECTS)
ROOM_LIBS_server     := $(LIBS_signaling-websocket) -lcrypto
ROOM_LIBS_call     := $(LIBS_signaling-websocket) $(LIBS_peer) $(LIBS_media) -lm

define test_room
TESTS_$(1) := $$(patsubst %.c,$$(BUILD)/%,$$(wildcard test/$(1)/test_*.c))
HELPERS_$(1) := $$(filter-out $$(addsuffix .o,$$(TESTS_$(1))),$$(call objects,test/$(1)))
$$(TESTS_$(1)): $$(BUILD)/%: $$(BUILD)/%.o $$(HELPERS_$(1)) $$(ROOM_OBJECTS_$(1)) $$(or $$(ROOM_ARCHIVES_$(1)),$$(call archives_of,$(1)))
	$$(CC) $$(LDFLAGS) -o $$@ $$^ -lcmocka $$(or $$(ROOM_LIBS_$(1)),$$(LIBS_$(1)))
endef
$(foreach r,$(TEST_ROOMS),$(eval $(call test_room,$(r))))
ALL_TESTS := $(foreach r,$(TEST_ROOMS),$(TESTS_$(r)))

ifneq ($(wildcard ../shared/corpora),)
STRATA_CORPORA ?= $(abspath ../shared/corpora)
endif
export STRATA_CORPORA

# Unit tests always run under the sanitizers.
ifeq ($(MODE),asan)
.PHONY: check-unit $(addprefix check-,$(TEST_ROOMS))
.PHONY: build-tests
build-tests: $(ALL_TESTS)
check-unit: $(ALL_TESTS)
	test/run_tests.py $(ALL_TESTS)
$(foreach r,$(TEST_ROOMS),$(eval check-$(r): $$(TESTS_$(r)) ; test/run_tests.py $$(TESTS_$(r))))
else
.PHONY: check-unit $(addprefix check-,$(TEST_ROOMS))
check-unit $(addprefix check-,$(TEST_ROOMS)):
	$(MAKE) MODE=asan $@
endif

# The long proofs in virtual time, without sanitizers: the mapping and filtering kinds of RFC 4787 with 1,000 seeds a pair, and every
# pair of the kinds that have names, with a TURN server and without.
.PHONY: sim-proof nat-matrix-sim
sim-proof: nat-matrix-sim
	$(MAKE) MODE=release build/release/test/sim/test_transports
	SIM_SEEDS=$(or $(SEEDS),1000) build/release/test/sim/test_transports
nat-matrix-sim:
	$(MAKE) MODE=release build/release/test/sim/test_nat_matrix
	SIM_SEEDS=$(or $(SEEDS),100) SIM_PROCESSES=$(shell nproc) build/release/test/sim/test_nat_matrix

# 100,000 random walks over the API of PeerConnection, held against a small model of the W3C's tables (docs/sim.md).
.PHONY: walks
walks:
	$(MAKE) MODE=release build/release/test/sim/test_walks
	SIM_SEEDS=$(or $(SEEDS),100000) SIM_PROCESSES=$(shell nproc) build/release/test/sim/test_walks

.PHONY: check-layers
check-layers: $(ARCHIVES)
	test/layers/check_layers.py $(BUILD)

# What the laboratory runs. Settings of a call are variables: make lab A=symmetric B=port-restricted DELAY=40 LOSS=3 (test/lab/lab_call.sh).
LAB_PROGRAMS := $(addprefix $(BUILD)/,caller callee signaling-server test/lab/lab_nat test/lab/lab_link)
.PHONY: lab lab-programs lab-tcp nat-matrix
lab-programs: $(LAB_PROGRAMS)
lab: $(LAB_PROGRAMS)
	LAB_BUILD=$(BUILD) test/lab/lab_call.sh
# Data channels beside the kernel's TCP on one link: make lab-tcp CASES="link short lossy shared deep" SECONDS_EACH=15 ROUNDS=3
lab-tcp: $(LAB_PROGRAMS)
	LAB_BUILD=$(BUILD) test/lab/congestion.sh $(CASES)
nat-matrix: $(LAB_PROGRAMS)
	LAB_BUILD=$(BUILD) test/lab/nat_matrix.py --jobs $(or $(JOBS),3)

.PHONY: check demo interop interop-smoke interop-timing interop-soak interop-programs
interop-programs: all $(BUILD)/test/interop/negotiation/peer_driver
check:
	test/check.sh
demo:
	test/demo/demo.sh
interop:
	test/interop/smoke.sh
interop-smoke:
	test/interop/smoke.sh $(if $(TIMES),--times $(TIMES)) --smoke
interop-timing: interop-programs
	test/interop/lab.sh lan node test/interop/timing.js
interop-soak: interop-programs
	test/interop/lab.sh port-restricted node test/interop/soak.js $(MINUTES)

# ---- fuzzing: fuzz/fuzz_NAME.c, first line "/* links: dtls */", second perhaps "/* with: test/peer/pair.c */" -----

FUZZ_BUILD := build/fuzz
TIME   ?= 60
FUZZ_TARGETS := $(patsubst fuzz/fuzz_%.c,%,$(wildcard fuzz/fuzz_*.c))
FUZZ_CFLAGS := -std=c11 -g -O1 -D_GNU_SOURCE -I. -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
               -Wall -Wextra -Wno-unused-command-line-argument $(FUZZ_EXTRA)
fuzz_links = $(shell sed -n '1s|^/\* links: \(.*\) \*/$$|\1|p' fuzz/fuzz_$(1).c)
fuzz_with  = $(shell sed -n '2s|^/\* with: \(.*\) \*/$$|\1|p' fuzz/fuzz_$(1).c)
fuzz_sources = fuzz/fuzz_$(1).c $(call fuzz_with,$(1)) $(foreach l,$(call fuzz_links,$(1)),$(wildcard $(or $(DIR_$(l)),$(l))/*.c))
fuzz_libs = $(sort $(foreach l,$(call fuzz_links,$(1)),$(LIBS_$(l))))
define fuzz_rule
$(FUZZ_BUILD)/fuzz_$(1): $$(call fuzz_sources,$(1)) $$(wildcard */*.h app/*/*.h)
	@mkdir -p $$(@D)
	clang $$(FUZZ_CFLAGS) -o $$@ $$(call fuzz_sources,$(1)) $$(call fuzz_libs,$(1))
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_rule,$(t))))

# New inputs go to build/fuzz/corpus/TARGET; a crash is written to build/fuzz and belongs into fuzz/seeds/TARGET.
.PHONY: fuzz fuzz-all fuzz-coverage
fuzz: $(FUZZ_BUILD)/fuzz_$(TARGET)
	@mkdir -p $(FUZZ_BUILD)/corpus/$(TARGET) fuzz/seeds/$(TARGET)
	$< -max_total_time=$(TIME) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	   -artifact_prefix=$(FUZZ_BUILD)/$(TARGET)- $(FUZZ_BUILD)/corpus/$(TARGET) fuzz/seeds/$(TARGET) $(wildcard $(STRATA_CORPORA)/$(TARGET))
# Which lines the kept seeds (and what fuzz has found so far) reach: make fuzz-coverage TARGET=stun
fuzz-coverage:
	@mkdir -p $(FUZZ_BUILD)/coverage
	clang $(FUZZ_CFLAGS) -fprofile-instr-generate -fcoverage-mapping -o $(FUZZ_BUILD)/coverage/fuzz_$(TARGET) $(call fuzz_sources,$(TARGET)) $(call fuzz_libs,$(TARGET))
	LLVM_PROFILE_FILE=$(FUZZ_BUILD)/coverage/$(TARGET).raw $(FUZZ_BUILD)/coverage/fuzz_$(TARGET) -runs=0 \
	  $(wildcard fuzz/seeds/$(TARGET) $(FUZZ_BUILD)/corpus/$(TARGET)) 2>/dev/null
	llvm-profdata merge -o $(FUZZ_BUILD)/coverage/$(TARGET).data $(FUZZ_BUILD)/coverage/$(TARGET).raw
	llvm-cov report $(FUZZ_BUILD)/coverage/fuzz_$(TARGET) -instr-profile=$(FUZZ_BUILD)/coverage/$(TARGET).data $(call fuzz_sources,$(TARGET)) | cut -c1-60,100-200
fuzz-all: $(FUZZ_TARGETS:%=$(FUZZ_BUILD)/fuzz_%)

# ---- benches: always release, always ratios ------------------------------------------------------------------------------

BENCHES := $(patsubst %.c,%,$(notdir $(wildcard bench/bench_*.c)))
$(BUILD)/bench/bench_%: $(BUILD)/bench/bench_%.o $(APP_NET) $(PEER_ARCHIVES)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_peer) $(LIBS_net) -lm
.PHONY: bench
ifeq ($(MODE),release)
bench: $(addprefix $(BUILD)/bench/,$(BENCHES))
	set -e; for b in $^; do echo "== $${b##*/bench_}"; $$b; done
else
bench:
	$(MAKE) MODE=release bench
endif

# Beside other stacks, which npm brings: docs/performance.md.
.PHONY: bench-rivals
bench-rivals:
	npm ci --no-progress --loglevel=error --prefix bench/rivals
	$(MAKE) MODE=release build/release/bench/bench_data_channel
	node bench/rivals/compare.js build/release/bench/bench_data_channel $(ROUNDS)

.PHONY: clean
clean:
	rm -rf build

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
