//! One thread, one wait: drives the state machines of one or many services with what really happens.
//!
//! A program's death is learned from the kernel, its output is another thread's matter, and probes that
//! may block run on threads of their own. So nothing a program, a disk or a network does can hold up
//! the supervision of another.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant, SystemTime};

use abide_lifecycle::{Action, Cause, Event, Moment, State};
use abide_os::endpoint::{Connection, Endpoint};
use abide_os::events::{EndpointId, Happening, Loop, NotifyId, OsSignal, Remote, Signals};
use abide_os::link::{Link, ManagerKind, Order};
use abide_os::notify::NotifySocket;
use abide_os::process::{Spawned, Tree};
use abide_spec::{Exit, Spec, StopAction};

use crate::checks::{self, CheckId, Report, Work};
use crate::control::{self, Answer, Done, Refusal, Verb};
use crate::error::SetupError;
use crate::goal::{Goal, Waiter};
use crate::output::{Outputs, Show};
use crate::place::Place;
use crate::service::{Kept, Service};
use crate::status::Status;

/// How long what a dead program left in its pipes is still read.
const DRAIN: Duration = Duration::from_secs(2);
/// How long a control client may take to say what it wants.
const REQUEST_PATIENCE: Duration = Duration::from_secs(5);
/// Stack of the short-lived threads for probes and control connections.
const SMALL_STACK: usize = 128 * 1024;
/// How long control clients that were answered may take to hear it, once everything has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Longer than this no reload command may take.
const RELOAD_PATIENCE: Duration = Duration::from_secs(60);

/// A service to supervise.
#[derive(Clone, Debug)]
pub struct Charge {
    /// What it is.
    pub spec: Spec,
    /// Where it keeps what it leaves behind.
    pub place: Place,
    /// The folder that relative paths of the spec start from; also where a program without
    /// `working-dir` runs, except when a service manager runs it.
    pub base: Option<PathBuf>,
    /// The env-file as this process can read it, when that is not where the spec says.
    pub env_file: Option<PathBuf>,
}

/// What a driver tells whoever watches it (the live view of `abide up`).
pub trait Watch: Send + Sync {
    /// The status of a service changed.
    fn status(&self, status: &Status);
    /// Something happened to a service; `text` is the event in words.
    fn event(&self, service: &str, text: &str);
}

/// How supervision ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The last status of each service.
    pub services: Vec<Status>,
}

impl Outcome {
    /// No service ended in failure.
    pub fn is_success(&self) -> bool {
        self.services.iter().all(|status| status.state != "failed")
    }
}

/// What other threads send to the driver.
pub(crate) enum Message {
    Order(Order),
    Request { service: usize, verb: Verb, reply: Sender<Answer> },
    Probed(Report),
    LogMatched { service: usize, run: u64 },
}

/// A helper program that runs for a service: a probe, a stop step, a reload.
struct Helper {
    service: usize,
    tree: Tree,
    task: Task,
    until: Instant,
}

#[derive(Clone, Copy, Debug)]
enum Task {
    Check { id: CheckId, run: u64 },
    StopStep { index: usize },
    Reload,
    Debug,
}

/// Drives services until all have ended.
pub struct Driver {
    events: Loop<Message>,
    origin: Instant,
    manager: ManagerKind,
    link: Arc<Link>,
    watch: Option<Arc<dyn Watch>>,
    services: Vec<Service>,
    helpers: HashMap<u32, Helper>,
    endpoints: HashMap<EndpointId, usize>,
    notifies: HashMap<NotifyId, usize>,
    outputs: Outputs,
    /// Held by every control client's thread.
    clients: Sender<()>,
    clients_gone: Receiver<()>,
    next_watchdog: Option<Instant>,
    /// The driver ends, and this is what it tells each service.
    ending: Option<Event>,
    /// The service manager knows that the service is ready.
    told_ready: bool,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("services", &self.services.len()).finish_non_exhaustive()
    }
}

impl Driver {
    /// A driver that tells `link` how its service fares. One process has one driver.
    pub fn new(
        manager: ManagerKind,
        link: Arc<Link>,
        watch: Option<Arc<dyn Watch>>,
    ) -> Result<Self, SetupError> {
        let events = Loop::new(Signals::Handle).map_err(SetupError::Events)?;
        let remote = events.remote();
        link.orders_to(Box::new(move |order| remote.send(Message::Order(order))));
        let (clients, clients_gone) = mpsc::channel();
        let next_watchdog = link.watchdog_every().map(|_| Instant::now());
        Ok(Self {
            events,
            origin: Instant::now(),
            manager,
            link,
            watch,
            services: Vec::new(),
            helpers: HashMap::new(),
            endpoints: HashMap::new(),
            notifies: HashMap::new(),
            outputs: Outputs::start().map_err(SetupError::Events)?,
            clients,
            clients_gone,
            next_watchdog,
            ending: None,
            told_ready: false,
        })
    }

    /// Takes charge of a service: its folders, lock, log and control endpoint. Starts nothing yet.
    pub fn add(&mut self, charge: Charge, show: Option<Arc<dyn Show>>) -> Result<(), SetupError> {
        let index = self.services.len();
        let mut service = Service::open(charge, self.manager, show)?;
        let path = service.place.endpoint();
        let refuse = |source| SetupError::Endpoint { path: path.clone(), source };
        let endpoint = Endpoint::bind(&path).map_err(refuse)?;
        self.endpoints.insert(self.events.listen(endpoint).map_err(refuse)?, index);
        if service.needs_notify() {
            self.serve_notify(index, &mut service)?;
        }
        self.services.push(service);
        Ok(())
    }

    /// Offers the program a socket on which to tell how it fares.
    fn serve_notify(&mut self, index: usize, service: &mut Service) -> Result<(), SetupError> {
        let path = service.place.notify();
        let refuse = |source| SetupError::Endpoint { path: path.clone(), source };
        let socket = NotifySocket::bind(&path).map_err(refuse)?;
        socket.allow(&service.identity()).map_err(refuse)?;
        service.notify = Some(socket.address().to_owned());
        self.notifies.insert(self.events.listen_notify(socket).map_err(refuse)?, index);
        Ok(())
    }

    /// Starts every service in its turn and supervises until all have ended.
    pub fn run(mut self) -> Result<Outcome, SetupError> {
        for index in 0..self.services.len() {
            let after = self.after(index);
            self.services[index].waits_for = after;
        }
        self.start_those_in_turn();
        loop {
            self.settle();
            if self.has_ended() {
                break;
            }
            let happening = self.events.wait(self.due()).map_err(SetupError::Events)?;
            self.take(happening);
        }
        Ok(self.close())
    }

    fn close(mut self) -> Outcome {
        for service in &mut self.services {
            service.waiters.clear();
        }
        self.outputs.stop();
        // Those who asked last are still to hear the answer.
        drop(self.clients);
        let _ = self.clients_gone.recv_timeout(LAST_WORDS);
        let services: Vec<_> = self.services.iter().map(Service::status).collect();
        if let [service] = services.as_slice() {
            let clean = service.state == "stopped";
            self.link.stopped(service.last_exit.filter(|_| !clean).unwrap_or(Exit::Code(i32::from(!clean))));
        }
        Outcome { services }
    }

    /// The services of this driver that `index` starts after.
    fn after(&self, index: usize) -> Vec<usize> {
        let wanted = &self.services[index].spec.start.after;
        (0..self.services.len())
            .filter(|other| wanted.iter().any(|name| name == self.services[*other].spec.name.as_str()))
            .collect()
    }

    fn start_those_in_turn(&mut self) {
        for index in 0..self.services.len() {
            let service = &self.services[index];
            if service.waiting
                && self.ending.is_none()
                && service.waits_for.iter().all(|&other| self.services[other].lets_others_start())
            {
                self.services[index].waiting = false;
                self.deliver(index, Event::Start);
            }
        }
    }

    fn has_ended(&self) -> bool {
        // One that was stopped by request can be started again, as long as a terminal holds us.
        let stays =
            self.manager == ManagerKind::Foreground && self.services.iter().any(|service| service.held);
        self.helpers.is_empty()
            && self.services.iter().all(|service| match self.ending {
                // Nothing more is waited for, not even what cannot be killed.
                Some(_) => service.machine.state().is_at_rest(),
                None => service.is_at_rest() || self.is_blocked(service),
            })
            && (self.ending.is_some() || !stays)
    }

    /// It waits for a service that will not become ready by itself.
    fn is_blocked(&self, service: &Service) -> bool {
        service.waiting
            && service
                .waits_for
                .iter()
                .map(|&other| &self.services[other])
                .any(|other| self.is_blocked(other) || (other.is_at_rest() && !other.lets_others_start()))
    }

    fn now(&self) -> Moment {
        Moment::after_origin(self.origin.elapsed())
    }

    fn instant(&self, moment: Moment) -> Instant {
        self.origin + moment.since_origin().min(Duration::from_secs(u64::from(u32::MAX)))
    }

    fn due(&self) -> Option<Instant> {
        let machines =
            self.services.iter().filter_map(|service| service.machine.due()).map(|due| self.instant(due));
        let checks = self.services.iter().filter_map(|service| service.checks.due());
        let helpers = self.helpers.values().map(|helper| helper.until);
        machines.chain(checks).chain(helpers).chain(self.next_watchdog).min()
    }

    fn take(&mut self, happening: Happening<Message>) {
        match happening {
            Happening::Exited { pid, exit } => self.exited(pid, exit),
            Happening::TreeChanged => self.trees_changed(),
            Happening::Message(message) => self.message(message),
            Happening::Signal(signal) => self.signal(signal),
            Happening::Connection { endpoint, connection } => self.connected(endpoint, connection),
            Happening::Notify { socket, pid, text } => self.notified(socket, pid, &text),
            Happening::Due => {}
        }
        self.run_what_is_due();
    }

    fn run_what_is_due(&mut self) {
        let (now, instant) = (self.now(), Instant::now());
        for index in 0..self.services.len() {
            if self.services[index].machine.due().is_some_and(|due| due <= now) {
                self.deliver(index, Event::Due);
            }
            for (id, work) in self.services[index].checks.begin(instant) {
                self.check(index, id, work);
            }
        }
        for helper in self.helpers.values_mut().filter(|helper| helper.until <= instant) {
            // It is told of as failed when its death is learned; until then ask no more.
            helper.until = instant + Duration::from_secs(3600);
            let _ = helper.tree.kill();
        }
        if let (Some(at), Some(every)) = (self.next_watchdog, self.link.watchdog_every())
            && at <= instant
        {
            self.link.watchdog();
            self.next_watchdog = Some(instant + every);
        }
    }

    // ---- the machine and its actions -------------------------------------------------------------

    pub(crate) fn deliver(&mut self, index: usize, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = self.now();
            for action in self.services[index].machine.step(event, now) {
                self.perform(index, action, &mut events);
            }
        }
        self.services[index].leave_behind();
        self.services[index].dirty = true;
    }

    fn perform(&mut self, index: usize, action: Action, events: &mut VecDeque<Event>) {
        let service = &mut self.services[index];
        match action {
            Action::Spawn { .. } => events.push_back(self.spawn(index)),
            Action::StopStep { index: step } => {
                if let Err(message) = self.stop_step(index, step) {
                    events.push_back(Event::StepFailed { index: step, message });
                }
            }
            Action::KillTree => {
                service.tree_act("killed as a whole", Tree::kill);
                events.extend(service.take_gone_tree().map(|pid| Event::TreeGone { pid }));
            }
            Action::ProbeReadiness => service.checks.begin_readiness(Instant::now()),
            Action::ProbeHealth => service.checks.begin_health(Instant::now()),
            Action::CancelProbes => {
                service.checks.cancel();
                service.output.unwatch();
            }
            Action::Suspend => service.tree_act("suspended", Tree::suspend),
            Action::Resume => service.tree_act("resumed", Tree::resume),
            Action::RunReload => self.reload(index),
            Action::Record(record) => service.keep(Kept::Record(record)),
        }
    }

    fn spawn(&mut self, index: usize) -> Event {
        let remote = self.events.remote();
        let service = &mut self.services[index];
        service.run += 1;
        let run = service.run;
        let launch = match service.plan().program() {
            Ok(launch) => launch,
            Err(error) => return Event::SpawnFailed { message: error.to_string() },
        };
        if let Some(text) = service.ready_text() {
            service.output.watch(&text, move || remote.send(Message::LogMatched { service: index, run }));
        }
        match Tree::spawn(&launch, &mut self.events) {
            Ok(Spawned { tree, output }) => {
                let pid = tree.pid();
                service.started = Some(SystemTime::now());
                service.tree = Some(tree);
                if let Some((stdout, stderr)) = output {
                    service.connect(&mut self.outputs, stdout, stderr);
                }
                Event::Spawned { pid }
            }
            Err(error) => Event::SpawnFailed { message: error.to_string() },
        }
    }

    fn stop_step(&mut self, index: usize, step: usize) -> Result<(), String> {
        let service = &mut self.services[index];
        let Some(step_of_spec) = service.ladder.get(step).cloned() else {
            return Err(format!("the stop ladder has no step {step}"));
        };
        match &step_of_spec.action {
            StopAction::Command(command) => {
                let patience = step_of_spec.wait.into();
                self.help(index, command, Task::StopStep { index: step }, patience)
            }
            action => match service.tree.as_mut() {
                Some(tree) => match tree.act(action) {
                    Ok(()) | Err(abide_os::process::ActError::Ended) => Ok(()),
                    Err(error) => Err(error.to_string()),
                },
                None => Ok(()),
            },
        }
    }

    fn reload(&mut self, index: usize) {
        use abide_spec::Reload;
        let service = &mut self.services[index];
        let done = match service.spec.reload.clone() {
            Some(Reload::Signal(signal)) => service.signal(&signal),
            Some(Reload::Command(command)) => self.help(index, &command, Task::Reload, RELOAD_PATIENCE),
            None => Ok(()),
        };
        if let Err(message) = done {
            self.services[index].keep(Kept::Note(format!("the reload failed: {message}")));
        }
    }

    /// Runs a helper program beside the service's program, with the same account and environment.
    fn help(
        &mut self,
        index: usize,
        command: &[String],
        task: Task,
        patience: Duration,
    ) -> Result<(), String> {
        let service = &self.services[index];
        let launch = service.plan().helper(command, service.pid()).map_err(|error| error.to_string())?;
        let Spawned { tree, .. } =
            Tree::spawn(&launch, &mut self.events).map_err(|error| error.to_string())?;
        self.helpers
            .insert(tree.pid(), Helper { service: index, tree, task, until: Instant::now() + patience });
        Ok(())
    }

    // ---- what happens ----------------------------------------------------------------------------

    fn exited(&mut self, pid: u32, exit: Exit) {
        if let Some(mut helper) = self.helpers.remove(&pid) {
            // What a helper leaves behind goes with it.
            let _ = helper.tree.kill();
            return self.helper_ended(helper.service, helper.task, exit);
        }
        let Some(index) = self.services.iter().position(|service| service.pid() == Some(pid)) else { return };
        let service = &mut self.services[index];
        service.last_exit = Some(exit);
        service.drain(&self.outputs, Instant::now() + DRAIN);
        self.deliver(index, Event::Exited { pid, exit });
    }

    fn helper_ended(&mut self, index: usize, task: Task, exit: Exit) {
        let failure = (exit != Exit::Code(0)).then(|| format!("it {exit}"));
        match task {
            Task::Check { id, run } => {
                let result = failure.map_or(Ok(()), Err);
                self.probed(Report { service: index, run, id, result });
            }
            Task::StopStep { index: step } => {
                if let Some(message) = failure {
                    self.deliver(
                        index,
                        Event::StepFailed {
                            index: step,
                            message: format!("the stop command failed: {message}"),
                        },
                    );
                }
            }
            Task::Reload => {
                let text = failure.map_or("the reload command succeeded".into(), |why| {
                    format!("the reload command failed: {why}")
                });
                self.services[index].keep(Kept::Note(text));
            }
            Task::Debug => {
                if let Some(why) = failure {
                    self.services[index].keep(Kept::Note(format!("the debug command failed: {why}")));
                }
            }
        }
    }

    fn trees_changed(&mut self) {
        for index in 0..self.services.len() {
            if let Some(pid) = self.services[index].take_gone_tree() {
                self.deliver(index, Event::TreeGone { pid });
            }
        }
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Order(order) => self.order(order),
            Message::Request { service, verb, reply } => self.request(service, verb, reply),
            Message::Probed(report) => self.probed(report),
            Message::LogMatched { service, run } => {
                if self.services[service].run == run {
                    self.services[service].checks.end_readiness();
                    self.deliver(service, Event::Ready);
                }
            }
        }
    }

    fn order(&mut self, order: Order) {
        match order {
            Order::Stop => self.end(&Event::Stop),
            Order::Shutdown => self.end(&Event::Shutdown),
            Order::Pause => self.deliver_to_all(&Event::Pause),
            Order::Continue => self.deliver_to_all(&Event::Continue),
            Order::Reload => self.deliver_to_all(&Event::Reload),
            Order::Rotate => self.services.iter_mut().for_each(Service::rotate),
            Order::Debug(on) => (0..self.services.len()).for_each(|index| self.debug(index, on)),
        }
    }

    fn signal(&mut self, signal: OsSignal) {
        match signal {
            OsSignal::Terminate | OsSignal::Interrupt | OsSignal::Quit if self.ending.is_some() => {
                self.hurry()
            }
            // systemd stops a service by a signal; a terminal means the end by all of these.
            OsSignal::Terminate if self.manager == ManagerKind::Systemd => self.end(&Event::Stop),
            OsSignal::Hangup if self.manager == ManagerKind::Systemd => self.order(Order::Reload),
            OsSignal::Terminate | OsSignal::Interrupt | OsSignal::Quit | OsSignal::Hangup => {
                self.end(&Event::Shutdown);
            }
            OsSignal::User1 => self.order(Order::Rotate),
            OsSignal::User2 => {
                let on = !self.services.iter().all(|service| service.debug);
                self.order(Order::Debug(on));
            }
        }
    }

    /// Asked a second time: kills at once.
    fn hurry(&mut self) {
        for service in &mut self.services {
            if let Some(tree) = &mut service.tree {
                let _ = tree.kill();
            }
        }
    }

    fn deliver_to_all(&mut self, event: &Event) {
        for index in 0..self.services.len() {
            self.deliver(index, event.clone());
        }
    }

    /// Ends everything, last started first: a service stops once those that started after it are gone.
    fn end(&mut self, event: &Event) {
        if self.ending.is_none() {
            self.ending = Some(event.clone());
            self.stop_those_in_turn();
        }
    }

    fn stop_those_in_turn(&mut self) {
        let Some(event) = self.ending.clone() else { return };
        for index in 0..self.services.len() {
            let needed = self.services.iter().enumerate().any(|(other, service)| {
                other != index && service.waits_for.contains(&index) && !service.is_at_rest()
            });
            let service = &mut self.services[index];
            if !service.told_to_end && !needed {
                service.told_to_end = true;
                service.waiting = false;
                self.deliver(index, event.clone());
            }
        }
    }

    fn notified(&mut self, socket: NotifyId, pid: Option<u32>, text: &str) {
        let Some(&index) = self.notifies.get(&socket) else { return };
        let service = &mut self.services[index];
        // Only the service's own processes may speak for it.
        if !pid.is_none_or(|pid| service.tree.as_mut().is_some_and(|tree| tree.contains(pid))) {
            return;
        }
        for line in text.lines() {
            match line.split_once('=') {
                Some(("READY", "1")) => {
                    let service = &self.services[index];
                    let reloaded = matches!(service.machine.state(), State::Running { ready: false, .. });
                    if service.ready_by_notify() || reloaded {
                        self.services[index].checks.end_readiness();
                        self.deliver(index, Event::Ready);
                    }
                }
                Some(("RELOADING", "1")) => {
                    self.deliver(index, Event::Unready { detail: "reloading".into() })
                }
                Some(("STATUS", words)) => {
                    self.services[index].text = Some(words.to_owned());
                    self.services[index].dirty = true;
                }
                Some(("WATCHDOG", "1")) => self.services[index].checks.heard(Instant::now()),
                _ => {}
            }
        }
    }

    // ---- checks ----------------------------------------------------------------------------------

    fn check(&mut self, index: usize, id: CheckId, work: Work) {
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

    fn probed(&mut self, report: Report) {
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

    fn conclude_checks(&mut self, index: usize) {
        while let Some(event) = self.services[index].checks.conclusion() {
            self.deliver(index, event);
        }
    }

    // ---- control ---------------------------------------------------------------------------------

    fn connected(&mut self, endpoint: EndpointId, connection: Connection) {
        let Some(&service) = self.endpoints.get(&endpoint) else { return };
        let remote = self.events.remote();
        let client = self.clients.clone();
        // Without a thread to spare the client sees its connection closed, and says so.
        let _ = std::thread::Builder::new().stack_size(SMALL_STACK).spawn(move || {
            serve(connection, &remote, service);
            drop(client);
        });
    }

    fn request(&mut self, index: usize, verb: Verb, reply: Sender<Answer>) {
        let run = self.services[index].run;
        let goal = match verb {
            Verb::Status => return self.answer(index, &reply, String::new()),
            Verb::Rotate => {
                self.services[index].rotate();
                return self.answer(index, &reply, "new log files are begun".into());
            }
            Verb::Debug { on } => {
                self.debug(index, on);
                return self.answer(index, &reply, format!("debug is {}", if on { "on" } else { "off" }));
            }
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
                Goal::Restarted { after: run }
            }
            Verb::Stop => {
                self.services[index].waiting = false;
                self.services[index].held = true;
                self.deliver(index, Event::Stop);
                Goal::Stopped
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

    fn request_reload(&mut self, index: usize, reply: &Sender<Answer>) {
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

    fn answer(&self, index: usize, reply: &Sender<Answer>, text: String) {
        let status = self.services[index].status();
        // Whoever asked may have gone; then nobody needs the answer.
        let _ = reply.send(Answer::Done(Box::new(Done { text, status })));
    }

    fn debug(&mut self, index: usize, on: bool) {
        use abide_spec::Act;
        let service = &mut self.services[index];
        service.debug = on;
        service.dirty = true;
        let act =
            service.spec.debug.as_ref().map(|debug| if on { debug.on.clone() } else { debug.off.clone() });
        let done = match act {
            Some(Act::Signal(signal)) => service.signal(&signal),
            Some(Act::Command(command)) => self.help(index, &command, Task::Debug, RELOAD_PATIENCE),
            Some(Act::Env(env)) => {
                service.debug_env = env;
                if matches!(service.machine.state(), State::Running { .. } | State::Starting { .. }) {
                    self.deliver(index, Event::Restart(Cause::Debug));
                }
                Ok(())
            }
            None => Ok(()),
        };
        let text = match done {
            Ok(()) => format!("debug was switched {}", if on { "on" } else { "off" }),
            Err(message) => {
                format!("debug could not be switched {}: {message}", if on { "on" } else { "off" })
            }
        };
        self.services[index].keep(Kept::Note(text));
    }

    // ---- telling what happened -------------------------------------------------------------------

    /// Writes down what happened since the last call, and tells everybody who waits for it.
    fn settle(&mut self) {
        loop {
            self.stop_those_in_turn();
            self.start_those_in_turn();
            let Some(index) = self.services.iter().position(|service| service.dirty) else { break };
            let told = self.services[index].settle();
            let status = self.services[index].status();
            if let Some(watch) = &self.watch {
                told.iter().for_each(|text| watch.event(&status.name, text));
                watch.status(&status);
            }
            self.tell_manager(index, &status);
        }
    }

    fn tell_manager(&mut self, index: usize, status: &Status) {
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
