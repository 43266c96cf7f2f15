//! The bridge from the macros of the crate `log`.

use super::{Level, Logger};

impl Logger {
    /// Makes this the log of the macros of the crate [`log`] (feature `log`). They write what this writes: everything
    /// that matters as much as [`with_level`](Self::with_level) says.
    ///
    /// ```
    /// # fn main() -> Result<(), log::SetLoggerError> {
    /// abide::Logger::new("orders").install()?;
    /// log::info!("listening on port {}", 9000);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fails when the process has such a log already.
    pub fn install(self) -> Result<(), log::SetLoggerError> {
        let most = match self.level {
            Level::Error => log::LevelFilter::Error,
            Level::Warning => log::LevelFilter::Warn,
            Level::Info => log::LevelFilter::Info,
            Level::Debug => log::LevelFilter::Trace,
        };
        log::set_boxed_logger(Box::new(self))?;
        log::set_max_level(most);
        Ok(())
    }
}

fn level(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warning,
        log::Level::Info => Level::Info,
        log::Level::Debug | log::Level::Trace => Level::Debug,
    }
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.is_enabled(level(metadata.level()))
    }

    fn log(&self, record: &log::Record<'_>) {
        Logger::log_with(self, level(record.level()), record.args(), &[("target", record.target())]);
    }

    fn flush(&self) {}
}
