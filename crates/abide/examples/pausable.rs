//! A service that can rest and read its settings again: it counts, and keeps the count in the folder that is its own.
//!
//!     cargo run -p abide --example pausable          # Ctrl-Z rests, `fg` goes on, Ctrl-C stops
//!     kill -TSTP PID; kill -CONT PID; kill -HUP PID  # the same as a service; Windows has words for it

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use abide::{Abilities, Context, Program, Service, Stop};

#[derive(Default)]
struct Counter {
    resting: Arc<AtomicBool>,
    running: Option<(Context, JoinHandle<()>)>,
}

/// Counts on where it was the last time, until it is to stop.
fn count(context: &Context, resting: &AtomicBool) -> abide::Result {
    let file = context.data_dir().map(|folder| folder.join("count"));
    let before = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    let mut count: u64 = before.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let stop = context.stop_token();
    while stop.wait_for(Duration::from_millis(200)).is_none() {
        if resting.load(Ordering::SeqCst) {
            continue;
        }
        count += 1;
        context.logger().info(format_args!("count {count}"));
        if let Some(file) = &file {
            std::fs::write(file, format!("{count}\n"))?;
        }
    }
    Ok(())
}

impl Counter {
    fn say(&self, text: &str) {
        self.running.iter().for_each(|(context, _)| context.logger().info(text));
    }
}

impl Program for Counter {
    fn start(&mut self, context: &Context) -> abide::Result {
        let (own, resting) = (context.clone(), self.resting.clone());
        let worker = thread::spawn(move || count(&own, &resting).unwrap_or_else(|error| own.fail(error)));
        self.running = Some((context.clone(), worker));
        Ok(())
    }

    fn stop(&mut self, _: &Stop) -> abide::Result {
        self.say("stopping");
        self.running.take().map_or(Ok(()), |(_, worker)| worker.join().map_err(|_| "the worker died".into()))
    }

    fn abilities(&self) -> Abilities {
        Abilities::NONE.pausing().reloading()
    }

    fn pause(&mut self) -> abide::Result {
        self.resting.store(true, Ordering::SeqCst);
        self.say("resting");
        Ok(())
    }

    fn resume(&mut self) -> abide::Result {
        self.resting.store(false, Ordering::SeqCst);
        self.say("counting again");
        Ok(())
    }

    fn reload(&mut self) -> abide::Result {
        self.say("settings read again");
        Ok(())
    }
}

fn main() -> ExitCode {
    Service::new("pausable").description("Counts, and can rest").reloads().main(Counter::default())
}
