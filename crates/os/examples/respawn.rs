//! How long it takes from the death of a program to the execution of the next: by a [`Loop`] and [`Tree`]s, with control
//! groups and without, beside a bare fork, exec and wait.
//!
//! `cargo run --release -p abide-os --example respawn [ROUNDS]`

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this measurement reads Linux's process table");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::error::Error;
    use std::ffi::CString;
    use std::io::{Read, Write};
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use abide_os::events::{Happening, Loop, Signals};
    use abide_os::process::{Identity, Launch, OutputMode, Spawned, Tree};
    use abide_spec::Limits;

    type Outcome<T> = Result<T, Box<dyn Error>>;

    pub(super) fn main() {
        if let Err(error) = run() {
            eprintln!("error: {error}");
            std::process::exit(1);
        }
    }

    fn run() -> Outcome<()> {
        if std::env::args().nth(1).as_deref() == Some("program") {
            // The program: says when it was executed, and waits for its end.
            let mut out = std::io::stdout();
            out.write_all(&monotonic().to_ne_bytes())?;
            out.flush()?;
            loop {
                std::thread::park();
            }
        }
        let rounds = std::env::args().nth(1).map_or(Ok(300), |text| text.parse::<usize>())?;
        let bare = median((0..rounds).map(|_| bare_round()).collect::<Outcome<_>>()?);
        println!("{:<34}{bare:>8.1?}", "bare fork + exec + wait");
        for groups in [false, true] {
            let mut events = Loop::<()>::new(Signals::Leave)?;
            if !groups {
                events.without_groups();
            }
            let mut spawned = spawn(&mut events)?;
            started(&mut spawned)?;
            let mut times = Vec::new();
            for _ in 0..rounds {
                times.push(round(&mut events, &mut spawned)?);
            }
            let name = if groups { "tree in a control group" } else { "tree by session and parents" };
            let time = median(times);
            println!("{name:<34}{time:>8.1?}   x {:.2}", time.as_secs_f64() / bare.as_secs_f64());
        }
        Ok(())
    }

    fn median(mut times: Vec<Duration>) -> Duration {
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    /// Nanoseconds of a clock that all processes share.
    fn monotonic() -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
    }

    fn launch() -> Outcome<Launch> {
        Ok(Launch {
            program: std::env::current_exe()?,
            args: vec!["program".into()],
            env: std::env::vars_os().collect(),
            working_dir: Some(PathBuf::from("/")),
            identity: Identity::Inherit,
            limits: Limits::default(),
            instance: "respawn".into(),
            output: OutputMode::Pipes,
            notify: None,
        })
    }

    fn spawn(events: &mut Loop<()>) -> Outcome<Spawned> {
        Ok(Tree::spawn(&launch()?, events)?)
    }

    fn read_stamp(mut pipe: impl Read) -> Outcome<u64> {
        let mut stamp = [0; 8];
        pipe.read_exact(&mut stamp)?;
        Ok(u64::from_ne_bytes(stamp))
    }

    fn started(spawned: &mut Spawned) -> Outcome<u64> {
        let (out, _) = spawned.output.as_ref().ok_or("no pipes")?;
        read_stamp(out)
    }

    fn kill(pid: u32) -> Outcome<()> {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid)?).ok_or("no process")?;
        Ok(rustix::process::kill_process(pid, rustix::process::Signal::KILL)?)
    }

    fn round(events: &mut Loop<()>, spawned: &mut Spawned) -> Outcome<Duration> {
        std::thread::sleep(Duration::from_millis(2));
        let killed = monotonic();
        kill(spawned.tree.pid())?;
        loop {
            match events.wait(Some(Instant::now() + Duration::from_secs(5)))? {
                Happening::Exited { .. } => break,
                Happening::Due => return Err("the program did not end".into()),
                _ => {}
            }
        }
        if !spawned.tree.is_gone() {
            return Err("something is left of the program".into());
        }
        *spawned = spawn(events)?;
        Ok(Duration::from_nanos(started(spawned)?.saturating_sub(killed)))
    }

    /// The same with nothing around it.
    fn bare_round() -> Outcome<Duration> {
        let exe = CString::new(std::env::current_exe()?.to_str().ok_or("odd path")?)?;
        let (first_reader, first) = bare_spawn(&exe)?;
        read_stamp(first_reader)?;
        std::thread::sleep(Duration::from_millis(2));
        let killed = monotonic();
        kill(first)?;
        reap(first)?;
        let (reader, second) = bare_spawn(&exe)?;
        let time = read_stamp(reader)?.saturating_sub(killed);
        kill(second)?;
        reap(second)?;
        Ok(Duration::from_nanos(time))
    }

    fn bare_spawn(exe: &CString) -> Outcome<(std::io::PipeReader, u32)> {
        use std::os::fd::AsRawFd;
        let (reader, writer) = std::io::pipe()?;
        let args = [exe.as_ptr(), c"program".as_ptr(), std::ptr::null()];
        // SAFETY: the child makes only async-signal-safe calls, with pointers to strings that are alive in its copy.
        let pid = unsafe {
            let pid = libc::fork();
            if pid == 0 {
                libc::dup2(writer.as_raw_fd(), 1);
                libc::execv(exe.as_ptr(), args.as_ptr());
                libc::_exit(127);
            }
            pid
        };
        Ok((reader, u32::try_from(pid)?))
    }

    fn reap(pid: u32) -> Outcome<()> {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid)?);
        rustix::process::waitpid(pid, rustix::process::WaitOptions::empty())?;
        Ok(())
    }
}
