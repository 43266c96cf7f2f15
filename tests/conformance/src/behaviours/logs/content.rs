//! Lines of every kind, and what is done to them on the way.

use abide_machine::{run, wait_for};
use serde_json::Value;

use super::{Steered, files, folder, wait_last};
use crate::backend::VERB_LIMIT;
use crate::behaviour::{Behaviour, Fault, Outcome, now};
use crate::context::{Context, SOON};
use crate::ensure;

pub const LIST: &[Behaviour] = &[
    now("logs-long-line", "a line of three million letters is kept whole", &[], long_line),
    now("logs-nul", "NUL, carriage returns and half characters are kept, and shown in JSON", &[], nul),
    now("logs-order", "lines of the two streams stand in the order in which they came", &[], order),
    now("logs-partial-line", "a last line without an end is there at once, and grows", &[], partial),
    now("logs-utf16", "UTF-16 output is kept as UTF-8", &[], utf16),
    now("logs-ansi-keep", "escape sequences are kept as they came", &[], ansi_keep),
    now("logs-ansi-strip", "escape sequences are taken out where the spec says so", &[], ansi_strip),
    now("logs-redact", "what the spec calls a secret is never on the disk", &[], redact),
];

/// The bytes that `abide logs` gives of standard output.
fn raw(c: &Context, name: &str) -> Result<Vec<u8>, Fault> {
    let arguments = ["logs", name, "--stream", "stdout", "-n", "100"];
    let output = run(&mut c.abide_command(&arguments), VERB_LIMIT).map_err(|error| error.to_string())?;
    ensure!(output.ok(), "`logs` ended with {:?}: {}", output.code, output.errors());
    Ok(output.stdout)
}

/// All bytes on the disk, of both streams, indexes included.
fn on_disk(c: &Context, name: &str) -> Result<Vec<u8>, Fault> {
    let folder = folder(c, name);
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut all = Vec::new();
    for entry in entries.flatten() {
        all.extend(std::fs::read(entry.path()).unwrap_or_default());
    }
    Ok(all)
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The lines of standard output as `abide logs --json` has them.
fn as_json(c: &Context, name: &str) -> Result<Vec<Value>, Fault> {
    let text = c.logs(name, &["--stream", "stdout", "-n", "100", "--json"])?;
    let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
    Ok(lines.map_err(|error| format!("not a JSON object a line: {error}: {text}"))?)
}

fn long_line(c: &Context) -> Outcome {
    let service = c.service(&["say", "before", "long", "3000000", "say", "after"]);
    c.run(&service)?;
    wait_last(c, &service.name, "after")?;
    let bytes = raw(c, &service.name)?;
    let longest = bytes.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or_default();
    ensure!(longest == 3_000_000, "the longest line has {longest} bytes");
    let pieces = as_json(c, &service.name)?;
    let letters: usize = pieces
        .iter()
        .filter_map(|piece| piece["text"].as_str())
        .filter(|text| text.starts_with('x'))
        .map(str::len)
        .sum();
    ensure!(letters == 3_000_000, "its pieces in JSON have {letters} letters");
    Ok(())
}

fn nul(c: &Context) -> Outcome {
    let service = c.service(&["bytes", "610062ff0d63c30a", "say", "after"]);
    c.run(&service)?;
    wait_last(c, &service.name, "after")?;
    let bytes = raw(c, &service.name)?;
    ensure!(holds(&bytes, b"a\0b\xff\rc\xc3\n"), "the bytes changed: {bytes:02x?}");
    let lines = as_json(c, &service.name)?;
    let found = lines.iter().any(|line| line["text"] == "a\0b\u{fffd}\rc\u{fffd}");
    ensure!(found, "not so in JSON: {lines:?}");
    Ok(())
}

fn order(c: &Context) -> Outcome {
    let steered = Steered::run(c, &[], "")?;
    let name = steered.name();
    let words = ["one", "two", "three", "four"];
    for (word, stream) in words.iter().zip(["say", "err"].iter().cycle()) {
        c.get(steered.port, &format!("/{stream}?{word}"))?;
        // Two pipes are two queues: what is in both at once has no order.
        let there = wait_for(SOON, || c.logs(name, &[]).is_ok_and(|text| text.contains(word)));
        ensure!(there, "{word} did not arrive");
    }
    let text = c.logs(name, &[])?;
    ensure!(text.lines().eq(words), "the order is {text:?}");
    Ok(())
}

fn partial(c: &Context) -> Outcome {
    let steered = Steered::run(c, &["say", "before"], "")?;
    let name = steered.name();
    wait_last(c, name, "before")?;
    steered.print(c, "half a ")?;
    wait_last(c, name, "half a")?;
    steered.print(c, "line\nnext\n")?;
    wait_last(c, name, "next")?;
    ensure!(c.printed(name)?.contains("before\nhalf a line\nnext\n"), "torn: {}", c.printed(name)?);
    Ok(())
}

fn utf16(c: &Context) -> Outcome {
    let steered = Steered::run(c, &[], "[logs]\nencoding = { stdout = \"utf-16le\" }")?;
    let name = steered.name();
    let text = "Größe: 5 €, 𝄞\r\nsecond\r\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // In three pieces, cut within a character.
    let (one, rest) = bytes.split_at(7);
    let (two, three) = rest.split_at(18);
    for part in [one, two, three] {
        steered.print(c, part)?;
    }
    let mut disk = Vec::new();
    let seen = wait_for(SOON, || {
        disk = on_disk(c, name).unwrap_or_default();
        holds(&disk, b"second")
    });
    ensure!(seen, "the second line is not there: {disk:02x?}");
    ensure!(holds(&disk, "Größe: 5 €, 𝄞".as_bytes()), "not UTF-8: {}", String::from_utf8_lossy(&disk));
    let told = c.logs(name, &["--stream", "stdout", "-n", "2"])?;
    ensure!(told.lines().next() == Some("Größe: 5 €, 𝄞"), "`logs` tells {told:?}");
    Ok(())
}

const PAINTED: &str = "1b5b33316d7265641b5b306d201b5d303b7469746c650770616c650a";

fn ansi_keep(c: &Context) -> Outcome {
    let service = c.service(&["bytes", PAINTED, "say", "after"]);
    c.run(&service)?;
    wait_last(c, &service.name, "after")?;
    let disk = on_disk(c, &service.name)?;
    ensure!(holds(&disk, b"\x1b[31mred\x1b[0m \x1b]0;title\x07pale\n"), "not as it came");
    Ok(())
}

fn ansi_strip(c: &Context) -> Outcome {
    let service = c.service(&["bytes", PAINTED, "say", "after"]).with("[logs]\nansi = \"strip\"");
    c.run(&service)?;
    wait_last(c, &service.name, "after")?;
    let disk = on_disk(c, &service.name)?;
    ensure!(holds(&disk, b"red pale\n"), "not stripped: {}", String::from_utf8_lossy(&disk));
    ensure!(files(c, &service.name, "stdout").len() == 1, "other files than the one");
    Ok(())
}

fn redact(c: &Context) -> Outcome {
    let steered = Steered::run(
        c,
        &["say", "login password=hunter2hunter2 done", "err", "password=hunter2hunter2"],
        "[logs]\nredact = [\"password=\\\\S+\", \"tok_[0-9a-f]{8}\"]",
    )?;
    let name = steered.name();
    // Over two writes, and in a last line that has no end yet.
    steered.print(c, "again password=hun")?;
    steered.print(c, "ter2hunter2 tok_0123abcd done\nsafe\n")?;
    wait_last(c, name, "safe")?;
    steered.print(c, "at the end password=hunter2hunter2")?;
    c.ok(&["stop", name])?;
    let disk = on_disk(c, name)?;
    for secret in ["hunter2", "0123abcd"] {
        ensure!(
            !holds(&disk, secret.as_bytes()),
            "{secret} is on the disk: {}",
            String::from_utf8_lossy(&disk)
        );
    }
    let printed = c.printed(name)?;
    let wanted = ["login *** done\n", "again *** *** done\n", "at the end ***"];
    for line in wanted {
        ensure!(printed.contains(line), "{line:?} is not there: {printed}");
    }
    Ok(())
}
