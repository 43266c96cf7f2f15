//! A service as its program describes it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::command;
use crate::run::{self, Body, Function, Object, Run};
use crate::{
    Account, Context, LaunchdOptions, Logger, Program, Restart, Result, ScriptOptions, StartMode,
    SystemdOptions, WindowsOptions,
};

mod manage;
mod spec;
#[cfg(test)]
mod tests;

pub use manage::{Installed, Plan, Removed};

/// How long a start may take.
const START: Duration = Duration::from_secs(60);

/// How long a stop may take.
const STOP: Duration = Duration::from_secs(10);

/// A service: what it is called and how it is run. With a program it becomes one ([`main`](Self::main)); without, it is
/// what installs, starts, stops, asks for and removes it.
///
/// ```no_run
/// use abide::{Context, Program, Restart, Service, Stop};
/// # struct Orders;
/// # impl Program for Orders {
/// #     fn start(&mut self, _: &Context) -> abide::Result { Ok(()) }
/// #     fn stop(&mut self, _: &Stop) -> abide::Result { Ok(()) }
/// # }
///
/// fn main() -> std::process::ExitCode {
///     Service::new("orders")
///         .description("Takes orders")
///         .restart_policy(Restart::always())
///         .main(Orders)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Service {
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) description: Option<String>,
    executable: Option<PathBuf>,
    arguments: Vec<String>,
    pub(crate) usage: Option<String>,
    after: Vec<String>,
    account: Account,
    env: Vec<(String, String)>,
    env_file: Option<PathBuf>,
    working_dir: Option<PathBuf>,
    restart: Restart,
    start_mode: StartMode,
    start_timeout: Duration,
    stop_timeout: Duration,
    memory: Option<u64>,
    open_files: Option<u64>,
    reloads: bool,
    accept: Vec<String>,
    pub(crate) user: bool,
    logger: Option<Logger>,
    windows: WindowsOptions,
    systemd: SystemdOptions,
    launchd: LaunchdOptions,
    scripts: ScriptOptions,
}

impl Service {
    /// A service with nothing set but its name: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit.
    /// A name that cannot be one is told when something is done with it.
    ///
    /// ```
    /// let service = abide::Service::new("orders");
    /// ```
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            display_name: None,
            description: None,
            executable: None,
            arguments: Vec::new(),
            usage: None,
            after: Vec::new(),
            account: Account::default(),
            env: Vec::new(),
            env_file: None,
            working_dir: None,
            restart: Restart::default(),
            start_mode: StartMode::default(),
            start_timeout: START,
            stop_timeout: STOP,
            memory: None,
            open_files: None,
            reloads: false,
            accept: Vec::new(),
            user: false,
            logger: None,
            windows: WindowsOptions::default(),
            systemd: SystemdOptions::default(),
            launchd: LaunchdOptions::default(),
            scripts: ScriptOptions::default(),
        }
    }

    /// The name that people see in lists of services.
    ///
    /// ```
    /// let service = abide::Service::new("orders").display_name("Orders of the shop");
    /// ```
    #[must_use]
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// What it is for, in one line.
    ///
    /// ```
    /// let service = abide::Service::new("orders").description("Takes orders");
    /// ```
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// The executable to install. Without it, the one that runs now.
    ///
    /// ```
    /// let service = abide::Service::new("orders").executable("/usr/local/bin/orders");
    /// ```
    #[must_use]
    pub fn executable(mut self, path: impl Into<PathBuf>) -> Self {
        self.executable = Some(path.into());
        self
    }

    /// The arguments that the service manager starts it with. Those given to `install` on the command line come
    /// instead.
    ///
    /// ```
    /// let service = abide::Service::new("orders").arguments(["--port", "9000"]);
    /// ```
    #[must_use]
    pub fn arguments<T: Into<String>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self
    }

    /// Says that the program takes arguments of its own, and which, for `--help`. Without this, an argument that is
    /// none of the words of [`main`](Self::main) is a mistake that is told.
    ///
    /// ```
    /// let service = abide::Service::new("orders").usage("[--port NUMBER]");
    /// ```
    #[must_use]
    pub fn usage(mut self, arguments: impl Into<String>) -> Self {
        self.usage = Some(arguments.into());
        self
    }

    /// Services that must be up before this one starts, by a name that they have everywhere. Names that differ between
    /// service managers belong into their own options.
    ///
    /// ```
    /// let service = abide::Service::new("orders").after(["postgresql"]);
    /// ```
    #[must_use]
    pub fn after<T: Into<String>>(mut self, services: impl IntoIterator<Item = T>) -> Self {
        self.after = services.into_iter().map(Into::into).collect();
        self
    }

    /// Whose rights it has. Without it, those of an account of its own.
    ///
    /// ```
    /// let service = abide::Service::new("orders").account(abide::Account::System);
    /// ```
    #[must_use]
    pub fn account(mut self, account: Account) -> Self {
        self.account = account;
        self
    }

    /// Sets a variable in its environment.
    ///
    /// ```
    /// let service = abide::Service::new("orders").env("RUST_LOG", "info").env("TZ", "UTC");
    /// ```
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// A file of `KEY=VALUE` lines for its environment.
    ///
    /// ```
    /// let service = abide::Service::new("orders").env_file("/etc/orders.env");
    /// ```
    #[must_use]
    pub fn env_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.env_file = Some(path.into());
        self
    }

    /// The folder it runs in. Without it, one of its own.
    ///
    /// ```
    /// let service = abide::Service::new("orders").working_dir("/srv/orders");
    /// ```
    #[must_use]
    pub fn working_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.working_dir = Some(path.into());
        self
    }

    /// What happens when it ends by itself. Without it, it is started again after a failure.
    ///
    /// ```
    /// let service = abide::Service::new("orders").restart_policy(abide::Restart::always());
    /// ```
    #[must_use]
    pub fn restart_policy(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// Whether it starts with the machine. Without it, it does.
    ///
    /// ```
    /// let service = abide::Service::new("report").start_mode(abide::StartMode::Manual);
    /// ```
    #[must_use]
    pub fn start_mode(mut self, mode: StartMode) -> Self {
        self.start_mode = mode;
        self
    }

    /// How long the program may take until it is ready: a minute without it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let service = abide::Service::new("orders").start_timeout(Duration::from_secs(180));
    /// ```
    #[must_use]
    pub fn start_timeout(mut self, time: Duration) -> Self {
        self.start_timeout = time;
        self
    }

    /// How long the program may take to stop: ten seconds without it. Then it is ended. The service manager is given
    /// the same number and waits a little longer.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let service = abide::Service::new("orders").stop_timeout(Duration::from_secs(30));
    /// ```
    #[must_use]
    pub fn stop_timeout(mut self, time: Duration) -> Self {
        self.stop_timeout = time;
        self
    }

    /// How much memory it may use, in bytes.
    ///
    /// ```
    /// let service = abide::Service::new("orders").memory_limit(512 << 20);
    /// ```
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// How many files it may have open.
    ///
    /// ```
    /// let service = abide::Service::new("orders").open_files_limit(65_536);
    /// ```
    #[must_use]
    pub fn open_files_limit(mut self, files: u64) -> Self {
        self.open_files = Some(files);
        self
    }

    /// Registers that the program reads its settings again when it is told so
    /// ([`Abilities::reloading`](crate::Abilities::reloading)), so that `systemctl reload` is offered. Nothing has to be
    /// registered elsewhere.
    ///
    /// ```
    /// let service = abide::Service::new("orders").reloads();
    /// ```
    #[must_use]
    pub fn reloads(mut self) -> Self {
        self.reloads = true;
        self
    }

    /// Accepts that a setting is lost where the service manager cannot honour it, by the name that the refusal told:
    /// nothing is lost in silence.
    ///
    /// ```
    /// let service = abide::Service::new("orders").memory_limit(512 << 20).accept("limits.memory");
    /// ```
    #[must_use]
    pub fn accept(mut self, setting: impl Into<String>) -> Self {
        self.accept.push(setting.into());
        self
    }

    /// Makes it the user's own service: a unit of `systemd --user`, a LaunchAgent, a task at logon on Windows. No
    /// special rights are needed. On the command line, `--user` says so.
    ///
    /// ```
    /// let service = abide::Service::new("sync").for_user();
    /// ```
    #[must_use]
    pub fn for_user(mut self) -> Self {
        self.user = true;
        self
    }

    /// Another log for what the library itself has to say. Without it, [`Logger::new`].
    ///
    /// ```
    /// use abide::{Level, Logger, Service};
    ///
    /// let service = Service::new("orders").logger(Logger::new("orders").with_level(Level::Debug));
    /// ```
    #[must_use]
    pub fn logger(mut self, logger: Logger) -> Self {
        self.logger = Some(logger);
        self
    }

    /// What counts on Windows alone.
    ///
    /// ```
    /// use abide::{Service, WindowsOptions};
    ///
    /// let service = Service::new("orders").windows(WindowsOptions::new().delayed_start());
    /// ```
    #[must_use]
    pub fn windows(mut self, options: WindowsOptions) -> Self {
        self.windows = options;
        self
    }

    /// What counts under systemd alone.
    ///
    /// ```
    /// use abide::{Service, SystemdOptions};
    ///
    /// let service = Service::new("orders").systemd(SystemdOptions::new().writable(["/srv/orders"]));
    /// ```
    #[must_use]
    pub fn systemd(mut self, options: SystemdOptions) -> Self {
        self.systemd = options;
        self
    }

    /// What counts under launchd alone.
    ///
    /// ```
    /// use abide::{LaunchdOptions, Service};
    ///
    /// let service = Service::new("orders").launchd(LaunchdOptions::new().on_demand());
    /// ```
    #[must_use]
    pub fn launchd(mut self, options: LaunchdOptions) -> Self {
        self.launchd = options;
        self
    }

    /// What counts alone under OpenRC, runit, s6, SysV init and rc.d.
    ///
    /// ```
    /// use abide::{ScriptOptions, Service};
    ///
    /// let service = Service::new("orders").scripts(ScriptOptions::new().after(["net"]));
    /// ```
    #[must_use]
    pub fn scripts(mut self, options: ScriptOptions) -> Self {
        self.scripts = options;
        self
    }

    /// The whole of `fn main`: does what the first argument says, which is one of `install`, `uninstall`, `start`,
    /// `stop`, `restart`, `status`, `run` and `help`; and without one of these, as whatever started it expects, runs the
    /// program.
    ///
    /// ```no_run
    /// # use abide::{Context, Program, Service, Stop};
    /// # struct Orders;
    /// # impl Program for Orders {
    /// #     fn start(&mut self, _: &Context) -> abide::Result { Ok(()) }
    /// #     fn stop(&mut self, _: &Stop) -> abide::Result { Ok(()) }
    /// # }
    /// fn main() -> std::process::ExitCode {
    ///     Service::new("orders").main(Orders)
    /// }
    /// ```
    pub fn main(self, program: impl Program) -> ExitCode {
        self.main_body(Box::new(Object(program)))
    }

    /// As [`main`](Self::main), for a program that is a function: it calls [`Context::ready`] when it is ready, and
    /// returns when its stop token says so. It may block, and it may bring any async runtime:
    ///
    /// ```no_run
    /// fn main() -> std::process::ExitCode {
    ///     abide::Service::new("orders").main_fn(|context| {
    ///         let listener = std::net::TcpListener::bind("127.0.0.1:9000")?;
    ///         context.ready();
    ///         // … for example `smol::block_on(serve(listener, context.stop_token()))`
    ///         context.stop_token().wait();
    ///         Ok(())
    ///     })
    /// }
    /// ```
    pub fn main_fn(self, program: impl FnOnce(Context) -> Result + Send + 'static) -> ExitCode {
        self.main_body(Box::new(Function::new(program)))
    }

    /// As [`main_fn`](Self::main_fn), for a future on a runtime of tokio's with several threads (feature `tokio`).
    ///
    /// ```no_run
    /// fn main() -> std::process::ExitCode {
    ///     abide::Service::new("orders").main_tokio(|context| async move {
    ///         let listener = tokio::net::TcpListener::bind("127.0.0.1:9000").await?;
    ///         context.ready();
    ///         context.stop_token().await;
    ///         drop(listener);
    ///         Ok(())
    ///     })
    /// }
    /// ```
    #[cfg(feature = "tokio")]
    pub fn main_tokio<F>(self, program: impl FnOnce(Context) -> F + Send + 'static) -> ExitCode
    where
        F: Future<Output = Result>,
    {
        self.main_fn(move |context| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let result = runtime.block_on(program(context));
            // What was spawned and does not end by itself is left behind, as the process is about to end.
            runtime.shutdown_background();
            result
        })
    }

    /// Runs the program until its end, with no look at the command line: for programs that read it themselves. The exit
    /// code is for `main`.
    ///
    /// ```no_run
    /// # use abide::{Context, Program, Service, Stop};
    /// # struct Orders;
    /// # impl Program for Orders {
    /// #     fn start(&mut self, _: &Context) -> abide::Result { Ok(()) }
    /// #     fn stop(&mut self, _: &Stop) -> abide::Result { Ok(()) }
    /// # }
    /// fn main() -> std::process::ExitCode {
    ///     let service = Service::new("orders");
    ///     match std::env::args().nth(1).as_deref() {
    ///         Some("--setup") => match service.install() {
    ///             Ok(_) => std::process::ExitCode::SUCCESS,
    ///             Err(error) => error.exit_code().into(),
    ///         },
    ///         _ => service.run(Orders),
    ///     }
    /// }
    /// ```
    pub fn run(self, program: impl Program) -> ExitCode {
        exit_code(self.run_body(own_args(), Box::new(Object(program))))
    }

    /// As [`run`](Self::run), for a program that is a function; see [`main_fn`](Self::main_fn).
    ///
    /// ```no_run
    /// fn main() -> std::process::ExitCode {
    ///     abide::Service::new("orders").run_fn(|context| {
    ///         context.ready();
    ///         context.stop_token().wait();
    ///         Ok(())
    ///     })
    /// }
    /// ```
    pub fn run_fn(self, program: impl FnOnce(Context) -> Result + Send + 'static) -> ExitCode {
        exit_code(self.run_body(own_args(), Box::new(Function::new(program))))
    }

    fn main_body(self, body: Box<dyn Body>) -> ExitCode {
        exit_code(command::main(self, &own_args(), body))
    }

    pub(crate) fn run_body(self, args: Vec<OsString>, body: Box<dyn Body>) -> i32 {
        run::run(Run {
            name: self.name,
            args,
            start_timeout: self.start_timeout,
            stop_timeout: self.stop_timeout,
            again: self.restart.spec.when == abide_spec::When::Always,
            logger: self.logger,
            body,
        })
    }
}

fn own_args() -> Vec<OsString> {
    std::env::args_os().skip(1).collect()
}

fn exit_code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
