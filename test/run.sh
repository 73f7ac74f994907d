#!/bin/sh
# `npm test`, after check and build: unit, scheme, stack and clusters at once, since some compute while the others wait for
# servers. Arguments go to all: `npm test -- test/core` takes the files below test/core from any.
# At the end comes once more what failed in any, and their summaries.
# Some of its tests do not reach all of the scheme.
coverage=--coverage
[ $# -gt 0 ] && coverage= && set -- --passWithNoTests "$@"
[ -t 1 ] && export FORCE_COLOR=1
logs=$(mktemp -d) || exit
trap 'rm -r "$logs"' EXIT
trap 'kill "$unit" "$scheme" "$stack" "$clusters" 2> /dev/null; wait; exit 143' HUP INT TERM

# First, since all need it, and two Mavens at once would get in each other's way.
node --input-type=module --eval '
  import { resolveClasspath } from "./dist/demo/cluster/classpath.js";
  await resolveClasspath({ onProgress: (line) => console.error(line) });
' || exit 1

start() {
  project=$1
  shift
  mkfifo "$logs/$project.fifo"
  tee "$logs/$project" < "$logs/$project.fifo" &
  vitest run --project "$project*" "$@" > "$logs/$project.fifo" 2>&1 &
}
start unit "$@"
unit=$!
start scheme $coverage "$@"
scheme=$!
start stack "$@"
stack=$!
start clusters "$@"
clusters=$!

failed=0
wait "$unit" || failed=1
wait "$scheme" || failed=1
wait "$stack" || failed=1
wait "$clusters" || failed=1
wait # for what they have said
if [ "$(cat "$logs/unit" "$logs/scheme" "$logs/stack" "$logs/clusters" | grep -c "^No test files found")" = 4 ]; then
  echo "$0: no project has a test file of that name" >&2
  exit 1
fi
for project in unit scheme stack clusters; do
  printf '\n== %s\n' "$project"
  awk '/Failed Tests|Failed Suites|Test Files|ERROR: Coverage/ { found = 1 } found' "$logs/$project"
done
exit "$failed"
