//! `abide agent run`: in the foreground, and what its service runs.

use std::net::SocketAddr;
use std::sync::mpsc;

use abide_agent::Agent;

use super::Scene;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Serves until a signal ends it.
pub fn run(scene: &Scene, http: Option<SocketAddr>, printer: &Printer) -> Result<Exit, Failure> {
    let (told, ends) = mpsc::channel();
    // Before any thread: a signal that comes early is not lost. Not by the loop of supervisors, which reaps every child: the
    // agent runs the tools of service managers.
    ctrlc::set_handler(move || {
        // Told once is enough.
        let _ = told.send(());
    })
    .map_err(|error| Failure::new(Exit::Failed, format!("signals cannot be waited for: {error}")))?;
    let agent = Agent::start(scene.settings(http)?)?;
    printer.note(format!("serving at {}", scene.places.endpoint.display()));
    if let Some(address) = agent.http() {
        printer.note(format!(
            "serving the dashboard and the API at http://{address} to holders of tokens (`abide agent token create NAME`)"
        ));
    }
    ends.recv().map_err(|_| Failure::new(Exit::Failed, "the handler of signals has ended"))?;
    Ok(Exit::Ok)
}
