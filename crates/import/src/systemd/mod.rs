//! systemd: `.service` units, and what `systemctl cat` prints.

mod about;
mod exec;
mod life;
mod limits;
mod rest;
mod security;
mod specifiers;
mod times;
mod unit;

use std::collections::BTreeMap;

use abide_spec::{Name, Spec};

use crate::Options;
use crate::draft;
use crate::error::Problem;
use crate::ledger::Ledger;
use specifiers::Known;
use unit::Unit;

pub(crate) fn read(ledger: &Ledger, options: &Options) -> Result<Vec<Spec>, Problem> {
    let unit = Unit::parse(ledger)?;
    if !unit.has_section("Service") {
        return Err(Problem::new(0..0, "there is no [Service] section in it")
            .hint("timers, sockets and other units have no program of their own"));
    }
    let Some((name, known)) = name(ledger, &unit, options) else { return Ok(Vec::new()) };
    let mut spec = Spec::minimal(name, Vec::new());
    let environment = about::environment(&mut spec, &unit, &known);
    if !command(ledger, &mut spec, &unit, &known, &environment) {
        return Ok(Vec::new());
    }
    about::map(ledger, &mut spec, &unit, &known);
    life::map(ledger, &mut spec, &unit, &known, &environment);
    limits::map(&mut spec, &unit);
    security::map(ledger, &mut spec, &unit, &known);
    rest::map(&unit);
    if !unit.with_drop_ins {
        ledger.note(format!(
            "drop-ins (NAME.service.d) are not read: `systemctl cat {0} | abide import systemd - --name {0}` reads them too",
            spec.name
        ));
    }
    Ok(vec![spec])
}

/// The name of the unit: from the command line, the file, or the first line that `systemctl cat` writes.
fn name(ledger: &Ledger, unit: &Unit<'_>, options: &Options) -> Option<(Name, Known)> {
    let of_path = |path: &str| {
        let file = path.rsplit('/').next().unwrap_or(path);
        file.strip_suffix(".service").map(str::to_owned)
    };
    let raw = unit
        .path
        .as_deref()
        .and_then(of_path)
        .or_else(|| options.file_name.as_deref().and_then(of_path))
        .or_else(|| options.name.as_ref().map(Name::to_string));
    let Some(raw) = raw else {
        ledger.problem(Problem {
            message: "a unit has the name of its file, and this one has none".into(),
            hint: Some("give one with --name NAME".into()),
            span: None,
        });
        return None;
    };
    let known = Known::of(&raw);
    let name = match &options.name {
        Some(name) => Some(name.clone()),
        None => draft::name(raw.trim_end_matches('@')),
    };
    match name {
        Some(name) => {
            if name.as_str() != raw && options.name.is_none() {
                let why = "a name is made of A-Z a-z 0-9 . _ -";
                ledger.default(Some(name.as_str()), &format!("{raw}.service"), "name", why);
            }
            Some((name, known))
        }
        None => {
            ledger.problem(Problem {
                message: format!("no name of a service can be made of `{raw}`"),
                hint: Some("give one with --name NAME".into()),
                span: None,
            });
            None
        }
    }
}

/// What `Environment=` sets, and whether a file may set more.
pub(crate) struct Environment {
    set: BTreeMap<String, String>,
    with_file: bool,
}

impl Environment {
    fn variables(&self) -> exec::Variables<'_> {
        exec::Variables { set: &self.set, with_file: self.with_file }
    }
}

fn command(
    ledger: &Ledger,
    spec: &mut Spec,
    unit: &Unit<'_>,
    known: &Known,
    environment: &Environment,
) -> bool {
    let settings = unit.list("Service", "ExecStart");
    let mut commands = Vec::new();
    let mut why = None;
    for setting in &settings {
        let Some(lines) = exec::lines(setting, known) else { return false };
        for line in lines {
            let (command, told) = exec::command(&line, &environment.variables());
            commands.push(command);
            why = why.or(told);
        }
    }
    match commands.as_slice() {
        [] => {
            let message = "there is no ExecStart= in [Service]: it runs nothing";
            ledger.problem(Problem { message: message.into(), hint: None, span: None });
            return false;
        }
        [one] => spec.program.command.clone_from(one),
        several => {
            let lines: Vec<String> = several
                .iter()
                .map(|words| {
                    words.iter().map(|word| crate::words::shell::quote(word)).collect::<Vec<_>>().join(" ")
                })
                .collect();
            spec.program.command = vec!["/bin/sh".into(), "-c".into(), lines.join(" && ")];
            why = Some(
                "there are several commands, and a spec has one, so /bin/sh runs them one after the other"
                    .into(),
            );
        }
    }
    for setting in settings {
        match &why {
            Some(why) => setting.field.changed("program.command", why.as_str()),
            None => setting.field.carried("program.command"),
        }
    }
    true
}
