//! shawl: its command line, `shawl run|add --name NAME [OPTIONS] -- COMMAND`, or `sc qc` of a service that runs it.

use std::ops::Range;

use abide_spec::{ConsoleEvent, Duration, RunAs, Size, Spec, StartMode, StopAction, StopStep, When};

use crate::Options;
use crate::draft;
use crate::error::Problem;
use crate::kind::names_program;
use crate::ledger::{Field, Ledger};
use crate::words::windows;

pub(crate) fn read(ledger: &Ledger, options: &Options) -> Result<Vec<Spec>, Problem> {
    let text = &crate::source::join_lines(ledger.text(), true);
    let mut specs: Vec<Spec> = Vec::new();
    let mut queried = Queried::default();
    let mut at = 0;
    for whole in text.split_inclusive('\n') {
        let start = at + (whole.len() - whole.trim_start().len());
        at += whole.len();
        let line = whole.trim();
        let lower = line.to_ascii_lowercase();
        if line.is_empty()
            || line.starts_with(['#', ':']) && !line.starts_with(": ")
            || lower.starts_with("rem ")
        {
            continue;
        }
        if lower.starts_with("[sc]") {
            continue;
        }
        if let Some((key, value)) = line.split_once(':').filter(|(key, _)| is_query_key(key)) {
            let value_at = start + line.len() - value.trim_start().len();
            let span = start..start + line.len();
            queried.line(ledger, key.trim(), value.trim(), span, value_at);
            continue;
        }
        specs.extend(command_line(ledger, options, line, start, false)?);
    }
    specs.extend(queried.finish(ledger, options)?);
    if specs.is_empty() && !ledger.has_problems() {
        return Err(Problem::new(0..0, "there is no command line of shawl in it")
            .hint("it is `shawl run --name NAME -- COMMAND`; `sc qc NAME` prints that of a service"));
    }
    Ok(specs)
}

fn is_query_key(key: &str) -> bool {
    let key = key.trim();
    key.is_empty() || (key.len() > 2 && key.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

/// What `sc qc` tells of a service.
#[derive(Default)]
struct Queried<'l> {
    name: Option<(String, Field<'l>)>,
    command: Option<(String, usize, Field<'l>)>,
    display: Option<(String, Field<'l>)>,
    start: Option<(String, Field<'l>)>,
    account: Option<(String, Field<'l>)>,
    after: Vec<(String, Field<'l>)>,
    in_dependencies: bool,
}

impl<'l> Queried<'l> {
    fn line(&mut self, ledger: &'l Ledger, key: &str, value: &str, span: Range<usize>, value_at: usize) {
        let label = if key.is_empty() { "DEPENDENCIES" } else { key };
        let field = ledger.enter(None, label, value, span);
        let value = value.to_owned();
        if !key.is_empty() {
            self.in_dependencies = key == "DEPENDENCIES";
        }
        match key {
            "SERVICE_NAME" => self.name = Some((value, field)),
            "BINARY_PATH_NAME" => self.command = Some((value, value_at, field)),
            "DISPLAY_NAME" => self.display = Some((value, field)),
            "START_TYPE" => self.start = Some((value, field)),
            "SERVICE_START_NAME" => self.account = Some((value, field)),
            "DEPENDENCIES" => self.after.push((value, field)),
            "" if self.in_dependencies => self.after.push((value, field)),
            "TYPE" => field.left("a service of Abide is always a process of its own"),
            "ERROR_CONTROL" | "LOAD_ORDER_GROUP" | "TAG" => {
                field.left("it is for drivers that the machine cannot start without");
            }
            _ => {}
        }
    }

    fn finish(self, ledger: &'l Ledger, options: &Options) -> Result<Option<Spec>, Problem> {
        let Some((line, at, field)) = self.command else { return Ok(None) };
        field.group();
        let mut options = options.clone();
        if options.name.is_none()
            && let Some((name, _)) = &self.name
        {
            options.name = draft::name(name);
        }
        let Some(mut spec) = command_line(ledger, &options, &line, at, self.account.is_some())? else {
            return Ok(None);
        };
        if let Some((name, field)) = self.name {
            if spec.name.as_str() == name {
                field.carried("name")
            } else {
                field.changed("name", "a name is made of A-Z a-z 0-9 . _ -")
            }
        }
        if let Some((name, field)) = self.display {
            draft::display_name(&mut spec, field, &name);
        }
        if let Some((start, field)) = self.start {
            spec.start.mode = match start.split_whitespace().next() {
                Some("2") if start.contains("DELAYED") => StartMode::Delayed,
                Some("2") => StartMode::Auto,
                Some("4") => StartMode::Disabled,
                _ => StartMode::Manual,
            };
            field.carried("start.mode");
        }
        if let Some((account, field)) = self.account {
            spec.account.run_as = draft::windows_account(&account);
            field.carried("account.run-as");
        }
        for (name, field) in self.after {
            let name = name.trim();
            if name.is_empty() {
                field.left("there are none");
            } else {
                if !spec.start.after.iter().any(|it| it == name) {
                    spec.start.after.push(name.to_owned());
                }
                field.carried("start.after");
            }
        }
        Ok(Some(spec))
    }
}

/// One option with its value.
struct Given<'l> {
    name: String,
    value: String,
    field: Field<'l>,
}

/// Options of shawl that have no value.
const FLAGS: [&str; 7] = [
    "restart",
    "no-restart",
    "no-log",
    "no-log-cmd",
    "pass-start-args",
    "kill-process-tree",
    "log-cmd-as-is",
];

fn command_line(
    ledger: &Ledger,
    options: &Options,
    line: &str,
    at: usize,
    account_is_told: bool,
) -> Result<Option<Spec>, Problem> {
    let span = at..at + line.len();
    let words = windows::split_program(line);
    let program = words.iter().position(|word| names_program(word, "shawl"));
    let verb = program.and_then(|index| words.get(index + 1)).map(String::as_str);
    let (Some(program), Some("run" | "add")) = (program, verb) else {
        return Err(Problem::new(span, "this is no command line of shawl")
            .hint("it is `shawl run --name NAME [OPTIONS] -- COMMAND`, or `shawl add …`"));
    };
    let Some(split) = words.iter().position(|word| word == "--") else {
        return Err(Problem::new(span, "no command stands in it").hint("the command comes after `--`"));
    };
    let command = words.get(split + 1..).unwrap_or_default().to_vec();
    if command.is_empty() {
        return Err(Problem::new(span, "no command comes after `--`"));
    }
    let given = given(ledger, line, at, words.get(program + 2..split).unwrap_or_default())?;
    let dashes = line.rfind(" -- ").map_or(at, |place| at + place + 4);
    let end = at + line.len();
    let command_field = ledger.enter(None, "-- COMMAND", &windows::join(&command), dashes.min(end)..end);
    command_field.carried("program.command");
    let named = given.iter().rev().find(|option| option.name == "name");
    let name = match (named, &options.name) {
        (Some(option), chosen) => draft::name_or(option.field, &option.value, chosen.as_ref()),
        (None, Some(name)) => Some(name.clone()),
        (None, None) => {
            return Err(Problem::new(span, "the service has no name")
                .hint("add --name NAME to it, or to this command"));
        }
    };
    let Some(name) = name else { return Ok(None) };
    let mut spec = Spec::minimal(name, command);
    map(&mut spec, &given);
    if !account_is_told {
        spec.account.run_as = RunAs::System;
        let why = "shawl adds services of LocalSystem; `sc config` may have changed that";
        ledger.default(Some(spec.name.as_str()), "(account)", "account.run-as", why);
    }
    if spec.restart.when != When::Never || !spec.restart.codes.always.is_empty() {
        spec.restart.give_up = None;
        ledger.default(
            Some(spec.name.as_str()),
            "(no limit)",
            "restart.give-up",
            "shawl never gives up, so it is false",
        );
    }
    draft::unrestricted(ledger, &mut spec, "shawl");
    Ok(Some(spec))
}

fn given<'l>(ledger: &'l Ledger, line: &str, at: usize, words: &[String]) -> Result<Vec<Given<'l>>, Problem> {
    let mut given = Vec::new();
    let mut cursor = 0;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let start = line[cursor..].find(word.as_str()).map_or(cursor, |found| cursor + found);
        cursor = (start + word.len()).min(line.len());
        while !line.is_char_boundary(cursor) {
            cursor += 1;
        }
        let span = at + start..at + cursor;
        let Some(option) = word.strip_prefix("--") else {
            return Err(Problem::new(span, format!("`{word}` is no option of shawl"))
                .hint("the command comes after `--`"));
        };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None if FLAGS.contains(&option) => (option, String::new()),
            None => match words.next() {
                Some(value) => (option, value.clone()),
                None => return Err(Problem::new(span, format!("`--{option}` needs a value"))),
            },
        };
        let field = ledger.enter(None, format!("--{name}"), &value, span);
        let field = if name == "env" { field.secret() } else { field };
        given.push(Given { name: name.to_owned(), value, field });
    }
    Ok(given)
}

fn codes(option: &Given<'_>) -> Vec<i32> {
    let codes: Option<Vec<i32>> = option
        .value
        .split(',')
        .map(|code| {
            code.trim().parse::<i32>().ok().or_else(|| code.trim().parse::<u32>().ok().map(u32::cast_signed))
        })
        .collect();
    codes.unwrap_or_else(|| {
        option.field.bad(format!("`{}` is no list of exit codes", option.value), Some("write them as 0,1,2"));
        Vec::new()
    })
}

fn millis(option: &Given<'_>) -> Option<u64> {
    let number = option.value.parse::<u64>().ok().filter(|millis| *millis < 1 << 43);
    if number.is_none() {
        option.field.bad(format!("`--{}` needs a whole number of milliseconds", option.name), None);
    }
    number
}

fn map(spec: &mut Spec, given: &[Given<'_>]) {
    for option in given {
        let (field, value) = (option.field, option.value.as_str());
        match option.name.as_str() {
            "name" => {}
            "cwd" => spec.program.working_dir = draft::path(field, value, "program.working-dir"),
            "env" => match value.split_once('=') {
                Some((key, value)) => draft::literal_env(spec, field, key, value),
                None => field.bad("`--env` needs KEY=VALUE", None),
            },
            "path" | "path-prepend" => {
                let known = spec.program.env.get("PATH").cloned().unwrap_or_else(|| "${PATH}".into());
                let folder = abide_spec::expand::escape(value);
                let path = if option.name == "path" {
                    format!("{known};{folder}")
                } else {
                    format!("{folder};{known}")
                };
                spec.program.env.insert("PATH".into(), path);
                field.carried("program.env.PATH");
            }
            "pass" => {
                spec.restart.success_codes = codes(option);
                field.carried("restart.success-codes");
            }
            "restart" => {
                spec.restart.when = When::Always;
                field.carried("restart.when");
            }
            "no-restart" => {
                spec.restart.when = When::Never;
                field.carried("restart.when");
            }
            "restart-if" => {
                spec.restart.when = When::Never;
                spec.restart.codes.always = codes(option);
                field.carried("restart.when, restart.codes.always");
            }
            "restart-if-not" => {
                spec.restart.when = When::Always;
                spec.restart.codes.never = codes(option);
                field.carried("restart.when, restart.codes.never");
            }
            "restart-delay" => {
                if let Some(millis) = millis(option) {
                    draft::fixed_delay(spec, Duration::from_millis(millis));
                    field.carried("restart.delay");
                }
            }
            "stop-timeout" => {
                if let Some(millis) = millis(option) {
                    let wait = Duration::from_millis(millis.min(24 * 60 * 60 * 1000));
                    spec.stop.steps = vec![StopStep::new(StopAction::Event(ConsoleEvent::CtrlC), wait)];
                    field.carried("stop.steps");
                }
            }
            "log-rotate" => rotate(spec, option),
            "log-retain" => match value.parse::<u32>() {
                Ok(keep) => {
                    spec.logs.rotate.keep = keep.min(10_000);
                    field.carried("logs.rotate.keep");
                }
                Err(_) => field.bad("`--log-retain` needs a whole number", None),
            },
            "dependencies" => {
                for name in value.split(['/', ',']).map(str::trim).filter(|name| !name.is_empty()) {
                    if !spec.start.after.iter().any(|it| it == name) {
                        spec.start.after.push(name.to_owned());
                    }
                }
                field.carried("start.after");
            }
            "kill-process-tree" => {
                field.carried_with("stop.steps", "every stop ends with the death of the whole process tree")
            }
            "no-log" | "no-log-cmd" => field.left("output is kept always, up to logs.rotate.keep files"),
            "log-dir" | "log-as" | "log-cmd-as" => {
                field.left("Abide keeps the output itself: `abide logs NAME` shows it")
            }
            "pass-start-args" => field.left("a spec has the whole command; nothing is added at a start"),
            "priority" => field.left("a spec has no priority; limits.cpu bounds its share"),
            _ => {}
        }
    }
}

fn rotate(spec: &mut Spec, option: &Given<'_>) {
    let field = option.field;
    match option.value.as_str() {
        "daily" => {
            spec.logs.rotate.every = Some(Duration::from_secs(24 * 60 * 60));
            field.changed("logs.rotate.every", "files begin anew when they are so old, not by the clock");
        }
        "hourly" => {
            spec.logs.rotate.every = Some(Duration::from_secs(60 * 60));
            field.changed("logs.rotate.every", "files begin anew when they are so old, not by the clock");
        }
        value => match value.strip_prefix("bytes=").and_then(|bytes| bytes.parse::<u64>().ok()) {
            Some(bytes) => {
                spec.logs.rotate.size = Size(bytes.clamp(1024, i64::MAX as u64));
                field.carried("logs.rotate.size");
            }
            None => field
                .bad(format!("`{value}` is no way to rotate"), Some("it is bytes=NUMBER, daily or hourly")),
        },
    }
}
