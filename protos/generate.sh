#!/usr/bin/env bash
# Writes the Python stubs beside the .proto files, or into the folder given: generate.sh [FOLDER]
# Needs an environment with grpcio-tools and mypy-protobuf; `make protos` makes one.
set -euo pipefail
cd "$(dirname "$0")"
out=${1:-.}
python -m grpc_tools.protoc --proto_path=. --python_out="$out" --grpc_python_out="$out" \
  --mypy_out="readable_stubs:$out" --mypy_grpc_out="$out" visum/v1/*.proto
