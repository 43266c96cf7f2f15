//! When to ask whether a program is ready and healthy, and what the answers amount to.
//!
//! Keeps the times and counts; asking is the driver's. One question of a kind is on its way at most.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use abide_lifecycle::Event;
use abide_spec::{Health, HttpUrl, Probe, Ready, Spec, TcpAddress};

/// Which check of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckId {
    /// The readiness check.
    Ready,
    /// A health check, by its place in the spec.
    Health(usize),
}

/// What is to be done for one question.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Run a command; ending with code 0 is good.
    Command {
        /// The command and its arguments.
        command: Vec<String>,
        /// After this long it is killed, and the answer is bad.
        timeout: Duration,
    },
    /// Look when output last came.
    Silence {
        /// Longer than this without output is bad.
        limit: Duration,
    },
    /// Ask something that may block, on a thread of its own.
    Blocking(Question),
    /// Already answered.
    Known(Result<(), String>),
}

/// A question that may block.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// GET a URL.
    Http(HttpUrl, Duration),
    /// Connect.
    Tcp(TcpAddress, Duration),
    /// Does the file exist?
    Exists(PathBuf),
    /// Was the file modified lately?
    Heartbeat(PathBuf, Duration),
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The service, by its place in the driver.
    pub service: usize,
    /// The run of the program that was asked about.
    pub run: u64,
    /// Which check.
    pub id: CheckId,
    /// Good, or what was seen.
    pub result: Result<(), String>,
}

impl Report {
    /// The answer in words.
    pub fn sentence(&self) -> String {
        let what = match self.id {
            CheckId::Ready => "the readiness check".to_owned(),
            CheckId::Health(index) => format!("health check {}", index + 1),
        };
        match &self.result {
            Ok(()) => format!("{what} passed"),
            Err(why) => format!("{what} failed: {why}"),
        }
    }
}

/// Asks. To be called on a thread that may block.
pub fn ask(question: &Question) -> Result<(), String> {
    use abide_os::probe;
    match question {
        Question::Http(url, timeout) => match probe::http(url.as_str(), *timeout) {
            Ok(200..=399) => Ok(()),
            Ok(code) => Err(format!("{url} answered {code}")),
            Err(error) => Err(error.to_string()),
        },
        Question::Tcp(address, timeout) => {
            probe::tcp(&address.to_string(), *timeout).map_err(|error| error.to_string())
        }
        Question::Exists(path) => match path.try_exists() {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("{} does not exist", path.display())),
            Err(error) => Err(format!("{} cannot be seen: {error}", path.display())),
        },
        Question::Heartbeat(path, max_age) => {
            probe::heartbeat(path, *max_age).map_err(|error| error.to_string())
        }
    }
}

/// Whether output came within `limit`.
pub fn silence(newest: Instant, limit: Duration, now: Instant) -> Result<(), String> {
    let silent = now.saturating_duration_since(newest);
    if silent <= limit {
        return Ok(());
    }
    Err(format!("no output for {}", abide_spec::Duration(Duration::from_secs(silent.as_secs()))))
}

/// The times of one check.
#[derive(Debug)]
struct Schedule {
    /// Off, an answer that is still on its way means nothing.
    on: bool,
    /// When to ask next; `None` while a question is on its way or the check is off.
    next: Option<Instant>,
    every: Duration,
    bad: u32,
    good: u32,
    failing: bool,
}

impl Schedule {
    fn off(every: Duration) -> Self {
        Self { on: false, next: None, every, bad: 0, good: 0, failing: false }
    }
}

/// All checks of one service.
#[derive(Debug)]
pub struct Checks {
    ready: Option<Ready>,
    readiness: Schedule,
    health: Vec<(Health, Schedule)>,
    /// When the program last sent `WATCHDOG=1`.
    heard: Option<Instant>,
    health_began: Instant,
    conclusions: VecDeque<Event>,
}

impl Checks {
    /// The checks that a spec asks for, all off.
    pub fn of(spec: &Spec) -> Self {
        let ready = spec.start.ready.clone();
        Self {
            readiness: Schedule::off(ready.as_ref().map_or(Duration::ZERO, |ready| ready.every.get())),
            ready,
            health: spec
                .health
                .iter()
                .map(|health| (health.clone(), Schedule::off(health.every.get())))
                .collect(),
            heard: None,
            health_began: Instant::now(),
            conclusions: VecDeque::new(),
        }
    }

    /// Asks for readiness from now on. What a program tells by itself (a notification, a line of
    /// output) is not asked for.
    pub fn begin_readiness(&mut self, now: Instant) {
        let told = matches!(
            self.ready.as_ref().map(|ready| &ready.probe),
            None | Some(Probe::Notify | Probe::Log(_))
        );
        self.readiness.on = !told;
        self.readiness.next = (!told).then_some(now);
    }

    /// Readiness needs not be asked for any more.
    pub fn end_readiness(&mut self) {
        self.readiness.on = false;
        self.readiness.next = None;
    }

    /// Asks for health from now on, with no memory of earlier answers.
    pub fn begin_health(&mut self, now: Instant) {
        self.health_began = now;
        self.heard = None;
        for (health, schedule) in &mut self.health {
            let first = match health.probe {
                // Nothing can have been heard yet.
                Probe::Notify | Probe::LogSilence(_) => health.initial_delay.get() + health.every.get(),
                _ => health.initial_delay.get(),
            };
            *schedule = Schedule { on: true, next: Some(now + first), ..Schedule::off(health.every.get()) };
        }
    }

    /// Asks nothing any more, and forgets the answers that are on their way.
    pub fn cancel(&mut self) {
        self.end_readiness();
        for (_, schedule) in &mut self.health {
            schedule.on = false;
            schedule.next = None;
        }
        self.conclusions.clear();
    }

    /// The program said that it is alive.
    pub fn heard(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// When the next question is due.
    pub fn due(&self) -> Option<Instant> {
        self.health.iter().filter_map(|(_, schedule)| schedule.next).chain(self.readiness.next).min()
    }

    /// The questions that are due now.
    pub fn begin(&mut self, now: Instant) -> Vec<(CheckId, Work)> {
        let mut due = Vec::new();
        if let Some(ready) = &self.ready
            && self.readiness.next.is_some_and(|next| next <= now)
        {
            self.readiness.next = None;
            let patience = ready.timeout.get().min(Duration::from_secs(5));
            due.extend(work(&ready.probe, patience, None).map(|work| (CheckId::Ready, work)));
        }
        for (index, (health, schedule)) in self.health.iter_mut().enumerate() {
            if schedule.next.is_some_and(|next| next <= now) {
                schedule.next = None;
                let asked = match health.probe {
                    Probe::Notify => {
                        let since = self.heard.unwrap_or(self.health_began);
                        let silent = now.saturating_duration_since(since) > health.every.get();
                        Some(Work::Known(if silent {
                            Err(format!("no WATCHDOG=1 within {}", health.every))
                        } else {
                            Ok(())
                        }))
                    }
                    _ => work(&health.probe, health.timeout.get(), Some(health)),
                };
                due.extend(asked.map(|work| (CheckId::Health(index), work)));
            }
        }
        due
    }

    /// The moment health checks began: output and heartbeats from before do not count.
    pub fn health_began(&self) -> Instant {
        self.health_began
    }

    /// Takes an answer.
    pub fn take(&mut self, id: CheckId, result: Result<(), String>, now: Instant) {
        match id {
            CheckId::Ready if !self.readiness.on => {}
            CheckId::Ready => match result {
                Ok(()) => {
                    self.end_readiness();
                    self.conclusions.push_back(Event::Ready);
                }
                Err(_) => self.readiness.next = Some(now + self.readiness.every),
            },
            CheckId::Health(index) => {
                let Some((health, schedule)) = self.health.get_mut(index) else { return };
                if !schedule.on {
                    return;
                }
                schedule.next = Some(now + schedule.every);
                match result {
                    Ok(()) => {
                        schedule.bad = 0;
                        schedule.good = schedule.good.saturating_add(1);
                        if schedule.failing && schedule.good >= health.healthy_after {
                            schedule.failing = false;
                            self.conclusions.push_back(Event::Healthy { probe: index });
                        }
                    }
                    Err(detail) => {
                        schedule.good = 0;
                        schedule.bad = schedule.bad.saturating_add(1);
                        if !schedule.failing && schedule.bad >= health.unhealthy_after {
                            schedule.failing = true;
                            self.conclusions.push_back(Event::Unhealthy { probe: index, detail });
                        }
                    }
                }
            }
        }
    }

    /// The next thing that the answers so far amount to.
    pub fn conclusion(&mut self) -> Option<Event> {
        self.conclusions.pop_front()
    }
}

fn work(probe: &Probe, timeout: Duration, health: Option<&Health>) -> Option<Work> {
    Some(match probe {
        Probe::Http(url) => Work::Blocking(Question::Http(url.clone(), timeout)),
        Probe::Tcp(address) => Work::Blocking(Question::Tcp(address.clone(), timeout)),
        Probe::Exec(command) => Work::Command { command: command.clone(), timeout },
        Probe::File(path) => Work::Blocking(match health {
            Some(health) => Question::Heartbeat(path.clone(), health.heartbeat_age().get()),
            None => Question::Exists(path.clone()),
        }),
        Probe::LogSilence(limit) => Work::Silence { limit: limit.get() },
        Probe::Notify | Probe::Log(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(sections: &str) -> Checks {
        let text = format!("name = \"x\"\n[program]\ncommand = [\"/bin/true\"]\n{sections}");
        Checks::of(&Spec::parse(&text).unwrap())
    }

    const HTTP: &str = "[[health]]\nhttp = \"http://127.0.0.1:1/\"\nevery = \"10s\"\nunhealthy-after = 2\nhealthy-after = 2\n";

    #[test]
    fn one_question_is_on_its_way_at_most() {
        let mut checks = checks(HTTP);
        let start = Instant::now();
        assert_eq!(checks.due(), None);
        checks.begin_health(start);
        assert_eq!(checks.due(), Some(start));
        assert_eq!(checks.begin(start).len(), 1);
        assert_eq!((checks.due(), checks.begin(start + Duration::from_secs(99)).len()), (None, 0));
        checks.take(CheckId::Health(0), Ok(()), start);
        assert_eq!(checks.due(), Some(start + Duration::from_secs(10)));
    }

    #[test]
    fn thresholds_make_one_event_each_way() {
        let mut checks = checks(HTTP);
        let now = Instant::now();
        checks.begin_health(now);
        let mut told = Vec::new();
        for good in [false, false, false, true, false, true, true, true] {
            checks.take(CheckId::Health(0), if good { Ok(()) } else { Err("refused".into()) }, now);
            told.push(checks.conclusion());
        }
        let unhealthy = Event::Unhealthy { probe: 0, detail: "refused".into() };
        let healthy = Event::Healthy { probe: 0 };
        assert_eq!(told, [None, Some(unhealthy), None, None, None, None, Some(healthy), None]);
    }

    #[test]
    fn a_cancelled_check_concludes_nothing() {
        let mut checks = checks(HTTP);
        let now = Instant::now();
        checks.begin_health(now);
        checks.take(CheckId::Health(0), Err("a".into()), now);
        checks.take(CheckId::Health(0), Err("b".into()), now);
        checks.cancel();
        assert_eq!((checks.conclusion(), checks.due()), (None, None));
    }

    #[test]
    fn a_watchdog_lapses_when_nothing_is_heard() {
        let mut checks = checks("[[health]]\nnotify = true\nevery = \"5s\"\nunhealthy-after = 1\n");
        let start = Instant::now();
        checks.begin_health(start);
        let fifth = start + Duration::from_secs(5);
        checks.heard(start + Duration::from_secs(4));
        assert_eq!(checks.begin(fifth), [(CheckId::Health(0), Work::Known(Ok(())))]);
        checks.take(CheckId::Health(0), Ok(()), fifth);
        let tenth = start + Duration::from_secs(10);
        let (id, work) = checks.begin(tenth).remove(0);
        assert_eq!((id, matches!(work, Work::Known(Err(_)))), (CheckId::Health(0), true));
    }

    #[test]
    fn readiness_that_is_told_is_not_asked_for() {
        let mut checks = checks("[start]\nready = { notify = true }\n");
        checks.begin_readiness(Instant::now());
        assert_eq!(checks.due(), None);
    }
}
