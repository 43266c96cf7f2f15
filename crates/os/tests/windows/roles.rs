//! What this executable does when a test starts it as a program: `role NAME ARGS…`.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use windows_sys::Win32::System::Console::{GetConsoleWindow, SetConsoleCtrlHandler};

/// What a role's name is preceded by on the command line.
pub const ROLE: &str = "role";

static EVENT: AtomicU32 = AtomicU32::new(u32::MAX);

unsafe extern "system" fn on_event(event: u32) -> i32 {
    EVENT.store(event, Ordering::SeqCst);
    1
}

/// Plays the role that the command line asks for and ends; does nothing when it asks for none.
pub fn play() {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_none_or(|first| first != ROLE) {
        return;
    }
    let role = args.next().unwrap_or_default();
    let code = match role.to_str().unwrap_or_default() {
        "arguments" => {
            for arg in args {
                println!("{arg:?}");
            }
            0
        }
        "environment" => {
            for (name, value) in std::env::vars_os() {
                println!("{name:?}={value:?}");
            }
            0
        }
        "input" => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            println!("{read:?}");
            // SAFETY: takes nothing and gives a handle that is only compared.
            println!("window {}", !unsafe { GetConsoleWindow() }.is_null());
            0
        }
        "exit" => args.next().and_then(|code| code.to_str()?.parse::<i64>().ok()).unwrap_or(0) as i32,
        "sleep" => {
            println!("sleeping");
            std::thread::sleep(Duration::from_secs(60));
            0
        }
        "listen" => {
            // SAFETY: the handler is a function that lives as long as the process.
            unsafe { SetConsoleCtrlHandler(Some(on_event), 1) };
            println!("listening");
            loop {
                let event = EVENT.load(Ordering::SeqCst);
                if event != u32::MAX {
                    println!("event {event}");
                    break 40 + event as i32;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        // Leaves a child behind that holds its output.
        "leave" => {
            let own = std::env::current_exe().expect("own path");
            let child = std::process::Command::new(own).args([ROLE, "sleep"]).spawn().expect("child");
            println!("left {}", child.id());
            std::mem::forget(child);
            3
        }
        // Ends when its child does.
        "parent" => {
            let own = std::env::current_exe().expect("own path");
            let mut child = std::process::Command::new(own).args([ROLE, "sleep"]).spawn().expect("child");
            println!("parent of {}", child.id());
            let _ = child.wait();
            0
        }
        "chatter" => {
            let line = [b'x'; 1000];
            while std::io::stdout().write_all(&line).is_ok() {}
            0
        }
        "eat" => {
            let mut eaten = Vec::new();
            for count in 1..=256 {
                let mut more: Vec<u8> = Vec::new();
                if more.try_reserve_exact(1 << 20).is_err() {
                    println!("no more than {} MiB", count - 1);
                    break;
                }
                more.resize(1 << 20, 1);
                eaten.push(more);
            }
            9
        }
        other => panic!("there is no role {other:?}"),
    };
    std::process::exit(code);
}
