#!/usr/bin/env bash
# Fails where the committed stubs differ from those that the .proto files give.
set -euo pipefail
cd "$(dirname "$0")"
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
./generate.sh "$fresh" 2>/dev/null
status=0
for stub in "$fresh"/visum/v1/*; do
  diff -q "$stub" "visum/v1/$(basename "$stub")" || status=1
done
for stub in visum/v1/*_pb2*; do
  [ -e "$fresh/$stub" ] || { echo "$stub has no .proto file"; status=1; }
done
[ $status -eq 0 ] || echo "the stubs are not those of the .proto files: run make protos" >&2
exit $status
