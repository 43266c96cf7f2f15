//! One thread, one wait: drives the state machines of one or many services with what really happens.
//!
//! A program's death is learned from the kernel, its output is another thread's matter, and probes that
//! may block run on threads of their own. So nothing a program, a disk or a network does can hold up
//! the supervision of another.

mod checking;
mod debugging;
mod deeds;
mod happenings;
mod requests;
mod telling;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use abide_lifecycle::{Event, Moment};
use abide_os::endpoint::Endpoint;
use abide_os::events::{EndpointId, Happening, Loop, NotifyId, Signals};
use abide_os::link::{Link, ManagerKind, Order};
use abide_os::memory;
use abide_os::notify::NotifySocket;
use abide_os::process::Tree;
use abide_spec::{Exit, Spec};

use crate::checks::{CheckId, Report};
use crate::control::{Answer, Verb};
use crate::error::SetupError;
use crate::output::{Outputs, Show};
use crate::place::Place;
use crate::service::Service;
use crate::status::Status;

/// How long what a dead program left in its pipes is still read.
const DRAIN: Duration = Duration::from_secs(2);
/// How long a control client may take to say what it wants.
const REQUEST_PATIENCE: Duration = Duration::from_secs(5);
/// Stack of the short-lived threads for probes and control connections.
pub(crate) const SMALL_STACK: usize = 128 * 1024;
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
    OutputChanged { service: usize },
    Switched { service: usize, on: bool, result: Result<(), String> },
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
    Debug { on: bool },
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
        memory::share_heap();
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
        let remote = self.events.remote();
        let changed = Box::new(move || remote.send(Message::OutputChanged { service: index }));
        let mut service = Service::open(charge, self.manager, show, changed)?;
        service.place.hand_over(&service.identity()).map_err(SetupError::Place)?;
        // No control group there: what a killed supervisor left would run beside its successor's.
        if self.manager.is_plain() {
            service.clear_leftovers();
        }
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
        self.settle();
        // Reading specs and starting took more memory than all that follows.
        memory::give_back();
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
            service.switching.clear();
        }
        self.outputs.stop();
        self.services.iter_mut().for_each(Service::last_words);
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
        let output =
            self.services.iter().flat_map(|service| [service.output_due, service.flush_due]).flatten();
        machines.chain(checks).chain(helpers).chain(output).chain(self.next_watchdog).min()
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
            self.services[index].tell_output(instant);
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
}
