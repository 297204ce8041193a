#!/usr/bin/env bash
# Lets Schemathesis make up requests from the API's own description and looks for answers that are
# not as described. Usage: schemathesis.sh COURANT-BINARY [VENV]; seconds, bounded by its examples.
set -euo pipefail
binary=$(realpath "$1")
venv=$(realpath -m "${2:-$(dirname "$0")/../../target/schemathesis}")
[ -x "$venv/bin/schemathesis" ] || {
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check schemathesis==4.32.5
}
folder=$(mktemp -d)
"$binary" sandbox --listen 127.0.0.1:0 --data "$folder/data" \
    --set "account[sandbox].balance={currency='EUR',initial='100.00'}" >"$folder/out" 2>"$folder/log" &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null; wait "$sandbox" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 100); do
    url=$(sed -n 's/^ready //p' "$folder/out")
    [ -n "$url" ] && break
    sleep 0.1
done
[ -n "$url" ] || { cat "$folder/log" >&2; exit 1; }

# A stream of events has no end; tokens made and revoked at random would lock the run out; a
# backup is as large as the store; plans and scenarios that were given up are those of the
# configuration again, where something deleted is expected to be gone. Their tests are crates/courant/tests/it/admin.rs.
cd "$folder"
"$venv/bin/schemathesis" run "$url/api/v1/openapi.json" \
    --header "Authorization: Bearer sandbox" \
    --exclude-path /api/v1/events --exclude-path-regex '^/api/v1/tokens' --exclude-path /api/v1/backup \
    --exclude-operation-id resetPlans --exclude-operation-id removeScenario \
    --phases examples,coverage,fuzzing,stateful --max-examples "${EXAMPLES:-20}" --seed 1 \
    --suppress-health-check all --request-timeout 10 --no-color --generation-database none \
    "${@:3}"
