#!/bin/sh
# `npm test`, after check and build: both projects at once, since one computes while the other waits for servers.
# Arguments go to both: `npm test -- test/core` takes the files below test/core from either.
[ $# -gt 0 ] && set -- --passWithNoTests "$@"
vitest run --project unit "$@" &
unit=$!
vitest run --project stack "$@"
stack=$?
wait "$unit" && exit "$stack"
