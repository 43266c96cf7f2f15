//! Examples of the verbs: what their help shows first.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use clap::builder::StyledStr;

/// A command line and what it does.
type Example = (&'static str, &'static str);

const HEADING: Style = AnsiColor::Green.on_default().bold();
const COMMAND: Style = AnsiColor::Cyan.on_default();

/// The examples of a verb, or of `abide` itself.
pub fn of(verb: &str) -> &'static [Example] {
    match verb {
        "abide" => &[
            ("abide up", "run the services of this folder, here and now"),
            ("abide install web -- ./server --port 80", "make a program a service, from boot on"),
            ("abide status", "what every service does"),
            ("abide logs web -f", "what one of them prints"),
        ],
        "up" => &[
            ("abide up", "every *.toml of this folder"),
            ("abide up web.toml db.toml", "these two"),
            ("abide up --plain --no-output", "events only, no table"),
            ("abide status --dir ~/shop", "from elsewhere: what that `abide up` does"),
        ],
        "check" => &[
            ("abide check web.toml", "is it valid, and does it fit this machine?"),
            ("abide check --backend scm web.toml", "would Windows honour all of it?"),
            ("abide check --json services/", "for editors and pipelines"),
        ],
        "plan" => &[
            ("abide plan web.toml", "what would `apply` change here?"),
            ("abide plan --backend scm web.toml", "and on Windows?"),
            ("abide plan --backend systemd --json web.toml", "every generated file, whole"),
        ],
        "backends" => &[
            ("abide backends", "which service managers are there, and what does each honour?"),
            ("abide backends runit", "how, in words, and what is nearest to what it lacks"),
        ],
        "apply" => &[
            ("sudo abide apply web.toml", "install it, or update it with one restart at most"),
            ("sudo abide apply services/", "all specs of a folder, all or none"),
        ],
        "install" => &[
            ("sudo abide install web -- ./server --port 80", "from boot on, restarted when it fails"),
            (
                "sudo abide install web --ready http://127.0.0.1:80/healthz -- ./server",
                "ready when it answers",
            ),
            ("abide install --user web -- ./server", "a service of your own, without root"),
            ("abide install web --print -- ./server", "show the spec, change nothing"),
        ],
        "forward" => &[
            ("abide forward check", "is the configuration valid, and can its files be read?"),
            ("abide forward test collector", "does this sink take a record?"),
            ("abide forward run", "here and now, until Ctrl-C"),
            ("sudo abide forward install", "from boot on"),
            ("abide forward status", "what was sent, what waits, what was lost"),
        ],
        "agent" => &[
            ("abide agent run --http", "here and now, until Ctrl-C, also at http://127.0.0.1:4780"),
            ("abide agent run --dir ~/shop", "what the `abide up` of that folder runs"),
            ("sudo abide agent install", "from boot on"),
            ("abide agent token create ci --role operator", "let a program start and stop services"),
        ],
        "uninstall" => &[
            ("sudo abide uninstall web", "stop it, and remove all that was made for it"),
            ("sudo abide uninstall web --keep-logs", "but keep what it printed"),
        ],
        "start" => {
            &[("abide start web", ""), ("abide start web db --timeout 1m", "both, a minute each at most")]
        }
        "stop" => &[("abide stop web", ""), ("abide stop web --timeout 30s", "give up waiting after 30 s")],
        "restart" => &[("abide restart web", "returns when the new run is ready")],
        "reload" => &[("abide reload web", "runs the [reload] of its spec")],
        "debug" => &[
            ("abide debug web on", "runs `debug.on` of its spec"),
            ("abide debug web off", "as usual again"),
        ],
        "status" => &[
            ("abide status", "all services, as a table"),
            ("abide status web", "one in detail; the exit code says whether it runs"),
            ("abide status --user", "your own services only"),
            ("abide status web --json", "for programs"),
        ],
        "top" => &[
            ("abide top", "all services, live; `?` tells the keys"),
            ("abide top web", "those with `web` in their names"),
            ("abide top --dir ~/shop", "those of the `abide up` in that folder"),
        ],
        "logs" => &[
            ("abide logs web", "the last 100 lines"),
            ("abide logs web -f", "and go on with what comes"),
            (
                "abide logs web 'worker-*' -f",
                "of several services, in the order of time; of all without a name",
            ),
            ("abide logs web --since 10m --level warn", "warnings and worse of the last ten minutes"),
            (
                "abide logs web --since 13:00 --until 13:15 -o iso",
                "a quarter of an hour, each line with its time",
            ),
            ("abide logs web --grep 'timeout|refused' -n 20", "the last 20 that match"),
            ("abide logs web -b -o json", "since the machine was booted, for programs"),
        ],
        "events" => &[
            ("abide events web", "starts, ends, restarts, and why"),
            ("abide events web -n 5 -f", "the last five, and what comes"),
        ],
        "doctor" => &[
            ("abide doctor", "the machine, and each service in a line"),
            ("abide doctor web", "step by step, with what was seen and what to do"),
            ("abide doctor web --window 5m", "watch it for longer: leaks show"),
            (
                "abide doctor web --bundle web.tar.zst",
                "pack what was seen for somebody else, without secrets",
            ),
            ("abide doctor --json", "for programs"),
        ],
        "import" => &[
            ("abide import jenkins.xml", "whose file it is, is told by its name or content"),
            ("abide import supervisord supervisord.conf -o services", "services/NAME.toml for each program"),
            ("abide import nssm - --name web", "what `nssm dump web` prints, from standard input"),
            ("abide import Procfile --json", "specs and report, for programs"),
        ],
        "export" => &[
            ("abide export systemd web.toml", "a unit that starts the program itself"),
            ("abide export winsw web.toml -o .", "write web.xml here"),
        ],
        "completions" => &[
            ("source <(abide completions bash)", "in ~/.bashrc"),
            ("source <(abide completions zsh)", "in ~/.zshrc, after compinit"),
            ("abide completions fish | source", "in ~/.config/fish/config.fish"),
            ("abide completions powershell | Out-String | Invoke-Expression", "in $PROFILE"),
        ],
        "man" => &[("abide man /usr/local/share/man/man1", "")],
        "schema" => &[("abide schema > abide.schema.json", "for editors that complete and check TOML")],
        "help" => &[("abide help up", ""), ("abide help exit-codes", "")],
        _ => &[],
    }
}

/// The examples of a verb as its help shows them.
pub fn render(verb: &str) -> StyledStr {
    let examples = of(verb);
    let mut text = StyledStr::new();
    let width = examples.iter().map(|(command, _)| command.chars().count()).filter(|width| *width < 50).max();
    let width = width.unwrap_or(0);
    // Writing to a string cannot fail.
    if !examples.is_empty() {
        let _ = write!(text, "{HEADING}Examples:{HEADING:#}");
    }
    for (command, does) in examples {
        let _ = if does.is_empty() {
            write!(text, "\n  {COMMAND}{command}{COMMAND:#}")
        } else if command.chars().count() > width {
            write!(text, "\n  {COMMAND}{command}{COMMAND:#}\n  {:width$}   {does}", "")
        } else {
            write!(text, "\n  {COMMAND}{command:width$}{COMMAND:#}   {does}")
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, command};

    #[test]
    fn every_example_is_understood() {
        let verbs: Vec<String> = command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
        for (line, _) in verbs.iter().chain([&"abide".to_owned()]).flat_map(|verb| of(verb)) {
            let line = line.trim_start_matches("source <(").trim_start_matches("sudo ").trim_end_matches(')');
            let line = line.split([';', '>', '|']).next().unwrap();
            let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches('\'')).collect();
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("{words:?}: {error}");
            }
        }
    }

    #[test]
    fn every_verb_that_takes_words_has_an_example() {
        for verb in command().get_subcommands() {
            let plain = verb.get_positionals().next().is_none();
            let simple = ["pause", "continue", "rotate"].contains(&verb.get_name());
            assert!(plain || simple || !of(verb.get_name()).is_empty(), "{}", verb.get_name());
        }
    }
}
