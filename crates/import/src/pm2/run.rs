//! What PM2 runs: script, interpreter, arguments.

use abide_spec::{CommandKind, Family};

use crate::ledger::Ledger;
use crate::procfile::through_shell;
use crate::tree::Data;
use crate::tree::view::{Entry, View};
use crate::words::shell;

/// What PM2 runs a file with, by its extension.
const INTERPRETERS: [(&str, &str); 10] = [
    ("js", "node"),
    ("cjs", "node"),
    ("mjs", "node"),
    ("ts", "bun"),
    ("tsx", "bun"),
    ("py", "python3"),
    ("sh", "bash"),
    ("rb", "ruby"),
    ("php", "php"),
    ("pl", "perl"),
];

/// The command of an application; nothing if it cannot be told, which is then reported.
pub(super) fn command(ledger: &Ledger, view: &View<'_, '_>, cwd: Option<&str>) -> Option<Vec<String>> {
    let Some(script) = view.any(&["script", "exec", "cmd", "command"]) else {
        if let Some(first) = view.entries().first() {
            first.field.bad("this application has no `script`", Some("it names the file that is run"));
        }
        return None;
    };
    if let Data::Computed(what) = &script.node.data {
        let problem = crate::error::Problem::new(
            script.node.span.clone(),
            format!("`script` is computed ({what}), and the file is not run"),
        )
        .hint("write the path itself, then import again");
        ledger.problem(problem);
        return None;
    }
    let path = script.word()?;
    let interpreter = view.any(&["interpreter", "exec_interpreter"]);
    let options = view.any(&["interpreter_args", "node_args", "interpreterArgs"]);
    let arguments = view.any(&["args", "arguments"]);
    let chosen = interpreter.and_then(|entry| {
        let word = entry.word()?;
        entry.field.carried("program.command");
        Some(word)
    });
    let mut command = Vec::new();
    let runner = match chosen.as_deref() {
        Some("none" | "") => None,
        Some(word) => Some(word.split('@').next().unwrap_or(word).to_owned()),
        None => by_extension(&path).map(str::to_owned),
    };
    if let Some(runner) = &runner {
        command.push(from(cwd, runner));
    }
    if let Some(entry) = options {
        match words(&entry) {
            Some(words) if runner.is_some() => {
                command.extend(words);
                entry.field.carried("program.command");
            }
            Some(_) => entry.field.left("no interpreter runs the script"),
            None => {}
        }
    }
    if runner.is_none() && path.contains(char::is_whitespace) {
        // PM2 hands what is no file to a shell.
        command = through_shell(&path);
        script.field.changed("program.command", "it is a command line, so /bin/sh runs it");
    } else if runner.is_some() {
        command.push(path.clone());
        match (&chosen, &runner) {
            (None, Some(runner)) => {
                script.field.carried_with("program.command", format!("{runner} runs it, by its extension"));
            }
            _ => script.field.carried("program.command"),
        }
    } else {
        command.push(from(cwd, &path));
        script.field.carried("program.command");
    }
    if let Some(entry) = arguments
        && let Some(words) = words(&entry)
    {
        command.extend(words);
        entry.field.carried("program.command");
    }
    if cwd.is_none() {
        ledger.note(
            "without `cwd` PM2 runs an application in the folder of its file: set program.working-dir to that folder, \
             from which relative paths are taken",
        );
    }
    Some(command)
}

/// A list of words, or one text that is taken apart.
fn words(entry: &Entry<'_, '_>) -> Option<Vec<String>> {
    if matches!(entry.node.data, Data::List(_)) {
        return entry.words();
    }
    let text = entry.word()?;
    match shell::split(&text) {
        Ok(words) => Some(words),
        Err(error) => {
            entry.field.bad(format!("`{text}` cannot be taken apart: {}", error.message), None);
            None
        }
    }
}

fn by_extension(path: &str) -> Option<&'static str> {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let (_, extension) = file.rsplit_once('.')?;
    INTERPRETERS.iter().find(|(it, _)| *it == extension).map(|(_, interpreter)| *interpreter)
}

/// A program as a service can find it: relative paths start at the folder it runs in.
fn from(cwd: Option<&str>, program: &str) -> String {
    match cwd {
        Some(folder)
            if folder.starts_with('/') && CommandKind::of(program, Family::Unix) == CommandKind::Relative =>
        {
            let program = program.strip_prefix("./").unwrap_or(program);
            format!("{}/{program}", folder.trim_end_matches('/'))
        }
        _ => program.to_owned(),
    }
}
