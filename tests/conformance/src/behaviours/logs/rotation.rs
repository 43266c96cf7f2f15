//! Rotation, retention, compression.

use std::path::Path;
use std::process::{Command, Stdio};

use abide_machine::{run, wait_child, wait_for};

use super::{Steered, all_of, files, folder, numbered, wait_last};
use crate::backend::VERB_LIMIT;
use crate::behaviour::{Behaviour, Outcome, now};
use crate::context::{Context, SOON};
use crate::ensure;

pub const LIST: &[Behaviour] = &[
    now(
        "rotate-loses-nothing",
        "a hundred thousand lines at full speed through many rotations: whole lines, each once, in order",
        &[],
        loses_nothing,
    ),
    now(
        "rotate-on-demand",
        "`rotate` begins new files while the program prints, and loses nothing",
        &[],
        on_demand,
    ),
    now("rotate-by-age", "files are rotated when their time has come, and not without output", &[], by_age),
    now(
        "rotate-while-read",
        "whoever holds the files hinders neither capture, rotation nor retention for longer than it holds them",
        &[],
        while_read,
    ),
    now("keep-max-size", "old files of both streams are removed beyond their total size", &[], max_size),
    now("keep-max-age", "old files are removed when they are too old", &[], max_age),
    now("compress-zstd", "rotated files are compressed with zstd, and read back", &[], zstd),
    now("compress-gzip", "rotated files are compressed with gzip, and read back", &[], gzip),
];

fn loses_nothing(c: &Context) -> Outcome {
    let service = c.service(&["lines", "100000"]).with("[logs]\nrotate = { size = \"64KiB\", keep = 100 }");
    c.run(&service)?;
    wait_last(c, &service.name, &numbered(100_000))?;
    all_of(c.printed(&service.name)?.lines(), 100_000)?;
    let files = files(c, &service.name, "stdout");
    ensure!(files.len() > 15, "only {} files: {files:?}", files.len());
    for file in &files {
        let path = folder(c, &service.name).join(&file.name);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", file.name))?;
        ensure!(file.size <= 64 << 10, "{} is larger than allowed: {}", file.name, file.size);
        let whole = text.is_empty() || text.starts_with("line ") && text.ends_with('\n');
        ensure!(whole, "{} is not cut at line ends", file.name);
    }
    let status = c.status(&service.name)?;
    ensure!(status["logs"]["lost-bytes"] == 0, "the status tells a loss: {status}");
    Ok(())
}

fn on_demand(c: &Context) -> Outcome {
    let steered = Steered::run(c, &["more", "1000"], "")?;
    let name = steered.name();
    wait_last(c, name, &numbered(1000))?;
    for round in 1..=3 {
        // Something to rotate is there, and more comes meanwhile.
        steered.more(c, 100)?;
        wait_last(c, name, &numbered(1000 + (round - 1) * 5100 + 100))?;
        std::thread::scope(|scope| {
            let printing = scope.spawn(|| steered.more(c, 5000));
            let rotated = c.ok(&["rotate", name]);
            let printed = printing.join().unwrap_or_else(|_| Err("the printing panicked".to_owned().into()));
            rotated.map(drop).and(printed)
        })?;
        wait_last(c, name, &numbered(1000 + round * 5100))?;
    }
    all_of(c.printed(name)?.lines(), 16_300)?;
    let old = files(c, name, "stdout").iter().filter(|file| file.is_old()).count();
    ensure!(old == 3, "{old} old files after 3 rotations: {:?}", files(c, name, "stdout"));
    Ok(())
}

fn by_age(c: &Context) -> Outcome {
    let steered = Steered::run(c, &[], "[logs]\nrotate = { every = \"1s\", keep = 100 }")?;
    let name = steered.name();
    let mut printed = 0;
    let rotated = wait_for(SOON * 2, || {
        printed += 1;
        steered.more(c, 1).is_ok()
            && files(c, name, "stdout").iter().filter(|file| file.is_old()).count() >= 2
    });
    ensure!(rotated, "not rotated twice: {:?}", files(c, name, "stdout"));
    wait_last(c, name, &numbered(printed))?;
    all_of(c.printed(name)?.lines(), printed)?;
    // Silence makes no files: all of them hold something.
    let empty: Vec<_> =
        files(c, name, "stdout").into_iter().filter(|file| file.is_old() && file.size == 0).collect();
    ensure!(empty.is_empty(), "empty files: {empty:?}");
    Ok(())
}

fn while_read(c: &Context) -> Outcome {
    let steered = Steered::run(
        c,
        &["more", "15000"],
        "[logs]\nrotate = { size = \"32KiB\", keep = 4, compress = \"zstd\" }",
    )?;
    let name = steered.name();
    wait_last(c, name, &numbered(15_000))?;
    let settled = wait_for(SOON, || {
        let mut old = files(c, name, "stdout");
        old.retain(super::LogFile::is_old);
        old.len() >= 4 && old.iter().all(|file| file.name.ends_with(".zst"))
    });
    ensure!(settled, "not four compressed files: {:?}", files(c, name, "stdout"));
    let until = c.path("until");
    let mut holders = Vec::new();
    let mut outcome = Ok(());
    for file in files(c, name, "stdout") {
        let path = inside(c, name, &file.name);
        // On Windows a backup program opens old files for itself, an editor the current one against removal.
        let how = if file.is_old() { "alone" } else { "no-delete" };
        let child = c
            .backend
            .native(&c.backend.fixture())
            .args(["hold", &path, how, &until])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        match child {
            Ok(child) => holders.push(child),
            Err(error) => outcome = Err(format!("hold: {error}").into()),
        }
    }
    let outcome = outcome.and_then(|()| {
        for holder in &mut holders {
            let mut line = String::new();
            let output = holder.stdout.take().ok_or_else(|| "no output".to_owned())?;
            std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line)
                .map_err(|e| e.to_string())?;
            ensure!(line.trim() == "held", "a file could not be held: {}", line.trim());
        }
        steered.more(c, 10_000)?;
        wait_last(c, name, &numbered(25_000))
    });
    c.write("until", "")?;
    for holder in &mut holders {
        if !matches!(wait_child(holder, SOON), Ok(Some(_))) {
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
    outcome?;
    let mut told = 25_000;
    let kept = wait_for(SOON * 2, || {
        told += 500;
        let old: Vec<_> = files(c, name, "stdout").into_iter().filter(super::LogFile::is_old).collect();
        steered.more(c, 500).is_ok() && old.len() <= 4 && old.iter().all(|file| file.size <= 33 << 10)
    });
    ensure!(kept, "retention does not catch up: {:?}", files(c, name, "stdout"));
    wait_last(c, name, &numbered(told))?;
    let printed = c.printed(name)?;
    let numbers: Vec<&str> = printed.lines().collect();
    let first = told + 1 - numbers.len() as u64;
    let wrong = numbers.iter().zip(first..).find(|(line, number)| **line != numbered(*number));
    ensure!(wrong.is_none(), "what is kept is not the newest lines in order: {wrong:?}");
    let status = c.status(name)?;
    ensure!(status["logs"]["lost-bytes"] == 0, "the status tells a loss: {status}");
    Ok(())
}

/// The path of a log's file on the machine.
fn inside(c: &Context, name: &str, file: &str) -> String {
    if c.backend.foreground() {
        folder(c, name).join(file).display().to_string()
    } else if c.backend.windows() {
        format!(r"C:\ProgramData\Abide\logs\{name}\{file}")
    } else {
        format!("/var/log/abide/{name}/{file}")
    }
}

fn max_size(c: &Context) -> Outcome {
    let logs = "[logs]\nrotate = { size = \"16KiB\", keep = 1000, max-size = \"100KiB\" }";
    let service = c.service(&["lines", "30000"]).with(logs);
    c.run(&service)?;
    wait_last(c, &service.name, &numbered(30_000))?;
    let mut old = Vec::new();
    let bounded = wait_for(SOON, || {
        old = files(c, &service.name, "std");
        old.retain(super::LogFile::is_old);
        old.iter().map(|file| file.size).sum::<u64>() <= 100 << 10
    });
    ensure!(bounded, "old files of more than 100 KiB: {old:?}");
    ensure!(old.len() >= 4, "more was removed than had to be: {old:?}");
    Ok(())
}

fn max_age(c: &Context) -> Outcome {
    let steered = Steered::run(c, &["more", "10"], "[logs]\nrotate = { max-age = \"2s\", keep = 1000 }")?;
    let name = steered.name();
    wait_last(c, name, &numbered(10))?;
    c.ok(&["rotate", name])?;
    let first = files(c, name, "stdout");
    ensure!(first.iter().any(super::LogFile::is_old), "nothing was rotated: {first:?}");
    let oldest = &first[0].name;
    let gone = wait_for(SOON * 2, || {
        steered.more(c, 1).is_ok()
            && c.ok(&["rotate", name]).is_ok()
            && files(c, name, "stdout").iter().all(|file| file.name != *oldest)
    });
    ensure!(gone, "{oldest} is there yet: {:?}", files(c, name, "stdout"));
    ensure!(!c.printed(name)?.contains(&numbered(1)), "the old lines are still told");
    Ok(())
}

fn zstd(c: &Context) -> Outcome {
    compressed(c, "zstd", ".zst")
}

fn gzip(c: &Context) -> Outcome {
    compressed(c, "gzip", ".gz")
}

fn compressed(c: &Context, how: &str, ending: &str) -> Outcome {
    let logs = format!("[logs]\nrotate = {{ size = \"64KiB\", keep = 100, compress = \"{how}\" }}");
    let service = c.service(&["lines", "50000"]).with(&logs);
    c.run(&service)?;
    wait_last(c, &service.name, &numbered(50_000))?;
    let mut found = Vec::new();
    let done = wait_for(SOON * 2, || {
        found = files(c, &service.name, "stdout");
        let old: Vec<_> = found.iter().filter(|file| file.is_old()).collect();
        old.len() >= 8 && old.iter().all(|file| file.name.ends_with(ending))
    });
    ensure!(done, "not all old files are compressed: {found:?}");
    all_of(c.printed(&service.name)?.lines(), 50_000)?;
    // The usual tools read them too.
    let file = folder(c, &service.name).join(&found[0].name);
    if let Some(text) = unpacked(how, &file)? {
        ensure!(text.lines().next() == Some(&numbered(1)), "`{how} -dc` gives {:?}", text.lines().next());
    }
    Ok(())
}

/// What the tool of that name makes of the file, where this machine has it.
fn unpacked(tool: &str, file: &Path) -> Result<Option<String>, String> {
    match run(Command::new(tool).arg("-dc").arg(file), VERB_LIMIT) {
        Ok(output) if output.ok() => Ok(Some(output.text())),
        Ok(output) => Err(format!("`{tool} -dc` fails: {}", output.errors())),
        Err(_) => Ok(None),
    }
}
