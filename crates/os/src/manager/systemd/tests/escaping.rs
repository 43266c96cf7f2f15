//! Whatever goes in comes out, by an independent reading of systemd's grammar.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::grammar::{assignments, command, specifiers, variables, words};
use crate::manager::systemd::escape;

/// Text with everything that means something to systemd.
fn hostile() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        '%', '$', '"', '\'', '\\', ' ', '\t', '\n', '\r', ';', '#', '=', '{', '}', '[', ']', '-', '@', ':',
        '+', '!', '|', 'n', 'x', '0', 'ü', '日', '🦀', '\u{7f}', '\u{1}', '\u{85}', '\u{2028}', '\u{feff}',
        '\u{a0}',
    ]);
    prop::collection::vec(special, 0..24).prop_map(String::from_iter)
}

/// The value of the only key in a unit of one line, followed by another line that must stay what it is.
fn value_of(value: &str) -> String {
    let unit = format!("[Service]\nKey={value}\nNext=one\n");
    let found = assignments(&unit);
    assert_eq!(found.len(), 2, "{unit:?}");
    assert_eq!(found[1].2, "one");
    found[0].2.clone()
}

proptest! {
    #[test]
    fn arguments_arrive_byte_for_byte(bytes in prop::collection::vec(1u8.., 0..40), more in hostile()) {
        for argument in [bytes.as_slice(), more.as_bytes()] {
            let line = format!("\"/bin/program\" {} last", escape::argument(argument));
            let got = command(&value_of(&line));
            prop_assert_eq!(got, vec![b"/bin/program".to_vec(), argument.to_vec(), b"last".to_vec()]);
        }
    }

    #[test]
    fn an_executable_path_arrives_as_it_is(name in hostile()) {
        // Variables are not expanded in the first word, so `$` is written once there.
        let path = format!("/opt/{name}/program");
        let got = command(&value_of(&escape::executable(path.as_bytes())));
        prop_assert_eq!(got, vec![path.into_bytes()]);
    }

    #[test]
    fn listed_paths_arrive_or_are_refused(name in hostile()) {
        let path = PathBuf::from(format!("/srv/{name}/x"));
        if let Some(word) = escape::listed_path(&path) {
            let got = words(&value_of(&word), false);
            prop_assert_eq!(got.len(), 1);
            prop_assert_eq!(specifiers(&got[0]), path.to_str().unwrap().as_bytes());
        } else {
            prop_assert!(name.chars().any(char::is_control));
        }
    }

    #[test]
    fn rest_paths_arrive_or_are_refused(name in hostile()) {
        let path = PathBuf::from(format!("/srv/{name}"));
        if let Some(text) = escape::rest_path(&path) {
            let got = value_of(&format!("id:{text}"));
            prop_assert_eq!(specifiers(got.strip_prefix("id:").unwrap().as_bytes()), path.to_str().unwrap().as_bytes());
        }
    }

    #[test]
    fn descriptions_stay_one_line(text in hostile()) {
        let got = specifiers(value_of(&escape::text(&text)).as_bytes());
        let got = String::from_utf8(got).unwrap();
        prop_assert!(!got.chars().any(char::is_control));
        let shown = |text: &str| text.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(shown(&got), shown(&text));
    }
}

#[test]
fn the_usual_suspects() {
    for (bytes, wanted) in [
        (&b"--plain=/a.b"[..], "--plain=/a.b"),
        (b";", "\";\""),
        (b"", "\"\""),
        (b"50%", "\"50%%\""),
        (b"$HOME ${A}", "\"$$HOME $${A}\""),
        (b"a\"b\\", "\"a\\\"b\\\\\""),
        (b"a\nb", "\"a\\nb\""),
        (b"\xff\x01", "\"\\xff\\x01\""),
        ("日".as_bytes(), "\"日\""),
    ] {
        assert_eq!(escape::argument(bytes), wanted);
    }
    assert_eq!(variables(b"$$"), b"$");
}

#[test]
fn paths_that_no_unit_can_name_are_refused() {
    for path in ["/a\nb", "/a ", "/a\\", "/a\u{1}"] {
        assert_eq!(escape::rest_path(Path::new(path)), None, "{path:?}");
    }
    assert_eq!(escape::rest_path(Path::new("/a b%c")), Some("/a b%%c".into()));
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/a\xff"));
        assert_eq!((escape::rest_path(path), escape::listed_path(path)), (None, None));
    }
}
