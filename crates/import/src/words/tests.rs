//! What is quoted reads back the same, by the rules of each tool; nothing panics.

use proptest::prelude::*;

use super::{shell, systemd, windows};

/// Words as awkward as they come, without what no command line carries.
fn word() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select("\\\"' %^&|<>!\t$`;#()*?~{}=,:-+@éß日ab1".chars().collect::<Vec<_>>());
    let c = prop_oneof![8 => awkward, 1 => any::<char>().prop_filter("NUL", |c| *c != '\0')];
    prop::collection::vec(c, 0..16).prop_map(|chars| chars.into_iter().collect())
}

fn words() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(word(), 0..6)
}

fn without_breaks(words: &[String]) -> bool {
    !words.iter().any(|word| word.contains(['\r', '\n']))
}

proptest! {
    #[test]
    fn a_shell_reads_back_what_was_quoted(words in words()) {
        let line = words.iter().map(|word| shell::quote(word)).collect::<Vec<_>>().join(" ");
        prop_assert_eq!(shell::split(&line), Ok(words), "{}", line);
    }

    #[test]
    fn what_is_quoted_needs_no_shell(words in words()) {
        let line = words.iter().map(|word| shell::quote(word)).collect::<Vec<_>>().join(" ");
        prop_assert_eq!(shell::shellism(&line), None, "{}", line);
    }

    #[test]
    fn windows_reads_back_what_was_joined(words in words()) {
        let line = windows::join(&words);
        prop_assert_eq!(windows::split(&line), words, "{}", line);
    }

    #[test]
    fn cmd_reads_back_a_line_of_a_script(words in words()) {
        let words: Vec<String> = std::iter::once("nssm".to_owned()).chain(words).collect();
        match windows::script_line(&words) {
            Some(line) => {
                prop_assert_eq!(windows::split_program(&windows::unescape_script(&line)), words, "{}", line);
            }
            None => prop_assert!(!without_breaks(&words)),
        }
    }

    #[test]
    fn systemd_reads_back_what_was_quoted(words in words()) {
        let line = words.iter().map(|word| systemd::word(word)).collect::<Vec<_>>().join(" ");
        let read: Vec<String> = systemd::split(&line).unwrap().iter().map(|word| word.replace("%%", "%")).collect();
        prop_assert_eq!(read, words.clone(), "{}", line);
        let line = words.iter().map(|word| systemd::argument(word)).collect::<Vec<_>>().join(" ");
        let commands = systemd::split_commands(&line).unwrap();
        prop_assert!(commands.len() <= 1, "{}", line);
        let read = commands.into_iter().flatten().map(|word| word.replace("%%", "%").replace("$$", "$"));
        prop_assert_eq!(read.collect::<Vec<_>>(), words, "{}", line);
        prop_assert!(!line.contains('\n'));
    }

    #[test]
    fn nothing_panics(line in "\\PC{0,64}", escapes in "[\\\\xuUs0-9a-fA-F\"' ;]{0,40}") {
        for line in [&line, &escapes] {
            let _ = shell::split(line);
            let _ = shell::shellism(line);
            let _ = systemd::split_commands(line);
            let _ = windows::split_program(&windows::unescape_script(line));
            let _ = windows::variable(line);
            let _ = windows::to_spec_variables(line);
        }
    }
}

#[test]
fn the_c_run_time_takes_a_line_apart() {
    for (line, words) in [
        (r#""C:\a b\c.exe" run "x y" "" a"b c"d"#, &[r"C:\a b\c.exe", "run", "x y", "", "ab cd"][..]),
        (r#"c d:\ "d e:\\" \"x\" "a""b""#, &["c", r"d:\", r"d e:\", "\"x\"", "a\"b"]),
        ("  ", &[]),
    ] {
        assert_eq!(windows::split_program(line), words, "{line}");
    }
}

#[test]
fn variables_of_windows_become_those_of_a_spec() {
    for (text, expected) in [
        (r"%ProgramData%\x;%PATH%", r"${ProgramData}\x;${PATH}"),
        ("100%", "100%"),
        ("50% of 100%", "50% of 100%"),
        ("$5 %A%", "$$5 ${A}"),
        ("%ProgramFiles(x86)%", "${ProgramFiles(x86)}"),
    ] {
        assert_eq!(windows::to_spec_variables(text), expected);
    }
}

#[test]
fn systemd_takes_a_line_apart() {
    let words = |line: &str| systemd::split(line).unwrap();
    assert_eq!(
        words(r#"a "b c" 'd "e' f\x41\n "\u00e9\101" --x="y z""#),
        ["a", "b c", "d \"e", "fA\n", "éA", "--x=y z"]
    );
    assert_eq!(systemd::split_commands(r"a b ; c \; ;").unwrap(), [vec!["a", "b"], vec!["c", ";"]]);
    assert_eq!(systemd::split("a 'b").unwrap_err().at, 2);
    assert!(systemd::split(r"a \x00").is_err());
}

#[test]
fn what_only_a_shell_understands_is_found() {
    for (line, found) in [
        ("./server --port 80", false),
        ("./server --port $PORT", true),
        ("a | b", true),
        ("a 'b | $c'", false),
        ("a \"$b\"", true),
        ("a \\$b", false),
        ("a && b", true),
        ("a *.log", true),
        ("a 100$", false),
        ("a#b", false),
    ] {
        assert_eq!(shell::shellism(line).is_some(), found, "{line}");
    }
}
