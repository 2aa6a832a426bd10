#!/usr/bin/python3
"""Proves that each rule of check_layers.py can fail: plants one violation a rule and expects exactly that complaint."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# (library, file, source, start of the complaint; None when the source is innocent)
CANARIES = [
    ("stun", "fine.c", "int stun_fine(int a); int stun_fine(int a) { return a; }", None),
    ("stun", "name.c", "int unprefixed(void); int unprefixed(void) { return 1; }", "names: stun"),
    ("ice", "socket.c", "#include <stddef.h>\nint socket(int, int, int); int ice_open(void); int ice_open(void) { return socket(2, 2, 0); }", "links: ice"),
    ("rtp", "clock.c", "long time(long *); long rtp_now(void); long rtp_now(void) { return time(0); }", "links: rtp"),
    ("sdp", "print.c", "int puts(const char *); void sdp_say(void); void sdp_say(void) { puts(\"x\"); }", "links: sdp"),
    ("sctp", "thread.c", "int pthread_mutex_lock(void *); int sctp_lock(void *); int sctp_lock(void *m) { return pthread_mutex_lock(m); }", "links: sctp"),
    ("stun", "message.c", "int RAND_bytes(unsigned char *, int); int stun_r(unsigned char *b); int stun_r(unsigned char *b) { return RAND_bytes(b, 1); }",
     "links: stun: message.o uses RAND_bytes; only integrity.o"),
    ("dtls", "bio.c", "void *BIO_new_dgram(int, int); void *dtls_b(void); void *dtls_b(void) { return BIO_new_dgram(0, 0); }", "links: dtls"),
    ("ice", "sdp.c", "int sdp_parse(void); int ice_x(void); int ice_x(void) { return sdp_parse(); }", "links: ice"),
    ("rtp", "state.c", "static int counter; int rtp_count(void); int rtp_count(void) { return ++counter; }", "state: rtp"),
    ("rtp", "data.c", "int rtp_global = 5;", "state: rtp"),
    ("dtls", "local.c", "_Thread_local int dtls_here;", "state: dtls"),
    ("sdp", "include.c", "#include \"stun/message.h\"\n", "includes: sdp"),
    ("ice", "stdio.c", "#include <stdio.h>\n", "includes: ice"),
    ("ice", "private.c", "#include \"stun/bytes_internal.h\"\n", "includes: ice"),
    ("sdp", "asan.c", "extern const int sdp_table[2]; const int sdp_table[2] = {1, 2}; /* sanitized */", None),
    ("peer", "signal.c", "#include \"signaling/message.h\"\n", "includes: peer"),
]
FOLDERS = {"peer": "app/peer"}


def run(library, file_name, source):
    with tempfile.TemporaryDirectory() as root:
        folder = os.path.join(root, FOLDERS.get(library, library))
        build = os.path.join(root, "build")
        os.makedirs(folder)
        os.makedirs(build)
        path = os.path.join(folder, file_name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(source + "\n")
        if "#include \"" not in source:
            obj = os.path.join(build, file_name.replace(".c", ".o"))
            subprocess.run(["gcc", "-O1", "-fno-builtin", *(["-fsanitize=address"] if "/* sanitized */" in source else []), "-c", "-o", obj, path], check=True)
            subprocess.run(["ar", "rcs", os.path.join(build, f"libstrata-{library}.a"), obj], check=True)
        done = subprocess.run([os.path.join(HERE, "check_layers.py"), build, root], cwd=root, check=False,
                              stdout=subprocess.PIPE, universal_newlines=True)
        return done.returncode, done.stdout


def main():
    failed = 0
    for library, file_name, source, expected in CANARIES:
        code, output = run(library, file_name, source)
        seen = any(line.startswith(expected) for line in output.splitlines()) if expected else code == 0
        if not seen or (code == 0) != (expected is None):
            failed += 1
            print(f"FAIL {library}/{file_name}: expected {expected or 'no complaint'}, got:\n{output}")
    print(f"layers canaries: {len(CANARIES) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
