//! The bridge from `tracing`.

use std::fmt;

use tracing_core::field::{Field, Visit};
use tracing_core::{Event, Subscriber, span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::{Level, Logger};

/// Writes the events of `tracing` into a [`Logger`], with their fields and those of the spans around them; made by
/// [`Logger::layer`].
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let logger = abide::Logger::new("orders");
/// let subscriber = tracing_subscriber::registry().with(logger.layer());
/// tracing::subscriber::with_default(subscriber, || {
///     tracing::info!(port = 9000, "listening");
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Layer {
    logger: Logger,
}

impl Logger {
    /// A layer for the subscribers of `tracing` (feature `tracing`).
    ///
    /// ```
    /// use tracing_subscriber::prelude::*;
    ///
    /// let logger = abide::Logger::new("orders");
    /// let subscriber = tracing_subscriber::registry().with(logger.layer());
    /// # let _ = subscriber;
    /// // subscriber.init();
    /// ```
    #[must_use]
    pub fn layer(&self) -> Layer {
        Layer { logger: self.clone() }
    }
}

/// The fields of an event or a span, as texts.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.message = value;
        } else {
            self.others.retain(|(name, _)| *name != field.name());
            self.others.push((field.name(), value));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, crate::error::chain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

fn level(level: tracing_core::Level) -> Level {
    match level {
        tracing_core::Level::ERROR => Level::Error,
        tracing_core::Level::WARN => Level::Warning,
        tracing_core::Level::INFO => Level::Info,
        _ => Level::Debug,
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Layer {
    fn enabled(&self, metadata: &tracing_core::Metadata<'_>, _: Context<'_, S>) -> bool {
        self.logger.is_enabled(level(*metadata.level()))
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                for (name, value) in &outer.others {
                    // What is said nearest counts.
                    if fields.others.iter().all(|(known, _)| known != name) {
                        fields.others.push((name, value.clone()));
                    }
                }
            }
        }
        let others: Vec<_> = fields.others.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.logger.log_with(level(*event.metadata().level()), &fields.message, &others);
    }
}
