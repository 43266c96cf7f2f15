//! One `[program:NAME]`, which may be several services.

use abide_spec::{Duration, GiveUp, RunAs, Size, Spec, StartMode, When, expand::escape};

use super::expand::{self, Known};
use super::values::{bytes, environment};
use crate::Options;
use crate::draft;
use crate::error::Problem;
use crate::flat::{Flat, Item};
use crate::ledger::{Field, Ledger};
use crate::variables::{self, Piece, Word};
use crate::words::shell;

/// More processes of one program than this no file means.
const MAX_PROCESSES: u64 = 1000;

pub(crate) struct Source<'l, 'a> {
    pub ledger: &'l Ledger,
    pub name: &'a str,
    pub header: Field<'l>,
    pub fields: &'a Flat<'l>,
    pub daemon: &'a Flat<'l>,
}

impl Source<'_, '_> {
    pub fn specs(&self, options: &Options) -> Vec<Spec> {
        let numprocs = match self.fields.last("numprocs") {
            None => 1,
            Some(item) => match item.number() {
                Some(count) if (1..=MAX_PROCESSES).contains(&count) => {
                    if count == 1 {
                        item.field.carried("name");
                    } else {
                        item.field.changed("name", format!("each of the {count} is a service of its own"));
                    }
                    count
                }
                Some(_) => {
                    item.field.bad(format!("`numprocs` must be from 1 to {MAX_PROCESSES}"), None);
                    return Vec::new();
                }
                None => return Vec::new(),
            },
        };
        let first = match self.fields.last("numprocs_start") {
            None => 0,
            Some(item) => {
                item.field.carried("name");
                item.number().unwrap_or(0)
            }
        };
        (0..numprocs)
            .map(|index| Known { program: self.name, number: first.saturating_add(index), numprocs })
            .filter_map(|known| self.spec(&known, options))
            .collect()
    }

    fn spec(&self, known: &Known<'_>, options: &Options) -> Option<Spec> {
        let name = self.service_name(known, options)?;
        let mut spec = Spec::minimal(name, Vec::new());
        self.command(&mut spec, known)?;
        self.place(&mut spec, known);
        self.env(&mut spec, known);
        self.account(&mut spec);
        self.restart(&mut spec);
        self.stop(&mut spec);
        self.logs(&mut spec);
        self.rest(&mut spec);
        draft::unrestricted(self.ledger, &mut spec, "supervisord");
        Some(spec)
    }

    fn service_name(&self, known: &Known<'_>, options: &Options) -> Option<abide_spec::Name> {
        let pattern = self.fields.last("process_name");
        let many = known.numprocs > 1;
        if many && pattern.is_none() {
            self.header.bad(
                "`numprocs` is more than 1 and there is no `process_name`, so all would have one name",
                Some("set process_name=%(program_name)s_%(process_num)02d"),
            );
            return None;
        }
        let Some(item) = pattern else {
            return draft::name_or(self.header, self.name, options.name.as_ref());
        };
        let raw = self.text(item, known)?;
        self.header.carried("name");
        draft::name_or(item.field, &raw, options.name.as_ref())
    }

    /// A value in which no variable may stand.
    fn text(&self, item: &Item<'_>, known: &Known<'_>) -> Option<String> {
        match expand::text(&item.value, known) {
            Ok(text) => Some(text),
            Err(why) => {
                item.field.left(why);
                None
            }
        }
    }

    fn command(&self, spec: &mut Spec, known: &Known<'_>) -> Option<()> {
        let Some(item) = self.fields.last("command") else {
            self.header.bad("this program has no `command`", Some("add command=/path/of/the/program"));
            return None;
        };
        let words = match shell::split(&item.value) {
            Ok(words) => words,
            Err(error) => {
                let at = item.value_at + error.at;
                self.ledger.problem(Problem::new(at..at + 1, error.message));
                return None;
            }
        };
        let words: Result<Vec<Word>, String> = words.iter().map(|word| expand::pieces(word, known)).collect();
        let words = match words {
            Ok(words) if !words.is_empty() => words,
            Ok(_) => {
                item.field.bad("this command is empty", None);
                return None;
            }
            Err(why) => {
                item.field.bad(why, None);
                return None;
            }
        };
        if let Some(Piece::Variable(name)) = words
            .iter()
            .flatten()
            .find(|piece| matches!(piece, Piece::Variable(name) if !variables::is_shell_name(name)))
        {
            item.field.bad(format!("`{name}` is no variable that a shell could expand"), None);
            return None;
        }
        let (command, needed) = variables::command(&words);
        spec.program.command = command;
        if needed.is_empty() {
            item.field.carried("program.command");
        } else {
            item.field.changed("program.command", variables::told(&needed));
        }
        Some(())
    }

    fn place(&self, spec: &mut Spec, known: &Known<'_>) {
        let own = self.fields.last("directory");
        let item = own.or_else(|| self.daemon.last("directory"));
        if let Some(item) = item
            && let Some(text) = self.text(item, known)
        {
            spec.program.working_dir = draft::path(item.field, &text, "program.working-dir");
        }
    }

    fn env(&self, spec: &mut Spec, known: &Known<'_>) {
        for item in self.daemon.last("environment").into_iter().chain(self.fields.last("environment")) {
            let pairs = match environment(&item.value) {
                Ok(pairs) => pairs,
                Err((at, message)) => {
                    let at = item.value_at + at;
                    self.ledger.problem(
                        Problem::new(at..at + 1, message).hint("write it as KEY=\"value\",KEY2=\"value\""),
                    );
                    return;
                }
            };
            let mut trouble = None;
            for (key, value) in pairs {
                match expand::env(&value, known) {
                    Ok(value) => {
                        spec.program.env.insert(key, value);
                    }
                    Err(why) => {
                        spec.program.env.insert(key, escape(&value));
                        trouble = Some(why);
                    }
                }
            }
            match trouble {
                None => item.field.secret().carried("program.env"),
                Some(why) => item.field.secret().changed("program.env", why),
            }
        }
    }

    fn account(&self, spec: &mut Spec) {
        let item = self.fields.last("user").or_else(|| self.daemon.last("user"));
        match item {
            Some(item) if item.value == "root" || item.value == "0" => {
                spec.account.run_as = RunAs::System;
                item.field.carried("account.run-as");
            }
            Some(item) if !item.value.is_empty() => {
                spec.account.run_as = RunAs::User(item.value.clone());
                item.field.carried("account.run-as");
            }
            _ => {
                spec.account.run_as = RunAs::System;
                self.ledger.default(
                    Some(self.name),
                    "user",
                    "account.run-as",
                    "without it a program has the rights of supervisord, most often root's, so it is \"system\"; \
                     \"least-privilege\" is better where it suffices",
                );
            }
        }
    }

    fn restart(&self, spec: &mut Spec) {
        if let Some(item) = self.fields.last("autorestart") {
            spec.restart.when = match item.value.to_ascii_lowercase().as_str() {
                "unexpected" => When::OnFailure,
                "true" | "yes" | "on" | "1" => When::Always,
                "false" | "no" | "off" | "0" => When::Never,
                other => {
                    item.field
                        .bad(format!("`autorestart` must be true, false or unexpected, not `{other}`"), None);
                    return;
                }
            };
            item.field.carried("restart.when");
        }
        if let Some(item) = self.fields.last("exitcodes") {
            let codes: Result<Vec<i32>, _> =
                item.value.split(',').map(|code| code.trim().parse::<u8>().map(i32::from)).collect();
            match codes {
                Ok(codes) => {
                    spec.restart.success_codes = codes;
                    item.field.carried("restart.success-codes");
                }
                Err(_) => item
                    .field
                    .bad("`exitcodes` must be numbers from 0 to 255, with commas between them", None),
            }
        }
        let startsecs = match self.fields.last("startsecs") {
            None => 1,
            Some(item) => match item.number() {
                Some(0) => {
                    item.field.left("a program is ready as soon as it runs; start.ready can ask it");
                    0
                }
                Some(seconds) => {
                    spec.restart.reset_after = Duration::from_secs(seconds);
                    item.field.changed(
                        "restart.reset-after",
                        "a program that ran so long is stable and its delays begin anew; it counts as ready at once, \
                         unless start.ready asks it",
                    );
                    seconds
                }
                None => return,
            },
        };
        if let Some(item) = self.fields.last("startretries") {
            let Some(retries) = item.number().and_then(|it| u32::try_from(it).ok()) else { return };
            if retries == 0 {
                item.field.left("restart.give-up needs at least one restart");
                return;
            }
            let n = u64::from(retries).min(10_000);
            // supervisord waits 1, 2, 3, … seconds between its tries.
            let within = (2 * (n * startsecs.min(86_400) + n * (n + 1) / 2)).max(10);
            spec.restart.give_up = Some(GiveUp { after: retries, within: Duration::from_secs(within) });
            item.field.changed(
                "restart.give-up",
                "supervisord counts starts that fail in a row; here so many restarts within the time that those take",
            );
        }
    }

    fn stop(&self, spec: &mut Spec) {
        let signal = self.fields.last("stopsignal");
        let wait = self.fields.last("stopwaitsecs");
        if signal.is_some() || wait.is_some() {
            let chosen = match signal {
                None => Some(abide_spec::Signal::TERM),
                Some(item) => draft::signal(item.field, &item.value),
            };
            let seconds = match wait {
                None => Some(Duration::from_secs(10)),
                Some(item) => item.number().map(Duration::from_secs),
            };
            if let (Some(signal), Some(wait)) = (chosen, seconds) {
                spec.stop.steps = vec![draft::signal_step(signal, wait)];
            }
            for item in signal.into_iter().chain(wait) {
                item.field.carried("stop.steps");
            }
        }
        if let Some(item) = self.fields.last("stopasgroup") {
            if is_true(&item.value) {
                item.field.changed(
                    "stop.steps",
                    "the signal goes to the program alone; what is left of its process tree is killed afterwards",
                );
            } else {
                item.field.carried_with("stop.steps", "the signal goes to the program alone");
            }
        }
        if let Some(item) = self.fields.last("killasgroup") {
            if is_true(&item.value) {
                item.field
                    .carried_with("stop.steps", "every stop ends with the death of the whole process tree");
            } else {
                item.field.left("every stop ends with the death of the whole process tree");
            }
        }
    }

    fn logs(&self, spec: &mut Spec) {
        for key in ["stdout_logfile", "stderr_logfile"] {
            if let Some(item) = self.fields.last(key) {
                item.field.left("Abide keeps the output itself: `abide logs NAME` shows it");
            }
        }
        if let Some(item) = self.fields.last("redirect_stderr") {
            item.field
                .left("the streams are kept apart, and `abide logs` shows both in the order of their lines");
        }
        let sizes: Vec<&Item<'_>> = ["stdout_logfile_maxbytes", "stderr_logfile_maxbytes"]
            .iter()
            .filter_map(|key| self.fields.last(key))
            .collect();
        let mut most = None;
        for item in sizes {
            match bytes(&item.value) {
                Some(0) => item.field.left(
                    "0 is no limit, and files here begin anew at logs.rotate.size, so that no disk fills",
                ),
                Some(size) => {
                    most = most.max(Some(size));
                    item.field.carried("logs.rotate.size");
                }
                None => item
                    .field
                    .bad(format!("`{}` is no size", item.value), Some("sizes are like 50MB, 100KB or 1GB")),
            }
        }
        if let Some(size) = most {
            spec.logs.rotate.size = Size(size.max(1024));
        }
        let mut keep = None;
        for key in ["stdout_logfile_backups", "stderr_logfile_backups"] {
            if let Some(item) = self.fields.last(key)
                && let Some(count) = item.number()
            {
                keep = keep.max(Some(u32::try_from(count).unwrap_or(u32::MAX).min(10_000)));
                item.field.carried("logs.rotate.keep");
            }
        }
        if let Some(keep) = keep {
            spec.logs.rotate.keep = keep;
        }
        for key in ["stdout_syslog", "stderr_syslog"] {
            if let Some(item) = self.fields.last(key) {
                item.field.left("output goes to Abide's own log files");
            }
        }
        for key in [
            "stdout_capture_maxbytes",
            "stderr_capture_maxbytes",
            "stdout_events_enabled",
            "stderr_events_enabled",
        ] {
            if let Some(item) = self.fields.last(key) {
                item.field.left("it is for supervisord's event listeners");
            }
        }
    }

    fn rest(&self, spec: &mut Spec) {
        if let Some(item) = self.fields.last("autostart") {
            if is_true(&item.value) {
                item.field.carried("start.mode");
            } else {
                spec.start.mode = StartMode::Manual;
                item.field.carried("start.mode");
            }
        }
        if let Some(item) = self.fields.last("priority") {
            item.field.left("services start side by side; start.after names those that one has to wait for");
        }
        if let Some(item) = self.fields.last("umask") {
            item.field.left("a spec has no umask; let the program set it");
        }
        if let Some(item) = self.fields.last("serverurl") {
            item.field.left("there is no supervisord to speak to");
        }
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1")
}

/// What `[supervisord]` says and no program took.
pub(crate) fn daemon(fields: &Flat<'_>) {
    for item in &fields.items {
        match item.key.as_str() {
            "environment" | "user" | "directory" => {
                item.field.left_unless_taken("no program in this file takes it");
            }
            "minfds" => item.field.left("limits.open-files sets it for each service"),
            "minprocs" => item.field.left("limits.processes sets it for each service"),
            _ => item.field.left("it is about supervisord itself, which is not needed any more"),
        }
    }
}
