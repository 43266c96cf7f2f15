//! Loki's push API, against VictoriaLogs, which takes it.

use std::path::Path;
use std::process::Command;

use abide_machine::{Report, run, wait_for};
use serde_json::Value;

use crate::component::{Component, SOON, port, tool};
use crate::sample::{self, later, same, taken};

pub fn all(report: &mut Report) {
    let program = match tool("victorialogs") {
        Ok(program) => program,
        Err(why) => return report.not_here("VictoriaLogs, which takes what Loki takes", &why),
    };
    report.check("all that a program prints is there, in order, with its labels", || arrives(&program));
    report.check("a store that is killed is told, and gets the batch when it is back", || outage(&program));
}

fn store(program: &str, folder: &Path, port: u16) -> Result<Component, String> {
    let mut command = Command::new(program);
    command.arg(format!("-storageDataPath={}", folder.join("data").display()));
    command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
    // A line of 300 KB is more than it takes by itself.
    command.arg("-insert.maxLineSizeBytes=1048576");
    Component::start(&mut command, &[port])
}

fn sink(port: u16) -> String {
    format!("kind = \"loki\"\nurl = \"http://127.0.0.1:{port}/insert\"\nlabels = {{ site = \"a\" }}")
}

/// What is there, in the order of its times.
fn rows(port: u16) -> Result<Vec<Value>, String> {
    let url = format!("http://127.0.0.1:{port}/select/logsql/query");
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "30", &url, "-d", "query=* | sort by (_time)"]);
    let output = run(&mut curl, SOON).map_err(|error| error.to_string())?;
    Ok(output.text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn arrives(program: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let port = port();
    let _store = store(program, folder.path(), port)?;
    let lines = sample::lines(sample::now());
    taken(sample::open(&sink(port))?.send(&sample::batch(&lines, true)))?;
    // The long line comes in two parts.
    let expected = lines.len() + 2;
    wait_for(SOON, || rows(port).is_ok_and(|rows| rows.len() >= expected));
    let rows = rows(port)?;
    if rows.len() != expected {
        return Err(format!("{} came: {rows:.300?}", rows.len()));
    }
    let mut rows = rows.iter();
    for line in &lines {
        let mut body = String::new();
        loop {
            let row = rows.next().ok_or("there is less than was sent")?;
            let text = |key: &str| row[key].as_str().unwrap_or_default();
            body += text("_msg");
            let right = text("service_name") == sample::SERVICE
                && text("host") == sample::HOST
                && text("env") == "test"
                && text("site") == "a"
                && text("stream") == line.stream.name()
                && text("level") == line.level.map_or("", |level| level.name())
                && text("host_id") == "0123abc"
                && text("service_version") == "1.2";
            if !right {
                return Err(format!("a line came as {row:.600}"));
            }
            if text("part").is_empty() || text("part") == "2/2" {
                break;
            }
        }
        // What is no text cannot be kept there as it was.
        same("the line", body.as_bytes(), String::from_utf8_lossy(&line.body).as_bytes())?;
    }
    let event = rows.next().ok_or("there is no event")?;
    let right = event["_msg"] == sample::EVENT
        && event["stream"] == "events"
        && event["event_name"] == "abide.service.exited"
        && event["process_pid"] == "4711";
    if right { Ok(()) } else { Err(format!("the event came as {event}")) }
}

fn outage(program: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let port = port();
    let first = store(program, folder.path(), port)?;
    let mut sink = sample::open(&sink(port))?;
    taken(sink.send(&sample::single("before")))?;
    first.kill();
    later(sink.send(&sample::single("after")), &["/loki/api/v1/push"])?;
    let _second = store(program, folder.path(), port)?;
    taken(sink.send(&sample::single("after")))?;
    let came = wait_for(SOON, || rows(port).is_ok_and(|rows| rows.iter().any(|row| row["_msg"] == "after")));
    if came { Ok(()) } else { Err(format!("there is {:?}", rows(port))) }
}
