//! ClickHouse: the real engine, behind a small server that passes on what it is asked.

use std::path::Path;
use std::process::Command;

use abide_machine::Report;
use serde_json::Value;

use crate::component::{Component, port, tool};
use crate::sample::{self, later, same, taken};

/// The table as OpenTelemetry's exporter made it until 2026.
const OLD: &str = "CREATE TABLE otel_logs (
    Timestamp DateTime64(9), TimestampTime DateTime DEFAULT toDateTime(Timestamp), TraceId String, SpanId String,
    TraceFlags UInt8, SeverityText LowCardinality(String), SeverityNumber UInt8, ServiceName LowCardinality(String),
    Body String, ResourceSchemaUrl LowCardinality(String), ResourceAttributes Map(LowCardinality(String), String),
    ScopeSchemaUrl LowCardinality(String), ScopeName String, ScopeVersion LowCardinality(String),
    ScopeAttributes Map(LowCardinality(String), String), LogAttributes Map(LowCardinality(String), String),
    INDEX idx_body Body TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
) ENGINE = MergeTree PARTITION BY toDate(TimestampTime) PRIMARY KEY (ServiceName, TimestampTime)
ORDER BY (ServiceName, TimestampTime, Timestamp)";

pub fn all(report: &mut Report) {
    let python = match tool("clickhouse") {
        Ok(python) => python,
        Err(why) => return report.not_here("the engine of ClickHouse", &why),
    };
    let try_in = |report: &mut Report, name: &str, tried: &dyn Fn(&str, &Path) -> Result<(), String>| {
        report.check(name, || {
            let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
            tried(&python, folder.path())
        });
    };
    try_in(report, "all that a program prints is in the older table", &|python, folder| {
        let (_engine, port) = engine(python, folder, port(), &[])?;
        query(port, OLD)?;
        arrives(port, "compress = \"none\"")
    });
    try_in(
        report,
        "and in the newer one, which it makes; a batch sent twice is there once",
        &|python, folder| {
            let (_engine, port) = engine(python, folder, port(), &[])?;
            arrives(port, "create-table = true\ncompress = \"zstd\"")
        },
    );
    try_in(report, "a missing table, and one that is not ours, are told", &missing);
    try_in(report, "name and password are sent, and their refusal is told", &login);
    try_in(report, "an engine that is killed is told, and gets the batch when it is back", &outage);
}

fn engine(python: &str, folder: &Path, port: u16, login: &[&str]) -> Result<(Component, u16), String> {
    let script = crate::root().join("tests/forward/clickhouse.py");
    let mut command = Command::new(python);
    command.arg(script).arg(folder).arg(port.to_string()).args(login);
    Ok((Component::start(&mut command, &[port])?, port))
}

/// Asks the engine by the sink's own way: a body without a query is the query.
fn query(port: u16, text: &str) -> Result<String, String> {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "60", "--data-binary", text, &format!("http://127.0.0.1:{port}/")]);
    let output = abide_machine::run(&mut curl, crate::component::SOON).map_err(|error| error.to_string())?;
    let text = output.text();
    if output.ok() && !text.starts_with("Code: ") {
        Ok(text)
    } else {
        Err(format!("{text}{}", output.errors()))
    }
}

fn settings(port: u16, more: &str) -> String {
    format!("kind = \"clickhouse\"\nurl = \"http://127.0.0.1:{port}\"\n{more}")
}

fn arrives(port: u16, more: &str) -> Result<(), String> {
    let lines = sample::lines(sample::now());
    let batch = sample::batch(&lines, true);
    let mut sink = sample::open(&settings(port, more))?;
    taken(sink.send(&batch))?;
    if more.contains("create-table") {
        taken(sink.send(&batch))?;
    }
    let rows = query(
        port,
        "SELECT hex(Body) AS body, toUnixTimestamp64Nano(Timestamp) AS time, SeverityText AS level, SeverityNumber AS number, \
         ServiceName AS service, LogAttributes AS log, ResourceAttributes AS resource FROM otel_logs ORDER BY Timestamp \
         FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 1",
    )?;
    let rows: Vec<Value> = rows.lines().filter_map(|row| serde_json::from_str(row).ok()).collect();
    if rows.len() != lines.len() + 1 {
        return Err(format!("{} rows came", rows.len()));
    }
    for (line, row) in lines.iter().zip(&rows) {
        let hex: String = line.body.iter().map(|byte| format!("{byte:02X}")).collect();
        same("the body", row["body"].as_str().unwrap_or_default().as_bytes(), hex.as_bytes())?;
        let level = line.level.map(|level| level.name().to_uppercase()).unwrap_or_default();
        let number = line.level.map_or(0, |level| 1 + 4 * level as u64);
        let right = row["time"].as_str() == Some(line.time.to_string().as_str())
            && row["level"] == level
            && row["number"] == number
            && row["service"] == sample::SERVICE
            && row["log"]["log.iostream"] == line.stream.name()
            && row["resource"]["host.name"] == sample::HOST
            && row["resource"]["team"] == "blue";
        if !right {
            return Err(format!("a row came as {}", row["log"]));
        }
    }
    let event = &rows[lines.len()];
    if event["log"]["process.pid"] == "4711" && event["log"]["abide.exit"] == "{\"code\":3}" {
        Ok(())
    } else {
        Err(format!("the event came as {event}"))
    }
}

fn missing(python: &str, folder: &Path) -> Result<(), String> {
    let (_engine, port) = engine(python, folder, port(), &[])?;
    let mut sink = sample::open(&settings(port, ""))?;
    later(sink.send(&sample::single("a")), &["there is no table `otel_logs`", "create-table = true"])?;
    query(port, "CREATE TABLE otel_logs (id UInt64) ENGINE = Memory")?;
    later(sink.send(&sample::single("a")), &["no column Timestamp"])?;
    query(port, "DROP TABLE otel_logs")?;
    query(port, OLD)?;
    taken(sink.send(&sample::single("a")))
}

fn login(python: &str, folder: &Path) -> Result<(), String> {
    let (_engine, port) = engine(python, folder, port(), &["me", "s3cret"])?;
    let file = folder.join("password");
    std::fs::write(&file, "wrong\n").map_err(|error| error.to_string())?;
    let more = format!("create-table = true\nuser = \"me\"\npassword-file = \"{}\"", file.display());
    let mut sink = sample::open(&settings(port, &more))?;
    later(sink.send(&sample::single("a")), &["Authentication failed"])?;
    // It is read again.
    std::fs::write(&file, "s3cret\n").map_err(|error| error.to_string())?;
    taken(sink.send(&sample::single("a")))
}

fn outage(python: &str, folder: &Path) -> Result<(), String> {
    let (first, port) = engine(python, folder, port(), &[])?;
    query(port, OLD)?;
    let mut sink = sample::open(&settings(port, ""))?;
    taken(sink.send(&sample::single("before")))?;
    first.kill();
    later(sink.send(&sample::single("after")), &["127.0.0.1"])?;
    let _second = engine(python, folder, port, &[])?;
    taken(sink.send(&sample::single("after")))?;
    let bodies = query(port, "SELECT Body FROM otel_logs ORDER BY Body FORMAT TabSeparated")?;
    if bodies == "after\nbefore\n" { Ok(()) } else { Err(format!("there is {bodies:?}")) }
}
