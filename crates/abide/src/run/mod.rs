//! Running a program as what its starter expects it to be.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use abide_os::link::{self, Link, Order};
use abide_os::manager::Kind;
use abide_os::wishes::{self, Listen, Wish};
use abide_spec::Exit;

pub(crate) use body::{Body, Function, Object};
pub(crate) use machine::Event;
use machine::{Action, Call, FAILED, Machine, Settings, Tell};

use crate::context::Inner;
use crate::{Backend, Context, Failure, Logger, Origin, StopReason, StopToken};

mod body;
mod machine;
#[cfg(test)]
mod tests;

/// What is run, and how.
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) args: Vec<std::ffi::OsString>,
    pub(crate) start_timeout: Duration,
    pub(crate) stop_timeout: Duration,
    /// Whether it is to be started again also when it ended well by itself.
    pub(crate) again: bool,
    pub(crate) logger: Option<Logger>,
    pub(crate) body: Box<dyn Body>,
}

/// Runs a program until its end, and answers the exit code for the process.
pub(crate) fn run(run: Run) -> i32 {
    let origin = Origin::detect();
    let logger = run.logger.clone().unwrap_or_else(|| Logger::for_origin(&run.name, origin));
    if origin == Origin::Backend(Backend::WindowsScm) {
        // The parent's number may be another's by now: only the SCM itself knows for certain.
        let name = run.name.clone();
        let kept = Arc::new(Mutex::new(Some((run, logger))));
        let take = |kept: &Mutex<Option<_>>| kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        let for_scm = Arc::clone(&kept);
        let body =
            move |link: Link| take(&for_scm).map_or(1, |(run, logger)| drive(run, logger, origin, &link));
        return match link::try_host(Kind::Scm, &name, body) {
            Ok(code) => code,
            Err(error) => match take(&kept) {
                Some((run, logger)) => in_foreground(run, logger, Origin::Unknown),
                None => {
                    eprintln!("error: {name}: cannot become a service of Windows: {error}");
                    i32::from(FAILED)
                }
            },
        };
    }
    in_foreground(run, logger, origin)
}

/// Whoever listens behind `NOTIFY_SOCKET` is told, be it systemd or another supervisor; without that, nobody is.
fn in_foreground(run: Run, logger: Logger, origin: Origin) -> i32 {
    let name = run.name.clone();
    link::host(Kind::Systemd, &name, move |link| drive(run, logger, origin, &link))
}

fn drive(run: Run, logger: Logger, origin: Origin, link: &Link) -> i32 {
    let (events, received) = channel();
    let Run { name, args, start_timeout, stop_timeout, again, body, .. } = run;
    let abilities = body.abilities();
    // The SCM starts nothing again that says that it ended well.
    let own_end = if again && origin == Origin::Backend(Backend::WindowsScm) { FAILED } else { 0 };
    let ready_by_start = body.ready_by_start();
    let settings = Settings { abilities, ready_by_start, start_timeout, stop_timeout, own_end };
    link.accepts(abilities.can_pause(), abilities.can_reload());
    let orders = events.clone();
    link.orders_to(Box::new(move |order| {
        if let Some(event) = ordered(order) {
            let _ = orders.send(event);
        }
    }));
    let wishes = events.clone();
    let by_manager = matches!(origin, Origin::Backend(_) | Origin::Abide);
    let listen = Listen { pauses: abilities.can_pause(), keep_ignored: !by_manager };
    let take = move |wish| {
        let _ = wishes.send(wished(wish, origin));
    };
    if let Err(error) = wishes::listen(listen, Box::new(take)) {
        logger.error(format_args!("cannot listen to signals: {error}"));
        return i32::from(FAILED);
    }
    let token = StopToken::new();
    let inner = Inner { name, args, origin, logger, token, events: events.clone() };
    let context = Context { inner: Arc::new(inner) };
    let calls = match spawn(body, context.clone(), events) {
        Ok(calls) => calls,
        Err(error) => {
            context.logger().error(format_args!("cannot start a thread: {error}"));
            return i32::from(FAILED);
        }
    };
    let code = until_end(settings, &received, &calls, &context, link);
    link.stopped(Exit::Code(code));
    code
}

/// The program's own thread: it does the calls that it is given, one after the other.
fn spawn(mut body: Box<dyn Body>, context: Context, events: Sender<Event>) -> std::io::Result<Sender<Call>> {
    let (calls, wanted) = channel();
    let work = move || {
        for call in wanted {
            let result = guarded(|| body.call(call, &context));
            if events.send(Event::Called(result)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("abide-program".into()).spawn(work)?;
    Ok(calls)
}

/// A panic is a failure like any other, told by its text.
fn guarded(call: impl FnOnce() -> Result<(), Failure>) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => Err(crate::error::chain(&*failure)),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(format!("it panicked: {}", text.unwrap_or_else(|| "without a word".into())))
        }
    }
}

fn until_end(
    settings: Settings,
    events: &Receiver<Event>,
    calls: &Sender<Call>,
    context: &Context,
    link: &Link,
) -> i32 {
    let watchdog = link.watchdog_every();
    let mut alive_at = Instant::now();
    let (mut machine, mut actions) = Machine::begin(settings, Instant::now());
    loop {
        for action in actions.drain(..) {
            if let Some(code) = act(action, calls, context, link) {
                return code;
            }
        }
        let now = Instant::now();
        if let Some(every) = watchdog
            && alive_at <= now
        {
            // A program that hangs in a call is not alive, whatever this thread says.
            if machine.busy(now) < every {
                link.watchdog();
            }
            alive_at = now + every;
        }
        let until = [machine.next_due(), watchdog.map(|_| alive_at)].into_iter().flatten().min();
        let event = match until {
            Some(until) => events.recv_timeout(until.saturating_duration_since(now)),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        actions = match event {
            Ok(event) => machine.on(event, Instant::now()),
            Err(RecvTimeoutError::Timeout) => machine.due(Instant::now()),
            // The context keeps a sender, so this does not happen.
            Err(RecvTimeoutError::Disconnected) => return i32::from(FAILED),
        };
    }
}

fn act(action: Action, calls: &Sender<Call>, context: &Context, link: &Link) -> Option<i32> {
    match action {
        Action::Call(call) => {
            // The thread ends with this one.
            let _ = calls.send(call);
        }
        Action::Tell(tell) => match tell {
            Tell::Starting(hint) => link.starting(hint),
            Tell::Ready => link.ready(),
            Tell::Paused => link.paused(),
            Tell::Continued => link.continued(),
            Tell::Reloading => link.reloading(),
            Tell::Stopping(hint) => link.stopping(hint),
        },
        Action::Token(stop) => context.inner.token.tell(stop),
        Action::Log(level, text) => context.logger().log(level, text),
        Action::Suspend => wishes::suspend_self(),
        Action::End(code) => return Some(i32::from(code)),
    }
    None
}

fn ordered(order: Order) -> Option<Event> {
    Some(match order {
        Order::Stop => Event::Stop(StopReason::Requested),
        Order::Shutdown => Event::Stop(StopReason::Shutdown),
        Order::Pause => Event::Pause(false),
        Order::Continue => Event::Continue,
        Order::Reload => Event::Reload,
        // Those of a supervisor.
        Order::Rotate | Order::Debug(_) => return None,
    })
}

fn wished(wish: Wish, origin: Origin) -> Event {
    let at_terminal = origin == Origin::Terminal;
    match wish {
        Wish::Terminate => Event::Stop(StopReason::Requested),
        Wish::Interrupt => Event::Stop(StopReason::Interrupted),
        // The terminal has gone.
        Wish::Hangup if at_terminal => Event::Stop(StopReason::Interrupted),
        Wish::Hangup => Event::Reload,
        Wish::Suspend => Event::Pause(at_terminal),
        Wish::Continue => Event::Continue,
    }
}
