//! Windows side of [`crate::link`]: this process as a service of the SCM.
//!
//! What the handler of controls is given lives as long as the process, because a control can come at any time until it
//! ends, also after the service has said that it stopped.

use std::ffi::c_void;
use std::fmt;
use std::io;
use std::os::windows::io::{AsHandle, OwnedHandle};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use abide_spec::Exit;
use windows_sys::Win32::Foundation::{
    ERROR_CALL_NOT_IMPLEMENTED, ERROR_FAILED_SERVICE_CONTROLLER_CONNECT, ERROR_SERVICE_SPECIFIC_ERROR,
    NO_ERROR,
};
use windows_sys::Win32::System::Services::{
    RegisterServiceCtrlHandlerExW, SERVICE_ACCEPT_PARAMCHANGE, SERVICE_ACCEPT_PAUSE_CONTINUE,
    SERVICE_ACCEPT_PRESHUTDOWN, SERVICE_ACCEPT_SHUTDOWN, SERVICE_ACCEPT_STOP, SERVICE_CONTINUE_PENDING,
    SERVICE_CONTROL_CONTINUE, SERVICE_CONTROL_INTERROGATE, SERVICE_CONTROL_PARAMCHANGE,
    SERVICE_CONTROL_PAUSE, SERVICE_CONTROL_PRESHUTDOWN, SERVICE_CONTROL_SHUTDOWN, SERVICE_CONTROL_STOP,
    SERVICE_PAUSE_PENDING, SERVICE_PAUSED, SERVICE_RUNNING, SERVICE_START_PENDING, SERVICE_STATUS,
    SERVICE_STATUS_HANDLE, SERVICE_STOP_PENDING, SERVICE_STOPPED, SERVICE_TABLE_ENTRYW,
    SERVICE_WIN32_OWN_PROCESS, SetServiceStatus, StartServiceCtrlDispatcherW,
};

use super::scm::registry;
use super::sys::{check, is, text_at, wide};
use super::task::ending;
use super::wait::Waiter;
use crate::link::{ManagerKind, Order};
use crate::manager::scm::direct::WORKING_DIR;
use crate::paths::Layout;

/// The service's own controls, as in `sc control NAME 130`: more talkative.
pub(crate) const CONTROL_DEBUG_ON: u32 = 128;
/// Less talkative.
pub(crate) const CONTROL_DEBUG_OFF: u32 = 129;
/// Begin new log files.
pub(crate) const CONTROL_ROTATE: u32 = 130;

/// How long the SCM is asked to be patient when nobody has said how long it may take.
const USUAL_HINT: Duration = Duration::from_secs(30);

/// How long pausing and going on may take.
const PAUSE_HINT: Duration = Duration::from_secs(10);

type Body = Box<dyn FnOnce(Link) -> i32 + Send>;
type Take = Box<dyn Fn(Order) + Send + Sync>;

/// This process as a service. There is one, and it is never freed.
static SERVICE: OnceLock<Service> = OnceLock::new();

struct Service {
    name: Vec<u16>,
    body: Mutex<Option<Body>>,
    state: Mutex<State>,
    code: Mutex<i32>,
}

struct State {
    /// The SCM's handle for telling it, as a number; 0 until it is there. The SCM itself closes it.
    handle: usize,
    current: u32,
    checkpoint: u32,
    hint: Duration,
    /// Whether it can be paused, and whether it can read its settings again.
    accepts: (bool, bool),
    /// How the program ended, kept for the last word to the SCM.
    exit: Option<Exit>,
    take: Option<Take>,
    /// Orders that came before somebody took them.
    early: Vec<Order>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            handle: 0,
            current: 0,
            checkpoint: 0,
            hint: Duration::ZERO,
            accepts: (true, true),
            exit: None,
            take: None,
            early: Vec::new(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn host<F>(kind: ManagerKind, name: &str, body: F) -> i32
where
    F: FnOnce(Link) -> i32 + Send + 'static,
{
    match try_host(kind, name, body) {
        Ok(code) => code,
        Err(error) => {
            // Nobody reads this but somebody who typed it: the SCM gives its services no standard error.
            if is(&error, ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
                eprintln!("error: this is to be started by the service control manager");
                eprintln!("hint: `abide start {name}`, or `abide up` to run it in the foreground");
            } else {
                eprintln!("error: cannot become the service {name}: {error}");
            }
            1
        }
    }
}

pub(crate) fn try_host<F>(kind: ManagerKind, name: &str, body: F) -> io::Result<i32>
where
    F: FnOnce(Link) -> i32 + Send + 'static,
{
    match kind {
        ManagerKind::Scm => serve(name, Box::new(body)),
        ManagerKind::Task => {
            body(Link { service: None, ending: Ending::of(name) });
            // It ended of its own will, be it because it gave up: the Task Scheduler is to leave it at that.
            Ok(0)
        }
        _ => Ok(body(Link::NONE)),
    }
}

fn serve(name: &str, body: Body) -> io::Result<i32> {
    let service = Service {
        name: wide(name)?,
        body: Mutex::new(Some(body)),
        state: Mutex::new(State::default()),
        code: Mutex::new(0),
    };
    let service = SERVICE.get_or_init(|| service);
    let table = [
        SERVICE_TABLE_ENTRYW {
            lpServiceName: service.name.as_ptr().cast_mut(),
            lpServiceProc: Some(service_main),
        },
        SERVICE_TABLE_ENTRYW::default(),
    ];
    // SAFETY: the table ends with an empty entry, and its name, which the system only reads, is never freed. The call
    // returns when the service has stopped.
    check(unsafe { StartServiceCtrlDispatcherW(table.as_ptr()) })?;
    Ok(*lock(&service.code))
}

unsafe extern "system" fn service_main(count: u32, arguments: *mut windows_sys::core::PWSTR) {
    let Some(service) = SERVICE.get() else { return };
    if count > 0 {
        // SAFETY: the system passes that many texts, of which the first is the name by which it knows the service.
        adopt(&unsafe { text_at(*arguments) });
    }
    // SAFETY: the name ends with a NUL and is never freed, nor is what the handler is given.
    let handle = unsafe {
        RegisterServiceCtrlHandlerExW(
            service.name.as_ptr(),
            Some(control),
            std::ptr::from_ref(service).cast::<c_void>(),
        )
    };
    lock(&service.state).handle = handle as usize;
    service.tell(SERVICE_START_PENDING, USUAL_HINT);
    let body = lock(&service.body).take();
    let code = body.map_or(1, |body| body(Link { service: Some(service), ending: None }));
    *lock(&service.code) = code;
    let mut state = lock(&service.state);
    // The last word comes when all is written and closed: from then on the SCM may start the service anew.
    let exit = state.exit.unwrap_or(Exit::Code(code));
    state.current = SERVICE_STOPPED;
    state.exit = Some(exit);
    state.send();
}

/// Takes on what the SCM can't or doesn't give a program that it starts directly: the folder it shall work in, and (Wine's
/// does not look at them) the variables of its key. What can't be had is left out: the program will say what it misses.
fn adopt(name: &str) {
    for entry in registry::environment(name).unwrap_or_default() {
        if let Some((variable, value)) = entry.split_once('=')
            && !variable.is_empty()
            && std::env::var_os(variable).is_none()
        {
            // SAFETY: on Windows the environment is the system's, which guards it against other threads.
            unsafe { std::env::set_var(variable, value) };
        }
    }
    if let Some(folder) = std::env::var_os(WORKING_DIR) {
        let _ = std::env::set_current_dir(folder);
    }
}

unsafe extern "system" fn control(control: u32, _: u32, _: *mut c_void, context: *mut c_void) -> u32 {
    // SAFETY: `service_main` registers the one service, which is never freed.
    let service = unsafe { &*context.cast::<Service>() };
    let order = match control {
        SERVICE_CONTROL_INTERROGATE => return NO_ERROR,
        SERVICE_CONTROL_STOP => Order::Stop,
        SERVICE_CONTROL_SHUTDOWN | SERVICE_CONTROL_PRESHUTDOWN => Order::Shutdown,
        SERVICE_CONTROL_PAUSE => Order::Pause,
        SERVICE_CONTROL_CONTINUE => Order::Continue,
        SERVICE_CONTROL_PARAMCHANGE => Order::Reload,
        CONTROL_DEBUG_ON => Order::Debug(true),
        CONTROL_DEBUG_OFF => Order::Debug(false),
        CONTROL_ROTATE => Order::Rotate,
        _ => return ERROR_CALL_NOT_IMPLEMENTED,
    };
    service.ordered(order);
    NO_ERROR
}

impl Service {
    /// Tells the SCM a state; a pending one with how long it may take.
    fn tell(&self, current: u32, hint: Duration) {
        let mut state = lock(&self.state);
        if state.current == SERVICE_STOPPED {
            return;
        }
        state.checkpoint = if state.current == current { state.checkpoint + 1 } else { 1 };
        state.current = current;
        state.hint = hint;
        state.send();
    }

    fn ordered(&self, order: Order) {
        // Whoever asked sees at once that it was heard.
        match order {
            Order::Stop | Order::Shutdown => self.tell_unless_stopping(SERVICE_STOP_PENDING, USUAL_HINT),
            Order::Pause => self.tell_unless_stopping(SERVICE_PAUSE_PENDING, PAUSE_HINT),
            Order::Continue => self.tell_unless_stopping(SERVICE_CONTINUE_PENDING, PAUSE_HINT),
            Order::Reload | Order::Rotate | Order::Debug(_) => {}
        }
        let mut state = lock(&self.state);
        match &state.take {
            Some(take) => take(order),
            None => state.early.push(order),
        }
    }

    fn tell_unless_stopping(&self, current: u32, hint: Duration) {
        if lock(&self.state).current != SERVICE_STOP_PENDING {
            self.tell(current, hint);
        }
    }
}

impl State {
    fn send(&self) {
        let pending = matches!(
            self.current,
            SERVICE_START_PENDING | SERVICE_STOP_PENDING | SERVICE_PAUSE_PENDING | SERVICE_CONTINUE_PENDING
        );
        let accepted = match self.current {
            SERVICE_STOPPED | SERVICE_STOP_PENDING => 0,
            // A start may be broken off, so a stop is taken at any time.
            SERVICE_START_PENDING => {
                SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN | SERVICE_ACCEPT_PRESHUTDOWN
            }
            _ => {
                let when = |yes: bool, control: u32| if yes { control } else { 0 };
                SERVICE_ACCEPT_STOP
                    | SERVICE_ACCEPT_SHUTDOWN
                    | SERVICE_ACCEPT_PRESHUTDOWN
                    | when(self.accepts.0, SERVICE_ACCEPT_PAUSE_CONTINUE)
                    | when(self.accepts.1, SERVICE_ACCEPT_PARAMCHANGE)
            }
        };
        let code = match self.exit {
            Some(exit) if self.current == SERVICE_STOPPED => exit.shell_code().cast_unsigned(),
            _ => 0,
        };
        let status = SERVICE_STATUS {
            dwServiceType: SERVICE_WIN32_OWN_PROCESS,
            dwCurrentState: self.current,
            dwControlsAccepted: accepted,
            dwWin32ExitCode: if code == 0 { NO_ERROR } else { ERROR_SERVICE_SPECIFIC_ERROR },
            dwServiceSpecificExitCode: code,
            dwCheckPoint: if pending { self.checkpoint } else { 0 },
            dwWaitHint: if pending { u32::try_from(self.hint.as_millis()).unwrap_or(u32::MAX) } else { 0 },
        };
        if self.handle != 0 {
            // SAFETY: the handle is the one that the SCM gave to this service. A failure can't be told to anybody.
            unsafe { SetServiceStatus(self.handle as SERVICE_STATUS_HANDLE, &raw const status) };
        }
    }
}

/// The event by which whoever wants a supervisor of the Task Scheduler to end says so. It is there as long as this is.
struct Ending {
    waiter: Mutex<Option<Waiter>>,
    event: OwnedHandle,
}

impl Ending {
    /// `None` where another supervisor has it, which the lock of the service will tell.
    fn of(name: &str) -> Option<Self> {
        let name = name.parse().ok()?;
        let event = ending::create(&Layout::user().ok()?.control(&name)).ok()?;
        Some(Self { waiter: Mutex::new(None), event })
    }
}

/// The line to the SCM, to whoever ends a task, or none in the foreground.
pub(crate) struct Link {
    service: Option<&'static Service>,
    ending: Option<Ending>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("scm", &self.service.is_some()).finish()
    }
}

impl Link {
    const NONE: Self = Self { service: None, ending: None };

    pub(crate) fn orders_to(&self, take: Take) {
        if let Some(ending) = &self.ending {
            // Without the wait it can still be stopped over its control endpoint, or killed.
            *lock(&ending.waiter) = Waiter::new(ending.event.as_handle(), move || take(Order::Stop)).ok();
            return;
        }
        let Some(service) = self.service else { return };
        let mut state = lock(&service.state);
        for order in std::mem::take(&mut state.early) {
            take(order);
        }
        state.take = Some(take);
    }

    pub(crate) fn accepts(&self, pause: bool, reload: bool) {
        let Some(service) = self.service else { return };
        let mut state = lock(&service.state);
        state.accepts = (pause, reload);
        // Also in the middle of a life: told with the state as it is.
        if state.current != 0 {
            state.send();
        }
    }

    fn tell(&self, current: u32, hint: Duration) {
        if let Some(service) = self.service {
            service.tell(current, hint);
        }
    }

    pub(crate) fn starting(&self, hint: Duration) {
        let stopping =
            self.service.is_some_and(|service| lock(&service.state).current == SERVICE_STOP_PENDING);
        if !stopping {
            self.tell(SERVICE_START_PENDING, hint);
        }
    }

    pub(crate) fn ready(&self) {
        self.tell(SERVICE_RUNNING, Duration::ZERO);
    }

    pub(crate) fn stopping(&self, hint: Duration) {
        self.tell(SERVICE_STOP_PENDING, hint);
    }

    pub(crate) fn paused(&self) {
        self.tell(SERVICE_PAUSED, Duration::ZERO);
    }

    pub(crate) fn continued(&self) {
        self.tell(SERVICE_RUNNING, Duration::ZERO);
    }

    /// The SCM knows no such state.
    pub(crate) fn reloading(&self) {}

    /// Kept until the service is done: the SCM is told when nothing is left to do.
    pub(crate) fn stopped(&self, exit: Exit) {
        if let Some(service) = self.service {
            lock(&service.state).exit = Some(exit);
        }
    }

    /// The SCM shows no text.
    pub(crate) fn text(&self, _: &str) {}

    /// The SCM asks for no signs of life.
    pub(crate) fn watchdog(&self) {}

    pub(crate) fn watchdog_every(&self) -> Option<Duration> {
        None
    }
}
