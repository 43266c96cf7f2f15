//! `abide forward run`: in the foreground, and what its service runs.

use std::sync::Arc;
use std::time::Duration;

use abide_forward::Forwarder;
use abide_forward::config::Config;
use abide_forward::engine::StartError;
use abide_forward::sinks;
use abide_os::events::{Happening, Loop, OsSignal, Signals};

use super::{Scene, host};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::printer::Printer;

/// How long what is on its way at a stop is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Forwards until a signal ends it.
pub fn run(scene: &Scene, printer: &Printer) -> Result<Exit, Failure> {
    let mut config = scene.config()?;
    // Before any thread: a signal that comes early is not lost.
    let mut events: Loop<()> =
        Loop::new(Signals::Handle).map_err(|error| Failure::io("signals cannot be waited for", &error))?;
    let mut forwarder = start(scene, &config, printer)?;
    loop {
        let happening =
            events.wait(None).map_err(|error| Failure::io("signals cannot be waited for", &error))?;
        match happening {
            Happening::Signal(OsSignal::Hangup) => match scene.config() {
                Ok(new) if new == config => printer.note("the configuration has not changed"),
                Ok(new) => {
                    stop(forwarder, printer);
                    config = new;
                    forwarder = start(scene, &config, printer)?;
                }
                // What runs goes on as it was.
                Err(failure) => printer.failure(&failure),
            },
            Happening::Signal(OsSignal::Terminate | OsSignal::Interrupt | OsSignal::Quit) => {
                stop(forwarder, printer);
                return Ok(Exit::Ok);
            }
            _ => {}
        }
    }
}

fn start(scene: &Scene, config: &Config, printer: &Printer) -> Result<Forwarder, Failure> {
    let opener = Arc::new(sinks::open);
    let report = Arc::new(|sink: &abide_spec::Name, text: &str| {
        // Each by itself, also where several sinks speak at once.
        eprintln!("{sink}: {}", crate::text::plain(text));
    });
    let forwarder = Forwarder::start(config, &scene.places(), &host(config), opener, report)?;
    let sinks: Vec<String> =
        config.sinks.iter().map(|sink| format!("{} ({})", sink.name, sink.kind)).collect();
    printer.note(format!("forwarding {} to {}", scene.layout.logs.display(), sinks.join(", ")));
    Ok(forwarder)
}

fn stop(forwarder: Forwarder, printer: &Printer) {
    if !forwarder.stop(PATIENCE) {
        printer.warning("a sink did not answer in time: what was on its way may arrive twice");
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let told = error.to_string();
        match error {
            StartError::Busy(_) => Self::new(Exit::Failed, told)
                .hint("`abide forward status` shows how it fares, `abide stop abide-forward` stops the installed one"),
            StartError::Place { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                Self::new(Exit::Permission, told).hint(failure::as_administrator())
            }
            _ => Self::new(Exit::Failed, told),
        }
    }
}
