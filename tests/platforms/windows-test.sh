#!/usr/bin/env bash
# Builds the tests of packages for Windows and runs them in a Wine prefix that is up (wine.sh serve NAME).
#
#   windows-test.sh NAME CARGO-ARGUMENTS…
. "$(dirname "$0")/common.sh"
. "$HERE/second-toolchain.sh"

TARGET=x86_64-pc-windows-gnu
name=$1
shift
if rustup target list --installed 2>/dev/null </dev/null | grep -qx "$TARGET"; then
  cargo=(cargo)
else
  second_toolchain
  # The test harness is a part of the standard library too.
  cargo=("${cargo[@]/std,/std,test,}")
fi
need_tool x86_64-w64-mingw32-gcc windows
# Files are slow here, and the same cases are tried natively.
export PROPTEST_CASES=${PROPTEST_CASES:-32}
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER="$HERE/wine.sh exec $name"
cd "$REPO"
exec "${cargo[@]}" test -q --no-fail-fast --target "$TARGET" "$@" </dev/null
