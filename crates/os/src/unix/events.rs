//! Unix side of [`crate::events`]: one poll(2) over everything.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::children::{Reaped, Shared};
use super::signals::{Handlers, Pending};
use super::wake::Wake;
use crate::endpoint::{Connection, Endpoint};
use crate::events::{EndpointId, NotifyId, Occurrence, Signals};
use crate::notify::NotifySocket;

/// How often a tree is looked at whose last processes are not our children, so that nobody tells of their end. Not on
/// Linux, where all orphans of a tree are ours.
const LOOK_AGAIN: Option<Duration> =
    if cfg!(target_os = "linux") { None } else { Some(Duration::from_millis(20)) };

/// Wakes the loop from another thread.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<Wake>);

impl Waker {
    pub(crate) fn wake(&self) {
        self.0.wake();
    }
}

/// What a descriptor is polled for.
#[derive(Clone, Copy, Debug)]
enum Source {
    Wake,
    Endpoint(EndpointId),
    Notify(NotifyId),
    Group(u64),
}

#[derive(Debug)]
pub(crate) struct Core {
    /// Restored before the pipe they write to is closed.
    _handlers: Handlers,
    wake: Arc<Wake>,
    pending: Pending,
    /// Whether a child may wait for being reaped.
    reap: bool,
    /// Whether some process of some tree ended that was not told yet.
    changed: bool,
    children: Shared,
    endpoints: Vec<(EndpointId, Endpoint)>,
    notifies: Vec<(NotifyId, NotifySocket)>,
    next: u64,
    polled: Vec<libc::pollfd>,
    sources: Vec<Source>,
    ready: VecDeque<Source>,
    null: Option<OwnedFd>,
}

impl Core {
    pub(crate) fn new(signals: Signals) -> io::Result<Self> {
        let wake = Arc::new(Wake::new()?);
        let handlers = Handlers::install(signals, wake.writer())?;
        Ok(Self {
            _handlers: handlers,
            wake,
            pending: Pending::default(),
            // Whatever ended before the handlers were there.
            reap: true,
            changed: false,
            children: Shared::new(),
            endpoints: Vec::new(),
            notifies: Vec::new(),
            next: 0,
            polled: Vec::new(),
            sources: Vec::new(),
            ready: VecDeque::new(),
            null: None,
        })
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    pub(super) fn children(&self) -> Shared {
        self.children.clone()
    }

    pub(crate) fn without_groups(&mut self) {
        self.children.lock().groups.give_up();
    }

    /// A descriptor of the null device, opened once.
    pub(super) fn null(&mut self) -> io::Result<RawFd> {
        if let Some(null) = &self.null {
            return Ok(null.as_raw_fd());
        }
        let file = std::fs::File::options().read(true).write(true).open("/dev/null")?;
        let null = super::process::above_standard(file.into())?;
        Ok(self.null.insert(null).as_raw_fd())
    }

    pub(crate) fn listen(&mut self, endpoint: Endpoint) -> io::Result<EndpointId> {
        self.next += 1;
        self.endpoints.push((EndpointId(self.next), endpoint));
        Ok(EndpointId(self.next))
    }

    pub(crate) fn close(&mut self, id: EndpointId) {
        self.endpoints.retain(|(other, _)| *other != id);
    }

    pub(crate) fn listen_notify(&mut self, socket: NotifySocket) -> io::Result<NotifyId> {
        self.next += 1;
        self.notifies.push((NotifyId(self.next), socket));
        Ok(NotifyId(self.next))
    }

    pub(crate) fn close_notify(&mut self, id: NotifyId) {
        self.notifies.retain(|(other, _)| *other != id);
    }

    pub(crate) fn wait(&mut self, until: Option<Instant>) -> io::Result<Occurrence> {
        loop {
            self.pending.collect();
            self.reap |= self.pending.take_child();
            if self.reap
                && let Some(occurrence) = self.reap()
            {
                return Ok(occurrence);
            }
            if let Some(signal) = self.pending.take() {
                return Ok(Occurrence::Signal(signal));
            }
            while let Some(source) = self.ready.pop_front() {
                if let Some(occurrence) = self.serve(source) {
                    return Ok(occurrence);
                }
            }
            if std::mem::take(&mut self.changed) {
                return Ok(Occurrence::TreeChanged);
            }
            if !self.poll(until)? && until.is_some_and(|until| until <= Instant::now()) {
                return Ok(Occurrence::Due);
            }
        }
    }

    /// Reaps until the end of a main program can be told, or until nobody is left to be reaped.
    fn reap(&mut self) -> Option<Occurrence> {
        let mut children = self.children.lock();
        loop {
            match children.reap() {
                Some(Reaped::Main { pid, exit }) => return Some(Occurrence::Exited { pid, exit }),
                Some(Reaped::Stranger) => self.changed = true,
                Some(Reaped::Foreign) => {}
                None => {
                    self.reap = false;
                    return None;
                }
            }
        }
    }

    fn serve(&mut self, source: Source) -> Option<Occurrence> {
        match source {
            Source::Wake => {
                self.wake.take();
                Some(Occurrence::Woken)
            }
            Source::Endpoint(id) => {
                let (_, endpoint) = self.endpoints.iter_mut().find(|(other, _)| *other == id)?;
                let connection = Connection { imp: endpoint.imp.accept()? };
                Some(Occurrence::Connection { endpoint: id, connection })
            }
            Source::Notify(id) => {
                let (_, socket) = self.notifies.iter_mut().find(|(other, _)| *other == id)?;
                let (pid, text) = socket.imp.receive()?;
                Some(Occurrence::Notify { socket: id, pid, text })
            }
            Source::Group(id) => {
                let mut children = self.children.lock();
                let tree = children.tree(id)?;
                tree.watched = tree.group.as_ref()?.is_populated();
                self.changed |= !tree.watched;
                None
            }
        }
    }

    fn watch(&mut self, fd: RawFd, events: libc::c_short, source: Source) {
        self.polled.push(libc::pollfd { fd, events, revents: 0 });
        self.sources.push(source);
    }

    /// Waits, and notes what is ready. False when nothing was, or when a signal came.
    fn poll(&mut self, until: Option<Instant>) -> io::Result<bool> {
        self.polled.clear();
        self.sources.clear();
        self.watch(self.wake.as_fd().as_raw_fd(), libc::POLLIN, Source::Wake);
        for at in 0..self.endpoints.len() {
            if let Some((id, fd)) = self.endpoints.get(at).map(|(id, it)| (*id, it.imp.as_fd().as_raw_fd())) {
                self.watch(fd, libc::POLLIN, Source::Endpoint(id));
            }
        }
        for at in 0..self.notifies.len() {
            if let Some((id, fd)) = self.notifies.get(at).map(|(id, it)| (*id, it.imp.as_fd().as_raw_fd())) {
                self.watch(fd, libc::POLLIN, Source::Notify(id));
            }
        }
        let mut until = until;
        let children = self.children();
        let children = children.lock();
        for tree in children.trees.iter().filter(|tree| tree.watched) {
            match &tree.group {
                Some(group) => self.watch(group.events().as_raw_fd(), libc::POLLPRI, Source::Group(tree.id)),
                None => {
                    if let Some(soon) = LOOK_AGAIN.map(|pause| Instant::now() + pause) {
                        until = Some(until.map_or(soon, |until| until.min(soon)));
                        self.changed = true;
                    }
                }
            }
        }
        drop(children);
        let count = match poll(&mut self.polled, until) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            result => result?,
        };
        if count > 0 {
            let ready = self.polled.iter().zip(&self.sources).filter(|(polled, _)| polled.revents != 0);
            self.ready.extend(ready.map(|(_, source)| *source));
        }
        Ok(count > 0)
    }
}

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
fn poll(polled: &mut [libc::pollfd], until: Option<Instant>) -> io::Result<usize> {
    let timeout = until.map(|until| {
        let left = until.saturating_duration_since(Instant::now());
        libc::timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: left.subsec_nanos() as _,
        }
    });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the slice is as long as said, the time-out is null or alive, and no signal mask is given.
    let count = unsafe { libc::ppoll(polled.as_mut_ptr(), polled.len() as _, timeout, std::ptr::null()) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
fn poll(polled: &mut [libc::pollfd], until: Option<Instant>) -> io::Result<usize> {
    let timeout = until.map_or(-1, |until| {
        let left = until.saturating_duration_since(Instant::now());
        // Rounded up, so that a moment is not waited for in many steps of nothing.
        libc::c_int::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
    });
    // SAFETY: the slice is as long as said.
    let count = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as _, timeout) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}
