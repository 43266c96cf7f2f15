//! How much capturing costs, beside `cat > file` in the same run.
//!
//! `cargo run --release -p abide-logs --example throughput [-- MIB [ROUNDS]]` pipes MIB of 100-byte lines into each,
//! once written in chunks of 64 KiB and once line by line, and prints the medians: MB/s, and CPU seconds per GB
//! of the process that captures. CPU times come from /proc, so they are missing where there is none.

use std::{
    error::Error,
    fs::File,
    io::{self, Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use abide_logs::{Capture, Compression, Settings, Stream};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The reader's buffer, as in the supervisor.
const BUFFER: usize = 64 << 10;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["capture", dir, rotate] => capture(Path::new(dir), rotate),
        ["print", mib, chunk] => print(mib.parse()?, chunk.parse()?),
        [] => measure(512, 5),
        [mib] => measure(mib.parse()?, 5),
        [mib, rounds] => measure(mib.parse()?, rounds.parse()?),
        _ => Err("usage: throughput [MIB [ROUNDS]]".into()),
    }
}

fn measure(mib: u64, rounds: usize) -> Outcome<()> {
    let dir = std::env::temp_dir().join(format!("abide-throughput-{}", std::process::id()));
    let outcome = table(&dir, mib, rounds);
    std::fs::remove_dir_all(&dir)?;
    outcome
}

fn table(dir: &Path, mib: u64, rounds: usize) -> Outcome<()> {
    const WAYS: [&str; 4] = ["cat > file", "no rotation", "64 MiB files", "64 MiB, zstd"];
    for (label, chunk) in [("64 KiB", BUFFER), ("100 byte", 100)] {
        println!("{mib} MiB in {label} writes, medians of {rounds}:");
        let mut runs = WAYS.map(|_| Vec::new());
        for _ in 0..rounds {
            for (way, runs) in WAYS.iter().zip(&mut runs) {
                std::fs::create_dir_all(dir)?;
                runs.push(run(dir, way, mib, chunk)?);
                std::fs::remove_dir_all(dir)?;
                std::fs::create_dir_all(dir)?;
            }
        }
        let mut base = None;
        for (way, mut runs) in WAYS.iter().zip(runs) {
            runs.sort_by(|one, other| one.cpu.total_cmp(&other.cpu));
            let cpu = runs[runs.len() / 2].cpu;
            runs.sort_by_key(|run| run.wall);
            let wall = runs[runs.len() / 2].wall;
            let bytes = (mib << 20) as f64;
            let base = *base.get_or_insert(cpu);
            let speed = bytes / 1e6 / wall.as_secs_f64();
            let cost = cpu * 1e9 / bytes;
            let peak = runs.iter().map(|run| run.peak).max().unwrap_or(0);
            println!(
                "  {way:13} {speed:7.0} MB/s  {cost:6.2} CPU s/GB  {:5.2} x cat  peak {peak} KiB",
                cpu / base
            );
        }
    }
    Ok(())
}

struct Run {
    wall: Duration,
    cpu: f64,
    peak: u64,
}

fn run(dir: &Path, way: &str, mib: u64, chunk: usize) -> Outcome<Run> {
    let this = std::env::current_exe()?;
    let started = Instant::now();
    let mut printer = Command::new(&this)
        .args(["print", &mib.to_string(), &chunk.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let Some(pipe) = printer.stdout.take() else { return Err("no pipe".into()) };
    let mut sink = if way == "cat > file" {
        Command::new("cat").stdin(pipe).stdout(File::create(dir.join("out"))?).spawn()?
    } else {
        Command::new(&this).args(["capture".as_ref(), dir.as_os_str(), way.as_ref()]).stdin(pipe).spawn()?
    };
    printer.wait()?;
    let (cpu, peak) = cost(&sink);
    let wall = started.elapsed();
    if !sink.wait()?.success() {
        return Err("the capture failed".into());
    }
    Ok(Run { wall, cpu, peak })
}

/// CPU seconds and peak memory in KiB of `child` at its end, read before it is reaped.
fn cost(child: &Child) -> (f64, u64) {
    let (mut cpu, mut peak) = (f64::NAN, 0);
    let proc = format!("/proc/{}", child.id());
    while let Ok(stat) = std::fs::read_to_string(format!("{proc}/stat")) {
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
        if let (Some(user), Some(system)) = (ticks(11), ticks(12)) {
            cpu = (user + system) / 100.0;
        }
        if let Ok(status) = std::fs::read_to_string(format!("{proc}/status"))
            && let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))
        {
            peak = line.trim().trim_end_matches(" kB").parse().unwrap_or(peak);
        }
        if fields.first() == Some(&"Z") {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    (cpu, peak)
}

fn capture(dir: &Path, rotate: &str) -> Outcome<()> {
    let settings = Settings {
        size: if rotate == "no rotation" { 0 } else { 64 << 20 },
        compress: if rotate.ends_with("zstd") { Compression::Zstd } else { Compression::None },
        ..Settings::default()
    };
    let capture = Capture::open(dir, &settings)?;
    let mut buffer = vec![0; BUFFER];
    let mut input = io::stdin().lock();
    loop {
        // Past the buffer of the standard library: it has the same size, so nothing is copied twice.
        let length = input.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        capture.write(Stream::Stdout, &buffer[..length], SystemTime::now());
    }
    capture.end(Stream::Stdout, SystemTime::now());
    Ok(())
}

fn print(mib: u64, chunk: usize) -> Outcome<()> {
    let line = format!("{:099}\n", 7).into_bytes();
    let text = line.repeat(BUFFER / line.len() + 1);
    let mut left = mib << 20;
    let mut out = io::stdout().lock();
    let mut at = 0;
    while left > 0 {
        let length = chunk.min(usize::try_from(left)?);
        let end = (at + length).min(text.len());
        // A file descriptor of one's own would save the line buffer of the standard library a look.
        out.write_all(&text[at..end])?;
        left -= (end - at) as u64;
        at = end % text.len();
    }
    out.flush()?;
    Ok(())
}
