#!/bin/sh
# Needs Rust 1.85 or later with the target (rustup target add wasm32-wasip1).
set -eu
cd "$(dirname "$0")"
command -v cargo >/dev/null || { echo 'no cargo: install Rust' >&2; exit 77; }
[ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-wasip1" ] || { echo 'no wasm32-wasip1: rustup target add wasm32-wasip1' >&2; exit 77; }
target="$(mktemp -d)"
trap 'rm -r "$target"' EXIT
# what panics say names files: with paths of this machine the module would not come out the same elsewhere
RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo --remap-path-prefix=$PWD=." \
  cargo build --locked --quiet --release --target wasm32-wasip1 --target-dir "$target"
cp "$target/wasm32-wasip1/release/body_rewrite.wasm" rewrite.wasm
chmod a-x rewrite.wasm
