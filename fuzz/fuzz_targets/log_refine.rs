//! Refining any output: never a panic, and how it is cut into chunks makes no difference.

#![no_main]

use std::time::Instant;

use abide_logs::{Refine, Stream};
use abide_spec::Spec;
use libfuzzer_sys::fuzz_target;

const SETTINGS: [&str; 8] = [
    "ansi = \"strip\"",
    "encoding = { stdout = \"utf-16\" }",
    "encoding = { stdout = \"utf-16le\" }\nansi = \"strip\"",
    "redact = [\"k=\\\\w+\", \"[0-9]{4}\"]",
    "level = \"warn\"",
    "level = \"error\"\nsample = 0.5\nmultiline = { start = '^[a-z]' }",
    "rate-limit = { lines = 3, per = \"1s\" }",
    "encoding = { stdout = \"utf-16be\" }\nansi = \"strip\"\nredact = [\"k=\\\\w+\"]\nlevel = \"info\"\nrate-limit = { lines = 5, per = \"1s\" }",
];

fuzz_target!(|bytes: &[u8]| {
    let [choice, cut, bytes @ ..] = bytes else { return };
    let settings = SETTINGS[usize::from(*choice) % SETTINGS.len()];
    let whole = refined(settings, bytes, bytes.len().max(1));
    assert_eq!(refined(settings, bytes, usize::from(*cut) + 1), whole);
});

fn refined(settings: &str, bytes: &[u8], chunk: usize) -> Vec<u8> {
    let text = format!("name = \"a\"\nprogram.command = [\"/x\"]\n[logs]\n{settings}");
    let Ok(spec) = Spec::parse(&text) else { panic!("{text} is a spec") };
    let mut refine = Refine::new(&spec.logs, 1).expect("settings").expect("something to do");
    let now = Instant::now();
    let mut flow = refine.begin(Stream::Stdout);
    let mut kept = Vec::new();
    for chunk in bytes.chunks(chunk) {
        kept.extend_from_slice(refine.push(&mut flow, chunk, now, |_formed| {}));
    }
    kept.extend(refine.end(flow, now, |_formed| {}));
    kept
}
