//! Entries: stack traces as they are really printed, and that joining loses and turns around nothing.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, UNIX_EPOCH};

use abide_logs::{Entry, JoinRule, Joiner, Level, LevelOf, Line, Stream};
use proptest::prelude::*;

fn line(stream: Stream, text: &str) -> Line {
    Line { stream, bytes: text.into(), ..Line::default() }
}

fn drain(joiner: &mut Joiner) -> Vec<Entry> {
    std::iter::from_fn(|| joiner.pop()).collect()
}

fn join(rule: &JoinRule, lines: &[Line]) -> Vec<Entry> {
    let mut joiner = Joiner::new(rule);
    let mut entries = Vec::new();
    for line in lines {
        joiner.push(line);
        entries.append(&mut drain(&mut joiner));
    }
    joiner.flush();
    entries.append(&mut drain(&mut joiner));
    assert_eq!(joiner.held(), 0);
    entries
}

/// Each of `entries` has to come back as one entry, wherever it stands among the others.
fn keeps(entries: &[&str]) {
    let surrounded: Vec<&str> =
        entries.iter().flat_map(|entry| ["ready", *entry, "2026-11-22 INFO served"]).collect();
    let lines: Vec<Line> = surrounded
        .iter()
        .flat_map(|entry| entry.split('\n'))
        .map(|text| line(Stream::Stderr, text))
        .collect();
    let joined = join(&JoinRule::StackTraces, &lines);
    let found: Vec<String> =
        joined.into_iter().map(|entry| String::from_utf8(entry.bytes).unwrap()).collect();
    assert_eq!(found, surrounded);
}

#[test]
fn go() {
    keeps(&[
        "panic: runtime error: index out of range [3] with length 2\n\ngoroutine 1 [running]:\nmain.(*Shop).take(0xc0000140a0, {0x1, 0x2})\n\t/srv/shop.go:12 +0x1d\nmain.main()\n\t/srv/main.go:7 +0x25\ncreated by main.run in goroutine 1\n\t/srv/main.go:4 +0x11\nexit status 2",
        "panic: boom\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x45]\n\ngoroutine 1 [running]:\npanic({0x1, 0x2})\n\t/usr/lib/go/src/runtime/panic.go:770 +0x132",
        "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.main()\n\t/srv/main.go:5 +0x25\n\ngoroutine 18 [select, 5 minutes]:\nmain.wait(...)\n\t/srv/main.go:9",
        "2026/11/22 22:19:28 http: panic serving 127.0.0.1:4711: boom\ngoroutine 18 [running]:\nnet/http.(*conn).serve.func1()\n\t/usr/lib/go/src/net/http/server.go:1947 +0xbe",
    ]);
}

#[test]
fn python() {
    keeps(&[
        "Traceback (most recent call last):\n  File \"app.py\", line 3, in <module>\n    run()\n  File \"app.py\", line 2, in run\n    raise ValueError(\"boom\")\nValueError: boom",
        "ERROR:root:order failed\nTraceback (most recent call last):\n  File \"app.py\", line 3, in <module>\n    1 / 0\n    ~~^~~\nZeroDivisionError: division by zero",
        "Traceback (most recent call last):\n  File \"a.py\", line 2, in <module>\n    {}[1]\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 4, in <module>\n    1 / 0\nZeroDivisionError: division by zero",
        "Traceback (most recent call last):\n  File \"a.py\", line 2, in <module>\nKeyboardInterrupt",
        "  + Exception Group Traceback (most recent call last):\n  |   File \"a.py\", line 1, in <module>\n  | ExceptionGroup: both (2 sub-exceptions)\n  +-+---------------- 1 ----------------",
    ]);
}

#[test]
fn java() {
    keeps(&[
        "Exception in thread \"main\" java.lang.IllegalStateException: boom\n\tat com.example.Shop.take(Shop.java:12)\n\tat com.example.Main.main(Main.java:7)\nCaused by: java.io.IOException: disk\n\tat com.example.Disk.read(Disk.java:3)\n\t... 2 more\n\tSuppressed: java.io.IOException: close\n\t\tat com.example.Disk.close(Disk.java:9)",
        "2026-11-22 22:19:28.123 ERROR [main] c.e.Shop - order failed\njava.lang.IllegalStateException: boom\n\tat com.example.Shop.take(Shop.java:12)\nCaused by: java.io.IOException: disk\n\t... 3 common frames omitted",
        "java.lang.OutOfMemoryError: Java heap space\n\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)",
    ]);
}

#[test]
fn node() {
    keeps(&[
        "TypeError: Cannot read properties of undefined (reading 'x')\n    at take (/srv/shop.js:3:9)\n    at Object.<anonymous> (/srv/app.js:7:1) {\n  code: 'ERR_X'\n}",
        "/srv/app.js:3\n    throw new Error(\"boom\");\n    ^\n\nError: boom\n    at take (/srv/app.js:3:9)\n    at node:internal/main/run_main_module:28:49\n\nNode.js v22.1.0",
        "node:internal/modules/cjs/loader:1228\n  throw err;\n  ^\n\nError: Cannot find module '/srv/x.js'\n    at Module._resolveFilename (node:internal/modules/cjs/loader:1225:15) {\n  code: 'MODULE_NOT_FOUND',\n  requireStack: []\n}\n\nNode.js v22.1.0",
    ]);
}

#[test]
fn rust() {
    keeps(&[
        "thread 'main' panicked at src/main.rs:2:5:\nboom\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
        "thread 'main' (42) panicked at src/main.rs:2:5:\nassertion `left == right` failed\n  left: 1\n right: 2\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/1/library/std/src/panicking.rs:645:5\n   1: app::main\nnote: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.",
        "thread 'x' panicked at 'boom', src/main.rs:2:5",
        "Error: cannot read the order\n\nCaused by:\n    0: cannot open it\n    1: No such file or directory (os error 2)",
    ]);
}

#[test]
fn others() {
    keeps(&[
        "Unhandled exception. System.InvalidOperationException: boom\n ---> System.IO.IOException: disk\n   at Shop.Read() in /srv/Shop.cs:line 3\n   --- End of inner exception stack trace ---\n   at Shop.Take() in /srv/Shop.cs:line 12\n--- End of stack trace from previous location ---\n   at Program.Main()",
        "fail: Shop.Worker[0]\n      order failed\n      System.Exception: boom\n         at Shop.Take()",
        "PHP Fatal error:  Uncaught Exception: boom in /srv/x.php:3\nStack trace:\n#0 /srv/x.php(7): take()\n#1 {main}\n  thrown in /srv/x.php on line 3",
        "app.rb:1:in `take': boom (RuntimeError)\n\tfrom app.rb:3:in `<main>'",
        "{\n  \"order\": 4711,\n  \"items\": [\n    1\n  ]\n}",
        "carried\r\n  over\r\n  twice\r",
    ]);
}

#[test]
fn what_belongs_to_nothing_stays_alone() {
    let texts = [
        "one",
        "",
        "two",
        "}",
        "at home",
        "Node.js v1",
        "ValueError: x",
        "Traceback (most recent call last):",
        "  File \"x\"",
        "ValueError: x",
        "",
        "three",
        "panic in the street",
        "created by hand",
        "main.main()",
        "  2026-11-22T22:19:28Z INFO indented as a pretty logger does",
        "    at src/main.rs:12",
    ];
    let lines: Vec<Line> = texts.iter().map(|text| line(Stream::Stdout, text)).collect();
    let counts: Vec<usize> = join(&JoinRule::StackTraces, &lines).iter().map(|entry| entry.lines).collect();
    assert_eq!(counts, [1, 1, 1, 1, 1, 1, 1, 4, 1, 1, 1, 1, 2]);
}

#[test]
fn a_given_start_alone_counts() {
    let rule = JoinRule::new(Some(r"^\d{4}-")).unwrap();
    let texts =
        ["torn head", "2026-11-22 one", "continued", "", "2026-11-22 two", "\u{fffd}", "2026-11-22 three"];
    let mut lines: Vec<Line> = texts.iter().map(|text| line(Stream::Stdout, text)).collect();
    lines[5].bytes = b"\xff2026-".to_vec();
    let counts: Vec<usize> = join(&rule, &lines).iter().map(|entry| entry.lines).collect();
    assert_eq!(counts, [1, 3, 2, 1]);
    let told = JoinRule::new(Some("(")).unwrap_err().to_string();
    assert!(told.starts_with("cannot join lines by `(`: ") && told.ends_with("each entry matches"), "{told}");
    assert!(matches!(JoinRule::new(None), Ok(JoinRule::StackTraces)));
}

#[test]
fn streams_are_joined_apart_and_keep_their_order() {
    let out = |text| line(Stream::Stdout, text);
    let err = |text| line(Stream::Stderr, text);
    let lines = [
        err("panic: boom"),
        out("one"),
        err(""),
        out("two"),
        err("goroutine 1 [running]:"),
        err("main.main()"),
        out("three"),
    ];
    let entries = join(&JoinRule::StackTraces, &lines);
    let texts: Vec<&str> = entries.iter().map(|entry| std::str::from_utf8(&entry.bytes).unwrap()).collect();
    assert_eq!(texts, ["panic: boom\n\ngoroutine 1 [running]:\nmain.main()", "one", "two", "three"]);
}

#[test]
fn a_silent_stream_keeps_the_other_waiting_for_a_second_only() {
    let mut joiner = Joiner::new(&JoinRule::StackTraces);
    let at = |stream, milliseconds, text| Line {
        time: Some(UNIX_EPOCH + Duration::from_millis(milliseconds)),
        ..line(stream, text)
    };
    joiner.push(&at(Stream::Stderr, 0, "panic: boom"));
    joiner.push(&at(Stream::Stdout, 10, "one"));
    joiner.push(&at(Stream::Stdout, 900, "two"));
    assert_eq!(joiner.pop(), None);
    assert_eq!(joiner.held(), 3);
    joiner.push(&at(Stream::Stdout, 1000, "three"));
    let entries = drain(&mut joiner);
    assert_eq!(entries.iter().map(|entry| entry.lines).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(entries[0].time, Some(UNIX_EPOCH));
    assert_eq!(joiner.held(), 1);
}

#[test]
fn a_silent_stream_does_not_fill_memory() {
    let mut joiner = Joiner::new(&JoinRule::StackTraces);
    joiner.push(&line(Stream::Stderr, "panic: boom"));
    let long = "x".repeat(10_000);
    let mut given = 0;
    for _ in 0..1000 {
        joiner.push(&line(Stream::Stdout, &long));
        given += drain(&mut joiner).len();
        assert!(joiner.held() < 20, "{}", joiner.held());
    }
    assert!(given > 980);
}

#[test]
fn long_entries_come_in_parts() {
    let mut lines = vec![line(Stream::Stdout, "first")];
    lines.extend((0..1000).map(|n| line(Stream::Stdout, &format!("  {n}"))));
    lines.push(line(Stream::Stdout, "next"));
    let entries = join(&JoinRule::StackTraces, &lines);
    assert_eq!(
        entries.iter().map(|entry| (entry.lines, entry.more)).collect::<Vec<_>>(),
        [(256, true), (256, true), (256, true), (233, false), (1, false)]
    );

    let mut lines = vec![line(Stream::Stdout, "first")];
    lines.extend((0..30).map(|_| line(Stream::Stdout, &format!("  {}", "x".repeat(10_000)))));
    let entries = join(&JoinRule::StackTraces, &lines);
    assert!(entries.iter().all(|entry| entry.bytes.len() < 64 << 10));
    assert_eq!(entries.iter().map(|entry| entry.lines).sum::<usize>(), 31);
    assert_eq!(entries.iter().filter(|entry| !entry.more).count(), 1);
}

#[test]
fn pieces_of_a_line_stay_together() {
    let piece = |text, complete| Line { complete, ..line(Stream::Stdout, text) };
    let entries = join(
        &JoinRule::StackTraces,
        &[piece("one ", false), piece("and the same", true), piece("two", true), piece("cut", false)],
    );
    let texts: Vec<(&[u8], bool)> = entries.iter().map(|entry| (&*entry.bytes, entry.complete)).collect();
    assert_eq!(texts, [(&b"one and the same"[..], true), (b"two", true), (b"cut", false)]);
    let long = "x".repeat(60_000);
    let entries =
        join(&JoinRule::StackTraces, &[piece(&long, false), piece(&long, true), piece("next", true)]);
    let flags: Vec<(bool, bool)> = entries.iter().map(|entry| (entry.complete, entry.more)).collect();
    assert_eq!(flags, [(false, true), (true, false), (true, false)]);
}

#[test]
fn lines_are_as_important_as_their_entry() {
    use Level::{Error, Info};
    let mut level = LevelOf::new(&JoinRule::StackTraces);
    let lines = [
        ("INFO up", Some(Info)),
        ("  more of it", Some(Info)),
        ("no level", None),
        ("  nor here", None),
        ("ERROR:root:order failed", Some(Error)),
        ("Traceback (most recent call last):", Some(Error)),
        ("  File \"app.py\", line 3", Some(Error)),
        ("ValueError: boom", Some(Error)),
        ("no level", None),
    ];
    for (text, expected) in lines {
        assert_eq!(level.of(text.as_bytes(), true), expected, "{text}");
    }
    assert_eq!(level.of(b"ERROR in ", false), Some(Error));
    assert_eq!(level.of(b"INFO pieces", true), Some(Error));
    assert_eq!(level.of(b"INFO pieces", true), Some(Info));
    for _ in 0..1000 {
        assert_eq!(level.of(b"\tat far below", true), Some(Info));
    }

    let entry = |text: &str| {
        let lines: Vec<Line> = text.split('\n').map(|text| line(Stream::Stdout, text)).collect();
        join(&JoinRule::StackTraces, &lines)[0].level()
    };
    assert_eq!(entry("{\n  \"level\": \"error\"\n}"), Some(Error));
    assert_eq!(entry("/srv/app.js:3\n  x\n  ^\n\nError: boom\n    at x"), Some(Error));
    assert_eq!(entry("nothing\n  at all"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each line has the level that is told up to it by the entry that the joiner makes of it.
    #[test]
    fn levels_go_by_the_entries(lines in prop::collection::vec(any_line(), 0..60)) {
        let lines: Vec<Line> =
            lines.into_iter().map(|line| Line { stream: Stream::Stdout, time: None, ..line }).collect();
        let mut levels = LevelOf::new(&JoinRule::StackTraces);
        let mut told = lines.iter().map(|line| levels.of(&line.bytes, line.complete));
        let mut more = false;
        for entry in join(&JoinRule::StackTraces, &lines) {
            let found: Vec<_> = told.by_ref().take(entry.lines).collect();
            prop_assert_eq!(found.len(), entry.lines);
            if let Some(first) = found.iter().position(Option::is_some) {
                prop_assert!(found[first..].iter().all(|level| *level == found[first]), "{:?}", found);
            }
            if !more && entry.lines == 1 {
                prop_assert_eq!(found[0], Level::of(&entry.bytes));
            }
            more = entry.more;
        }
    }
}

fn any_line() -> impl Strategy<Value = Line> {
    let text = prop_oneof![
        Just("panic: x".to_owned()),
        Just("goroutine 1 [running]:".to_owned()),
        Just("main.main()".to_owned()),
        Just("Traceback (most recent call last):".to_owned()),
        Just("ValueError: x".to_owned()),
        Just("During handling of the above exception, another exception occurred:".to_owned()),
        Just("Caused by: x".to_owned()),
        Just("thread 'x' panicked at a:1:2:".to_owned()),
        Just("Error: x".to_owned()),
        Just("  ^".to_owned()),
        Just(String::new()),
        Just("}".to_owned()),
        "[ \t]?[a-z0-9:.]{0,12}",
        Just("x".repeat(20_000)),
    ];
    let time = prop::option::of((0_u64..5000).prop_map(|ms| UNIX_EPOCH + Duration::from_millis(ms)));
    (text, any::<bool>(), prop::bool::weighted(0.9), time).prop_map(|(text, out, complete, time)| Line {
        time,
        stream: if out { Stream::Stdout } else { Stream::Stderr },
        bytes: text.into_bytes(),
        complete,
    })
}

fn printed<'a>(stream: Stream, pieces: impl Iterator<Item = (Stream, &'a [u8], bool)>) -> Vec<u8> {
    let mut all = Vec::new();
    for (_, bytes, complete) in pieces.filter(|piece| piece.0 == stream) {
        all.extend_from_slice(bytes);
        if complete {
            all.push(b'\n');
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_turned_around(
        steps in prop::collection::vec((any_line(), prop::bool::weighted(0.05)), 0..80),
        start in prop::option::of(Just("^[a-z]")),
    ) {
        let rule = JoinRule::new(start).unwrap();
        let mut joiner = Joiner::new(&rule);
        let mut entries = Vec::new();
        let mut lines = Vec::new();
        for (line, flush) in steps {
            joiner.push(&line);
            lines.push(line);
            if flush {
                joiner.flush();
                entries.append(&mut drain(&mut joiner));
                prop_assert_eq!(joiner.held(), 0);
            }
            entries.append(&mut drain(&mut joiner));
            // What is not held has been given.
            let held = usize::try_from(joiner.held()).unwrap();
            let given: usize = entries.iter().map(|entry| entry.lines).sum();
            prop_assert!(given + held >= lines.len());
        }
        joiner.flush();
        entries.append(&mut drain(&mut joiner));
        prop_assert_eq!(entries.iter().map(|entry| entry.lines).sum::<usize>(), lines.len());
        for stream in Stream::BOTH {
            let before = printed(stream, lines.iter().map(|line| (line.stream, &*line.bytes, line.complete)));
            let after = printed(stream, entries.iter().map(|entry| (entry.stream, &*entry.bytes, entry.complete)));
            prop_assert_eq!(after, before);
        }
        for entry in &entries {
            prop_assert!(entry.lines == 1 || entry.bytes.len() < 64 << 10);
        }
    }
}
