//! `abide agent run`: in the foreground, and what its service runs.

use std::net::SocketAddr;

use abide_agent::Agent;
use abide_os::events::{Happening, Loop, OsSignal, Signals};

use super::Scene;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Serves until a signal ends it.
pub fn run(scene: &Scene, http: Option<SocketAddr>, printer: &Printer) -> Result<Exit, Failure> {
    // Before any thread: a signal that comes early is not lost.
    let cannot = |error| Failure::io("signals cannot be waited for", &error);
    let mut events: Loop<()> = Loop::new(Signals::Handle).map_err(cannot)?;
    let agent = Agent::start(scene.settings(http)?)?;
    printer.note(format!("serving at {}", scene.places.endpoint.display()));
    if let Some(address) = agent.http() {
        printer.note(format!(
            "serving the dashboard and the API at http://{address} to holders of tokens (`abide agent token create NAME`)"
        ));
    }
    loop {
        let happening = events.wait(None).map_err(cannot)?;
        if let Happening::Signal(OsSignal::Terminate | OsSignal::Interrupt | OsSignal::Quit) = happening {
            return Ok(Exit::Ok);
        }
    }
}
