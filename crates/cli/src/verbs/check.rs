//! `abide check`: validate specs.

use abide_os::manager::{self, Finding, Kind, Level, Scope};
use abide_os::resolve::{self, Relative};
use abide_spec::Spec;
use serde::Serialize;

use crate::args::{Check, Common};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings;
use crate::printer::{GOOD, Printer};
use crate::specs::{self, Bad, Loaded};

/// One spec file, for machines.
#[derive(Serialize)]
struct Checked {
    schema: &'static str,
    file: String,
    name: Option<String>,
    valid: bool,
    errors: Vec<Mistake>,
    findings: Vec<Finding>,
}

/// What is wrong with a spec, for machines.
#[derive(Serialize)]
struct Mistake {
    message: String,
    hint: Option<String>,
    path: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
}

/// Validates specs, alone and against each other.
pub fn run(args: &Check, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let backend = args.backend.map(Kind::from);
    let (good, bad) = specs::split(specs::read(&args.files)?);
    let mut checked: Vec<Checked> = good.iter().map(|one| check(one, backend, common.scope())).collect();
    let against_each_other = specs::in_order(good).err();
    if args.json {
        checked.extend(bad.iter().map(refused));
        printer.json(&checked)?;
        // Not a matter of one file.
        if let Some(failure) = against_each_other {
            return Err(failure);
        }
        let valid = checked.iter().all(|one| one.valid);
        return Ok(if valid { Exit::Ok } else { Exit::BadSpec });
    }
    let mut failures: Vec<Failure> = Vec::new();
    for one in &checked {
        findings::tell(&one.file, &one.findings, printer);
        match findings::refuse(&one.file, &one.findings) {
            Ok(()) => printer.data(format!(
                "{GOOD}ok{GOOD:#} {} ({})",
                one.name.as_deref().unwrap_or_default(),
                one.file
            ))?,
            Err(failure) => failures.push(failure),
        }
    }
    failures.extend(specs::refusal(bad));
    failures.extend(against_each_other);
    let last = failures.pop();
    for failure in &failures {
        printer.failure(failure);
    }
    last.map_or(Ok(Exit::Ok), Err)
}

/// What of a valid spec may yet be in the way: commands that are not on this machine, paths that work with
/// `abide up` only, settings that a service manager cannot honour.
fn check(one: &Loaded, backend: Option<Kind>, scope: Scope) -> Checked {
    let mut spec = one.spec.clone();
    let path = std::env::var_os("PATH");
    let mut found = resolve::spec(&mut spec, Relative::Refuse(one.folder()), path.as_deref());
    for finding in found.iter_mut().filter(|finding| finding.level == Level::Error) {
        finding.level = Level::Warning;
        finding.text.push_str("; fine for `abide up`, refused by `abide apply`");
    }
    found.extend(findings::of_restarts(&spec));
    let kind = backend.unwrap_or_else(manager::detect);
    let mut lost = lost(kind, scope, &spec);
    if kind == Kind::Foreground && backend.is_none() {
        // Where no service manager runs, the spec is likely meant for a machine that has one.
        for finding in lost.iter_mut().filter(|finding| finding.level == Level::Error) {
            finding.level = Level::Warning;
            finding.text.push_str("; that matters for `abide up` only (--backend checks for others)");
        }
    }
    found.extend(lost);
    Checked {
        schema: "abide.check/1",
        file: specs::shown(&one.file).display().to_string(),
        name: Some(one.spec.name.to_string()),
        valid: found.iter().all(|finding| finding.level != Level::Error),
        errors: Vec::new(),
        findings: found,
    }
}

/// What a service manager cannot make of a spec, the details that only its own files show included.
fn lost(kind: Kind, scope: Scope, spec: &Spec) -> Vec<Finding> {
    let desired = manager::Desired::new(spec.clone(), None, None);
    match manager::preview(kind, scope, &desired) {
        Ok(plan) => plan.findings,
        Err(error) => {
            let finding = Finding::error(None, error.to_string());
            vec![match error.hint() {
                Some(hint) => finding.with_hint(hint),
                None => finding,
            }]
        }
    }
}

fn refused(bad: &Bad) -> Checked {
    let errors = match &bad.errors {
        Some(errors) => errors
            .iter()
            .map(|error| Mistake {
                message: error.message.clone(),
                hint: error.hint.clone(),
                path: Some(error.path.clone()).filter(|path| !path.is_empty()),
                line: Some(error.line).filter(|line| *line > 0),
                column: Some(error.column).filter(|column| *column > 0),
            })
            .collect(),
        None => {
            let Failure { error, hint, .. } = bad.failure.clone();
            vec![Mistake { message: error, hint, path: None, line: None, column: None }]
        }
    };
    Checked {
        schema: "abide.check/1",
        file: specs::shown(&bad.file).display().to_string(),
        name: None,
        valid: false,
        errors,
        findings: Vec::new(),
    }
}
