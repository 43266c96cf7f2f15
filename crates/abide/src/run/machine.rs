//! What is done when: a pure state machine. Time comes in from outside, so that every deadline is tested in simulated
//! time.
//!
//! ```text
//! starting ─▶ running ⇄ paused ─▶ stopping ─▶ ended
//! ```
//!
//! The program's own thread does one call at a time; what is asked for meanwhile waits, but for a stop, whose deadline
//! runs from the moment at which it was asked for.

use std::time::{Duration, Instant};

use crate::{Abilities, Level, Stop, StopReason};

/// What the machine is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// The call came back.
    Called(Result<(), String>),
    /// The program says that it is ready.
    Ready,
    /// The program's function or future has come to its end.
    Finished(Result<(), String>),
    /// The program asks for its own end.
    StopItself,
    /// A part of the program failed.
    Failed(String),
    /// It is to stop.
    Stop(StopReason),
    /// It is to rest. True: at a terminal, whose shell is given back once it does.
    Pause(bool),
    /// It is to go on.
    Continue,
    /// It is to read its settings again.
    Reload,
}

/// What the program is called for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Call {
    Start,
    Stop(Stop),
    Pause,
    Resume,
    Reload,
}

/// What is told to the service manager.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tell {
    Starting(Duration),
    Ready,
    Paused,
    Continued,
    Reloading,
    Stopping(Duration),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Call(Call),
    Tell(Tell),
    /// Tells all stop tokens.
    Token(Stop),
    Log(Level, String),
    /// Stops this process until it is continued, as Ctrl-Z does.
    Suspend,
    /// Ends the process.
    End(u8),
}

/// What the machine goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) abilities: Abilities,
    /// Whether the program is ready when its start has returned; else it says so.
    pub(crate) ready_by_start: bool,
    pub(crate) start_timeout: Duration,
    pub(crate) stop_timeout: Duration,
    /// The exit code when the program ends by itself, in good order.
    pub(crate) own_end: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Starting,
    Running,
    Paused,
    Stopping,
    Ended,
}

/// Exit code of a program that failed.
pub(crate) const FAILED: u8 = 1;
/// Exit code of a program that was ended by a second Ctrl-C, as shells count it.
const INTERRUPTED: u8 = 130;

#[derive(Debug)]
pub(crate) struct Machine {
    settings: Settings,
    state: State,
    /// The call that the program's thread is in, and since when.
    call: Option<(Call, Instant)>,
    /// When patience is over.
    due: Option<Instant>,
    stop: Option<Stop>,
    /// How the process ends.
    code: u8,
    /// What was asked for during a call. The last word counts.
    next: Option<Event>,
    /// Whether the shell gets its terminal back when the program rests.
    suspend: bool,
}

impl Machine {
    /// Begins.
    pub(crate) fn begin(settings: Settings, now: Instant) -> (Self, Vec<Action>) {
        let mut machine = Self {
            settings,
            state: State::Starting,
            call: None,
            due: now.checked_add(settings.start_timeout),
            stop: None,
            code: 0,
            next: None,
            suspend: false,
        };
        let mut actions = vec![Action::Tell(Tell::Starting(settings.start_timeout))];
        machine.call(Call::Start, now, &mut actions);
        (machine, actions)
    }

    /// When [`Self::due`] is to be called next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due
    }

    /// For how long the program has been in a call other than starting and stopping, which have deadlines.
    pub(crate) fn busy(&self, now: Instant) -> Duration {
        match self.call {
            Some((Call::Pause | Call::Resume | Call::Reload, since)) => now.saturating_duration_since(since),
            _ => Duration::ZERO,
        }
    }

    /// A moment has come.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.due.is_none_or(|due| now < due) {
            return actions;
        }
        let text = match (self.state, self.settings.ready_by_start) {
            (State::Starting, true) => format!(
                "start has not returned within {}; it must begin the work and return, not do it",
                shown(self.settings.start_timeout)
            ),
            (State::Starting, false) => {
                format!("not ready within {}: `ready` was not called", shown(self.settings.start_timeout))
            }
            _ => format!("not stopped within {}; ending without it", shown(self.settings.stop_timeout)),
        };
        actions.push(Action::Log(Level::Error, text));
        self.end(FAILED, &mut actions);
        actions
    }

    /// Something has happened.
    pub(crate) fn on(&mut self, event: Event, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.state == State::Ended {
            return actions;
        }
        match event {
            Event::Called(result) => self.called(result, now, &mut actions),
            Event::Ready => self.ready(&mut actions),
            Event::Finished(result) => self.finished(result, &mut actions),
            Event::StopItself => {
                if self.stop.is_none() {
                    self.code = self.settings.own_end;
                }
                self.stop(StopReason::Program, now, &mut actions);
            }
            Event::Failed(why) => {
                actions.push(Action::Log(Level::Error, why));
                self.code = FAILED;
                self.stop(StopReason::Program, now, &mut actions);
            }
            Event::Stop(reason) => self.stop(reason, now, &mut actions),
            Event::Pause(_) | Event::Continue | Event::Reload if self.call.is_some() => {
                self.next = Some(event)
            }
            Event::Pause(_) | Event::Continue | Event::Reload => self.wish(&event, now, &mut actions),
        }
        actions
    }

    fn call(&mut self, call: Call, now: Instant, actions: &mut Vec<Action>) {
        self.call = Some((call, now));
        actions.push(Action::Call(call));
    }

    fn ready(&mut self, actions: &mut Vec<Action>) {
        if self.state == State::Starting {
            self.state = State::Running;
            self.due = None;
            actions.push(Action::Tell(Tell::Ready));
        }
    }

    fn called(&mut self, result: Result<(), String>, now: Instant, actions: &mut Vec<Action>) {
        let Some((call, _)) = self.call.take() else { return };
        let failed = result.is_err();
        if let Err(why) = result {
            let what = match call {
                Call::Start => "cannot start",
                Call::Stop(_) => "cannot stop in good order",
                Call::Pause => "cannot pause",
                Call::Resume => "cannot go on",
                Call::Reload => "cannot read the settings again; going on with the old ones",
            };
            actions.push(Action::Log(Level::Error, format!("{what}: {why}")));
        }
        match call {
            Call::Start if failed => return self.end(FAILED, actions),
            Call::Stop(_) => {
                let code = if failed { FAILED } else { self.code };
                return self.end(code, actions);
            }
            Call::Start if self.settings.ready_by_start && self.stop.is_none() => self.ready(actions),
            Call::Start => {}
            Call::Pause if !failed => self.state = self.unless_stopping(State::Paused),
            Call::Resume if !failed => self.state = self.unless_stopping(State::Running),
            Call::Pause | Call::Resume | Call::Reload => {}
        }
        if let Some(stop) = self.stop {
            return self.call(Call::Stop(stop), now, actions);
        }
        if call != Call::Start {
            self.tell_state(call, actions);
        }
        if call == Call::Pause && !failed && self.suspend {
            actions.push(Action::Suspend);
        }
        if let Some(event) = self.next.take() {
            self.wish(&event, now, actions);
        }
    }

    fn unless_stopping(&self, state: State) -> State {
        if self.state == State::Stopping { State::Stopping } else { state }
    }

    fn tell_state(&self, after: Call, actions: &mut Vec<Action>) {
        actions.push(Action::Tell(match self.state {
            State::Paused => Tell::Paused,
            _ if after == Call::Reload => Tell::Ready,
            _ => Tell::Continued,
        }));
    }

    /// A wish that comes while the program is in no call.
    fn wish(&mut self, event: &Event, now: Instant, actions: &mut Vec<Action>) {
        match (event, self.state) {
            (Event::Pause(suspend), State::Running) if self.settings.abilities.can_pause() => {
                self.suspend = *suspend;
                self.call(Call::Pause, now, actions);
            }
            (Event::Continue, State::Paused) => self.call(Call::Resume, now, actions),
            (Event::Reload, State::Running | State::Paused) if self.settings.abilities.can_reload() => {
                actions.push(Action::Tell(Tell::Reloading));
                self.call(Call::Reload, now, actions);
            }
            (Event::Reload, State::Running | State::Paused) => {
                actions.push(Action::Log(Level::Info, "has no settings to read again".into()));
            }
            // Whoever asked for what is so already, or cannot be, sees what is.
            (_, State::Running) => actions.push(Action::Tell(Tell::Continued)),
            (_, State::Paused) => actions.push(Action::Tell(Tell::Paused)),
            // A function that is not ready yet hears of it later.
            (_, State::Starting) => {}
            (_, State::Stopping | State::Ended) => {}
        }
    }

    fn finished(&mut self, result: Result<(), String>, actions: &mut Vec<Action>) {
        // Whoever stops waits for this in its call.
        if self.state == State::Stopping {
            return;
        }
        let code = match result {
            Ok(()) => self.settings.own_end,
            Err(why) => {
                actions.push(Action::Log(Level::Error, why));
                FAILED
            }
        };
        self.end(code, actions);
    }

    fn stop(&mut self, reason: StopReason, now: Instant, actions: &mut Vec<Action>) {
        if let Some(stop) = self.stop {
            let again = [stop.reason, reason] == [StopReason::Interrupted; 2];
            if again {
                actions.push(Action::Log(Level::Warning, "ended at once by a second Ctrl-C".into()));
                self.end(INTERRUPTED, actions);
            }
            return;
        }
        let deadline = now.checked_add(self.settings.stop_timeout);
        let stop = Stop { reason, deadline: deadline.unwrap_or(now) };
        self.stop = Some(stop);
        self.state = State::Stopping;
        self.due = deadline;
        self.next = None;
        actions.push(Action::Token(stop));
        actions.push(Action::Tell(Tell::Stopping(self.settings.stop_timeout)));
        if self.call.is_none() {
            self.call(Call::Stop(stop), now, actions);
        }
    }

    fn end(&mut self, code: u8, actions: &mut Vec<Action>) {
        self.state = State::Ended;
        self.due = None;
        actions.push(Action::End(code));
    }
}

fn shown(time: Duration) -> abide_spec::Duration {
    abide_spec::Duration(time)
}
