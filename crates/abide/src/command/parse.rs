//! The command line of [`Service::main`](crate::Service::main). The first argument decides: it is one of a few words, or
//! everything is the program's own.

use std::ffi::{OsStr, OsString};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Run, with these arguments of its own.
    Run(Vec<OsString>),
    Install(Install),
    Uninstall(Scope),
    Start(Scope),
    Stop(Scope),
    Restart(Scope),
    Status {
        scope: Scope,
        json: bool,
    },
    Help,
}

/// Whose service is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) user: bool,
}

/// `install`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Install {
    pub(crate) scope: Scope,
    pub(crate) no_start: bool,
    pub(crate) plan: bool,
    /// The program's own arguments, where some were given.
    pub(crate) arguments: Option<Vec<String>>,
}

/// The words that the first argument may be.
pub(crate) const WORDS: [&str; 8] =
    ["install", "uninstall", "start", "stop", "restart", "status", "run", "help"];

const HELP: [&str; 2] = ["--help", "-h"];

/// Whether a first argument is not the program's own.
pub(crate) fn is_word(argument: &str) -> bool {
    WORDS.contains(&argument) || HELP.contains(&argument) || argument == "--"
}

/// Reads the command line. `own`: whether the program takes arguments of its own. The error says what is wrong with it.
pub(crate) fn parse(args: &[OsString], own: bool) -> Result<Command, String> {
    let Some(first) = args.first() else { return Ok(Command::Run(Vec::new())) };
    let rest = args.get(1..).unwrap_or_default();
    match first.to_str() {
        Some("install") => install(rest).map(Command::Install),
        Some("uninstall") => Ok(Command::Uninstall(options("uninstall", rest, false)?.0)),
        Some("start") => Ok(Command::Start(options("start", rest, false)?.0)),
        Some("stop") => Ok(Command::Stop(options("stop", rest, false)?.0)),
        Some("restart") => Ok(Command::Restart(options("restart", rest, false)?.0)),
        Some("status") => {
            let (scope, json) = options("status", rest, true)?;
            Ok(Command::Status { scope, json })
        }
        Some("help") => Ok(Command::Help),
        Some(word) if HELP.contains(&word) => Ok(Command::Help),
        Some("run") => {
            let rest = if rest.first().is_some_and(|next| next == "--") {
                rest.get(1..).unwrap_or_default()
            } else {
                rest
            };
            run(rest, own)
        }
        Some("--") => run(rest, own),
        _ => run(args, own),
    }
}

fn run(args: &[OsString], own: bool) -> Result<Command, String> {
    match args.first() {
        Some(first) if !own => Err(unknown(first)),
        _ => Ok(Command::Run(args.to_vec())),
    }
}

fn unknown(argument: &OsStr) -> String {
    let text = argument.to_string_lossy();
    let near = WORDS.iter().find(|word| is_near(&text, word));
    let meant = near.map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
    format!("`{text}` is not understood{meant}")
}

/// Whether one letter is wrong, missing or too much, or two have changed places.
fn is_near(text: &str, word: &str) -> bool {
    let (text, word): (Vec<char>, Vec<char>) =
        (text.to_lowercase().chars().collect(), word.chars().collect());
    let same = text.iter().zip(&word).take_while(|(a, b)| a == b).count();
    let tail = |list: &[char], skip: usize| list.get(same + skip..).unwrap_or_default().to_vec();
    let swapped = match (text.get(same..same + 2), word.get(same..same + 2)) {
        (Some([a, b]), Some([c, d])) => a == d && b == c && tail(&text, 2) == tail(&word, 2),
        _ => false,
    };
    swapped
        || tail(&text, 1) == tail(&word, 1)
        || tail(&text, 1) == tail(&word, 0)
        || tail(&text, 0) == tail(&word, 1)
}

fn options(verb: &str, args: &[OsString], may_json: bool) -> Result<(Scope, bool), String> {
    let (mut scope, mut json) = (Scope::default(), false);
    for arg in args {
        match arg.to_str() {
            Some("--user") => scope.user = true,
            Some("--json") if may_json => json = true,
            _ => return Err(format!("`{verb}` does not understand `{}`", arg.to_string_lossy())),
        }
    }
    Ok((scope, json))
}

fn install(args: &[OsString]) -> Result<Install, String> {
    let mut install = Install::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--user") => install.scope.user = true,
            Some("--no-start") => install.no_start = true,
            Some("--plan") => install.plan = true,
            Some("--") => {
                // What is registered has to be Unicode, as it stands in text files.
                let texts: Result<Vec<_>, _> = args.by_ref().map(|arg| arg.clone().into_string()).collect();
                let texts =
                    texts.map_err(|arg| format!("the argument {} is not Unicode", arg.to_string_lossy()))?;
                install.arguments = Some(texts);
            }
            _ => {
                let arg = arg.to_string_lossy();
                return Err(format!(
                    "`install` does not understand `{arg}`; the program's own arguments come after `--`"
                ));
            }
        }
    }
    Ok(install)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn args(words: &[&str]) -> Vec<OsString> {
        words.iter().map(Into::into).collect()
    }

    #[test]
    fn without_a_word_it_runs() {
        assert_eq!(parse(&[], false), Ok(Command::Run(Vec::new())));
        assert_eq!(parse(&args(&["run"]), false), Ok(Command::Run(Vec::new())));
        assert_eq!(parse(&args(&["--"]), false), Ok(Command::Run(Vec::new())));
    }

    #[test]
    fn verbs_and_their_options() {
        let user = Scope { user: true };
        let cases = [
            ("start", Command::Start(Scope::default())),
            ("stop --user", Command::Stop(user)),
            ("restart", Command::Restart(Scope::default())),
            ("uninstall --user", Command::Uninstall(user)),
            ("status --json --user", Command::Status { scope: user, json: true }),
            ("--help", Command::Help),
            ("-h", Command::Help),
            ("help start", Command::Help),
        ];
        for (line, command) in cases {
            let words: Vec<_> = line.split(' ').collect();
            assert_eq!(parse(&args(&words), true), Ok(command), "{line}");
        }
    }

    #[test]
    fn install_takes_the_programs_arguments_behind_two_dashes() {
        let told = parse(&args(&["install", "--user", "--no-start", "--", "--plan", "a b", ""]), true);
        let arguments = Some(vec!["--plan".into(), "a b".into(), String::new()]);
        let install = Install { scope: Scope { user: true }, no_start: true, plan: false, arguments };
        assert_eq!(told, Ok(Command::Install(install)));
        let error = parse(&args(&["install", "--port", "9000"]), true).unwrap_err();
        assert!(error.contains("--port") && error.contains("after `--`"), "{error}");
    }

    #[test]
    fn slips_of_the_finger_are_told() {
        for (slip, word) in [
            ("instal", "install"),
            ("isntall", "install"),
            ("statsu", "status"),
            ("Stop", "stop"),
            ("ruun", "run"),
        ] {
            let error = parse(&args(&[slip]), false).unwrap_err();
            assert!(error.contains(&format!("did you mean `{word}`")), "{error}");
        }
        assert!(!parse(&args(&["frobnicate"]), false).unwrap_err().contains("mean"));
        assert!(parse(&args(&["stop", "--json"]), false).is_err());
    }

    proptest! {
        /// Whatever a program is registered with, it gets back, whoever starts it.
        #[test]
        fn arguments_come_back_as_they_were(arguments in proptest::collection::vec("\\PC*|install|--|run|-h", 0..6)) {
            let guard = arguments.first().is_some_and(|first| is_word(first));
            let line = guard.then_some("--").into_iter().chain(arguments.iter().map(String::as_str));
            let line: Vec<OsString> = line.map(Into::into).collect();
            let own: Vec<OsString> = arguments.iter().map(Into::into).collect();
            prop_assert_eq!(parse(&line, true), Ok(Command::Run(own.clone())));
            let by_word: Vec<OsString> = ["run", "--"].into_iter().map(Into::into).chain(own.iter().cloned()).collect();
            prop_assert_eq!(parse(&by_word, true), Ok(Command::Run(own)));
        }

        #[test]
        fn nothing_makes_it_panic(words in proptest::collection::vec("\\PC*", 0..6), own: bool) {
            let _ = parse(&words.iter().map(Into::into).collect::<Vec<OsString>>(), own);
        }
    }
}
