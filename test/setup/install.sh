#!/bin/bash
# Installs the Debian packages that are missing, and nothing else. No service is started on the host.
#
# Usage: install.sh GROUP...     build | check | demo | browsers | peers
set -euo pipefail

group_packages() {
    case "$1" in
    build) echo gcc make pkg-config libc6-dev libssl-dev libsrtp2-dev libopus-dev libvpx-dev libyuv-dev libogg-dev libjansson-dev \
                libwebsockets-dev libuv1-dev libasound2-dev ;;
    check) echo libcmocka-dev libusrsctp-dev clang libclang-rt-14-dev llvm binutils python3 ffmpeg iproute2 dbus avahi-daemon avahi-utils ;;
    demo) echo iproute2 nftables ethtool iputils-ping coturn openssl alsa-utils ffmpeg python3 python3-numpy procps ;;
    browsers) echo chromium firefox-esr pulseaudio nodejs npm ca-certificates ;;
    peers) echo python3-aiortc python3-numpy golang-go golang-github-pion-webrtc.v3-dev python3-gst-1.0 gir1.2-gst-plugins-base-1.0 gir1.2-gst-plugins-bad-1.0 \
                gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-nice janus ffmpeg ;;
    *) echo "install.sh: no group named $1 (build, check, demo, browsers, peers)" >&2; return 64 ;;
    esac
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# node and npm may come from elsewhere than Debian's packages.
is_present() {
    case "$1" in
    nodejs) command -v node >/dev/null || is_installed nodejs ;;
    npm) command -v npm >/dev/null || is_installed npm ;;
    *) is_installed "$1" ;;
    esac
}

missing=()
for group in "$@"; do
    packages=$(group_packages "$group")
    for package in $packages; do
        is_present "$package" || missing+=("$package")
    done
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "Missing packages: ${missing[*]}" >&2
    echo "Only root can install them. Try: sudo apt-get install ${missing[*]}" >&2
    exit 77
fi
echo "Installing: ${missing[*]}"

# coturn and janus start a service when they are installed; policy-rc.d says no, and is gone again afterwards.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "apt-get could not install: ${missing[*]}. Is the network there, and are Debian's main packages in sources.list?" >&2
    rm -f "$log"
    exit 69
fi
rm -f "$log"
