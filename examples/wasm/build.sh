#!/bin/sh
# Builds the modules of all examples anew. What has no toolchain here is skipped, and said so.
set -eu
cd "$(dirname "$0")"
failed=0
for script in */build.sh; do
  name="$(dirname "$script")"
  status=0
  sh "$script" || status=$?
  case $status in
    0) echo "built    $name" ;;
    77) echo "SKIPPED  $name: its toolchain is missing" ;;
    *) echo "FAILED   $name" ; failed=1 ;;
  esac
done
exit $failed
