//! What came out: a line as each behaviour ends, and the table at the end.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::behaviour::Behaviour;

/// How a behaviour ended on a backend.
pub enum Verdict {
    Passed(Duration),
    Failed { why: String, report: String },
    NotHere(String),
}

impl Verdict {
    /// Prints it as it happens. A failure comes with everything that is known about it.
    pub fn tell(&self, name: &str) {
        match self {
            Self::Passed(took) => eprintln!("   pass  {name} ({:.1} s)", took.as_secs_f32()),
            Self::NotHere(why) => eprintln!("   n/a   {name}: {why}"),
            Self::Failed { why, report } => {
                eprintln!("   FAIL  {name}: {why}\n{report}   end of {name}");
            }
        }
    }
}

/// Behaviours × backends.
#[derive(Default)]
pub struct Table {
    columns: Vec<(&'static str, BTreeMap<&'static str, Verdict>)>,
    /// Backends that could not be set up.
    missing: Vec<(String, String)>,
}

impl Table {
    pub fn column(&mut self, backend: &'static str, verdicts: BTreeMap<&'static str, Verdict>) {
        self.columns.push((backend, verdicts));
    }

    pub fn missing(&mut self, backend: &str, why: String) {
        self.missing.push((backend.to_owned(), why));
    }

    pub fn failed(&self) -> bool {
        !self.missing.is_empty()
            || self
                .columns
                .iter()
                .any(|(_, column)| column.values().any(|verdict| matches!(verdict, Verdict::Failed { .. })))
    }

    /// The table, the gaps with their reasons, the failures, and one line of sums.
    pub fn render(&self, behaviours: &[&Behaviour]) -> String {
        let mut out = String::new();
        let _ = write!(out, "\n{:34}", "behaviour");
        for (backend, _) in &self.columns {
            let _ = write!(out, "{backend:14}");
        }
        out.push('\n');
        let mut gaps: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        let mut failures = String::new();
        let (mut passed, mut failed) = (0, 0);
        for behaviour in behaviours {
            let _ = write!(out, "{:34}", behaviour.name);
            for (backend, column) in &self.columns {
                let word = match column.get(behaviour.name) {
                    Some(Verdict::Passed(_)) => {
                        passed += 1;
                        "pass"
                    }
                    Some(Verdict::Failed { why, .. }) => {
                        failed += 1;
                        let first: String =
                            why.lines().next().unwrap_or_default().chars().take(160).collect();
                        let _ = writeln!(
                            failures,
                            "  {backend}: {} ({}): {first}",
                            behaviour.name, behaviour.says
                        );
                        "FAIL"
                    }
                    Some(Verdict::NotHere(why)) => {
                        gaps.entry((backend, why)).or_default().push(behaviour.name);
                        "n/a"
                    }
                    None => "not tried",
                };
                let _ = write!(out, "{word:14}");
            }
            out.push('\n');
        }
        if !gaps.is_empty() {
            out.push_str("\nnot applicable:\n");
            for ((backend, why), names) in gaps {
                let _ = writeln!(out, "  {backend}: {why}: {}", names.join(", "));
            }
        }
        for (backend, why) in &self.missing {
            failed += 1;
            let _ = writeln!(failures, "  {backend} could not be set up: {}", why.trim());
        }
        if !failures.is_empty() {
            let _ = write!(out, "\nfailed:\n{failures}");
        }
        let _ = writeln!(
            out,
            "\nconformance: {} behaviours on {} backends: {passed} passed, {failed} failed",
            behaviours.len(),
            self.columns.len()
        );
        out
    }
}
