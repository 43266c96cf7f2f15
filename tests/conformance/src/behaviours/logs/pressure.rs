//! More output than is wanted, a disk that takes no more, and deaths.

use abide_machine::wait_for;

use super::{Steered, all_of, files, folder, numbered, wait_last};
use crate::behaviour::{Behaviour, Fault, Outcome, now};
use crate::context::{Context, SOON};
use crate::ensure;

pub const LIST: &[Behaviour] = &[
    now("block-never-loses", "a program that has to wait for the disk loses nothing", &[], block),
    now(
        "drop-oldest-counts",
        "what is dropped for want of room is counted exactly, where it is missing",
        &[],
        drop_oldest,
    ),
    now(
        "full-disk-of-logs",
        "with a full disk the program goes on, the status says so, and capture resumes by itself",
        &[],
        full_disk,
    ),
    now(
        "kill-loses-the-pipe-at-most",
        "a supervisor that is killed loses at most what was in the pipe; the log goes on with whole lines",
        &[],
        kill,
    ),
    now("torn-tail", "half a line and a broken index are repaired at the next start", &[], torn),
    now("logs-rate-limit", "lines beyond the rate are suppressed, and their number is told", &[], rate),
    now("logs-level", "lines below the level are not kept, those without a level are", &[], level),
    now("logs-sample", "a share of the lines below the level is kept all the same", &[], sample),
    now("debug-lifts-level", "`debug on` keeps every line, `off` does not any more", &[], debug_lifts),
    now("debug-by-http", "`debug on` and `off` make the HTTP calls of the spec", &[], debug_http),
];

fn block(c: &Context) -> Outcome {
    let logs = "[logs]\nwhen-full = \"block\"\nbuffer = \"64KiB\"\nrotate = { size = \"256KiB\", keep = 100, compress = \"zstd\" }";
    let service = c.service(&["lines", "150000"]).with(logs);
    c.run(&service)?;
    wait_last(c, &service.name, &numbered(150_000))?;
    all_of(c.printed(&service.name)?.lines(), 150_000)?;
    let status = c.status(&service.name)?;
    ensure!(status["logs"]["lost-bytes"] == 0, "the status tells a loss: {status}");
    Ok(())
}

/// How many numbered lines are missing, from 1 to `last`. Each gap has a note that tells its length in lines.
fn missing(text: &str, word: &str, last: u64) -> Result<u64, Fault> {
    let (mut next, mut all) = (1, 0);
    for line in text.lines() {
        if let Some(note) = line.strip_prefix("[abide: ").filter(|note| note.contains(word)) {
            let told: u64 = note.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
            next += told;
            all += told;
            continue;
        }
        ensure!(
            line == numbered(next),
            "{line:?} stands where {:?} should, after {all} {word}",
            numbered(next)
        );
        next += 1;
    }
    ensure!(next == last + 1, "the log goes to line {} instead of {last}", next - 1);
    Ok(all)
}

fn drop_oldest(c: &Context) -> Outcome {
    let logs = "[logs]\nwhen-full = \"drop-oldest\"\nbuffer = \"16KiB\"";
    let service = c.service(&["lines", "300000"]).with(logs);
    c.run(&service)?;
    wait_last(c, &service.name, &numbered(300_000))?;
    let printed = c.printed(&service.name)?;
    let dropped = missing(&printed, "dropped", 300_000)?;
    c.note(format!("{dropped} lines dropped"));
    let agrees = |status: &serde_json::Value| (status["logs"]["lost-bytes"] != 0) == (dropped > 0);
    c.wait_status(&service.name, &format!("telling of {dropped} lost lines"), agrees).map(drop)
}

fn full_disk(c: &Context) -> Outcome {
    if c.backend.manager().is_none() {
        return Err(Fault::NotHere("needs a small disk of its own".into()));
    }
    let steered = Steered::run(c, &["more", "1000"], "[logs]\nbuffer = \"64KiB\"")?;
    let name = steered.name();
    wait_last(c, name, &numbered(1000))?;
    c.ok(&["stop", name])?;
    // A small disk over the folder of the logs; whoever owns that folder owns this one.
    let link = format!("/var/log/abide/{name}");
    let script = format!(
        "cd -P {link} && d=$PWD && u=$(stat -c uid=%u,gid=%g,mode=%a .) && mount -t tmpfs -o size=512k,$u tmpfs $d && echo $d"
    );
    let mounted = c.backend.ask(&["sh", "-c", &script])?;
    c.note(mounted.all());
    ensure!(mounted.ok(), "no small disk: {}", mounted.all());
    let place = mounted.text().trim().to_owned();
    let outcome = on_small_disk(c, &steered, &place);
    c.abide(&["stop", name])?;
    // What still looks at the mount sees it until it ends.
    let gone = c.backend.ask(&["umount", "-l", &place])?;
    ensure!(gone.ok(), "the small disk stays: {}", gone.all());
    outcome
}

fn on_small_disk(c: &Context, steered: &Steered, place: &str) -> Outcome {
    let name = steered.name();
    c.ok(&["start", name])?;
    c.wait_ready(name)?;
    steered.more(c, 1000)?;
    wait_last(c, name, &numbered(2000))?;
    // All the room is taken; `dd` fails when it has done so.
    let filler = format!("{place}/filler");
    c.backend.ask(&["dd", "if=/dev/zero", &format!("of={filler}"), "bs=4k"])?;
    let pid = c.pid(name)?;
    // More than pipe and memory hold: the program must not have to wait.
    steered.more(c, 200_000)?;
    let status =
        c.wait_status(name, "in trouble with its logs", |status| status["logs"]["trouble"].is_string())?;
    ensure!(
        status["state"] == "running" && status["pid"].as_u64() == Some(pid),
        "the program did not go on: {status}"
    );
    let removed = c.backend.ask(&["rm", &filler])?;
    ensure!(removed.ok(), "{}", removed.all());
    let mut last = 202_000;
    let resumed = wait_for(SOON * 2, || {
        last += 1;
        steered.more(c, 1).is_ok()
            && c.peek(name).is_some_and(|status| status["logs"]["trouble"].is_null())
            && c.logs(name, &["-n", "1", "--stream", "stdout"])
                .is_ok_and(|text| text.trim() == numbered(last))
    });
    ensure!(resumed, "capture did not resume: {}", c.status(name)?);
    let printed = c.printed(name)?;
    // The lines of the first run are hidden below the small disk.
    let dropped = missing(&printed, "dropped", last)?;
    ensure!(dropped > 0, "nothing was dropped");
    Ok(())
}

/// The most that a pipe may hold.
const PIPE: u64 = 1 << 20;

fn kill(c: &Context) -> Outcome {
    let steered =
        Steered::run(c, &[], "[logs]\nrotate = { size = \"256KiB\", keep = 100, compress = \"zstd\" }")?;
    let name = steered.name();
    let written = 150_000;
    steered.more(c, written)?;
    let status = c.status(name)?;
    let supervisor =
        status["supervisor"]["pid"].as_u64().ok_or_else(|| format!("no supervisor: {status}"))?;
    c.kill(supervisor)?;
    let before = status["pid"].as_u64();
    if c.backend.foreground() {
        c.up_ends(SOON);
    }
    if c.backend.foreground() || c.backend.wine() {
        let gone = wait_for(SOON, || c.processes(&steered.service).is_empty());
        ensure!(gone, "the program outlives its supervisor");
    }
    if c.backend.foreground() {
        c.up(&[&c.write_spec(&steered.service)?])?;
    }
    if c.backend.wine() {
        // Its service manager would not start it again, and keeps the dead one listed.
        let kept = prefix(c, name, written)?;
        ensure!(kept * 12 + PIPE >= written * 12, "only {kept} of {written} lines are kept");
        return Ok(());
    }
    c.wait_status(name, "running as a new process", |status| {
        status["state"] == "running" && status["ready"] == true && status["pid"].as_u64() != before
    })?;
    let kept = prefix(c, name, written)?;
    ensure!(kept * 12 + PIPE >= written * 12, "only {kept} of {written} lines are kept");
    // The new run begins on a fresh line, and is complete.
    steered.more(c, 2000)?;
    wait_last(c, name, &numbered(2000))?;
    let printed = c.printed(name)?;
    let again = printed.lines().collect::<Vec<_>>();
    all_of(again[again.len() - 2000..].iter().copied(), 2000)
}

/// How many of the lines from 1 on are there, each once and in order; a torn one may follow.
fn prefix(c: &Context, name: &str, most: u64) -> Result<u64, Fault> {
    let printed = c.printed(name)?;
    let kept = printed.lines().zip(1..=most).take_while(|(line, number)| **line == numbered(*number)).count();
    let next = printed.lines().nth(kept).unwrap_or_default();
    ensure!(
        numbered(kept as u64 + 1).starts_with(next) || next == numbered(1),
        "{next:?} stands where line {} should",
        kept + 1
    );
    Ok(kept as u64)
}

fn torn(c: &Context) -> Outcome {
    let steered = Steered::run(c, &["more", "3000"], "")?;
    let name = steered.name();
    wait_last(c, name, &numbered(3000))?;
    end(c, name)?;
    // As after a loss of power: half a line, and an index with half an entry and a foreign one.
    let folder = folder(c, name);
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    let append = |file: &str, bytes: &[u8]| {
        let mut file =
            std::fs::File::options().append(true).create(true).open(folder.join(file)).map_err(io)?;
        std::io::Write::write_all(&mut file, bytes).map_err(io)
    };
    append("stdout.log", b"line 0030")?;
    for entry in std::fs::read_dir(&folder).map_err(io)?.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.ends_with(".idx") {
            append(&file, &[0xa5; 37])?;
        }
    }
    ensure!(
        c.printed(name)?.ends_with("line 0030"),
        "cannot be read before the repair: {}",
        c.printed(name)?
    );
    again(c, &steered)?;
    wait_last(c, name, &numbered(3000))?;
    steered.more(c, 1000)?;
    wait_last(c, name, &numbered(4000))?;
    let printed = c.printed(name)?;
    let (before, after) =
        printed.split_once("\nline 0030\n").ok_or_else(|| format!("half a line is not one: {printed}"))?;
    all_of(before.lines().take_while(|line| line.starts_with("line")), 3000)?;
    all_of(after.lines(), 4000)?;
    // Times go on behind the damage.
    let newest = c.logs(name, &["-n", "1", "--json"])?;
    let newest: serde_json::Value = serde_json::from_str(&newest).map_err(|error| error.to_string())?;
    ensure!(newest["time"].is_string(), "the newest line has no time: {newest}");
    ensure!(!files(c, name, "stdout").is_empty(), "no files");
    Ok(())
}

/// Stops the service, or the `up`.
fn end(c: &Context, name: &str) -> Outcome {
    match c.up_pid() {
        Some(_) => {
            c.ok(&["stop", name])?;
            let pid = c.up_pid().unwrap_or_default();
            c.kill(u64::from(pid))?;
            ensure!(c.up_ends(SOON).is_some(), "`up` does not end");
            Ok(())
        }
        None => c.ok(&["stop", name]).map(drop),
    }
}

/// Starts it again.
fn again(c: &Context, steered: &Steered) -> Outcome {
    if c.backend.foreground() {
        c.up(&[&c.write_spec(&steered.service)?])?;
        return c.wait_ready(steered.name()).map(drop);
    }
    c.ok(&["start", steered.name()])?;
    c.wait_ready(steered.name()).map(drop)
}

fn rate(c: &Context) -> Outcome {
    let steered = Steered::run(c, &["more", "20000"], "[logs]\nrate-limit = { lines = 100, per = \"1s\" }")?;
    let name = steered.name();
    let mut printed = 20_000;
    // What is suppressed is told as soon as lines are kept again.
    let seen = wait_for(SOON * 2, || {
        printed += 1;
        steered.more(c, 1).is_ok()
            && c.logs(name, &["-n", "1", "--stream", "stdout"])
                .is_ok_and(|text| text.trim() == numbered(printed))
    });
    ensure!(seen, "no line is kept after the burst");
    let text = c.printed(name)?;
    let suppressed = missing(&text, "suppressed", printed)?;
    ensure!(suppressed > 10_000, "{suppressed} of a burst of 20000 lines were suppressed");
    Ok(())
}

const LEVELS: &[&str] = &[
    "2026-01-01T00:00:00Z INFO server: in common",
    "2026-01-01T00:00:01Z WARN server: warned in common",
    r#"{"level":"debug","msg":"in json"}"#,
    r#"{"level":"error","msg":"failed in json"}"#,
    r#"time=2026-01-01T00:00:02Z level=info msg="in logfmt""#,
    r#"time=2026-01-01T00:00:03Z level=warn msg="warned in logfmt""#,
    "plain, without one",
    "2026-01-01T00:00:04Z ERROR server: the end",
];

fn level(c: &Context) -> Outcome {
    let steps: Vec<&str> = LEVELS.iter().flat_map(|line| ["say", line]).collect();
    let service = c.service(&steps).with("[logs]\nlevel = \"warn\"");
    c.run(&service)?;
    wait_last(c, &service.name, LEVELS[7])?;
    let printed = c.printed(&service.name)?;
    let wanted = [LEVELS[1], LEVELS[3], LEVELS[5], LEVELS[6], LEVELS[7]];
    ensure!(printed.lines().eq(wanted), "kept is: {printed}");
    Ok(())
}

fn sample(c: &Context) -> Outcome {
    let line = "INFO it goes on\n";
    let steered = Steered::run(c, &[], "[logs]\nlevel = \"warn\"\nsample = 0.1")?;
    let name = steered.name();
    for _ in 0..10 {
        steered.print(c, line.repeat(200))?;
    }
    steered.print(c, "WARN the end\n")?;
    wait_last(c, name, "WARN the end")?;
    let printed = c.printed(name)?;
    let kept = printed.lines().filter(|kept| **kept == *line.trim_end()).count();
    ensure!((20..=1000).contains(&kept), "{kept} of 2000 lines were kept for a sample of a tenth");
    Ok(())
}

fn debug_lifts(c: &Context) -> Outcome {
    let steered = Steered::run(c, &[], "[logs]\nlevel = \"warn\"")?;
    let name = steered.name();
    steered.print(c, "INFO one\nWARN two\n")?;
    wait_last(c, name, "WARN two")?;
    c.ok(&["debug", name, "on"])?;
    ensure!(c.status(name)?["debug"] == true, "the status does not tell that debug is on");
    steered.print(c, "DEBUG three\n")?;
    wait_last(c, name, "DEBUG three")?;
    c.ok(&["debug", name, "off"])?;
    steered.print(c, "INFO four\nWARN five\n")?;
    wait_last(c, name, "WARN five")?;
    let printed = c.printed(name)?;
    ensure!(printed.lines().eq(["WARN two", "DEBUG three", "WARN five"]), "kept is: {printed}");
    Ok(())
}

fn debug_http(c: &Context) -> Outcome {
    let port = c.port()?;
    let call = |body| {
        format!(
            "{{ http = {{ url = \"http://127.0.0.1:{port}/level\", method = \"PUT\", body = \"{body}\" }} }}"
        )
    };
    let service = c
        .service(&["http", &port.to_string(), "graceful", "0"])
        .with(&format!("[start]\nready = {{ tcp = \"127.0.0.1:{port}\" }}"))
        .with(&format!("[debug]\non = {}\noff = {}", call("debug"), call("info")));
    c.run(&service)?;
    let pid = c.pid(&service.name)?;
    c.ok(&["debug", &service.name, "on"])?;
    c.wait_printed(&service.name, "level debug")?;
    c.ok(&["debug", &service.name, "off"])?;
    c.wait_printed(&service.name, "level info")?;
    ensure!(c.pid(&service.name)? == pid, "the program was restarted");
    Ok(())
}
