#!/bin/sh
# Needs Go 1.24 or later.
set -eu
cd "$(dirname "$0")"
command -v go >/dev/null || { echo 'no go: install Go' >&2; exit 77; }
GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o auth.wasm .
