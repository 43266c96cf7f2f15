//! `abide plan`: the exact change that `apply` would make.

use abide_os::manager::{self, Change, ChangeKind, Kind, Level, Scope};
use abide_os::resolve::{self, Relative};
use serde::Serialize;

use crate::args::{self, Common};
use crate::diff;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings;
use crate::printer::{BAD, BOLD, FAINT, GOOD, Printer, WARN};
use crate::services;
use crate::specs::{self, Loaded};

/// Shows plans. A plan that cannot be applied is a failure, after all are shown.
pub fn run(args: &args::Plan, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let mut plans = Vec::new();
    for one in specs::load(&args.files)? {
        plans.push(make(one, args.backend.map(Kind::from), common.scope())?);
    }
    if args.json {
        let shown: Vec<_> = plans.iter().map(|plan| Shown { schema: "abide.plan/1", plan }).collect();
        printer.json(&shown)?;
    } else {
        for plan in &plans {
            show(plan, printer)?;
        }
    }
    let refused = plans.iter().filter_map(|plan| {
        findings::refuse(&format!("{} cannot be applied", plan.service), &plan.findings).err()
    });
    let mut refused: Vec<Failure> = refused.collect();
    let last = refused.pop();
    refused.iter().for_each(|failure| printer.failure(failure));
    last.map_or(Ok(Exit::Ok), Err)
}

/// A plan for machines.
#[derive(Serialize)]
struct Shown<'a> {
    schema: &'static str,
    #[serde(flatten)]
    plan: &'a manager::Plan,
}

/// The plan for one spec, on this machine or for another service manager.
pub fn make(mut one: Loaded, backend: Option<Kind>, scope: Scope) -> Result<manager::Plan, Failure> {
    let restarts = findings::of_restarts(&one.spec);
    let mut plan = match backend.filter(|kind| *kind != manager::detect()) {
        // Another machine's paths are not this one's to look up.
        Some(kind) => manager::preview(kind, scope, &desired(one)?)?,
        None => {
            let folder = one.folder().to_owned();
            let path = std::env::var_os("PATH");
            let found = resolve::spec(&mut one.spec, Relative::Refuse(&folder), path.as_deref());
            let mut plan = services::manager(scope)?.plan(&desired(one)?)?;
            plan.findings.splice(0..0, found);
            plan
        }
    };
    plan.findings.extend(restarts);
    Ok(plan)
}

fn desired(one: Loaded) -> Result<manager::Desired, Failure> {
    Ok(manager::Desired::new(one.spec, Some(&one.text), supervisor()?))
}

/// The `abide-supervisor` executable beside this one.
pub fn supervisor() -> Result<std::path::PathBuf, Failure> {
    let own =
        std::env::current_exe().map_err(|error| Failure::io("this executable cannot be found", &error))?;
    let path = own.with_file_name(format!("abide-supervisor{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        return Ok(path);
    }
    Err(Failure::new(Exit::Failed, format!("{} is missing", path.display()))
        .hint("install abide and abide-supervisor into one folder"))
}

/// Shows a plan to a person.
pub fn show(plan: &manager::Plan, printer: &Printer) -> Result<(), Failure> {
    let state = match (plan.blocked(), plan.is_empty()) {
        (true, _) => "cannot be applied",
        (_, true) => "nothing to change",
        _ => "would change",
    };
    printer.data(format!("{BOLD}{}{BOLD:#} on {}: {state}", plan.service, plan.backend))?;
    for change in &plan.changes {
        show_change(change, printer)?;
    }
    for finding in plan.findings.iter().filter(|finding| finding.level != Level::Error) {
        let (word, style) = if finding.level == Level::Warning { ("warning", WARN) } else { ("note", FAINT) };
        printer.data(format!("  {style}{word}{style:#}: {finding}"))?;
    }
    Ok(())
}

fn show_change(change: &Change, printer: &Printer) -> Result<(), Failure> {
    let (sign, style) = match change.kind {
        ChangeKind::Create => ("+", GOOD),
        ChangeKind::Update => ("~", WARN),
        ChangeKind::Remove => ("-", BAD),
        ChangeKind::Run => (">", FAINT),
    };
    printer.data(format!("  {style}{sign}{style:#} {}", change.target))?;
    let lines = diff::render(change.before.as_deref().unwrap_or(""), change.after.as_deref().unwrap_or(""));
    if lines.is_empty() { Ok(()) } else { printer.data(lines.trim_end_matches('\n')) }
}
