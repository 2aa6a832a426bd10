#!/bin/bash
# Debian's simple-whip-server, unpacked into FOLDER: the package wants Debian's own nodejs installed, and node may come from elsewhere.
#
# Usage: fetch.sh FOLDER
set -euo pipefail
folder=$1 name=simple-whip-server
[ ! -e "$folder/src/server.js" ] || exit 0
mkdir -p "$folder"
if [ -e "/usr/share/$name/src/server.js" ]; then
    cp -r "/usr/share/$name/." "$folder/"
    exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
cd "$scratch"
apt-get -q download "$name" >log 2>&1 || { apt-get update >>log 2>&1 && apt-get -q download "$name" >>log 2>&1; } || { cat log >&2; exit 69; }
dpkg-deb -x "$name"_*.deb .
cd - >/dev/null
cp -r "$scratch/usr/share/$name/." "$folder/"
