#!/usr/bin/env bash
# Type-checks the macOS code on Linux. It is checked, not run: no linker and no macOS are needed.
#
#   macos-check.sh [CARGO-ARGUMENTS…]          default: --workspace
. "$(dirname "$0")/common.sh"

TARGET=aarch64-apple-darwin
. "$HERE/second-toolchain.sh"

if rustup target list --installed 2>/dev/null </dev/null | grep -qx "$TARGET"; then
  cargo=(cargo)
else
  second_toolchain
fi
# Libraries in C are not compiled: nothing is linked here.
export CC_aarch64_apple_darwin=true AR_aarch64_apple_darwin=true
[ $# -gt 0 ] || set -- --workspace
cd "$REPO"
exec "${cargo[@]}" check --target "$TARGET" "$@" </dev/null
