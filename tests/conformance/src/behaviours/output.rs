//! What becomes of the program's output.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc;

use super::logs;
use crate::backend::VERB_LIMIT;
use crate::behaviour::{Behaviour, Outcome, now};
use crate::context::{Context, SOON};
use crate::ensure;
use abide_machine::{run, wait_for};

pub const LIST: &[Behaviour] = &[
    now("streams-apart", "standard output and standard error are kept apart", &[], apart),
    now("logs-last-lines", "`logs -n` gives the last lines", &[], last_lines),
    now("logs-follow", "`logs -f` gives lines as they come", &[], follow),
    now(
        "logs-survive-restarts",
        "`logs` reaches back over restarts of the program and of the service",
        &[],
        survive,
    ),
    now("logs-rotate", "logs are cut at line ends, and only so many files are kept", &[], rotate),
    now("logs-complete", "a hundred thousand lines arrive, none is lost", &[], complete),
    now("logs-bytes", "bytes that are no text are kept as they came", &[], bytes),
    now(
        "last-words",
        "what a program writes right before its end is kept, also without the end of a line",
        &[],
        last_words,
    ),
    now("events-tell-why", "`events` tells in words what happened and why", &[], tell_why),
    now(
        "events-json",
        "`events --json` gives one object a line with time, service, words and record",
        &[],
        events_json,
    ),
];

fn apart(c: &Context) -> Outcome {
    let service = c.service(&["say", "to the one", "err", "to the other", "say", "done"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "done")?;
    let seen = wait_for(SOON, || {
        c.logs(&service.name, &["--stream", "stderr"]).is_ok_and(|text| text.contains("other"))
    });
    ensure!(seen, "standard error is not there");
    let out = c.logs(&service.name, &["--stream", "stdout"])?;
    let err = c.logs(&service.name, &["--stream", "stderr"])?;
    ensure!(out.contains("to the one") && !out.contains("to the other"), "standard output: {out}");
    ensure!(err.contains("to the other") && !err.contains("to the one"), "standard error: {err}");
    let both = c.logs(&service.name, &[])?;
    ensure!(both.contains("to the one") && both.contains("to the other"), "both: {both}");
    Ok(())
}

fn last_lines(c: &Context) -> Outcome {
    let service = c.service(&["lines", "500", "say", "the end"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "the end")?;
    let text = c.logs(&service.name, &["-n", "3"])?;
    let lines: Vec<&str> = text.lines().collect();
    ensure!(lines.len() == 3, "not three lines: {text}");
    ensure!(lines[0].ends_with("line 000499") && lines[2].ends_with("the end"), "not the last ones: {text}");
    Ok(())
}

fn follow(c: &Context) -> Outcome {
    let port = c.port()?;
    let service = c
        .service(&["say", "before", "http", &port.to_string()])
        .with(&format!("[start]\nready = {{ tcp = \"127.0.0.1:{port}\" }}"));
    c.run(&service)?;
    c.wait_printed(&service.name, "before")?;
    let mut child = c
        .abide_command(&["logs", &service.name, "-f", "-n", "1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let (send, lines) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
    }
    let outcome = watch(c, port, &lines);
    let _ = child.kill();
    let _ = child.wait();
    outcome
}

fn watch(c: &Context, port: u16, lines: &mpsc::Receiver<String>) -> Outcome {
    let next = || lines.recv_timeout(SOON).map_err(|_| format!("no line within {SOON:?}"));
    let first = next()?;
    ensure!(first.contains("before"), "the newest line comes first, not {first:?}");
    for word in ["alpha", "beta"] {
        c.get(port, &format!("/say?{word}"))?;
        let line = next()?;
        ensure!(line.contains(word), "{line:?} instead of {word}");
    }
    Ok(())
}

fn survive(c: &Context) -> Outcome {
    let service = c.service(&["pid", "graceful", "0"]).with("[restart]\ndelay = { initial = \"0s\" }");
    c.run(&service)?;
    let first = c.pid(&service.name)?;
    c.wait_printed(&service.name, &format!("pid {first}"))?;
    c.kill(first)?;
    let second = c.wait_another(&service.name, first)?["pid"].clone();
    c.wait_printed(&service.name, &format!("pid {second}"))?;
    c.ok(&["restart", &service.name])?;
    let third = c.pid(&service.name)?;
    let printed = c.wait_printed(&service.name, &format!("pid {third}"))?;
    ensure!(printed.contains(&format!("pid {first}")), "the first run is gone: {printed}");
    ensure!(c.events(&service.name)?.len() > 3, "the events are gone");
    Ok(())
}

fn rotate(c: &Context) -> Outcome {
    let service =
        c.service(&["chatter", "200", "20"]).with("[logs]\nrotate = { size = \"20KiB\", keep = 3 }");
    c.run(&service)?;
    let folder = logs::folder(c, &service.name);
    let files = || -> Vec<(String, u64)> {
        let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
        entries
            .flatten()
            .map(|entry| {
                (
                    entry.file_name().to_string_lossy().into_owned(),
                    entry.metadata().map_or(0, |data| data.len()),
                )
            })
            .filter(|(name, _)| name.contains("stdout") && !name.contains("idx"))
            .collect()
    };
    let many = wait_for(SOON, || files().len() >= 4);
    ensure!(many, "there are not 3 old files beside the current one: {:?} in {}", files(), folder.display());
    c.ok(&["stop", &service.name])?;
    let files = files();
    ensure!(files.len() <= 4, "more than 3 old files: {files:?}");
    let largest = files.iter().map(|(_, size)| *size).max().unwrap_or_default();
    ensure!(largest <= 21 * 1024, "a file of {largest} bytes: {files:?}");
    for (name, _) in &files {
        let text = std::fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
        ensure!(
            text.starts_with("line ") && (text.ends_with('\n')),
            "{name} is not cut at the ends of lines"
        );
        let torn = text.lines().find(|line| line.len() != 11 || !line.starts_with("line "));
        ensure!(torn.is_none(), "{name} has a torn line {torn:?}");
    }
    let read = c.printed(&service.name)?;
    ensure!(read.lines().count() > 3000, "`logs` reads only {} lines over all files", read.lines().count());
    Ok(())
}

fn complete(c: &Context) -> Outcome {
    let service = c.service(&["lines", "100000", "say", "all written"]);
    c.run(&service)?;
    let seen =
        wait_for(SOON, || c.logs(&service.name, &["-n", "1"]).is_ok_and(|text| text.contains("all written")));
    ensure!(seen, "the last line did not arrive");
    let printed = c.printed(&service.name)?;
    let lines: Vec<&str> = printed.lines().collect();
    ensure!(lines.len() == 100_001, "{} lines instead of 100001", lines.len());
    let wrong =
        lines[..100_000].iter().enumerate().find(|(index, line)| **line != format!("line {:06}", index + 1));
    ensure!(wrong.is_none(), "the order is broken: {wrong:?}");
    let status = c.status(&service.name)?;
    ensure!(status["logs"]["lost-bytes"] == 0, "the status tells a loss: {status}");
    Ok(())
}

fn bytes(c: &Context) -> Outcome {
    let service = c.service(&["bytes", "fffe80c3280a", "say", "after"]);
    c.run(&service)?;
    c.wait_printed(&service.name, "after")?;
    let arguments = ["logs", &service.name, "--stream", "stdout", "-n", "10"];
    let output = run(&mut c.abide_command(&arguments), VERB_LIMIT).map_err(|error| error.to_string())?;
    let wanted = [0xff, 0xfe, 0x80, 0xc3, 0x28, b'\n'];
    let found = output.stdout.windows(wanted.len()).any(|window| window == wanted);
    ensure!(found, "the bytes changed: {:02x?}", output.stdout);
    Ok(())
}

fn last_words(c: &Context) -> Outcome {
    let service = c
        .service(&["err", "why it ends", "part", "no end of line", "exit", "9"])
        .with("[restart]\nwhen = \"never\"");
    c.try_run(&service)?;
    let seen = wait_for(SOON, || c.printed(&service.name).is_ok_and(|text| text.contains("no end of line")));
    ensure!(seen, "standard output is lost");
    let err = c.logs(&service.name, &["--stream", "stderr"])?;
    ensure!(err.contains("why it ends"), "standard error is lost: {err}");
    Ok(())
}

fn tell_why(c: &Context) -> Outcome {
    let service = c.service(&["sleep", "100", "exit", "3"]).with(
        "[restart]\ndelay = { initial = \"50ms\", jitter = 0.0 }\ngive-up = { after = 2, within = \"1m\" }",
    );
    c.try_run(&service)?;
    c.wait_state(&service.name, "failed")?;
    let words = c.ok(&["events", &service.name])?.text();
    for part in ["started as process", "exited with code 3", "restarting in", "failed"] {
        ensure!(words.contains(part), "`events` does not tell {part:?}:\n{words}");
    }
    let status = c.status(&service.name)?;
    ensure!(
        status["why"].as_str().is_some_and(|why| !why.is_empty()),
        "the status does not say why: {status}"
    );
    Ok(())
}

fn events_json(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    c.run(&service)?;
    let events = c.events(&service.name)?;
    ensure!(!events.is_empty(), "no events");
    for event in &events {
        ensure!(event["schema"] == "abide.event/1", "no schema: {event}");
        ensure!(event["service"] == service.name.as_str(), "no service: {event}");
        ensure!(event["time"].as_str().is_some_and(|time| time.ends_with('Z')), "no time: {event}");
        ensure!(
            event["text"].is_string() && event["record"]["kind"].is_string(),
            "no words or record: {event}"
        );
    }
    Ok(())
}
