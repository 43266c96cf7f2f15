//! A service with a thread: prints a line every second until it is stopped.
//!
//!     cargo run -p abide --example ticker            # here, until Ctrl-C
//!     sudo ./ticker install                          # as a service of this machine
//!     ./ticker status
//!     sudo ./ticker uninstall

use std::process::ExitCode;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use abide::{Context, Program, Service, Stop};

#[derive(Default)]
struct Ticker(Option<JoinHandle<()>>);

impl Program for Ticker {
    fn start(&mut self, context: &Context) -> abide::Result {
        let (stop, log) = (context.stop_token(), context.logger().clone());
        self.0 = Some(thread::spawn(move || {
            let mut ticks = 0;
            while stop.wait_for(Duration::from_secs(1)).is_none() {
                ticks += 1;
                log.info(format_args!("tick {ticks}"));
            }
            log.info(format_args!("stopped after {ticks} ticks"));
        }));
        Ok(())
    }

    fn stop(&mut self, _: &Stop) -> abide::Result {
        self.0.take().map_or(Ok(()), |ticker| ticker.join().map_err(|_| "the ticker died".into()))
    }
}

fn main() -> ExitCode {
    Service::new("ticker").description("Ticks every second").main(Ticker::default())
}
