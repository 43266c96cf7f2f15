//! The small types and functions, each by example.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::str::FromStr;

use abide_spec::env_file::{EnvFileError, Problem};
use abide_spec::expand::{ExpandError, environment, expand};
use abide_spec::*;

#[test]
fn durations_are_written_largest_unit_first() {
    for (text, millis) in [
        ("200ms", 200),
        ("10s", 10_000),
        ("1m30s", 90_000),
        ("1d", 86_400_000),
        ("0", 0),
        ("1h0m1s", 3_601_000),
    ] {
        assert_eq!(Duration::from_str(text), Ok(Duration::from_millis(millis)), "{text}");
    }
    assert_eq!(Duration::from_millis(90_061_001).to_string(), "1d1h1m1s1ms");
    assert_eq!(Duration::ZERO.to_string(), "0s");
    assert_eq!(Duration::from_str("5µs"), Ok(Duration(std::time::Duration::from_micros(5))));
    assert!(Duration::from_str("1s1s").is_err());
}

#[test]
fn sizes_are_written_exactly() {
    for (text, bytes) in [
        ("512MiB", 512 << 20),
        ("1GB", 1_000_000_000),
        ("64 KiB", 64 << 10),
        ("7B", 7),
        ("0", 0),
        ("3kB", 3000),
    ] {
        assert_eq!(Size::from_str(text), Ok(Size(bytes)), "{text}");
    }
    for text in ["512MiB", "1GB", "1025B", "1TiB", "0B"] {
        assert_eq!(Size::from_str(text).unwrap().to_string(), text);
    }
}

#[test]
fn signals_are_known_by_name_in_any_spelling() {
    for text in ["TERM", "SIGTERM", "sigterm", "term"] {
        assert_eq!(Signal::from_str(text), Ok(Signal::TERM), "{text}");
    }
    assert_eq!(Signal::from_str("RTMIN+3").unwrap().name(), "RTMIN+3");
    assert_eq!(Signal::from_str("SIGRTMIN").unwrap().name(), "RTMIN");
    assert!(
        ["", "SIG", "15", "RTMIN+31", "RTMIN+-1", "NOPE"].iter().all(|text| Signal::from_str(text).is_err())
    );
    assert_eq!(
        (Signal::KILL.number(), Signal::TERM.number(), Signal::HUP.number()),
        (Some(9), Some(15), Some(1))
    );
    for number in 1..70 {
        if let Some(signal) = Signal::from_number(number) {
            assert_eq!(signal.number(), Some(number));
            assert_eq!(Signal::from_str(&signal.name()), Ok(signal));
        }
    }
}

#[test]
fn exits_are_told_in_words() {
    assert_eq!(Exit::Code(1).to_string(), "code 1");
    assert_eq!(Exit::Code(0xC000_0005_u32 as i32).to_string(), "code 0xC0000005");
    let kill = if Family::current() == Family::Unix { "signal KILL" } else { "signal 9" };
    assert_eq!(Exit::Signal(9).to_string(), kill);
    assert!(Exit::Code(3).success(&[0, 3]) && !Exit::Signal(0).success(&[0]));
    assert_eq!((Exit::Code(3).shell_code(), Exit::Signal(9).shell_code()), (3, 137));
}

#[test]
fn restart_rules_go_before_when() {
    let text = "name = \"a\"\nprogram.command = [\"x\"]\n[restart]\nwhen = \"on-failure\"\nsuccess-codes = [0, 3]\n\
                codes = { always = [0], never = [78, 0xC0000005] }\nsignals = { never = [\"KILL\"] }";
    let restart = Spec::parse(text).unwrap().restart;
    assert!(
        restart.wants(&Exit::Code(0)) && restart.wants(&Exit::Code(1)) && restart.wants(&Exit::Signal(15))
    );
    assert!(!restart.wants(&Exit::Code(3)) && !restart.wants(&Exit::Code(78)));
    let windows = Family::current() == Family::Windows;
    assert_eq!(restart.wants(&Exit::Signal(9)), windows, "Windows has no signals, so no rule about them");
    assert!(!restart.wants(&Exit::Code(0xC000_0005_u32 as i32)));
    let never = Restart { when: When::Never, ..Restart::default() };
    assert!(!never.wants(&Exit::Code(1)));
    let always = Restart { when: When::Always, ..Restart::default() };
    assert!(always.wants(&Exit::Code(0)));
}

#[test]
fn commands_are_classified_by_the_rules_of_each_family() {
    use CommandKind::*;
    for (program, unix, windows) in [
        ("/usr/bin/x", Absolute, Relative),
        ("x", Bare, Bare),
        ("./x", Relative, Relative),
        ("bin/x", Relative, Relative),
        (r"C:\x.exe", Bare, Absolute),
        ("c:/x.exe", Relative, Absolute),
        ("C:x.exe", Bare, Relative),
        (r"\\server\share\x.exe", Bare, Absolute),
        (r"\x.exe", Bare, Relative),
        (r"bin\x.exe", Bare, Relative),
    ] {
        assert_eq!(CommandKind::of(program, Family::Unix), unix, "{program} on Unix");
        assert_eq!(CommandKind::of(program, Family::Windows), windows, "{program} on Windows");
    }
}

#[test]
fn ladders_fit_the_family() {
    let ladder = |text: &str, family| {
        let text = format!("name = \"a\"\nprogram.command = [\"x\"]\n{text}");
        let spec = Spec::parse(&text).unwrap();
        let steps: Vec<String> =
            spec.effective_stop(family).iter().map(|it| format!("{} {}", it.action, it.wait)).collect();
        (steps.join(", "), spec.stop_budget(family).to_string())
    };
    let unix = |text| ladder(text, Family::Unix);
    let windows = |text| ladder(text, Family::Windows);
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(unix(""), pair("signal TERM 10s, kill tree 0s", "10s"));
    assert_eq!(windows(""), pair("ctrl-c 10s, close-window 2s, kill tree 0s", "12s"));
    let both = "stop.steps = [{ signal = \"INT\", wait = \"5s\" }, { event = \"ctrl-break\" }]";
    assert_eq!(unix(both), pair("signal INT 5s, kill tree 0s", "5s"));
    assert_eq!(windows(both), pair("ctrl-break 10s, kill tree 0s", "10s"));
    let unix_only = "stop.steps = [{ signal = \"INT\" }, { kill = \"tree\" }]";
    assert_eq!(windows(unix_only), pair("ctrl-c 10s, close-window 2s, kill tree 0s", "12s"));
    let at_once = "stop.steps = [{ kill = \"tree\" }]";
    assert_eq!((unix(at_once), windows(at_once)), (pair("kill tree 0s", "0s"), pair("kill tree 0s", "0s")));
    let program =
        "stop.steps = [{ command = [\"/srv/stop\", \"now\"], wait = \"1m\" }, { kill = \"program\" }]";
    assert_eq!(unix(program), pair("command /srv/stop 1m, kill program 0s, kill tree 0s", "1m"));
}

#[test]
fn profiles_are_loosened_field_by_field() {
    let read = |text: &str| {
        Spec::parse(&format!("name = \"a\"\nprogram.command = [\"x\"]\n[security]\n{text}"))
            .unwrap()
            .security
            .effective()
    };
    let strict = read("");
    assert!(
        strict.network == Network::All && strict.home == Home::Hidden && !strict.devices && !strict.processes
    );
    let jit = read("profile = \"jit\"");
    assert!(jit.write_execute && jit.processes && !jit.devices && !jit.unrestricted);
    let none = read("profile = \"none\"\nhome = \"read-only\"");
    assert!(none.unrestricted && none.home == Home::ReadOnly && none.new_privileges);
    assert!(!read("profile = \"jit\"\nwrite-execute = false").write_execute);
}

#[test]
fn services_start_after_what_they_need() {
    let specs = |list: &[(&str, &[&str])]| -> Vec<Spec> {
        let spec = |(name, after): &(&str, &[&str])| {
            let mut spec = Spec::minimal(Name::new(name).unwrap(), vec!["x".into()]);
            spec.start.after = after.iter().map(|it| (*it).to_owned()).collect();
            spec
        };
        list.iter().map(spec).collect()
    };
    let names = |order: Vec<Name>| order.iter().map(Name::to_string).collect::<Vec<_>>().join(" ");
    let some = specs(&[
        ("web", &["api", "network-online.target"]),
        ("cron", &[]),
        ("api", &["db.service"]),
        ("db", &[]),
    ]);
    assert_eq!(order(&some).map(names), Ok("cron db api web".to_owned()));
    let circle = specs(&[("z", &["a"]), ("a", &["b"]), ("b", &["c"]), ("c", &["a"])]);
    assert_eq!(
        order(&circle).unwrap_err().to_string(),
        "services wait for each other: `a` starts after `b`, which starts after `c`, which starts after `a`; \
         remove one of these `after` entries"
    );
}

fn env(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn list(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn only_braces_and_double_dollars_are_special() {
    let lookup = |name: &str| match name {
        "HOME" => Some("/root".to_owned()),
        "ProgramFiles(x86)" => Some("C:\\P".to_owned()),
        "LOOP" => Some("${HOME}".to_owned()),
        _ => None,
    };
    for (value, expanded) in [
        ("a${HOME}b", "a/rootb"),
        ("$HOME $ $$ $${HOME} ${} ${HOME", "$HOME $ $ ${HOME} ${} ${HOME"),
        ("${ProgramFiles(x86)}\\x", "C:\\P\\x"),
        ("${LOOP}", "${HOME}"),
        ("100% %PATH% `x` \\", "100% %PATH% `x` \\"),
        ("$$$", "$$"),
        ("", ""),
    ] {
        assert_eq!(expand("X", value, lookup), Ok(expanded.to_owned()), "{value}");
    }
    let unknown = expand("X", "secret ${NOPE}", lookup).unwrap_err();
    assert_eq!(unknown, ExpandError::Unknown { variable: "X".into(), unknown: "NOPE".into() });
    assert!(!unknown.to_string().contains("secret"));
}

#[test]
fn environments_are_laid_over_each_other() {
    let inherited = |name: &str| matches!(name, "PATH").then(|| "/bin".to_owned());
    let file = list(&[("A", "1"), ("B", "${A}2"), ("PATH", "/file:${PATH}"), ("A", "3${A}")]);
    let own = env(&[("PATH", "/own:${PATH}"), ("X", "${Y}!"), ("Y", "${B}"), ("B", "b${B}")]);
    let all = environment(inherited, &file, &own).unwrap();
    assert_eq!(
        all,
        env(&[("A", "31"), ("B", "b12"), ("PATH", "/own:/file:/bin"), ("X", "b12!"), ("Y", "b12")])
    );
}

#[test]
fn circles_and_floods_of_variables_are_errors() {
    let circle =
        environment(|_| None, &[], &env(&[("A", "${B}"), ("B", "${C}"), ("C", "${B}")])).unwrap_err();
    assert_eq!(circle, ExpandError::Circle(vec!["B".into(), "C".into(), "B".into()]));
    assert!(environment(|_| None, &[], &env(&[("A", "${A}")])).is_err());
    let names: Vec<String> = (0..40).map(|it| format!("V{it:02}")).collect();
    let mut flood: BTreeMap<String, String> =
        names.windows(2).map(|it| (it[1].clone(), format!("${{{0}}}${{{0}}}", it[0]))).collect();
    flood.insert(names[0].clone(), "x".repeat(100));
    assert!(matches!(environment(|_| None, &[], &flood), Err(ExpandError::TooLong(_))));
    let deep: BTreeMap<String, String> =
        (0..20_000).map(|it| (format!("V{it:05}"), format!("${{V{:05}}}", it + 1))).collect();
    assert!(environment(|_| None, &[], &deep).is_err());
}

#[test]
fn env_files_are_read_as_documented() {
    let text = "\u{feff}# comment\n\n  A=1\r\nexport B = two words  \nC='${A} $HOME \"x\" \\n' # said\nD=\"a\\nb \\\"c\\\" \\\\ \\$A ${A}\"\n\
                E=\nF=C:\\new # kept\nG=\"\"   \nH=a=b\nA=last\nexport=x\n";
    let entries = env_file::parse(text).unwrap();
    let all = environment(|_| None, &entries, &BTreeMap::new()).unwrap();
    let wanted = env(&[
        ("A", "last"),
        ("B", "two words"),
        ("C", "${A} $HOME \"x\" \\n"),
        ("D", "a\nb \"c\" \\ $A 1"),
        ("E", ""),
        ("F", "C:\\new # kept"),
        ("G", ""),
        ("H", "a=b"),
        ("export", "x"),
    ]);
    assert_eq!(all, wanted);
}

#[test]
fn env_files_with_mistakes_name_the_line_and_no_value() {
    for (text, line, problem) in [
        ("A=1\nsecret", 2, Problem::NoEquals),
        ("=secret", 1, Problem::Key),
        ("a secret = x", 1, Problem::Key),
        ("A='secret", 1, Problem::Unclosed("single")),
        ("\n\nA=\"secret\nB=\"", 3, Problem::Unclosed("double")),
        ("A=\"secret\\", 1, Problem::Unclosed("double")),
        ("A=\"C:\\temp\"", 1, Problem::Escape('t')),
        ("A='x'secret", 1, Problem::Trailing),
        ("A=\"x\" secret", 1, Problem::Trailing),
        ("A=\"x\"#secret", 1, Problem::Trailing),
        ("A=sec\0ret", 1, Problem::Nul),
    ] {
        let error = env_file::parse(text).unwrap_err();
        assert_eq!(error, EnvFileError { line, problem }, "{text:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(error.to_string().starts_with(&format!("line {line}: ")));
    }
}

#[test]
fn accepted_settings_can_be_single_ones_or_whole_tables() {
    let text = "name = \"a\"\naccept = [\"limits\", \"security.network\", \"stop.steps.event\", \"restart.delay\"]\nprogram.command = [\"x\"]";
    assert!(Spec::parse(text).is_ok());
}

#[test]
fn specs_made_by_hand_are_checked_too() {
    let mut spec = Spec::minimal(Name::new("a").unwrap(), Vec::new());
    spec.limits.cpu = Some(f64::NAN);
    let found = spec.validate().unwrap_err();
    assert_eq!(found.to_string().lines().count(), 2);
    assert!(found.to_string().starts_with("program.command: command is empty ("), "{found}");
}
