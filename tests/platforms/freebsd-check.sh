#!/usr/bin/env bash
# Type-checks the FreeBSD code on Linux. It is checked, not run: no linker and no FreeBSD are needed.
#
#   freebsd-check.sh [CARGO-ARGUMENTS…]        default: --workspace
. "$(dirname "$0")/common.sh"

TARGET=x86_64-unknown-freebsd
. "$HERE/second-toolchain.sh"

if rustup target list --installed 2>/dev/null </dev/null | grep -qx "$TARGET"; then
  cargo=(cargo)
else
  second_toolchain
fi
# Libraries in C are not compiled: nothing is linked here.
export CC_x86_64_unknown_freebsd=true AR_x86_64_unknown_freebsd=true
[ $# -gt 0 ] || set -- --workspace
cd "$REPO"
exec "${cargo[@]}" check --target "$TARGET" "$@" </dev/null
