//! Asking programs whether they are ready and healthy.

use std::time::Instant;

use super::{Driver, Message, SMALL_STACK, Task};
use crate::checks::{self, CheckId, Report, Work};
use crate::service::Kept;

impl Driver {
    pub(super) fn check(&mut self, index: usize, id: CheckId, work: Work) {
        let run = self.services[index].run;
        let result = match work {
            Work::Command { command, timeout } => {
                match self.help(index, &command, Task::Check { id, run }, timeout) {
                    Ok(()) => return,
                    Err(message) => Err(message),
                }
            }
            Work::Silence { limit } => {
                let service = &self.services[index];
                let newest = service.output.newest().max(service.checks.health_began());
                checks::silence(newest, limit, Instant::now())
            }
            Work::Known(result) => result,
            Work::Blocking(question) => {
                let remote = self.events.remote();
                let thread = std::thread::Builder::new().stack_size(SMALL_STACK).spawn(move || {
                    let result = checks::ask(&question);
                    remote.send(Message::Probed(Report { service: index, run, id, result }));
                });
                match thread {
                    Ok(_) => return,
                    Err(error) => Err(format!("no thread for the probe: {error}")),
                }
            }
        };
        self.probed(Report { service: index, run, id, result });
    }

    pub(super) fn probed(&mut self, report: Report) {
        let index = report.service;
        let service = &mut self.services[index];
        if report.run != service.run {
            return;
        }
        if service.debug {
            service.keep(Kept::Note(report.sentence()));
        }
        service.checks.take(report.id, report.result, Instant::now());
        self.conclude_checks(index);
    }

    pub(super) fn conclude_checks(&mut self, index: usize) {
        while let Some(event) = self.services[index].checks.conclusion() {
            self.deliver(index, event);
        }
    }
}
