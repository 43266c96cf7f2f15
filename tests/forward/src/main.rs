//! The sinks of the forwarder, tried against the real programs that take logs: what arrives is what was sent, whatever it is,
//! and outages, refusals and answers mean what they should.

mod answers;
mod certificates;
mod clickhouse;
mod component;
mod journald;
mod loki;
mod otlp;
mod receiver;
mod sample;
mod syslog;
mod wire;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use abide_machine::Report;

const USAGE: &str = "\
usage: abide-forward-tests [NAME]…

  answers, otlp, loki, clickhouse, syslog or journald (default: all of them)
  send-to-journal       sends the sample to this machine's journal: what the test of journald runs inside its machine";

const ALL: [&str; 6] = ["answers", "otlp", "loki", "clickhouse", "syslog", "journald"];

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

fn main() -> ExitCode {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names == ["send-to-journal"] {
        return match journald::send_here() {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        };
    }
    if names.is_empty() {
        names = ALL.map(str::to_owned).into();
    }
    if let Some(unknown) = names.iter().find(|name| !ALL.contains(&name.as_str())) {
        eprintln!("there is nothing named {unknown:?}\n\n{USAGE}");
        return ExitCode::from(2);
    }
    let mut report = Report::default();
    for name in &names {
        println!("── {name}");
        match name.as_str() {
            "answers" => answers::all(&mut report),
            "otlp" => otlp::all(&mut report),
            "loki" => loki::all(&mut report),
            "clickhouse" => clickhouse::all(&mut report),
            "syslog" => syslog::all(&mut report),
            _ => journald::all(&mut report),
        }
    }
    report.end("forward")
}
