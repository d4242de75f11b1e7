#!/bin/sh
# Needs the project's own wabt (npm ci).
set -eu
cd "$(dirname "$0")"
PATH="$PWD/../../../node_modules/.bin:$PATH"
command -v wat2wasm >/dev/null || { echo 'no wat2wasm: run npm ci' >&2; exit 77; }
wat2wasm policy.wat -o policy.wasm
