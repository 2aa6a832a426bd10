#!/usr/bin/python3
"""Who may know whom, read from the archives and the sources; so that the picture of the house cannot rot.

Usage: check_layers.py BUILD_DIR [SOURCE_DIR]

For every library it holds four rules:
  names    every exported symbol carries the prefix of its folder
  links    every undefined symbol is pure libc, or comes from a library that the table allows: no socket, clock, thread, print
  state    no mutable global: nothing in .data, .bss or thread-local storage
  includes every #include is a header that the table allows
"""
import ctypes.util
import glob
import os
import re
import subprocess
import sys

# Functions of libc that compute and do nothing else (names as the compiler and _FORTIFY_SOURCE spell them).
PURE_LIBC = set("""
    memcpy memmove memset memcmp memchr memrchr strlen strnlen strcmp strncmp strchr strrchr strspn strcspn
    malloc calloc realloc free qsort bsearch abort llabs
    __memcpy_chk __memmove_chk __memset_chk __stack_chk_fail __assert_fail __explicit_bzero_chk explicit_bzero
    __errno_location __cpu_model _GLOBAL_OFFSET_TABLE_ log log2 log10 exp pow sqrt floor ceil lround fabs
""".split())
SANITIZER = re.compile(r"^__(asan|ubsan|lsan|sanitizer|tsan|gcov)_")
ODR_INDICATOR = "__odr_asan."      # AddressSanitizer writes one beside each exported global

PURE_HEADERS = {"assert.h", "limits.h", "stdalign.h", "stdbool.h", "stddef.h", "stdint.h", "stdlib.h", "string.h", "inttypes.h", "math.h", "errno.h"}

SOCKETS_OF_OPENSSL = re.compile(r"^(BIO_(new_)?(s_)?(socket|dgram|connect|accept|sock|fd|file|fp)\w*|BIO_\w*printf|ERR_print\w*|DTLSv1_listen|CRYPTO_THREAD_\w+)$")


class Library:
    def __init__(self, folder, prefixes, rooms=(), shared=(), headers=(), only_in=None, libc=False):
        self.folder = folder          # its sources
        self.prefixes = prefixes      # of what it exports
        self.rooms = rooms            # libraries of ours it may include and link
        self.shared = shared          # shared objects it may link
        self.headers = headers        # prefixes of system headers that come with those
        self.only_in = only_in        # the one object file that may use `shared`
        self.libc = libc              # may use all of libc (it holds sockets)


LIBRARIES = {
    "stun": Library("stun", ["stun_"], shared=["crypto"], headers=["openssl/"], only_in="integrity.o"),
    "ice": Library("ice", ["ice_"], rooms=["stun"]),
    "sdp": Library("sdp", ["sdp_"]),
    "dtls": Library("dtls", ["dtls_"], shared=["crypto", "ssl", "srtp2"], headers=["openssl/", "srtp2/"]),
    "rtp": Library("rtp", ["rtp_", "rtcp_"]),
    "sctp": Library("sctp", ["sctp_", "data_channel_"]),
    "signaling": Library("signaling", ["signaling_"], shared=["jansson"], headers=["jansson.h"]),
    "signaling-websocket": Library("signaling/websocket", ["signaling_"], rooms=["signaling"], shared=["websockets", "uv", "jansson"],
                                   headers=["libwebsockets.h", "uv.h", "jansson.h"], libc=True),
    "peer": Library("app/peer", ["peer_"], rooms=["ice", "stun", "sdp", "dtls", "rtp", "sctp"]),
}


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout


def symbols(archive):
    """Yields (object, section, binding, name) of every symbol; the section is "*UND*" for an undefined one."""
    name_of_object = None
    for line in output_of("objdump", "-t", archive).splitlines():
        member = re.match(r"^(\S+\.o):\s+file format", line)
        if member:
            name_of_object = member.group(1)
            continue
        entry = re.match(r"^[0-9a-f]{8,16} (.{7}) (\S+)\s+[0-9a-f]+\s+(?:\.hidden )?(\S+)$", line)
        if entry and not entry.group(3).startswith(ODR_INDICATOR):
            yield name_of_object, entry.group(2), entry.group(1), entry.group(3)


def is_exported(section, binding):
    return section != "*UND*" and binding[0] in "gu!"


def exported_by_shared(name):
    """The dynamic symbols of a system library, or None when it is not installed."""
    found = ctypes.util.find_library(name)
    if not found:
        return None
    for line in output_of("ldconfig", "-p").splitlines():
        entry = line.split()
        if entry and entry[0] == found:
            table = output_of("nm", "-D", "--defined-only", "--format=posix", entry[-1])
            return {symbol.split("@")[0].split()[0] for symbol in table.splitlines() if symbol}
    return None


def check_archive(name, library, build, problems):
    archive = os.path.join(build, f"libstrata-{name}.a")
    if not os.path.exists(archive):
        if glob.glob(os.path.join(library.folder, "*.c")):
            problems.append(f"{name}: {archive} is missing")
        return
    own, allowed = set(), set()
    for room in library.rooms:
        path = os.path.join(build, f"libstrata-{room}.a")
        if os.path.exists(path):
            allowed |= {s for _, section, binding, s in symbols(path) if is_exported(section, binding)}
    system = set()
    for shared in library.shared:
        found = exported_by_shared(shared)
        if found is None:
            problems.append(f"{name}: lib{shared} is not installed, so its symbols cannot be checked")
            return
        system |= found
    table = list(symbols(archive))
    for obj, section, binding, symbol in table:
        if is_exported(section, binding):
            own.add(symbol)
            if not any(symbol.startswith(p) for p in library.prefixes):
                problems.append(f"names: {name}: {obj} exports {symbol}, which lacks the prefix {' or '.join(library.prefixes)}")
        is_state = re.match(r"^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)", section) and not section.startswith(".data.rel.ro")
        if is_state and binding[6] in "O " and not symbol.startswith(".") and not re.match(r"^(\.L|__asan)", symbol) and not library.libc:
            problems.append(f"state: {name}: {obj} holds the mutable global {symbol} in {section}")
    if library.libc:
        return
    for obj, section, _, symbol in table:
        if section != "*UND*" or symbol in own or symbol in allowed or symbol in PURE_LIBC or SANITIZER.match(symbol):
            continue
        if symbol in system and not SOCKETS_OF_OPENSSL.match(symbol):
            if library.only_in and obj != library.only_in:
                problems.append(f"links: {name}: {obj} uses {symbol}; only {library.only_in} may use lib{' lib'.join(library.shared)}")
            continue
        problems.append(f"links: {name}: {obj} uses {symbol}, which is neither pure libc nor in a library that {name} may link")


def check_includes(name, library, root, problems):
    folders = {LIBRARIES[room].folder for room in library.rooms} | {library.folder}
    for path in sorted(glob.glob(os.path.join(root, library.folder, "*.[ch]"))):
        with open(path, encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                include = re.match(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
                if not include:
                    continue
                kind, header = include.groups()
                if kind == '"':
                    fine = os.path.dirname(header) in folders
                    fine = fine and not (header.endswith("_internal.h") and os.path.dirname(header) != library.folder)
                else:
                    fine = header in PURE_HEADERS or any(header.startswith(h) for h in library.headers) or library.libc
                if not fine:
                    problems.append(f"includes: {name}: {path}:{number} includes {header}")


def main(build, root="."):
    problems = []
    for name, library in LIBRARIES.items():
        check_archive(name, library, build, problems)
        check_includes(name, library, root, problems)
    for problem in problems:
        print(problem)
    print(f"check-layers: {len(LIBRARIES)} libraries, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
