//! `abide apply`: make the machine as the specs say.

use std::time::Duration;

use abide_os::manager::{
    Applied, Desired, ManagerError, ManagerState, Plan, Progress, ServiceManager, Uninstall, start_budget,
};
use abide_os::paths::Layout;
use abide_spec::{Name, Spec, StartMode};
use serde::Serialize;

use crate::args::{Apply, Common};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::findings;
use crate::printer::{FAINT, GOOD, Printer};
use crate::services;
use crate::specs;
use crate::verbs::plan;

/// How long taking back a service that was new may take beyond its own stop.
const WAIT: Duration = Duration::from_secs(30);

/// How often a plan is made anew.
const ATTEMPTS: usize = 5;

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

/// Makes all specs so, or none: all are planned before the first is applied, and when one cannot be made so,
/// those before it are taken back. Only then is started what is new or had failed, in the order of `start.after`:
/// what was stopped by hand stays so.
pub fn run(args: &Apply, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let layout = services::layout(common.scope())?;
    let manager = services::changing_manager(common.scope())?;
    let mut plans = Vec::new();
    for one in specs::load(&args.files)? {
        let plan = plan::make(one, None, common.scope())?;
        findings::refuse(&format!("{} cannot be applied", plan.service), &plan.findings)?;
        plans.push(plan);
    }
    let mut fresh = Vec::new();
    for plan in &plans {
        fresh.push(!manager.status(&plan.service)?.installed);
    }
    let applied = apply(&*manager, &plans, &layout, printer)?;
    let mut told = Vec::new();
    for ((plan, applied), fresh) in plans.iter().zip(applied).zip(fresh) {
        let started = !args.no_start && start(&*manager, plan, fresh, printer)?;
        if !args.json {
            printer.result(sentence(plan, &applied, started))?;
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

/// A service as it was before it was applied.
struct Before {
    /// The spec it had and its text; nothing where it was not installed.
    spec: Option<(Spec, String)>,
    /// What its program printed in an earlier life was kept.
    logs: bool,
}

impl Before {
    fn of(name: &Name, layout: &Layout) -> Self {
        let text = std::fs::read_to_string(layout.spec(name)).ok();
        let spec = text.and_then(|text| Spec::parse(&text).ok().map(|spec| (spec, text)));
        Self { spec, logs: layout.logs_of(name).exists() }
    }

    /// Makes it so again.
    fn bring_back(self, name: &Name, manager: &dyn ServiceManager, printer: &Printer) -> Result<(), Failure> {
        let mut watch = |progress: Progress<'_>| printer.progress(&words(&progress));
        match self.spec {
            Some((spec, text)) => {
                let desired = Desired::new(spec, Some(&text), plan::supervisor()?);
                let plan = manager.plan(&desired)?;
                manager.apply(&plan, &mut watch)?;
            }
            None => {
                manager.uninstall(name, Uninstall { keep_logs: self.logs, wait: WAIT }, &mut watch)?;
            }
        }
        Ok(())
    }
}

/// Applies all plans or none.
fn apply(
    manager: &dyn ServiceManager,
    plans: &[Plan],
    layout: &Layout,
    printer: &Printer,
) -> Result<Vec<Applied>, Failure> {
    let mut applied = Vec::new();
    let mut before = Vec::new();
    for plan in plans {
        let was = Before::of(&plan.service, layout);
        match apply_one(manager, plan, printer) {
            Ok(done) => {
                before.push((&plan.service, was, done.changed));
                applied.push(done);
            }
            Err(failure) => return Err(take_back(failure, before, manager, printer)),
        }
    }
    Ok(applied)
}

/// Takes back what was applied before `failure`, last first, and tells so.
fn take_back(
    failure: Failure,
    before: Vec<(&Name, Before, bool)>,
    manager: &dyn ServiceManager,
    printer: &Printer,
) -> Failure {
    let (mut back, mut left) = (Vec::new(), Vec::new());
    for (name, was, changed) in before.into_iter().rev() {
        if !changed {
            continue;
        }
        match was.bring_back(name, manager, printer) {
            Ok(()) => back.push(name.to_string()),
            Err(trouble) => left.push(format!("{name} could not be put back: {}", trouble.error)),
        }
    }
    let mut error = failure.error;
    if !back.is_empty() {
        error.push_str(&format!("\n       taken back as well: {}", back.join(", ")));
    }
    for trouble in left {
        error.push_str(&format!("\n       {trouble}"));
    }
    Failure { error, ..failure }
}

/// Applies one plan. Where the machine is no longer what it was made for, as when another service has brought the
/// same executable of the supervisor meanwhile, it is made anew.
pub fn apply_one(manager: &dyn ServiceManager, plan: &Plan, printer: &Printer) -> Result<Applied, Failure> {
    findings::tell(plan.service.as_str(), &plan.findings, printer);
    let mut watch = |progress: Progress<'_>| printer.progress(&words(&progress));
    let mut outcome = manager.apply(plan, &mut watch);
    for _ in 0..ATTEMPTS {
        if !matches!(outcome, Err(ManagerError::Changed { .. })) {
            break;
        }
        let now = manager.plan(&plan.desired)?;
        findings::refuse(&format!("{} cannot be applied", plan.service), &now.findings)?;
        outcome = manager.apply(&now, &mut watch);
    }
    Ok(outcome?)
}

/// Starts a service that is to start with the machine, if it is `fresh` or has failed. True where it was started.
pub fn start(
    manager: &dyn ServiceManager,
    plan: &Plan,
    fresh: bool,
    printer: &Printer,
) -> Result<bool, Failure> {
    let spec = &plan.desired.spec;
    if !matches!(spec.start.mode, StartMode::Auto | StartMode::Delayed) {
        return Ok(false);
    }
    match manager.status(&plan.service)?.state {
        ManagerState::Failed => {}
        ManagerState::Stopped | ManagerState::Unknown if fresh => {}
        ManagerState::Stopped => {
            printer.note(format!("{0} was stopped and stays so; `abide start {0}` starts it", plan.service));
            return Ok(false);
        }
        _ => return Ok(false),
    }
    let mut watch = |progress: Progress<'_>| printer.progress(&words(&progress));
    match manager.start(&plan.service, start_budget(spec), &mut watch) {
        Ok(()) => Ok(true),
        Err(error) => {
            let failure = Failure::from(error);
            let error = format!("{} is installed, but {}", plan.service, failure.error);
            Err(Failure { error, ..failure })
        }
    }
}

/// Progress in words.
pub fn words(progress: &Progress<'_>) -> String {
    match progress {
        Progress::Step { number, of, text } => format!("[{number}/{of}] {text}"),
        Progress::Status(text) => crate::text::plain(text),
    }
}

fn sentence(plan: &Plan, applied: &Applied, started: bool) -> String {
    let name = &plan.service;
    let done = match (applied.changed, applied.restarted, started) {
        (_, true, _) => "is updated and restarted",
        (true, _, true) => "is applied and running",
        (true, _, false) => "is applied",
        (false, _, true) => "was as the spec says, and is running now",
        (false, _, false) => "is as the spec says",
    };
    let style = if applied.changed || started { GOOD } else { FAINT };
    format!("{style}{name}{style:#} {done}")
}
