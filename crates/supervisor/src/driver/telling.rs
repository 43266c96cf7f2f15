//! Writing down and telling what happened.

use abide_os::link::ManagerKind;

use super::Driver;
use crate::status::Status;

impl Driver {
    /// Writes down what happened since the last call, and tells everybody who waits for it.
    pub(super) fn settle(&mut self) {
        self.outputs.settle();
        loop {
            self.stop_those_in_turn();
            self.start_those_in_turn();
            let Some(index) = self.services.iter().position(|service| service.dirty) else { break };
            let (told, status) = self.services[index].settle();
            if let Some(watch) = &self.watch {
                told.iter().for_each(|text| watch.event(&status.name, text));
                watch.status(&status);
            }
            self.tell_manager(index, &status);
        }
    }

    pub(super) fn tell_manager(&mut self, index: usize, status: &Status) {
        if self.manager == ManagerKind::Foreground {
            return;
        }
        self.link.text(status.why.as_deref().unwrap_or(&status.state));
        let patience = self.services[index].patience(self.now());
        match status.state.as_str() {
            "running" if status.ready => {
                self.told_ready = true;
                self.link.ready();
            }
            "running" => self.link.reloading(),
            "paused" => self.link.paused(),
            "stopping" if self.ending.is_some() => self.link.stopping(patience),
            // Once ready, a restart is the supervisor's own matter: the service goes on being started.
            _ if self.told_ready => {}
            "waiting" | "starting" | "backing-off" | "stopping" => self.link.starting(patience),
            _ => {}
        }
    }
}
