@echo off
rem Builds Abide and runs the hello example under it, in the foreground, with live status. Ctrl-C stops both services.
rem Needs only a Rust toolchain: https://rustup.rs
setlocal
cd /d "%~dp0.."
cargo build --release --locked -p abide-cli -p abide-examples || exit /b
if not defined CARGO_TARGET_DIR set "CARGO_TARGET_DIR=%CD%\target"
set "PATH=%CARGO_TARGET_DIR%\release;%PATH%"
if "%~1"=="" (abide up examples\hello) else (abide up %*)
