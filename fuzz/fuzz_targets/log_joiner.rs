//! Joining any lines: nothing is lost, nothing changes places within a stream, and what is held is bounded.

#![no_main]

use abide_logs::{JoinRule, Joiner, Line, Stream};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let start = (choice & 1 == 1).then_some("^[a-z]");
    let mut joiner = Joiner::new(&JoinRule::new(start).expect("an expression"));
    let mut pushed = [const { Vec::new() }; 2];
    let mut given = [const { Vec::new() }; 2];
    let mut entries = 0;
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        // The first byte of a line says what it is.
        let (flags, line) = line.split_first().map_or((0, line), |(flags, line)| (*flags, line));
        let stream = Stream::BOTH[usize::from(flags & 1)];
        let line = Line { stream, bytes: line.into(), complete: flags & 0x1E != 0x1E, ..Line::default() };
        put(&mut pushed, stream, &line.bytes, line.complete);
        joiner.push(&line);
        if flags & 0x60 == 0x60 {
            joiner.flush();
        }
        while let Some(entry) = joiner.pop() {
            entries += entry.lines;
            let _ = entry.level();
            put(&mut given, entry.stream, &entry.bytes, entry.complete);
        }
        let held = usize::try_from(joiner.held()).expect("a number");
        assert!(entries + held > number);
    }
    joiner.flush();
    while let Some(entry) = joiner.pop() {
        put(&mut given, entry.stream, &entry.bytes, entry.complete);
    }
    assert_eq!(given, pushed);
});

fn put(all: &mut [Vec<u8>; 2], stream: Stream, bytes: &[u8], complete: bool) {
    let all = &mut all[usize::from(stream == Stream::Stderr)];
    all.extend_from_slice(bytes);
    if complete {
        all.push(b'\n');
    }
}
