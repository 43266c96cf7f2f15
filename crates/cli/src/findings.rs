//! What there is to say about a spec on this machine: to people, and as a reason to refuse it.

use abide_lifecycle::Policy;
use abide_os::manager::{Finding, Level};
use abide_spec::{Duration, Family, Spec, When};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Refuses `subject` if a finding forbids it, with what to do about each.
pub fn refuse(subject: &str, findings: &[Finding]) -> Result<(), Failure> {
    let errors: Vec<&Finding> = findings.iter().filter(|finding| finding.level == Level::Error).collect();
    if errors.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = errors.iter().map(|finding| words(finding)).collect();
    let failure = Failure::new(Exit::BadSpec, format!("{subject}: {}", texts.join("\n       ")));
    let hints: Vec<&str> = errors.iter().filter_map(|finding| finding.hint.as_deref()).collect();
    Err(if hints.is_empty() { failure } else { failure.hint(hints.join("\n      ")) })
}

/// Tells what is worth knowing; what forbids is told by [`refuse`].
pub fn tell(subject: &str, findings: &[Finding], printer: &Printer) {
    for finding in findings {
        match finding.level {
            Level::Error => {}
            Level::Warning => printer.warning(format!("{subject}: {finding}")),
            Level::Note => printer.note(format!("note: {subject}: {finding}")),
        }
    }
}

/// A finding without its hint.
fn words(finding: &Finding) -> String {
    match &finding.field {
        Some(field) => format!("{field}: {}", finding.text),
        None => finding.text.clone(),
    }
}

/// What a spec says of restarts that can never come to pass.
pub fn of_restarts(spec: &Spec) -> Option<Finding> {
    let rule = spec.restart.give_up.as_ref().filter(|_| spec.restart.when != When::Never)?;
    let never = Policy::from_spec(spec, Family::current()).gives_up_after().is_none();
    never.then(|| {
        Finding::warning(
            "restart.give-up",
            format!(
                "the service never gives up: the delays between {} failures take longer than {}",
                rule.after,
                Duration(rule.within.get())
            ),
        )
        .with_hint("lower `restart.delay.max` or `give-up.after`, lengthen `give-up.within`, or write `give-up = false`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(restart: &str) -> Spec {
        Spec::parse(&format!("name = \"a\"\n[program]\ncommand = [\"/bin/true\"]\n[restart]\n{restart}\n"))
            .unwrap()
    }

    #[test]
    fn a_give_up_that_never_comes_is_told() {
        let found = of_restarts(&spec("delay = { initial = \"1m\", max = \"5m\" }")).unwrap();
        assert!(found.text.contains("never gives up"), "{}", found.text);
        assert_eq!(of_restarts(&spec("")), None);
        assert_eq!(of_restarts(&spec("when = \"never\"\ndelay = { initial = \"1m\" }")), None);
        assert_eq!(of_restarts(&spec("give-up = false\ndelay = { initial = \"1m\" }")), None);
    }

    #[test]
    fn every_error_and_every_hint_is_told() {
        let findings = [
            Finding::error("limits.cpu", "no").with_hint("do this"),
            Finding::warning(None, "by the way"),
            Finding::error(None, "neither").with_hint("or that"),
        ];
        let failure = refuse("web", &findings).unwrap_err();
        assert_eq!(failure.error, "web: limits.cpu: no\n       neither");
        assert_eq!(failure.hint.as_deref(), Some("do this\n      or that"));
        assert_eq!(refuse("web", &findings[1..2]), Ok(()));
    }
}
