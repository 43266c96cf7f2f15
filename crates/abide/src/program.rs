//! What a program has to say to be a service.

use std::time::{Duration, Instant};

use crate::Context;

/// Any error of a program, as `?` makes it.
///
/// ```
/// fn read() -> Result<String, abide::Failure> {
///     Ok(std::fs::read_to_string("/does/not/exist")?)
/// }
/// assert!(read().is_err());
/// ```
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a program answers.
///
/// ```
/// fn port(text: &str) -> abide::Result<u16> {
///     Ok(text.parse()?)
/// }
/// assert_eq!(port("9000").unwrap(), 9000);
/// assert!(port("many").is_err());
/// ```
pub type Result<T = ()> = std::result::Result<T, Failure>;

/// A program that is a service: it is started, and some day it is stopped.
///
/// All calls come one after the other from one thread. [`start`](Self::start) and [`stop`](Self::stop) are all that a
/// program needs; the others are for those that can do more, and say so in [`abilities`](Self::abilities).
///
/// ```
/// use std::thread::JoinHandle;
/// use std::time::Duration;
///
/// #[derive(Default)]
/// struct Ticker(Option<JoinHandle<()>>);
///
/// impl abide::Program for Ticker {
///     fn start(&mut self, context: &abide::Context) -> abide::Result {
///         let stop = context.stop_token();
///         self.0 = Some(std::thread::spawn(move || {
///             while stop.wait_for(Duration::from_secs(1)).is_none() {
///                 println!("tick");
///             }
///         }));
///         Ok(())
///     }
///
///     fn stop(&mut self, _: &abide::Stop) -> abide::Result {
///         self.0.take().map_or(Ok(()), |ticker| ticker.join().map_err(|_| "the ticker died".into()))
///     }
/// }
///
/// // fn main() -> std::process::ExitCode {
/// //     abide::Service::new("ticker").main(Ticker::default())
/// // }
/// ```
pub trait Program: Send + 'static {
    /// Begins the work and returns: what goes on is done by threads or tasks that this starts. When it has returned,
    /// the service manager is told that the service is ready.
    ///
    /// **It must not block.** As long as it has not returned, the service counts as starting: `install` and `start`
    /// wait, nothing that was to start after it starts, and a stop has to wait too. When the time-out of the start is
    /// over ([`Service::start_timeout`](crate::Service::start_timeout), a minute by default) the log says so and the
    /// process ends with code 1, which the restart policy then treats as any other failure.
    ///
    /// # Errors
    /// An error is logged, and the process ends with code 1.
    fn start(&mut self, context: &Context) -> Result;

    /// Ends the work, in good order and before the deadline. When it returns, the process ends with code 0.
    ///
    /// A program that is not done at the deadline ([`Service::stop_timeout`](crate::Service::stop_timeout), ten seconds
    /// by default) is ended without being asked again.
    ///
    /// The program's [`StopToken`](crate::StopToken)s have been told before this is called.
    ///
    /// # Errors
    /// An error is logged, and the process ends with code 1.
    fn stop(&mut self, stop: &Stop) -> Result;

    /// The same when the whole machine goes down, where the service manager tells that (Windows does). Unless there is
    /// less to do in that case, leave it alone: it stops.
    ///
    /// # Errors
    /// As those of [`stop`](Self::stop).
    fn shutdown(&mut self, stop: &Stop) -> Result {
        self.stop(stop)
    }

    /// What it can do besides starting and stopping. What is not listed is never called.
    fn abilities(&self) -> Abilities {
        Abilities::NONE
    }

    /// Rests until [`resume`](Self::resume). Asked for by the Windows service manager, by SIGTSTP (`kill -TSTP PID`), or
    /// by Ctrl-Z at a terminal, which then gets its shell back.
    ///
    /// # Errors
    /// An error is logged, and the program counts as running.
    fn pause(&mut self) -> Result {
        Ok(())
    }

    /// Goes on after [`pause`](Self::pause): Windows, SIGCONT, `fg` at a terminal.
    ///
    /// # Errors
    /// An error is logged, and the program counts as paused.
    fn resume(&mut self) -> Result {
        Ok(())
    }

    /// Reads its settings again: SIGHUP, `systemctl reload`, `PARAMCHANGE` on Windows.
    ///
    /// # Errors
    /// An error is logged, and the program goes on with what it had.
    fn reload(&mut self) -> Result {
        Ok(())
    }
}

/// What a program can do besides starting and stopping.
///
/// ```
/// use abide::Abilities;
///
/// let abilities = Abilities::NONE.pausing().reloading();
/// assert!(abilities.can_pause() && abilities.can_reload());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    pause: bool,
    reload: bool,
}

impl Abilities {
    /// Starting and stopping alone.
    ///
    /// ```
    /// assert_eq!(abide::Abilities::NONE, abide::Abilities::default());
    /// ```
    pub const NONE: Self = Self { pause: false, reload: false };

    /// It can rest and go on.
    ///
    /// ```
    /// assert!(abide::Abilities::NONE.pausing().can_pause());
    /// ```
    #[must_use]
    pub const fn pausing(self) -> Self {
        Self { pause: true, ..self }
    }

    /// It can read its settings again.
    ///
    /// ```
    /// assert!(abide::Abilities::NONE.reloading().can_reload());
    /// ```
    #[must_use]
    pub const fn reloading(self) -> Self {
        Self { reload: true, ..self }
    }

    /// Whether it can rest and go on.
    ///
    /// ```
    /// assert!(!abide::Abilities::NONE.can_pause());
    /// ```
    #[must_use]
    pub const fn can_pause(self) -> bool {
        self.pause
    }

    /// Whether it can read its settings again.
    ///
    /// ```
    /// assert!(!abide::Abilities::NONE.can_reload());
    /// ```
    #[must_use]
    pub const fn can_reload(self) -> bool {
        self.reload
    }
}

/// That a program is to stop, why and until when.
///
/// ```
/// # fn flush(_: std::time::Duration) {}
/// # struct Program;
/// # impl Program {
/// fn stop(&mut self, stop: &abide::Stop) -> abide::Result {
///     flush(stop.remaining());
///     Ok(())
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    pub(crate) reason: StopReason,
    pub(crate) deadline: Instant,
}

impl Stop {
    /// Why.
    ///
    /// ```
    /// fn is_quick(stop: &abide::Stop) -> bool {
    ///     stop.reason() == abide::StopReason::Shutdown
    /// }
    /// ```
    #[must_use]
    pub const fn reason(&self) -> StopReason {
        self.reason
    }

    /// The moment at which the program is ended if it still runs then.
    ///
    /// ```
    /// fn is_late(stop: &abide::Stop) -> bool {
    ///     std::time::Instant::now() > stop.deadline()
    /// }
    /// ```
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How long that is from now; zero when it has passed.
    ///
    /// ```
    /// fn may_flush(stop: &abide::Stop) -> bool {
    ///     stop.remaining() > std::time::Duration::from_secs(1)
    /// }
    /// ```
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Why a program is to stop.
///
/// ```
/// let why = |reason| match reason {
///     abide::StopReason::Shutdown => "the machine goes down",
///     _ => "somebody wants it so",
/// };
/// assert_eq!(why(abide::StopReason::Requested), "somebody wants it so");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// The service manager, or whoever sent SIGTERM, asked for it.
    Requested,
    /// Ctrl-C or Ctrl-Break at the terminal, or the terminal was closed.
    Interrupted,
    /// The machine goes down.
    Shutdown,
    /// The program asked for it itself, or failed ([`Context::stop`], [`Context::fail`]).
    Program,
}
