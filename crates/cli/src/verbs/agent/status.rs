//! `abide agent status`: whether it runs, and where it can be reached.

use std::io::{Read, Write};
use std::time::Duration;

use serde::Deserialize;

use super::Scene;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{GOOD, Printer};
use crate::shown;

/// How long an agent may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// What the agent says of itself.
#[derive(Deserialize)]
struct Health {
    version: String,
    pid: u32,
    started: String,
    services: usize,
    http: Option<String>,
}

/// Asks it.
pub fn run(scene: &Scene, json: bool, printer: &Printer) -> Result<Exit, Failure> {
    let body = ask(scene)?;
    if json {
        let value: serde_json::Value =
            serde_json::from_slice(&body).map_err(|error| garbled(&error.to_string()))?;
        printer.json(&value)?;
        return Ok(Exit::Ok);
    }
    let health: Health = serde_json::from_slice(&body).map_err(|error| garbled(&error.to_string()))?;
    printer.data(format!("{GOOD}●{GOOD:#} agent {}, process {}", health.version, health.pid))?;
    let line = |label: &str, told: String| printer.data(format!("{label:>10}: {told}"));
    line("Since", shown::local(&health.started))?;
    line("Services", health.services.to_string())?;
    line("Endpoint", scene.places.endpoint.display().to_string())?;
    line("HTTP", health.http.unwrap_or_else(|| "off (`--http` turns it on)".into()))?;
    Ok(Exit::Ok)
}

/// The body of its answer.
fn ask(scene: &Scene) -> Result<Vec<u8>, Failure> {
    let path = &scene.places.endpoint;
    let mut connection = match abide_os::endpoint::connect(path, PATIENCE) {
        Ok(connection) => connection,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Err(Failure::new(Exit::NotRunningStatus, "no agent runs here")
                .hint("`abide agent run` runs one, `abide agent install` makes it a service"));
        }
        Err(error) => {
            let failure = Failure::io(format!("the agent at {} cannot be asked", path.display()), &error);
            return Err(match failure.exit {
                Exit::Permission => failure.hint(crate::failure::as_administrator()),
                _ => failure,
            });
        }
    };
    let broken = |error| Failure::io("the agent did not finish its answer", &error);
    // The older version of the protocol: one answer, whole, and the connection ends with it.
    connection.write_all(b"GET /v1/health HTTP/1.0\r\nHost: localhost\r\n\r\n").map_err(broken)?;
    let mut answer = Vec::new();
    connection.take(LONGEST).read_to_end(&mut answer).map_err(broken)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(|| garbled("no head"))?;
    if !answer.starts_with(b"HTTP/1.0 200") && !answer.starts_with(b"HTTP/1.1 200") {
        return Err(garbled(&String::from_utf8_lossy(&answer[..end.min(80)])));
    }
    Ok(answer.split_off(end + 4))
}

fn garbled(why: &str) -> Failure {
    Failure::new(
        Exit::Failed,
        format!("the agent answered something else than expected: {}", crate::text::plain(why)),
    )
}
