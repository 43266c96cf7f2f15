//! What a running program can ask and say.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use crate::run::Event;
use crate::{Failure, Logger, Origin, StopToken};

/// What a running program knows of itself and can say: its arguments, its log, whether it is to stop. Clones are as
/// good as the first.
///
/// ```
/// fn start(context: &abide::Context) -> abide::Result {
///     let (stop, log) = (context.stop_token(), context.logger().clone());
///     std::thread::spawn(move || {
///         log.info("working");
///         stop.wait();
///     });
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) name: String,
    pub(crate) args: Vec<OsString>,
    pub(crate) origin: Origin,
    pub(crate) logger: Logger,
    pub(crate) token: StopToken,
    pub(crate) events: Sender<Event>,
}

impl Context {
    /// The name of the service.
    ///
    /// ```
    /// fn greet(context: &abide::Context) {
    ///     println!("this is {}", context.name());
    /// }
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The program's own arguments: those after its name, without the word `run` and a `--` before them.
    ///
    /// ```
    /// fn is_verbose(context: &abide::Context) -> bool {
    ///     context.args().iter().any(|arg| arg == "--verbose")
    /// }
    /// ```
    #[must_use]
    pub fn args(&self) -> &[OsString] {
        &self.inner.args
    }

    /// Who started the program.
    ///
    /// ```
    /// fn is_at_desk(context: &abide::Context) -> bool {
    ///     context.origin() == abide::Origin::Terminal
    /// }
    /// ```
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.inner.origin
    }

    /// The folder that is the service's own and outlives it, where the service manager gives it one (`STATE_DIRECTORY`).
    /// None in the foreground.
    ///
    /// ```
    /// fn database(context: &abide::Context) -> std::path::PathBuf {
    ///     context.data_dir().unwrap_or_else(|| ".".into()).join("orders.db")
    /// }
    /// ```
    #[must_use]
    pub fn data_dir(&self) -> Option<PathBuf> {
        let folders = std::env::var_os("STATE_DIRECTORY").filter(|folders| !folders.is_empty())?;
        std::env::split_paths(&folders).next()
    }

    /// The log that is right where the program runs.
    ///
    /// ```
    /// fn begin(context: &abide::Context) {
    ///     context.logger().info("begins");
    /// }
    /// ```
    #[must_use]
    pub fn logger(&self) -> &Logger {
        &self.inner.logger
    }

    /// A token that tells when the program is to stop.
    ///
    /// ```
    /// fn begin(context: &abide::Context) {
    ///     let stop = context.stop_token();
    ///     std::thread::spawn(move || stop.wait());
    /// }
    /// ```
    #[must_use]
    pub fn stop_token(&self) -> StopToken {
        self.inner.token.clone()
    }

    /// A future that is done when the program is to stop: a [`stop_token`](Self::stop_token) that says nothing, as servers
    /// want it for their graceful shutdown.
    ///
    /// ```
    /// async fn serve(context: abide::Context, listener: tokio::net::TcpListener) -> abide::Result {
    ///     axum::serve(listener, axum::Router::new()).with_graceful_shutdown(context.stopped()).await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let token = self.stop_token();
        async move {
            token.await;
        }
    }

    /// Says that the program is ready: for programs given as a function or a future. A [`Program`](crate::Program) is
    /// ready when its `start` has returned.
    ///
    /// ```
    /// # fn bind() -> std::io::Result<std::net::TcpListener> { std::net::TcpListener::bind("127.0.0.1:0") }
    /// fn serve(context: abide::Context) -> abide::Result {
    ///     let listener = bind()?;
    ///     context.ready(); // from now on the service manager calls it running
    ///     // … serve with `listener` until the stop token says so
    ///     Ok(())
    /// }
    /// ```
    pub fn ready(&self) {
        self.tell(Event::Ready);
    }

    /// Asks for the end of the program, as if the service manager had. The process ends with code 0.
    ///
    /// ```
    /// fn done(context: &abide::Context) {
    ///     context.logger().info("nothing left to do");
    ///     context.stop();
    /// }
    /// ```
    pub fn stop(&self) {
        self.tell(Event::StopItself);
    }

    /// Says that the program has failed: the reason is logged, the program is stopped, and the process ends with code
    /// 1, so that the restart policy applies. For threads and tasks, whose errors nobody would see otherwise.
    ///
    /// ```
    /// fn spawn(context: &abide::Context, work: impl FnOnce() -> abide::Result + Send + 'static) {
    ///     let context = context.clone();
    ///     std::thread::spawn(move || {
    ///         if let Err(error) = work() {
    ///             context.fail(error);
    ///         }
    ///     });
    /// }
    /// ```
    pub fn fail(&self, failure: impl Into<Failure>) {
        self.tell(Event::Failed(crate::error::chain(&*failure.into())));
    }

    fn tell(&self, event: Event) {
        // Whoever says something after the end is not heard.
        let _ = self.inner.events.send(event);
    }
}
