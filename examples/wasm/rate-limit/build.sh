#!/bin/sh
# Needs clang and lld 14 or later with the WebAssembly target (apt-get install clang-14 lld-14); no C library.
set -eu
cd "$(dirname "$0")"
clang="${CLANG:-$(command -v clang || command -v clang-14 || true)}"
[ -n "$clang" ] || { echo 'no clang: install it, or set CLANG' >&2; exit 77; }
"$clang" --target=wasm32 -std=c11 -Os -Wall -Wextra -Wno-unused-parameter -mbulk-memory -ffreestanding -nostdlib \
  -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=16384 -Wl,--stack-first limit.c -o limit.wasm
# the linker takes it for a program
chmod a-x limit.wasm
