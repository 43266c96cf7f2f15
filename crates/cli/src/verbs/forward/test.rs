//! `abide forward test`: one record to one sink.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use abide_forward::sink::{Batch, Event, SendError, Service, Uid};
use abide_forward::sinks;
use abide_logs::{Level, Stream};
use abide_spec::Name;

use super::{Scene, host};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{GOOD, Printer};
use crate::shown;

/// Sends it, and says what became of it.
pub fn run(scene: &Scene, name: &Name, printer: &Printer) -> Result<Exit, Failure> {
    let config = scene.config()?;
    let Some(sink) = config.sinks.iter().find(|sink| sink.name == *name) else {
        let known: Vec<&str> = config.sinks.iter().map(|sink| sink.name.as_str()).collect();
        return Err(Failure::new(Exit::NotInstalled, format!("there is no sink `{name}`")).hint(format!(
            "{} has {}",
            scene.shown().display(),
            known.join(", ")
        )));
    };
    let host = host(&config);
    let mut opened =
        sinks::open(sink, &host).map_err(|error| Failure::new(Exit::BadSpec, error.to_string()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    let service = Arc::new(Service {
        name: "abide-forward".into(),
        version: Some(env!("CARGO_PKG_VERSION").into()),
        instance: format!("{}/abide-forward", host.id.as_deref().unwrap_or(&host.name)),
    });
    let text = format!("a test by `abide forward test {name}` on {}", host.name);
    let uid = |origin| Uid { origin, file: u64::from(std::process::id()), offset: time };
    let mut batch = Batch::new(host.clone());
    if sink.takes(Stream::Stdout) || sink.takes(Stream::Stderr) {
        batch.push_output(&service, Stream::Stdout, time, Some(Level::Info), text.as_bytes(), uid('o'));
    } else {
        let event = Event { kind: "test".into(), record: serde_json::json!({ "kind": "test" }) };
        batch.push_event(&service, event, time, Some(Level::Info), &text, uid('v'));
    }
    let begun = Instant::now();
    match opened.send(&batch) {
        Ok(sent) if sent.rejected == 0 => {
            let took = shown::span(begun.elapsed());
            printer.data(format!("{GOOD}{name}{GOOD:#} took a record in {took}: {text}"))?;
            Ok(Exit::Ok)
        }
        Ok(sent) => {
            let why = sent.why.unwrap_or_else(|| "it did not tell why".into());
            Err(Failure::new(Exit::Failed, format!("{name} refused the record: {why}")))
        }
        Err(SendError::Reject { why }) => {
            Err(Failure::new(Exit::Failed, format!("{name} refused the record: {why}")))
        }
        Err(SendError::Retry { why, .. }) => Err(Failure::new(Exit::Failed, format!("{name}: {why}"))
            .hint("once it is there, `abide forward run` sends it everything: nothing is lost until then")),
    }
}
