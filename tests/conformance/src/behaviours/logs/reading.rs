//! Reading back: `abide logs`.

use std::time::Duration;

use serde_json::Value;

use super::{Follower, Steered, numbered, wait_last};
use crate::behaviour::{Behaviour, Fault, Need, Outcome, now, restart};
use crate::context::Context;
use crate::ensure;

pub const LIST: &[Behaviour] = &[
    now("follow-rotation", "`logs -f` goes through rotations without loss or repeat", &[], follow),
    now("logs-since-until", "`--since` and `--until` cut by time, absolute and relative", &[], since),
    now(
        "logs-grep-level-stream",
        "`--grep`, `--level` and `--stream` choose lines, together too",
        &[],
        choose,
    ),
    now(
        "logs-multi-line",
        "the lines of a stack trace are as grave as the one that they belong to",
        &[],
        multi_line,
    ),
    now("logs-merged", "several services are merged in the order of time, each line named", &[], merged),
    now(
        "logs-json",
        "`logs --json` gives one object a line with time, service, stream, level and text",
        &[],
        json,
    ),
    now(
        "logs-formats",
        "`-o cat`, `short` and `iso` give the line bare, with time, with exact time",
        &[],
        formats,
    ),
    restart(
        "logs-boot",
        "`--boot` shows what was printed since the machine started",
        &[Need::Boot],
        before_boot,
        boot,
    ),
    now("logs-unknown", "the logs of a service that is not there are refused with its name", &[], unknown),
    now(
        "logs-no-privilege",
        "who may not read the logs is told so, and what to do",
        &[Need::Manager, Need::UnixFiles],
        no_privilege,
    ),
];

fn follow(c: &Context) -> Outcome {
    let logs = "[logs]\nrotate = { size = \"16KiB\", keep = 100, compress = \"zstd\" }";
    let steered = Steered::run(c, &["more", "100"], logs)?;
    let name = steered.name();
    wait_last(c, name, &numbered(100))?;
    let follower = Follower::start(c, &[name, "-n", "100"])?;
    let mut expected = 0;
    let mut read_to = |last: u64| -> Outcome {
        while expected < last {
            expected += 1;
            let line = follower.next()?;
            ensure!(line == numbered(expected), "{line:?} instead of {:?}", numbered(expected));
        }
        Ok(())
    };
    read_to(100)?;
    for round in 1..=4 {
        steered.more(c, 5000)?;
        c.ok(&["rotate", name])?;
        read_to(100 + round * 5000)?;
    }
    let old = super::files(c, name, "stdout").iter().filter(|file| file.is_old()).count();
    ensure!(old >= 10, "it was hardly rotated: {old}");
    Ok(())
}

/// The time of the newest line, as `--since` takes it.
fn newest(c: &Context, name: &str) -> Result<String, Fault> {
    let text = c.logs(name, &["-n", "1", "--json"])?;
    let line: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
    Ok(line["time"].as_str().ok_or_else(|| format!("no time: {line}"))?.to_owned())
}

fn since(c: &Context) -> Outcome {
    let steered = Steered::run(c, &[], "")?;
    let name = steered.name();
    let mut moments = Vec::new();
    for word in ["alpha", "beta", "gamma"] {
        steered.print(c, format!("{word}\n"))?;
        wait_last(c, name, word)?;
        moments.push(newest(c, name)?);
        // Further apart than times are exact.
        std::thread::sleep(Duration::from_millis(100));
    }
    let beta = moments[1].as_str();
    let words = |arguments: &[&str]| -> Result<String, Fault> {
        let text = c.logs(name, &[&["--stream", "stdout"], arguments].concat())?;
        Ok(text.lines().map(str::trim).collect::<Vec<_>>().join(" "))
    };
    let told = words(&["--since", beta])?;
    ensure!(told.ends_with("gamma") && !told.contains("alpha"), "--since {beta} tells {told:?}");
    let told = words(&["--until", &moments[0]])?;
    ensure!(!told.contains("beta") && !told.contains("gamma"), "--until {} tells {told:?}", moments[0]);
    let told = words(&["--since", "1h"])?;
    ensure!(told == "alpha beta gamma", "--since 1h tells {told:?}");
    let told = words(&["--until", "1h"])?;
    ensure!(told.is_empty(), "--until 1h tells {told:?}");
    let output = c.abide(&["logs", name, "--since", "the day before"])?;
    ensure!(output.code == Some(2), "--since with nonsense ends with {:?}", output.code);
    ensure!(output.errors().contains("the day before"), "the text is not named: {}", output.errors());
    Ok(())
}

fn choose(c: &Context) -> Outcome {
    let steps = [
        "say",
        "INFO took 5 ms",
        "err",
        "WARN took 900 ms",
        "say",
        r#"{"level":"error","msg":"took 4000 ms"}"#,
        "say",
        "without one",
        "say",
        "INFO the end",
    ];
    let service = c.service(&steps);
    c.run(&service)?;
    let name = &service.name;
    wait_last(c, name, "INFO the end")?;
    let seen = abide_machine::wait_for(crate::context::SOON, || {
        c.logs(name, &["--stream", "stderr"]).is_ok_and(|text| text.contains("WARN"))
    });
    ensure!(seen, "standard error is not there");
    let tell = |arguments: &[&str]| c.logs(name, arguments).map(|text| text.lines().count());
    for (arguments, count) in [
        (&["--grep", "took"][..], 3),
        (&["--grep", r"\d{3,} ms"], 2),
        (&["--level", "warn"], 2),
        (&["--level", "info"], 4),
        (&["--stream", "stderr"], 1),
        (&["--grep", "took", "--stream", "stdout", "--level", "error"], 1),
        (&["--grep", "nothing of the kind"], 0),
    ] {
        let told = tell(arguments)?;
        ensure!(told == count, "{} tells {told} lines, not {count}", arguments.join(" "));
    }
    let output = c.abide(&["logs", name, "--grep", "("])?;
    ensure!(output.code == Some(2), "a broken pattern ends with {:?}", output.code);
    Ok(())
}

const TRACE: &str = "ERROR request failed\n\
    java.lang.IllegalStateException: no database\n\
    \tat com.example.Orders.load(Orders.java:42)\n\
    \tat com.example.Main.main(Main.java:7)\n\
    Caused by: java.io.IOException: refused\n\
    \tat com.example.Pool.open(Pool.java:12)\n";

fn multi_line(c: &Context) -> Outcome {
    let steered = Steered::run(c, &[], "")?;
    let name = steered.name();
    steered.print(c, "INFO before\n")?;
    steered.print(c, TRACE)?;
    steered.print(c, "INFO after\n")?;
    wait_last(c, name, "INFO after")?;
    // The lines of the trace are as grave as the one that they belong to.
    let told = c.logs(name, &["--level", "error"])?;
    ensure!(told == TRACE, "by its level: {told}");
    let told = c.logs(name, &["--level", "error", "--grep", "java:[0-9]+"])?;
    ensure!(told.lines().count() == 3, "by level and pattern: {told}");
    ensure!(c.logs(name, &["--level", "fatal"])?.is_empty(), "there is nothing fatal");
    Ok(())
}

fn merged(c: &Context) -> Outcome {
    let port = [c.port()?, c.port()?];
    let make = |index: usize| {
        c.named(
            &format!("{}-{}", c.name, ["a", "b"][index]),
            &["http", &port[index].to_string(), "graceful", "0"],
        )
        .with(&format!("[start]\nready = {{ tcp = \"127.0.0.1:{}\" }}", port[index]))
    };
    let services = [make(0), make(1)];
    c.bring_up(&[&services[0], &services[1]])?;
    for service in &services {
        c.wait_ready(&service.name)?;
    }
    for round in 0..6 {
        let service = &services[round % 2];
        c.get(port[round % 2], &format!("/say?word-{round}"))?;
        c.wait_printed(&service.name, &format!("word-{round}"))?;
        std::thread::sleep(Duration::from_millis(60));
    }
    let names = [services[0].name.as_str(), services[1].name.as_str()];
    let text = c.ok(&["logs", names[0], names[1]])?.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("word-")).collect();
    ensure!(lines.len() == 6, "not six lines: {text}");
    for (round, line) in lines.iter().enumerate() {
        let right = line.contains(&format!("word-{round}")) && line.contains(names[round % 2]);
        ensure!(right, "line {round} is {line:?}");
    }
    Ok(())
}

fn json(c: &Context) -> Outcome {
    let service = c.service(&["say", "WARN to the one", "err", "to the other", "say", "end"]);
    c.run(&service)?;
    wait_last(c, &service.name, "end")?;
    let mut lines = Vec::new();
    let seen = abide_machine::wait_for(crate::context::SOON, || {
        let text = c.logs(&service.name, &["--json"]).unwrap_or_default();
        lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect();
        lines.len() == 3
    });
    ensure!(seen, "not three objects: {lines:?}");
    for line in &lines {
        ensure!(line["schema"] == "abide.log/1", "no schema: {line}");
        ensure!(line["service"] == service.name.as_str(), "no service: {line}");
        ensure!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "no time: {line}");
        ensure!(line["complete"] == true, "not complete: {line}");
    }
    let find = |text: &str| lines.iter().find(|line| line["text"] == text).cloned().unwrap_or_default();
    ensure!(find("WARN to the one")["stream"] == "stdout", "the stream: {lines:?}");
    ensure!(find("WARN to the one")["level"] == "warn", "the level: {lines:?}");
    ensure!(find("to the other")["stream"] == "stderr", "the stream: {lines:?}");
    Ok(())
}

fn formats(c: &Context) -> Outcome {
    let service = c.service(&["say", "the words"]);
    c.run(&service)?;
    wait_last(c, &service.name, "the words")?;
    let cat = c.logs(&service.name, &["-o", "cat"])?;
    ensure!(cat.trim_end() == "the words", "-o cat: {cat:?}");
    for format in ["short", "iso"] {
        let text = c.logs(&service.name, &["-o", format])?;
        let text = text.trim_end();
        ensure!(text.ends_with("the words") && text.len() > "the words".len() + 8, "-o {format}: {text:?}");
        ensure!(text.contains(':'), "-o {format} has no time: {text:?}");
    }
    let iso = c.logs(&service.name, &["-o", "iso"])?;
    let year = iso.split('-').next().and_then(|year| year.parse::<u32>().ok());
    ensure!(
        year.is_some_and(|year| year > 2000) && iso.contains('T'),
        "-o iso does not begin with a date: {iso:?}"
    );
    Ok(())
}

fn before_boot(c: &Context) -> Outcome {
    let service = c.service(&["pid", "say", "booted", "graceful", "0"]);
    c.run(&service)?;
    wait_last(c, &service.name, "booted")
}

fn boot(c: &Context) -> Outcome {
    c.wait_ready(c.name)?;
    let all = c.wait_status(c.name, "printing again", |_| {
        c.printed(c.name).is_ok_and(|text| text.matches("booted").count() == 2)
    });
    all?;
    let told = c.logs(c.name, &["--boot"])?;
    ensure!(told.contains("booted"), "--boot tells {told:?}");
    if told.matches("booted").count() == 2 && (c.backend.manager().is_some() || c.backend.wine()) {
        return Err(Fault::NotHere("the kernel tells the boot of the machine that carries this one".into()));
    }
    ensure!(told.matches("booted").count() == 1, "--boot tells {told}");
    Ok(())
}

fn unknown(c: &Context) -> Outcome {
    let output = c.abide(&["logs", "no-such-service"])?;
    ensure!(output.code == Some(5), "ended with {:?}, not 5", output.code);
    ensure!(output.errors().contains("no-such-service"), "it is not named: {}", output.errors());
    Ok(())
}

fn no_privilege(c: &Context) -> Outcome {
    let service = c.service(&["say", "private words", "graceful", "0"]);
    c.run(&service)?;
    wait_last(c, &service.name, "private words")?;
    for arguments in [&["-n", "5"][..], &["-f"]] {
        let mut command = c.backend.native("setpriv");
        command
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/local/bin/abide", "logs"])
            .arg(&service.name)
            .args(arguments);
        let output = abide_machine::run(&mut command, crate::backend::VERB_LIMIT)
            .map_err(|error| error.to_string())?;
        c.note(format!("as another user: {:?} {}", output.code, output.all()));
        ensure!(output.code == Some(4), "`logs {}` ended with {:?}, not 4", arguments.join(" "), output.code);
        ensure!(!output.all().contains("private words"), "the words are told");
        ensure!(
            output.errors().contains("sudo ") && output.errors().contains("abide logs"),
            "it is not told what to do: {}",
            output.errors()
        );
    }
    Ok(())
}
