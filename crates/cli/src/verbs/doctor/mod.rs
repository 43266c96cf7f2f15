//! `abide doctor`: what is wrong with a service or the machine, why, and what to do.

mod show;

use std::path::Path;
use std::time::Duration;

use abide_doctor::bundle::{self, BundleError};
use abide_doctor::look::{self, Options};
use abide_doctor::{Checked, Finding, Scene, Severity, checked, diagnose, diagnose_machine};
use abide_spec::Name;
use abide_supervisor::timestamp::rfc3339;
use serde::Serialize;

use super::plan::supervisor;
use super::version::version;
use crate::args::{Common, Doctor};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;
use crate::services::Home;
use crate::shown;

/// The longest that a service is watched.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What was found of one service, or of the machine, for programs.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told<'a> {
    schema: &'static str,
    /// Nothing: it is the machine.
    service: Option<&'a str>,
    scope: Option<&'a str>,
    project: Option<&'a Path>,
    state: Option<&'a str>,
    at: String,
    findings: &'a [Finding],
    steps: &'a [Checked],
    not_seen: &'a [String],
    bundle: Option<&'a Path>,
}

/// Looks, and tells. A fault is exit code 1.
pub fn run(args: &Doctor, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let mut options = Options { supervisor: supervisor().ok(), whose: common.whose(), ..Options::default() };
    if let Some(window) = args.window {
        options.window = window.0.min(LONGEST);
    }
    match &args.name {
        Some(name) => service(name, args, &options, printer),
        None => machine(args.json, &options, printer),
    }
}

fn service(name: &Name, args: &Doctor, options: &Options, printer: &Printer) -> Result<Exit, Failure> {
    // Before the long look: a name that is no good is told at once.
    if let Some(path) = &args.bundle {
        bundle::Form::of(path)?;
        if path.symlink_metadata().is_ok() {
            return Err(BundleError::Exists(path.clone()).into());
        }
    }
    let home = Home::required(name, &options.whose)?;
    if options.window > Duration::from_secs(3) {
        printer.note(format!("watching {name} for {}", shown::span(options.window)));
    }
    let scene = look::service(name, &home, options);
    let findings = diagnose(&scene);
    let steps = checked(&scene, &findings);
    if let Some(path) = &args.bundle {
        let versions = serde_json::json!({ "abide": version(), "supervisor": scene.known.status.supervisor });
        bundle::write(path, &bundle::pack(&scene, &findings, &home, &versions), scene.now)?;
    }
    if args.json {
        printer.json(&told(&scene, &findings, &steps, args.bundle.as_deref()))?;
    } else {
        show::service(&scene, &findings, &steps, printer)?;
        if let Some(path) = &args.bundle {
            let file = shown::shell_word(&path.display().to_string());
            printer.result(format!("\n{file} is written; look through it before you hand it on"))?;
        }
    }
    Ok(exit(findings.iter().map(|finding| finding.severity).max()))
}

fn machine(json: bool, options: &Options, printer: &Printer) -> Result<Exit, Failure> {
    let machine = look::machine(options);
    let findings = diagnose_machine(&machine);
    let at = rfc3339(std::time::SystemTime::now());
    let worst = machine.services.iter().filter_map(|one| one.worst()).max();
    let worst = worst.max(findings.iter().map(|finding| finding.severity).max());
    if json {
        let of_machine = Told {
            schema: "abide.doctor/1",
            service: None,
            scope: None,
            project: None,
            state: None,
            at: at.clone(),
            findings: &findings,
            steps: &[],
            not_seen: &[],
            bundle: None,
        };
        let mut all = vec![of_machine];
        all.extend(machine.services.iter().map(|one| Told {
            schema: "abide.doctor/1",
            service: Some(one.service.as_str()),
            scope: one.scope,
            project: one.project.as_deref(),
            state: Some(&one.state),
            at: at.clone(),
            findings: &one.findings,
            steps: &[],
            not_seen: &[],
            bundle: None,
        }));
        printer.json(&all)?;
    } else {
        show::machine(&machine, &findings, printer)?;
    }
    Ok(exit(worst))
}

fn told<'a>(
    scene: &'a Scene,
    findings: &'a [Finding],
    steps: &'a [Checked],
    bundle: Option<&'a Path>,
) -> Told<'a> {
    Told {
        schema: "abide.doctor/1",
        service: Some(scene.name.as_str()),
        scope: scene.known.scope,
        project: scene.known.project.as_deref(),
        state: Some(scene.state()),
        at: rfc3339(scene.now),
        findings,
        steps,
        not_seen: &scene.blind,
        bundle,
    }
}

fn exit(worst: Option<Severity>) -> Exit {
    if worst == Some(Severity::Error) { Exit::Failed } else { Exit::Ok }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        match &error {
            BundleError::Write { path, source } => {
                Self::io(format!("{} cannot be written", path.display()), source)
            }
            BundleError::Form(_) => Self::new(Exit::Usage, error.to_string()),
            BundleError::Exists(_) => Self::new(Exit::Failed, error.to_string()),
        }
    }
}
