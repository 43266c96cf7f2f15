//! Answering control clients.

use std::sync::mpsc::{self, Sender};

use abide_lifecycle::{Cause, Event, State};
use abide_os::endpoint::Connection;
use abide_os::events::{EndpointId, Remote};

use super::{Driver, Message, REQUEST_PATIENCE, SMALL_STACK};
use crate::control::{self, Answer, Done, Refusal, Verb};
use crate::goal::{Goal, Waiter};

impl Driver {
    pub(super) fn connected(&mut self, endpoint: EndpointId, connection: Connection) {
        let Some(&service) = self.endpoints.get(&endpoint) else { return };
        let remote = self.events.remote();
        let client = self.clients.clone();
        // Without a thread to spare the client sees its connection closed, and says so.
        let _ = std::thread::Builder::new().stack_size(SMALL_STACK).spawn(move || {
            serve(connection, &remote, service);
            drop(client);
        });
    }

    pub(super) fn request(&mut self, index: usize, verb: Verb, reply: Sender<Answer>) {
        let run = self.services[index].run;
        let goal = match verb {
            Verb::Status => return self.answer(index, &reply, String::new()),
            Verb::Rotate => {
                self.services[index].rotate();
                return self.answer(index, &reply, "new log files are begun".into());
            }
            Verb::Debug { on } => return self.debug(index, on, Some(reply)),
            Verb::Reload => return self.request_reload(index, &reply),
            Verb::Start | Verb::Restart if self.ending.is_some() => {
                let _ = reply.send(Answer::Error(Refusal::plain("everything is being stopped")));
                return;
            }
            Verb::Start => {
                self.services[index].waiting = false;
                self.deliver(index, Event::Start);
                Goal::Started
            }
            Verb::Restart => {
                self.services[index].waiting = false;
                self.deliver(index, Event::Restart(Cause::User));
                Goal::Restarted { run }
            }
            Verb::Stop => {
                self.services[index].waiting = false;
                self.services[index].held = true;
                self.deliver(index, Event::Stop);
                Goal::Stopped { run }
            }
            Verb::Pause => {
                self.deliver(index, Event::Pause);
                Goal::Paused
            }
            Verb::Continue => {
                self.deliver(index, Event::Continue);
                Goal::Continued
            }
        };
        if matches!(verb, Verb::Start | Verb::Restart) {
            self.services[index].held = false;
        }
        self.services[index].waiters.push(Waiter { goal, reply });
        self.services[index].dirty = true;
    }

    pub(super) fn request_reload(&mut self, index: usize, reply: &Sender<Answer>) {
        let service = &self.services[index];
        let name = &service.spec.name;
        let refusal = if service.spec.reload.is_none() {
            Refusal::new(
                format!("{name} has no reload action"),
                "add [reload] to its spec, or use `abide restart`",
            )
        } else if !matches!(service.machine.state(), State::Running { .. }) {
            Refusal::new(
                format!("{name} is {}", service.machine.state().name()),
                format!("`abide start {name}` starts it"),
            )
        } else {
            self.deliver(index, Event::Reload);
            return self.answer(index, reply, "the program was told to reload".into());
        };
        let _ = reply.send(Answer::Error(refusal));
    }

    pub(super) fn answer(&self, index: usize, reply: &Sender<Answer>, text: String) {
        let status = self.services[index].status();
        // Whoever asked may have gone; then nobody needs the answer.
        let _ = reply.send(Answer::Done(Box::new(Done { text, status })));
    }
}

/// Serves one control connection on its own thread.
fn serve(mut connection: Connection, remote: &Remote<Message>, service: usize) {
    if !connection.peer_is_allowed() || connection.set_timeout(REQUEST_PATIENCE).is_err() {
        return;
    }
    let verb = match control::read_request(&mut connection) {
        Ok(verb) => verb,
        Err(refusal) => {
            let _ = control::write_line(&mut connection, &Answer::Error(refusal));
            return;
        }
    };
    let (reply, answers) = mpsc::channel();
    remote.send(Message::Request { service, verb, reply });
    for answer in answers {
        let last = !matches!(answer, Answer::Progress(_));
        if control::write_line(&mut connection, &answer).is_err() || last {
            return;
        }
    }
}
