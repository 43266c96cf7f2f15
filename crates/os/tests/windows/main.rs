//! The Windows side as programs see it: this executable starts itself as the program, in many roles. Away from
//! Windows there is nothing here to run.
//!
//! Without the usual harness, because the helper that sends console events is this executable too, and because one
//! process can have one loop.

// All of it is tests, which clippy can't see without their attribute.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(windows)]
mod endpoints;
#[cfg(windows)]
mod programs;
#[cfg(windows)]
mod roles;
#[cfg(windows)]
mod services;
#[cfg(windows)]
mod tasks;

fn main() {
    #[cfg(windows)]
    {
        if let Some(code) = abide_os::console::run_as_helper() {
            std::process::exit(code);
        }
        roles::play();
        services::serve();
        tasks::serve();
        let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
        let mut failed = Vec::new();
        let tests = programs::TESTS.iter().chain(endpoints::TESTS).chain(services::TESTS).chain(tasks::TESTS);
        for (name, test) in tests {
            if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
                continue;
            }
            print!("test {name} ... ");
            let passed = std::panic::catch_unwind(test).is_ok();
            println!("{}", if passed { "ok" } else { "FAILED" });
            if !passed {
                failed.push(*name);
            }
        }
        if !failed.is_empty() {
            println!("failed: {}", failed.join(", "));
            std::process::exit(1);
        }
    }
}
