//! The journal of systemd, on a machine of its own.

use std::path::Path;

use abide_machine::{Kind, Machine, Report, install, run, wait_for};
use serde_json::Value;

use crate::component::SOON;
use crate::sample::{self, same, taken};

const SENDER: &str = "/usr/local/bin/abide-forward-tests";

/// Lines have the same times whoever makes them.
const START: u64 = 1_790_000_000_000_000_000;

/// Runs inside the machine.
pub fn send_here() -> Result<(), String> {
    taken(sample::open("kind = \"journald\"")?.send(&sample::batch(&sample::lines(START), true)))
}

pub fn all(report: &mut Report) {
    let missing = ["debootstrap", "systemd-nspawn"].into_iter().find(|tool| {
        !std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .any(|folder| folder.join(tool).exists())
    });
    if let Some(tool) = missing {
        return report.not_here("a machine with systemd", &format!("{tool} is not installed"));
    }
    report.check("all that a program prints is in the journal, and a long line too", arrives);
    report.check("no journal is told", || {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let url = format!("kind = \"journald\"\nurl = \"unix://{}/none\"", folder.path().display());
        sample::later(sample::open(&url)?.send(&sample::single("a")), &["no journal listens there"])
    });
}

fn arrives() -> Result<(), String> {
    let machine = Machine::boot(&crate::root(), Kind::Systemd, "forward")?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    install(&own, &machine.outside(SENDER), "strip")?;
    let sent = run(machine.exec(SENDER).arg("send-to-journal"), SOON).map_err(|error| error.to_string())?;
    if !sent.ok() {
        return Err(sent.all());
    }
    let lines = sample::lines(START);
    let mut rows = Vec::new();
    wait_for(SOON, || {
        rows = journal(&machine);
        rows.len() > lines.len()
    });
    if rows.len() != lines.len() + 1 {
        return Err(format!("{} entries came", rows.len()));
    }
    for (line, row) in lines.iter().zip(&rows) {
        same("the entry", &bytes(&row["MESSAGE"]), &line.body)?;
        let priority = match line.level {
            Some(abide_logs::Level::Fatal) => "2",
            Some(abide_logs::Level::Error) => "3",
            Some(abide_logs::Level::Warn) => "4",
            Some(abide_logs::Level::Debug | abide_logs::Level::Trace) => "7",
            _ => "6",
        };
        let time = row["ABIDE_TIME"].as_str().unwrap_or_default();
        let right = row["PRIORITY"] == priority
            && row["ABIDE_SERVICE"] == sample::SERVICE
            && row["ABIDE_STREAM"] == line.stream.name()
            && row["ABIDE_RESOURCE_TEAM"] == "blue"
            && time.ends_with(&format!(".{:09}Z", line.time % 1_000_000_000));
        if !right {
            return Err(format!("an entry came as {row:.900}"));
        }
    }
    let event = &rows[lines.len()];
    let right = event["MESSAGE"] == sample::EVENT
        && event["ABIDE_EVENT"] == "exited"
        && event["MESSAGE_ID"].is_string();
    if right { Ok(()) } else { Err(format!("the event came as {event}")) }
}

/// A field that is no text comes as its bytes.
fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Array(bytes) => bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect(),
        _ => Vec::new(),
    }
}

fn journal(machine: &Machine) -> Vec<Value> {
    let journalctl = Path::new("/usr/bin/journalctl").display().to_string();
    let mut command = machine.exec(&journalctl);
    command.args(["--all", "-o", "json", "-t", sample::SERVICE, "--no-pager"]);
    let Ok(output) = run(&mut command, SOON) else { return Vec::new() };
    output.text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
