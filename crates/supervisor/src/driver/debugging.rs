//! Switching verbosity while a program runs: what is kept of its output, and what it writes.

use std::sync::mpsc::Sender;

use abide_lifecycle::{Cause, Event, State};
use abide_os::probe;
use abide_spec::{Act, HttpRequest};

use super::{Driver, Message, RELOAD_PATIENCE, SMALL_STACK, Task};
use crate::control::{Answer, Refusal};
use crate::service::Kept;

impl Driver {
    /// Switches, and answers `reply` once the program was told, or could not be.
    pub(super) fn debug(&mut self, index: usize, on: bool, reply: Option<Sender<Answer>>) {
        let service = &mut self.services[index];
        service.debug = on;
        service.output.lift_filter(on);
        service.dirty = true;
        service.switching.extend(reply.map(|reply| (on, reply)));
        let act = service.spec.debug.as_ref().map(|debug| if on { &debug.on } else { &debug.off }).cloned();
        let done = match act {
            Some(Act::Signal(signal)) => service.signal(&signal),
            Some(Act::Command(command)) => {
                match self.help(index, &command, Task::Debug { on }, RELOAD_PATIENCE) {
                    Ok(()) => return,
                    Err(why) => Err(why),
                }
            }
            Some(Act::Env(env)) => {
                service.debug_env = env;
                if matches!(service.machine.state(), State::Running { .. } | State::Starting { .. }) {
                    self.deliver(index, Event::Restart(Cause::Debug));
                }
                Ok(())
            }
            Some(Act::Http(request)) => match self.send(index, on, request) {
                Ok(()) => return,
                Err(why) => Err(why),
            },
            None => Ok(()),
        };
        self.switched(index, on, done);
    }

    /// Sends the request from a thread of its own: the program may take its time to answer.
    fn send(&mut self, index: usize, on: bool, request: HttpRequest) -> Result<(), String> {
        let remote = self.events.remote();
        let thread = std::thread::Builder::new().stack_size(SMALL_STACK).spawn(move || {
            remote.send(Message::Switched { service: index, on, result: told(&request) });
        });
        thread.map(drop).map_err(|error| format!("no thread to send the request from: {error}"))
    }

    /// The program was told, or could not be.
    pub(super) fn switched(&mut self, index: usize, on: bool, done: Result<(), String>) {
        let word = if on { "on" } else { "off" };
        let service = &mut self.services[index];
        let replies: Vec<_> = service.switching.extract_if(.., |(wanted, _)| *wanted == on).collect();
        let name = service.spec.name.clone();
        match done {
            Ok(()) => {
                service.keep(Kept::Note(format!("debug was switched {word}")));
                replies.iter().for_each(|(_, reply)| self.answer(index, reply, format!("debug is {word}")));
            }
            Err(why) => {
                service.keep(Kept::Note(format!("debug could not be switched {word}: {why}")));
                let kept = match (service.spec.logs.level, on) {
                    (None, _) => "",
                    (Some(_), true) => "everything it writes is kept meanwhile; ",
                    (Some(_), false) => "only its usual lines are kept again; ",
                };
                let refusal = Refusal::new(
                    format!("{name} could not be told that debug is {word}: {why}"),
                    format!("{kept}see `debug.{word}` in its spec, then try again"),
                );
                for (_, reply) in replies {
                    // Whoever asked may have gone; then nobody needs the answer.
                    let _ = reply.send(Answer::Error(refusal.clone()));
                }
            }
        }
    }
}

/// Sends a request; an answer of 200 to 299 is good.
fn told(request: &HttpRequest) -> Result<(), String> {
    let what = format!("{} {}", request.method, request.url);
    match probe::send(request) {
        Ok(200..300) => Ok(()),
        Ok(status @ (401 | 403)) => Err(format!(
            "{what} was answered {status}: the program wants a login, which a request of a spec has not"
        )),
        Ok(status @ (404 | 405)) => {
            Err(format!("{what} was answered {status}: the program knows no such URL or method"))
        }
        Ok(status) => Err(format!("{what} was answered {status}")),
        Err(error) => Err(format!("{what}: {error}")),
    }
}
