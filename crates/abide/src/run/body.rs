//! A program in either of its forms: an object with methods, or a function that runs until it is told to stop.

use std::sync::mpsc::{Receiver, channel};

use super::machine::Call;
use crate::run::Event;
use crate::{Abilities, Context, Program, Result, StopReason};

/// What is run.
pub(crate) trait Body: Send {
    fn abilities(&self) -> Abilities;

    /// Whether it is ready when its start has returned.
    fn ready_by_start(&self) -> bool;

    fn call(&mut self, call: Call, context: &Context) -> Result;
}

/// A [`Program`].
pub(crate) struct Object<P>(pub(crate) P);

impl<P: Program> Body for Object<P> {
    fn abilities(&self) -> Abilities {
        self.0.abilities()
    }

    fn ready_by_start(&self) -> bool {
        true
    }

    fn call(&mut self, call: Call, context: &Context) -> Result {
        match call {
            Call::Start => self.0.start(context),
            Call::Stop(stop) if stop.reason() == StopReason::Shutdown => self.0.shutdown(&stop),
            Call::Stop(stop) => self.0.stop(&stop),
            Call::Pause => self.0.pause(),
            Call::Resume => self.0.resume(),
            Call::Reload => self.0.reload(),
        }
    }
}

/// A function that runs until its stop token says so.
pub(crate) struct Function<F> {
    function: Option<F>,
    ended: Option<Receiver<std::result::Result<(), String>>>,
}

impl<F> Function<F> {
    pub(crate) fn new(function: F) -> Self {
        Self { function: Some(function), ended: None }
    }
}

impl<F: FnOnce(Context) -> Result + Send + 'static> Body for Function<F> {
    fn abilities(&self) -> Abilities {
        Abilities::NONE
    }

    fn ready_by_start(&self) -> bool {
        false
    }

    fn call(&mut self, call: Call, context: &Context) -> Result {
        match call {
            Call::Start => {
                let Some(function) = self.function.take() else { return Ok(()) };
                let (ended, receiver) = channel();
                self.ended = Some(receiver);
                let context = context.clone();
                let run = move || {
                    let events = context.inner.events.clone();
                    let result = super::guarded(|| function(context));
                    let _ = ended.send(result.clone());
                    let _ = events.send(Event::Finished(result));
                };
                std::thread::Builder::new().name("abide-function".into()).spawn(run)?;
                Ok(())
            }
            // The token has been told: what is left is waiting, for which there is a deadline.
            Call::Stop(_) => match self.ended.take().map(|ended| ended.recv()) {
                Some(Ok(Err(why))) => Err(why.into()),
                _ => Ok(()),
            },
            Call::Pause | Call::Resume | Call::Reload => Ok(()),
        }
    }
}
