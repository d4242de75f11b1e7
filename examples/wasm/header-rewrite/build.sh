#!/bin/sh
# Needs AssemblyScript 0.28 (npm install -g assemblyscript@0.28); ASC names its compiler if it is not in the path.
set -eu
cd "$(dirname "$0")"
asc="${ASC:-asc}"
command -v "$asc" >/dev/null || { echo 'no AssemblyScript: set ASC to its compiler' >&2; exit 77; }
# the source is not named .ts, lest it be taken for TypeScript; the compiler wants it so
folder="$(mktemp -d)"
trap 'rm -r "$folder"' EXIT
cp rewrite.as "$folder/rewrite.ts"
"$asc" "$folder/rewrite.ts" --runtime stub --use abort= -O3 --shrinkLevel 2 -o rewrite.wasm
