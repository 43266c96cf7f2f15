//! The `abide` command.

fn main() -> std::process::ExitCode {
    abide_cli::main()
}
