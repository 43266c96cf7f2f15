//! Findings for people: understandable without colour, the likeliest cause first.

use abide_doctor::{Checked, Finding, Machine, Scene, Severity};
use anstyle::Style;

use crate::failure::Failure;
use crate::printer::{BAD, BOLD, FAINT, GOOD, HINT, Printer, WARN};
use crate::text;

/// The sign and colour of a severity; nothing found is well.
const fn mark(severity: Option<Severity>) -> (&'static str, Style) {
    match severity {
        None => ("✓", GOOD),
        Some(Severity::Note) => ("·", FAINT),
        Some(Severity::Warning) => ("!", WARN),
        Some(Severity::Error) => ("✗", BAD),
    }
}

/// Shows what was found of a service.
pub fn service(
    scene: &Scene,
    findings: &[Finding],
    steps: &[Checked],
    printer: &Printer,
) -> Result<(), Failure> {
    for step in steps.iter().filter(|step| step.worst.is_none() && !step.seen.is_empty()) {
        well(step.step.name(), &step.seen, printer)?;
    }
    each(findings, printer)?;
    for blind in &scene.blind {
        printer.note(format!("{FAINT}not seen: {}{FAINT:#}", text::plain(blind)));
    }
    conclude(findings, printer);
    Ok(())
}

/// Shows what was found of a machine, and each of its services in a line.
pub fn machine(machine: &Machine, findings: &[Finding], printer: &Printer) -> Result<(), Failure> {
    let has = |step| findings.iter().any(|finding| finding.step == step);
    for (step, seen) in machine.seen().into_iter().filter(|(step, _)| !has(*step)) {
        well(step.name(), &seen, printer)?;
    }
    each(findings, printer)?;
    if machine.services.is_empty() {
        printer.note("no services here yet");
        return Ok(());
    }
    printer.data("")?;
    let width = machine.services.iter().map(|one| text::width(one.service.as_str())).max().unwrap_or(0);
    for one in &machine.services {
        let (sign, style) = mark(one.worst());
        let what = match one.findings.as_slice() {
            [] => one.state.clone(),
            [only] => format!("{}  {FAINT}[{}]{FAINT:#}", text::plain(&only.title), only.id),
            [first, rest @ ..] => format!(
                "{}  {FAINT}[{}]{FAINT:#}, and {} more",
                text::plain(&first.title),
                first.id,
                rest.len()
            ),
        };
        printer
            .data(format!("{style}{sign}{style:#} {BOLD}{:width$}{BOLD:#}  {what}", one.service.as_str()))?;
    }
    if let Some(worst) = machine.services.iter().find(|one| one.worst().is_some()) {
        let user = if worst.scope == Some("user") { "--user " } else { "" };
        printer.hint(&format!("`abide {user}doctor {}` tells more", worst.service));
    }
    Ok(())
}

fn well(step: &str, seen: &str, printer: &Printer) -> Result<(), Failure> {
    let (sign, style) = mark(None);
    printer.data(format!("{style}{sign}{style:#} {step:9}  {}", text::plain(seen)))
}

fn each(findings: &[Finding], printer: &Printer) -> Result<(), Failure> {
    for finding in findings {
        let (sign, style) = mark(Some(finding.severity));
        let title = text::plain(&finding.title);
        printer.data(format!("{style}{sign} {title}{style:#}  {FAINT}[{}]{FAINT:#}", finding.id))?;
        for line in &finding.evidence {
            printer.data(format!("  {FAINT}seen{FAINT:#}  {}", text::plain(line)))?;
        }
        for line in &finding.next {
            printer.data(format!("  {FAINT}next{FAINT:#}  {HINT}{}{HINT:#}", text::plain(line)))?;
        }
    }
    Ok(())
}

fn conclude(findings: &[Finding], printer: &Printer) {
    let faults = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let others = findings.len() - faults;
    printer.note(match (faults, others) {
        (0, 0) => "nothing wrong was found".to_owned(),
        (0, _) => format!("no fault; {others} worth a look"),
        (1, 0) => "1 fault".to_owned(),
        (_, 0) => format!("{faults} faults; the first is the likeliest cause"),
        (1, _) => format!("1 fault, {others} more worth a look"),
        _ => format!("{faults} faults, {others} more worth a look; the first is the likeliest cause"),
    });
}
