# shellcheck shell=bash
# Debian's rustc with the source of its standard library: for targets that the first toolchain has no library for.

# Sets the array `cargo` and exports what the second toolchain needs.
second_toolchain() {
  local source
  [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ] ||
    fail "no Windows or macOS library in the first toolchain and no second one; run tests/platforms/packages.sh windows"
  source=$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library
  [ -d "$source" ] || fail "the source of the standard library is missing; run tests/platforms/packages.sh windows"
  # -Z flags of a stable toolchain, for building its own standard library only.
  export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=${ABIDE_SECOND_TARGET_DIR:-$REPO/target/debian}
  unset RUSTUP_TOOLCHAIN RUSTC_WRAPPER
  cargo=(/usr/bin/cargo -Zbuild-std=std,panic_abort,panic_unwind)
}
