//! All stages together.

use std::time::{Duration, Instant};

use abide_spec::{Logs, Spec};
use proptest::prelude::*;

use super::flow::{LONGEST, OVERLAP};
use super::*;

fn logs(settings: &str) -> Logs {
    let text = format!("name = \"a\"\nprogram.command = [\"/x\"]\n[logs]\n{settings}");
    Spec::parse(&text).unwrap_or_else(|errors| panic!("{}", errors.render("a".as_ref(), &text, false))).logs
}

fn refine(settings: &str) -> Refine {
    Refine::new(&logs(settings), 1).unwrap().unwrap()
}

/// What is kept of `chunks`, which arrive at once, and what is shown of them.
fn seen(settings: &str, chunks: &[&[u8]]) -> (Vec<u8>, Vec<u8>) {
    let (mut refine, now) = (refine(settings), Instant::now());
    let (mut kept, mut formed) = (Vec::new(), Vec::new());
    let mut flow = refine.begin(Stream::Stdout);
    for chunk in chunks {
        let now = refine.push(&mut flow, chunk, now, |text| formed.extend_from_slice(text)).to_vec();
        kept.extend(now);
    }
    let rest = refine.end(flow, now, |text| formed.extend_from_slice(text));
    kept.extend(rest);
    (kept, formed)
}

fn kept(settings: &str, text: &str) -> String {
    String::from_utf8(seen(settings, &[text.as_bytes()]).0).unwrap()
}

#[test]
fn with_nothing_set_there_is_nothing_to_do() {
    for settings in [
        "",
        "buffer = \"8KiB\"",
        "multiline = { start = '^x' }",
        "encoding = { stdout = \"raw\" }\nansi = \"keep\"",
    ] {
        assert!(Refine::new(&logs(settings), 1).unwrap().is_none(), "{settings}");
    }
}

#[test]
fn lower_lines_are_dropped_with_what_continues_them() {
    let text = "INFO start\nWARN careful\n    more\nDEBUG details\n  and these\n\nplain\n  its own\nERROR boom\n\tat x.y(z)\nINFO done\n";
    assert_eq!(
        kept("level = \"warn\"", text),
        "WARN careful\n    more\nplain\n  its own\nERROR boom\n\tat x.y(z)\n"
    );
    assert_eq!(
        kept(
            "level = \"error\"",
            "WARN it failed\nTraceback (most recent call last):\n  File \"x\", line 1\nValueError: no\nok\n"
        ),
        "ok\n"
    );
}

#[test]
fn entries_begin_where_the_spec_says() {
    let settings = "level = \"warn\"\nmultiline = { start = '^\\d\\d:' }";
    let text = "10: DEBUG query\nSELECT 1\nERROR is a column\n11: ERROR no\nDEBUG is a column\n12: INFO x\n";
    assert_eq!(kept(settings, text), "11: ERROR no\nDEBUG is a column\n");
}

#[test]
fn a_sample_of_entries_is_kept_whole() {
    let text: String = (0..1000).map(|number| format!("DEBUG {number}\n  of {number}\n")).collect();
    let kept = kept("level = \"info\"\nsample = 0.05", &text);
    let lines: Vec<&str> = kept.lines().collect();
    assert_eq!(lines.len(), 100);
    for entry in lines.chunks(2) {
        assert_eq!(entry[1], entry[0].replace("DEBUG", "  of"));
    }
}

#[test]
fn debug_lifts_the_filter_while_it_is_on() {
    let (mut refine, now) = (refine("level = \"warn\"\nredact = ['k=\\d']"), Instant::now());
    let control = refine.control();
    let mut flow = refine.begin(Stream::Stderr);
    let mut push = |text: &'static str| {
        String::from_utf8(refine.push(&mut flow, text.as_bytes(), now, |_| {}).to_vec()).unwrap()
    };
    assert_eq!(push("DEBUG a k=1\n  b\n"), "");
    control.lift(true);
    assert_eq!(push("  c\nDEBUG d k=2\n\n  e\n"), "  c\nDEBUG d ***\n\n  e\n");
    control.lift(false);
    assert_eq!(push("DEBUG f\n  g\nWARN h\n"), "WARN h\n");
    assert_eq!(control.refined(), Refined { filtered_lines: 4, suppressed_lines: 0 });
}

#[test]
fn suppressed_lines_are_told_where_they_are_missing() {
    let (mut refine, start) = (refine("rate-limit = { lines = 2, per = \"1s\" }"), Instant::now());
    let control = refine.control();
    let (mut out, mut err) = (refine.begin(Stream::Stdout), refine.begin(Stream::Stderr));
    let mut push = |flow: &mut Flow, text: &'static str, seconds| {
        let now = start + Duration::from_secs(seconds);
        String::from_utf8(refine.push(flow, text.as_bytes(), now, |_| {}).to_vec()).unwrap()
    };
    assert_eq!(push(&mut out, "a\nb\nc\nd\n", 0), "a\nb\n");
    assert_eq!(push(&mut err, "e\n", 0), "", "the limit is that of both");
    assert_eq!(push(&mut out, "f\n", 60), "[abide: 2 lines suppressed here]\nf\n");
    assert_eq!(push(&mut err, "g\nh\nhalf", 60), "[abide: 1 line suppressed here]\ng\n");
    let ended = refine.end(err, start + Duration::from_secs(60), |_| {});
    assert_eq!(String::from_utf8(ended).unwrap(), "[abide: 2 lines suppressed here]\n");
    assert_eq!(refine.end(out, start, |_| {}), b"");
    assert_eq!(control.refined(), Refined { filtered_lines: 0, suppressed_lines: 5 });
}

#[test]
fn what_is_looked_for_in_output_sees_all_of_it() {
    let settings =
        "level = \"error\"\nredact = ['ready']\nencoding = { stdout = \"utf-16\" }\nansi = \"strip\"";
    let utf16: Vec<u8> =
        "\u{feff}INFO \x1b[32mready\x1b[0m\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (kept, formed) = seen(settings, &[&utf16]);
    assert_eq!((kept.as_slice(), formed.as_slice()), (&b""[..], &b"INFO ready\n"[..]));
}

#[test]
fn each_stream_has_its_encoding() {
    let mut refine = refine("encoding = { stderr = \"utf-16le\" }");
    let (mut out, mut err) = (refine.begin(Stream::Stdout), refine.begin(Stream::Stderr));
    let now = Instant::now();
    assert_eq!(refine.push(&mut out, b"\xffa\0\n", now, |_| {}), b"\xffa\0\n");
    assert_eq!(refine.push(&mut err, b"a\0\n", now, |_| {}), b"a");
    assert_eq!(refine.end(err, now, |_| {}), "\u{fffd}".as_bytes());
}

#[test]
fn what_is_cut_off_at_the_end_is_kept() {
    let half = "half a line, token=ab";
    assert_eq!(kept("redact = ['token=\\w+']", half), "half a line, ***");
    assert_eq!(kept("level = \"warn\"", "INFO a\nERROR no end"), "ERROR no end");
    assert_eq!(kept("ansi = \"strip\"", "x\x1b[3"), "x\x1b[3");
    assert_eq!(kept("ansi = \"strip\"\nredact = ['x']", "x\x1b[3"), "***\x1b[3");
}

#[test]
fn a_secret_in_pieces_is_a_secret() {
    let line = b"user=me password=hunter2 and more\n";
    for cut in 0..line.len() {
        let (one, two) = line.split_at(cut);
        let (kept, _) = seen("redact = ['password=\\S+']", &[one, two]);
        assert_eq!(kept, b"user=me *** and more\n", "cut at {cut}");
    }
}

/// A line that is too long to be looked at as a whole, with a secret at `at`.
fn long_line(at: usize, length: usize, secret: &str) -> Vec<u8> {
    let mut line = "é-".repeat(length / 3 + 1).into_bytes();
    line.truncate(length);
    line.splice(at..at, format!(" {secret} ").into_bytes());
    line
}

#[test]
fn no_secret_leaks_where_parts_of_a_long_line_meet() {
    let seam = LONGEST - OVERLAP;
    let places =
        (seam - 20..seam + 20).chain(LONGEST - 20..LONGEST + 20).chain([0, 5, 2 * seam, 3 * LONGEST - 7]);
    for at in places {
        let mut line = long_line(at, 4 * LONGEST, "token=0123456789");
        line.extend(b"\nnext token=1\n");
        let (kept, _) = seen("redact = ['token=\\w+']", &[&line]);
        let wanted = [long_line(at, 4 * LONGEST, "***"), b"\nnext ***\n".to_vec()].concat();
        assert!(kept == wanted, "at {at}");
    }
}

#[test]
fn expressions_see_what_stands_before_a_part() {
    let line = format!("{}\nx\n", "x".repeat(3 * LONGEST));
    assert_eq!(kept("redact = ['^x']", &line), format!("***{}\n***\n", "x".repeat(3 * LONGEST - 1)));
    assert_eq!(kept("redact = ['\\bx']", &line), format!("***{}\n***\n", "x".repeat(3 * LONGEST - 1)));
    assert_eq!(kept("redact = ['x$']", &line), format!("{}***\n***\n", "x".repeat(3 * LONGEST - 1)));
}

#[test]
fn a_match_without_end_takes_the_rest_of_its_line() {
    let line = format!("a token={} b\nnext\n", "y".repeat(2 * LONGEST));
    assert_eq!(kept("redact = ['token=\\S+']", &line), "a ***\nnext\n");
    let short = format!("a token={} b\nnext\n", "y".repeat(LONGEST / 2));
    assert_eq!(kept("redact = ['token=\\S+']", &short), "a *** b\nnext\n");
}

#[test]
fn lines_made_to_take_long_do_not() {
    // Each letter could begin a match, and none does.
    let text = format!("{}\nx ab\n", "a".repeat(4 * LONGEST));
    assert_eq!(kept("redact = ['a+b']", &text), text.replace("ab", "***"));
}

#[test]
fn long_lines_are_judged_by_their_beginning() {
    let text = format!("DEBUG {0}\nERROR {0}\r\nINFO {0}", "z".repeat(3 * LONGEST));
    let wanted = format!("ERROR {}\r\n", "z".repeat(3 * LONGEST));
    assert_eq!(kept("level = \"warn\"", &text), wanted);
    assert_eq!(kept("level = \"warn\"\nredact = ['k']", &text), wanted);
    let one =
        kept("rate-limit = { lines = 1, per = \"1d\" }", &format!("{0}\n{0}\n", "z".repeat(2 * LONGEST)));
    assert_eq!(one, format!("{}\n[abide: 1 line suppressed here]\n", "z".repeat(2 * LONGEST)));
}

const SETTINGS: &[&str] = &[
    "redact = ['token=\\w+', '(?i)k[ae]y', '\\d{3}', '^b+', 'é$']",
    "level = \"warn\"",
    "level = \"warn\"\nsample = 0.3\nredact = ['token=\\w+']",
    "rate-limit = { lines = 5, per = \"1d\" }\nredact = ['e']",
    "ansi = \"strip\"\nlevel = \"info\"",
    "encoding = { stdout = \"utf-16\" }\nansi = \"strip\"\nredact = ['token=\\w+']\nlevel = \"debug\"",
    "encoding = { stdout = \"utf-16be\" }",
];

fn any_output() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop_oneof![
            Just("DEBUG "), Just("ERROR "), Just("  "), Just("token=abc "), Just("KEY"), Just("é"), Just("\n"), Just("\r\n"),
            Just("\x1b[31m"), Just("\x1b]0;t\x07"), Just("bbb"), Just("1234"), Just("INFO x\n"),
        ].prop_map(|it| it.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn how_output_is_cut_makes_no_difference(
        output in any_output(), settings in 0..SETTINGS.len(), sizes in proptest::collection::vec(1..20_usize, 1..10)
    ) {
        let whole = seen(SETTINGS[settings], &[&output]);
        let (mut chunks, mut rest) = (Vec::new(), output.as_slice());
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break }
            let (chunk, after) = rest.split_at((*size).min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        prop_assert_eq!(seen(SETTINGS[settings], &chunks), whole);
    }

    #[test]
    fn nor_does_it_in_long_lines(
        parts in proptest::collection::vec(("[a-z ]{0,3}(token=[a-z0-9]{1,9}|é|\n)?", 1..30_000_usize), 1..9),
        size in prop_oneof![1000..200_000_usize, Just(LONGEST), Just(LONGEST - 1)],
    ) {
        let output: Vec<u8> = parts.iter().flat_map(|(text, times)| text.repeat(*times / text.len().max(1)).into_bytes()).collect();
        let settings = "redact = ['token=[a-z0-9]+']";
        let chunks: Vec<&[u8]> = output.chunks(size).collect();
        let (kept, _) = seen(settings, &chunks);
        prop_assert!(kept == seen(settings, &[&output]).0);
        // A mask ends before what a token cannot contain, and such stretches are short.
        prop_assert!(memchr::memmem::find(&kept, b"token=").is_none());
    }

    #[test]
    fn everything_that_is_not_redacted_is_kept(output in proptest::collection::vec(any::<u8>(), 0..500)) {
        prop_assert_eq!(&seen("redact = ['a text that is not there']", &[&output]).0, &output);
        prop_assert_eq!(&seen("rate-limit = { lines = 1000 }", &[&output]).0, &output);
    }
}
