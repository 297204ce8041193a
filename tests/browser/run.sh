#!/bin/sh
# Drives the console in Chromium against a sandbox that this script starts and ends.
# COURANT names the program; without it, the debug build is made and used. With SCREENSHOTS=1 the
# pictures of docs/images are taken anew.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    apt-get install -y --no-install-recommends nodejs npm
fi
if [ ! -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
    apt-get install -y --no-install-recommends chromium
fi
npm ci --no-audit --no-fund --silent

if [ -z "${COURANT:-}" ]; then
    cargo build --quiet --manifest-path "$root/Cargo.toml" -p courant
    COURANT=$root/target/debug/courant
fi
export COURANT
exec timeout 300 node test.mjs
