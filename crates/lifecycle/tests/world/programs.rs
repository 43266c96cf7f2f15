//! The processes of the simulated world, and the driver that handles them.

use std::collections::BTreeMap;
use std::time::Duration;

use abide_lifecycle::{Action, Event, Policy, State};
use abide_spec::{Exit, StopAction};

/// Small deterministic randomness of the world, apart from the machine's.
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed | 1)
    }

    pub fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % most.max(1)
    }

    pub fn percent(&mut self, chance: u8) -> bool {
        self.below(100) < u64::from(chance)
    }

    pub fn up_to(&mut self, span: Duration) -> Duration {
        Duration::from_micros(self.below(span.as_micros() as u64 + 1))
    }
}

/// What the programs of a world are like; chances in percent.
#[derive(Clone, Debug)]
pub struct Nature {
    pub spawn_fails: u8,
    pub spawn_takes: Duration,
    pub gets_ready: u8,
    pub ready_within: Duration,
    pub dies_by_itself: u8,
    pub lives_up_to: Duration,
    pub exits: Vec<Exit>,
    pub obeys_stop: u8,
    pub stop_takes: Duration,
    pub step_fails: u8,
    pub turns_unhealthy: u8,
    pub leaves_processes: u8,
    pub leftovers_stay: Duration,
    /// A killed program takes up to this long to be gone: beyond seconds, it hangs in the kernel.
    pub kill_takes: Duration,
    /// How late the driver's answers come.
    pub lag: Duration,
}

#[derive(Clone, Debug)]
struct Program {
    alive: bool,
    killed: bool,
}

#[derive(Clone)]
pub struct Programs {
    pub nature: Nature,
    all: BTreeMap<u32, Program>,
    next_pid: u32,
    pub spawning: bool,
    pub suspended: bool,
}

type Answers = Vec<(Duration, Event)>;

impl Programs {
    pub fn new(nature: Nature) -> Self {
        Programs { nature, all: BTreeMap::new(), next_pid: 100, spawning: false, suspended: false }
    }

    pub fn alive(&self) -> Vec<u32> {
        self.all.iter().filter(|(_, program)| program.alive).map(|(pid, _)| *pid).collect()
    }

    pub fn running(&self) -> Option<u32> {
        self.alive().first().copied()
    }

    pub fn murder(&mut self, pid: u32) -> Exit {
        self.all.get_mut(&pid).unwrap().alive = false;
        Exit::Signal(9)
    }

    /// The world's side of an event that is about to be delivered.
    pub fn happened(&mut self, event: &Event) {
        match event {
            Event::Spawned { pid } => {
                self.spawning = false;
                self.suspended = false;
                self.all.insert(*pid, Program { alive: true, killed: false });
            }
            Event::SpawnFailed { .. } => self.spawning = false,
            Event::Exited { pid, .. } => {
                // A second death of the same process is a stale event, and delivered as such.
                self.all.get_mut(pid).unwrap().alive = false;
            }
            _ => {}
        }
    }

    pub fn carry_out(&mut self, action: &Action, dice: &mut Dice, policy: &Policy) -> Answers {
        let lag = dice.up_to(self.nature.lag);
        match action {
            Action::Spawn { .. } => self.spawn(dice, lag),
            Action::StopStep { index } => {
                if dice.percent(self.nature.step_fails) {
                    return vec![(lag, Event::StepFailed { index: *index, message: "no console".into() })];
                }
                match &policy.steps[*index].action {
                    StopAction::Kill(_) => self.kill(dice, lag),
                    _ if dice.percent(self.nature.obeys_stop) => {
                        let takes = dice.up_to(self.nature.stop_takes);
                        self.running()
                            .map(|pid| (lag + takes, Event::Exited { pid, exit: Exit::Code(0) }))
                            .into_iter()
                            .collect()
                    }
                    _ => Vec::new(),
                }
            }
            Action::KillTree => {
                let mut answers = self.kill(dice, lag);
                if let Some(pid) = self.next_pid.checked_sub(1).filter(|pid| self.all.contains_key(pid)) {
                    let gone = answers.first().map_or(lag, |(at, _)| *at);
                    let stay = match dice.percent(self.nature.leaves_processes) {
                        true => dice.up_to(self.nature.leftovers_stay),
                        false => Duration::ZERO,
                    };
                    answers.push((gone + stay, Event::TreeGone { pid }));
                }
                answers
            }
            Action::ProbeReadiness => {
                if !dice.percent(self.nature.gets_ready) {
                    return Vec::new();
                }
                vec![(lag + dice.up_to(self.nature.ready_within), Event::Ready)]
            }
            Action::ProbeHealth => {
                if !dice.percent(self.nature.turns_unhealthy) {
                    return Vec::new();
                }
                let probe = dice.below(3) as usize;
                let at = lag + dice.up_to(self.nature.lives_up_to);
                vec![
                    (at, Event::Unhealthy { probe, detail: "no answer".into() }),
                    (at + dice.up_to(Duration::from_secs(5)), Event::Healthy { probe }),
                ]
            }
            Action::Suspend => {
                self.suspended = true;
                Vec::new()
            }
            Action::Resume => {
                self.suspended = false;
                Vec::new()
            }
            Action::CancelProbes | Action::RunReload | Action::Record(_) => Vec::new(),
        }
    }

    fn spawn(&mut self, dice: &mut Dice, lag: Duration) -> Answers {
        assert!(!self.spawning, "spawn while a spawn is unanswered");
        self.spawning = true;
        let takes = lag + dice.up_to(self.nature.spawn_takes);
        if dice.percent(self.nature.spawn_fails) {
            return vec![(takes, Event::SpawnFailed { message: "no such file".into() })];
        }
        let pid = self.next_pid;
        self.next_pid += 1;
        let mut answers = vec![(takes, Event::Spawned { pid })];
        if dice.percent(self.nature.dies_by_itself) {
            let exit = self.nature.exits[dice.below(self.nature.exits.len() as u64) as usize];
            answers.push((takes + dice.up_to(self.nature.lives_up_to), Event::Exited { pid, exit }));
        }
        answers
    }

    fn kill(&mut self, dice: &mut Dice, lag: Duration) -> Answers {
        let Some(pid) = self.running() else { return Vec::new() };
        let program = self.all.get_mut(&pid).unwrap();
        if std::mem::replace(&mut program.killed, true) {
            // Its death is on its way already.
            return Vec::new();
        }
        vec![(lag + dice.up_to(self.nature.kill_takes), Event::Exited { pid, exit: Exit::Signal(9) })]
    }

    /// An event about what is long over. Answers to a spawn are never late: there is one for each.
    pub fn stale(&self, kind: u8, dice: &mut Dice, state: &State) -> Option<Event> {
        let dead: Vec<u32> = self.all.iter().filter(|(_, p)| !p.alive).map(|(pid, _)| *pid).collect();
        let old = dead.get(dice.below(dead.len() as u64) as usize).copied();
        // The machine learns of the newest tree's end by this event alone, so only older ones are stale.
        let older = old.filter(|pid| state.pid() != Some(*pid));
        match kind % 7 {
            0 => old.map(|pid| Event::Exited { pid, exit: Exit::Code(1) }),
            1 => older.map(|pid| Event::TreeGone { pid }),
            2 => Some(Event::StepFailed { index: 77, message: "stale".into() }),
            3 => Some(Event::Due),
            4 => (!self.spawning).then_some(Event::Spawned { pid: 1 }),
            5 => (!self.spawning).then(|| Event::SpawnFailed { message: "stale".into() }),
            _ => Some(Event::Healthy { probe: 9 }),
        }
    }
}
