//! OTLP, against a collector that passes on what it has understood.

use std::io::Read;
use std::process::Command;

use abide_machine::{Report, wait_for};
use prost::Message;

use crate::component::{Component, SOON, port, tool};
use crate::receiver::Receiver;
use crate::sample::{self, later, same, taken};
use crate::wire::{Export, LogRecord, attribute};

pub fn all(report: &mut Report) {
    let agent = match tool("rotel") {
        Ok(agent) => agent,
        Err(why) => return report.not_here("a collector", &why),
    };
    report.check("all that a program prints passes through a collector", || arrives(&agent, "none"));
    report.check("the same, compressed by gzip", || arrives(&agent, "gzip"));
    report.check("a collector that is killed is told, and gets the batch when it is back", || outage(&agent));
}

fn collector(agent: &str, port: u16, to: u16, folder: &std::path::Path) -> Result<Component, String> {
    let mut command = Command::new(agent);
    let address = |port: u16| format!("127.0.0.1:{port}");
    command.args(["start", "--exporter", "otlp", "--otlp-exporter-protocol", "http"]);
    command.args(["--otlp-exporter-compression", "none", "--batch-timeout", "50ms"]);
    command
        .args(["--otlp-http-endpoint", &address(port)])
        .args(["--otlp-grpc-endpoint", &address(super::component::port())]);
    command.args(["--otlp-exporter-endpoint", &format!("http://127.0.0.1:{to}")]);
    command.arg("--pid-file").arg(folder.join("pid")).arg("--log-file").arg(folder.join("log"));
    Component::start(&mut command, &[port])
}

/// What has come out of the collector.
fn records(receiver: &Receiver) -> Result<Vec<LogRecord>, String> {
    let mut all = Vec::new();
    for asked in receiver.asked() {
        // It compresses whatever it is told.
        let mut body = Vec::new();
        match asked.header("content-encoding") {
            Some("gzip") => {
                let mut plain = flate2::read::GzDecoder::new(&asked.body[..]);
                plain.read_to_end(&mut body).map_err(|error| error.to_string())?;
            }
            _ => body = asked.body,
        }
        let export = Export::decode(&body[..]).map_err(|error| error.to_string())?;
        for resource in export.resources {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let known = [
                ("service.name", sample::SERVICE),
                ("service.version", "1.2"),
                ("service.instance.id", "orders-1"),
                ("host.name", sample::HOST),
                ("host.id", "0123abc"),
                ("os.type", "linux"),
                ("team", "blue"),
            ];
            for (key, value) in known {
                if attribute(&attributes, key) != Some(value) {
                    return Err(format!("{key} is {:?}", attribute(&attributes, key)));
                }
            }
            all.extend(resource.scopes.into_iter().flat_map(|scope| scope.records));
        }
    }
    Ok(all)
}

fn arrives(agent: &str, compress: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (receiver, port) = (Receiver::start(None)?, port());
    let _collector = collector(agent, port, receiver.port, folder.path())?;
    let url = format!("kind = \"otlp\"\nurl = \"http://127.0.0.1:{port}\"\ncompress = \"{compress}\"");
    let lines = sample::lines(sample::now());
    taken(sample::open(&url)?.send(&sample::batch(&lines, true)))?;
    wait_for(SOON, || records(&receiver).is_ok_and(|records| records.len() > lines.len()));
    let got = records(&receiver)?;
    if got.len() != lines.len() + 1 {
        return Err(format!("{} records came", got.len()));
    }
    for (line, record) in lines.iter().zip(&got) {
        let body = record.body.clone().unwrap_or_default();
        // What is no text has to come as bytes, and nothing else may.
        let body = match (body.text, body.bytes) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(bytes)) if std::str::from_utf8(&bytes).is_err() => bytes,
            other => return Err(format!("the body is {other:?}")),
        };
        same("the body", &body, &line.body)?;
        let severity = line.level.map_or(0, |level| 1 + 4 * level as i32);
        let text = line.level.map(|level| level.name().to_uppercase()).unwrap_or_default();
        let stream = attribute(&record.attributes, "log.iostream");
        if (record.time, record.severity, &record.severity_text, stream)
            != (line.time, severity, &text, Some(line.stream.name()))
        {
            return Err(format!("{record:?}"));
        }
    }
    let event = &got[lines.len()];
    let pid = event.attributes.iter().find(|pair| pair.key == "process.pid");
    let pid = pid.and_then(|pair| pair.value.as_ref()?.whole);
    // The collector of these tests knows nothing of event names yet.
    if event.body.as_ref().and_then(|body| body.text.as_deref()) == Some(sample::EVENT) && pid == Some(4711) {
        Ok(())
    } else {
        Err(format!("the event came as {event:?}"))
    }
}

fn outage(agent: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (receiver, port) = (Receiver::start(None)?, port());
    let first = collector(agent, port, receiver.port, folder.path())?;
    let mut sink = sample::open(&format!("kind = \"otlp\"\nurl = \"http://127.0.0.1:{port}\""))?;
    taken(sink.send(&sample::single("before")))?;
    first.kill();
    later(sink.send(&sample::single("after")), &["/v1/logs"])?;
    let _second = collector(agent, port, receiver.port, folder.path())?;
    taken(sink.send(&sample::single("after")))?;
    let came = |text: &str| {
        records(&receiver).is_ok_and(|records| {
            records
                .iter()
                .any(|record| record.body.as_ref().is_some_and(|body| body.text.as_deref() == Some(text)))
        })
    };
    if wait_for(SOON, || came("after")) { Ok(()) } else { Err("it did not come".into()) }
}
