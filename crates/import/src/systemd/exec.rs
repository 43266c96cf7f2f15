//! `ExecStart=` and its siblings.

use std::collections::BTreeMap;

use abide_spec::Signal;

use super::specifiers::Known;
use super::unit::Setting;
use crate::variables::{self, Piece, Word, is_shell_name};
use crate::words::systemd;

/// A command line of a unit, taken apart.
pub(crate) struct Line {
    pub words: Vec<Word>,
    /// What its prefixes ask for that a spec cannot do.
    pub lost: Vec<&'static str>,
}

/// What variables come to, where that can be known.
pub(crate) struct Variables<'a> {
    pub set: &'a BTreeMap<String, String>,
    /// A file may set others, or these anew.
    pub with_file: bool,
}

/// Takes the commands of a setting apart: one, or several with ` ; ` between them. Nothing if that is not possible,
/// which is told.
pub(crate) fn lines(setting: &Setting<'_>, known: &Known) -> Option<Vec<Line>> {
    let value = setting.value.as_str();
    let begin = value.find(|c| !"-@:+!|".contains(c)).unwrap_or(value.len());
    let (prefixes, command) = value.split_at(begin);
    let mut commands = match systemd::split_commands(command) {
        Ok(commands) => commands,
        Err(error) => {
            setting.problem(begin + error.at, error.message);
            return None;
        }
    };
    let mut lost = Vec::new();
    for prefix in prefixes.chars() {
        match prefix {
            '-' => lost.push("`-`: an exit code that is a failure counts as one"),
            '+' | '!' => lost.push("`+` and `!`: the command has the rights of the account, and no more"),
            '@' => {
                if let Some(words) = commands.first_mut().filter(|words| words.len() > 1) {
                    words.remove(1);
                }
                lost.push("`@`: the program is called by its own name");
            }
            '|' => lost.push("`|`: no login shell is started"),
            _ => {}
        }
    }
    let literal = prefixes.contains(':');
    let mut out = Vec::new();
    for command in &commands {
        let mut line = Vec::new();
        for word in command {
            match known.expand(word) {
                Ok(word) if literal => line.push(vec![Piece::Text(word)]),
                Ok(word) => line.push(pieces(&word)),
                Err(why) => {
                    setting.field.bad(why, None);
                    return None;
                }
            }
        }
        out.push(Line { words: line, lost: lost.clone() });
    }
    if out.is_empty() {
        setting.field.bad("this command is empty", None);
        return None;
    }
    Some(out)
}

/// `${NAME}` anywhere, `$NAME` as a word of its own, `$$`.
fn pieces(word: &str) -> Word {
    if let Some(name) = word.strip_prefix('$')
        && is_shell_name(name)
    {
        return vec![Piece::Words(name.to_owned())];
    }
    let mut out = Vec::new();
    let mut text = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            text.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('{').and_then(|it| it.split_once('}'))
            && is_shell_name(name)
        {
            if !text.is_empty() {
                out.push(Piece::Text(std::mem::take(&mut text)));
            }
            out.push(Piece::Variable(name.to_owned()));
            rest = after;
        } else {
            text.push('$');
        }
    }
    text.push_str(rest);
    if !text.is_empty() || out.is_empty() {
        out.push(Piece::Text(text));
    }
    out
}

/// Puts the values of variables in their places, where no file could change them. True if there were any.
pub(crate) fn resolve(words: &mut Vec<Word>, variables: &Variables<'_>) -> bool {
    if variables.with_file {
        return false;
    }
    let mut any = false;
    let mut out: Vec<Word> = Vec::new();
    for word in std::mem::take(words) {
        if let [Piece::Words(name)] = word.as_slice()
            && let Some(value) = variables.set.get(name)
        {
            any = true;
            out.extend(value.split_whitespace().map(|part| vec![Piece::Text(part.to_owned())]));
            continue;
        }
        let word = word.into_iter().map(|piece| match piece {
            Piece::Variable(name) => match variables.set.get(&name) {
                Some(value) => {
                    any = true;
                    Piece::Text(value.clone())
                }
                None => Piece::Variable(name),
            },
            other => other,
        });
        out.push(word.collect());
    }
    *words = out;
    any
}

/// The command of one line, and what is to be told of it.
pub(crate) fn command(line: &Line, variables: &Variables<'_>) -> (Vec<String>, Option<String>) {
    let mut words = line.words.clone();
    let resolved = resolve(&mut words, variables);
    let (command, needed) = variables::command(&words);
    let mut told: Vec<String> = line.lost.iter().map(|lost| (*lost).to_owned()).collect();
    if !needed.is_empty() {
        told.push(variables::told(&needed));
    } else if resolved {
        told.push("variables of Environment= stand in it, and a spec expands nothing in a command: their values are put in".into());
    }
    (command, (!told.is_empty()).then(|| told.join("; ")))
}

/// Whether a command needs the process id of the program, which a spec does not tell.
pub(crate) fn needs_pid(line: &Line) -> bool {
    line.words
        .iter()
        .flatten()
        .any(|piece| matches!(piece, Piece::Variable(name) | Piece::Words(name) if name == "MAINPID"))
}

/// `kill -HUP $MAINPID`: the signal that it sends.
pub(crate) fn kill(line: &Line) -> Option<Signal> {
    let words: Vec<String> = line
        .words
        .iter()
        .map(|word| match word.as_slice() {
            [Piece::Text(text)] => text.clone(),
            [Piece::Variable(name) | Piece::Words(name)] => format!("${name}"),
            _ => String::new(),
        })
        .collect();
    let (program, rest) = words.split_first()?;
    let signal = match rest {
        [pid] if pid == "$MAINPID" => "TERM",
        [flag, pid] if pid == "$MAINPID" => flag.strip_prefix('-')?,
        [flag, signal, pid] if pid == "$MAINPID" && (flag == "-s" || flag == "--signal") => signal,
        _ => return None,
    };
    let signal = signal.strip_prefix("-signal=").unwrap_or(signal);
    (program.rsplit('/').next() == Some("kill")).then_some(())?;
    signal.parse().ok().or_else(|| signal.parse().ok().and_then(Signal::from_number))
}
