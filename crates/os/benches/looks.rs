//! What it costs to look at a hundred services: `cargo bench -p abide-os --bench looks`. An agent looks every ten seconds,
//! and is to use less than half a percent of a processor for it: 50 ms each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement ends this way")]

fn main() {
    #[cfg(target_os = "linux")]
    linux::measure();
    #[cfg(not(target_os = "linux"))]
    println!("measured on Linux only");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use abide_os::usage::{Meter, Processes};
    use rustix::time::{ClockId, clock_gettime};

    const TREES: usize = 100;
    const LOOKS: u32 = 20;

    struct Tree(Child);

    impl Tree {
        /// A shell and three more, in a process group of their own.
        fn start() -> Self {
            let script = "sleep 600 & sleep 600 & sleep 600 & wait";
            Self(
                Command::new("/bin/sh")
                    .args(["-c", script])
                    .stdin(Stdio::null())
                    .process_group(0)
                    .spawn()
                    .unwrap(),
            )
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            if let Some(group) = rustix::process::Pid::from_raw(self.0.id().cast_signed()) {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            let _ = self.0.wait();
        }
    }

    fn spent() -> Duration {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap())
    }

    pub(super) fn measure() {
        let trees: Vec<Tree> = (0..TREES).map(|_| Tree::start()).collect();
        let mut meters = vec![Meter::new(); TREES];
        let all = || Processes::look().unwrap().tree(std::process::id()).len();
        while all() < TREES * 4 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let (mut looking, mut reading, mut processes) = (Duration::ZERO, Duration::ZERO, 0);
        for _ in 0..LOOKS {
            let begin = spent();
            let look = Processes::look().unwrap();
            let looked = spent();
            processes = 0;
            for (tree, meter) in trees.iter().zip(&mut meters) {
                processes += meter.read(&look, Some(tree.0.id())).processes;
            }
            looking += looked - begin;
            reading += spent() - looked;
        }
        let (looking, reading) = (looking / LOOKS, reading / LOOKS);
        println!(
            "{TREES} trees of {processes} processes: {looking:.1?} to look, {reading:.1?} to read, of 50 ms: {:.3} % of a processor at one look in 10 s",
            (looking + reading).as_secs_f64() * 10.0
        );
        assert!(looking + reading < Duration::from_millis(50), "too dear");
    }
}
