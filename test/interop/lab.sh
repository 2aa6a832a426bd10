#!/bin/bash
# Builds one laboratory, runs a command in its home hA, takes it down. The command's exit code.
#
# Usage: lab.sh KIND COMMAND...     KIND: lan, or two homes behind NATs of that kind (docs/lab.md). The command has INTEROP_LAB, INTEROP_LAB_KIND and
#                                   INTEROP_LAB_LOG in its environment (run.js)
set -euo pipefail
cd "$(dirname "$0")/../.."
. test/lab/net.sh
. test/lab/topology.sh
. test/lab/servers.sh
kind=$1
shift
LAB_PREFIX=strata-lab-$$
LAB_LOG=$PWD/${INTEROP_OUTPUT:-build/interop}/lab-$kind
LAB_BUILD=${INTEROP_BUILD:-build/release}
rm -rf "$LAB_LOG"
mkdir -p "$LAB_LOG"
case $kind in
lan) LAB_LAN=1 lab_build port-restricted port-restricted ;;
*) lab_build "$kind" "$kind" ;;
esac
lab_certificates
lab_coturn_configuration >"$LAB_LOG/turnserver.conf"
export INTEROP_LAB=$LAB_PREFIX INTEROP_LAB_KIND=$kind INTEROP_LAB_LOG=$LAB_LOG
code=0
lab_exec hA "$@" || code=$?
lab_down
exit "$code"
