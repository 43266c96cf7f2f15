//! `abide apply`: make the machine as the specs say.

use abide_os::manager::{self, Applied, ManagerState, Plan, Progress, ServiceManager};
use abide_spec::{Name, StartMode};
use serde::Serialize;

use crate::args::Apply;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{GOOD, Printer, WARN};
use crate::services;
use crate::specs::{self, Loaded};
use crate::verbs::plan;

/// What an apply did, for machines.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    schema: &'static str,
    name: Name,
    changed: bool,
    restarted: bool,
    started: bool,
}

/// Applies specs in the order of their start. All are planned before the first is applied, so that an
/// error in one changes nothing.
pub fn run(args: &Apply, printer: &Printer) -> Result<Exit, Failure> {
    let loaded = specs::load(&args.files)?;
    let manager = services::manager()?;
    let plans = plan_all(loaded)?;
    manager.may_change()?;
    let mut told = Vec::new();
    for plan in &plans {
        let (applied, started) = apply(&*manager, plan, !args.no_start, printer)?;
        if !args.json {
            printer.data(sentence(plan, applied.changed, applied.restarted, started))?;
        }
        told.push(Told {
            schema: "abide.apply/1",
            name: plan.service.clone(),
            changed: applied.changed,
            restarted: applied.restarted,
            started,
        });
    }
    if args.json {
        printer.json(&told)?;
    }
    Ok(Exit::Ok)
}

fn plan_all(loaded: Vec<Loaded>) -> Result<Vec<Plan>, Failure> {
    let mut plans = Vec::new();
    for one in loaded {
        let plan = plan::make(one, None)?;
        if plan.blocked() {
            return Err(blocked(&plan));
        }
        plans.push(plan);
    }
    Ok(plans)
}

/// Why a plan cannot be applied.
pub fn blocked(plan: &Plan) -> Failure {
    let errors: Vec<&manager::Finding> = plan.findings(manager::Level::Error).collect();
    let texts: Vec<String> = errors
        .iter()
        .map(|finding| match &finding.field {
            Some(field) => format!("{field}: {}", finding.text),
            None => finding.text.clone(),
        })
        .collect();
    let failure = Failure::new(
        Exit::BadSpec,
        format!("{} cannot be applied: {}", plan.service, texts.join("\n       ")),
    );
    let hints: Vec<&str> = errors.iter().filter_map(|finding| finding.hint.as_deref()).collect();
    if hints.is_empty() { failure } else { failure.hint(hints.join("\n      ")) }
}

/// Applies one plan and, where `start` and the spec's mode say so, starts what does not run yet.
pub fn apply(
    manager: &dyn ServiceManager,
    plan: &Plan,
    start: bool,
    printer: &Printer,
) -> Result<(Applied, bool), Failure> {
    for finding in &plan.findings {
        match finding.level {
            manager::Level::Warning => printer.warning(finding.to_string()),
            _ => printer.note(format!("note: {finding}")),
        }
    }
    let mut watch = |progress: Progress<'_>| printer.progress(&words(&progress));
    let applied = manager.apply(plan, &mut watch)?;
    let spec = &plan.desired.spec;
    let wanted = start && matches!(spec.start.mode, StartMode::Auto | StartMode::Delayed);
    let rests = matches!(
        manager.status(&plan.service)?.state,
        ManagerState::Stopped | ManagerState::Failed | ManagerState::Unknown
    );
    if wanted && rests {
        manager.start(&plan.service, manager::start_budget(spec), &mut watch)?;
    }
    Ok((applied, wanted && rests))
}

/// Progress in words.
pub fn words(progress: &Progress<'_>) -> String {
    match progress {
        Progress::Step { number, of, text } => format!("[{number}/{of}] {text}"),
        Progress::Status(text) => (*text).to_owned(),
    }
}

fn sentence(plan: &Plan, changed: bool, restarted: bool, started: bool) -> String {
    let name = &plan.service;
    let done = match (changed, restarted, started) {
        (_, true, _) => "is updated and restarted",
        (true, _, true) => "is applied and running",
        (true, _, false) => "is applied",
        (false, _, true) => "was as the spec says, and is running now",
        (false, _, false) => "is as the spec says",
    };
    let style = if changed || started { GOOD } else { WARN };
    format!("{style}{name}{style:#} {done}")
}
