//! What came out: a line as each behaviour ends, the table at the end, and files from which several runs make one table.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

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

    fn to_json(&self) -> Value {
        match self {
            Self::Passed(took) => json!({ "verdict": "pass", "seconds": took.as_secs_f32() }),
            Self::Failed { why, .. } => json!({ "verdict": "fail", "why": why }),
            Self::NotHere(why) => json!({ "verdict": "n/a", "why": why }),
        }
    }

    fn from_json(value: &Value) -> Option<Self> {
        let why = || value["why"].as_str().map(str::to_owned);
        Some(match value["verdict"].as_str()? {
            "pass" => Self::Passed(Duration::try_from_secs_f64(value["seconds"].as_f64()?).ok()?),
            "fail" => Self::Failed { why: why()?, report: String::new() },
            _ => Self::NotHere(why()?),
        })
    }
}

/// What came out on one backend.
struct Column {
    backend: String,
    verdicts: BTreeMap<String, Verdict>,
    /// Why it could not be set up.
    missing: Option<String>,
}

/// Behaviours × backends.
#[derive(Default)]
pub struct Table {
    columns: Vec<Column>,
}

impl Table {
    pub fn column(&mut self, backend: &str, verdicts: BTreeMap<&'static str, Verdict>) {
        let verdicts = verdicts.into_iter().map(|(name, verdict)| (name.to_owned(), verdict)).collect();
        self.columns.push(Column { backend: backend.to_owned(), verdicts, missing: None });
    }

    pub fn missing(&mut self, backend: &str, why: String) {
        let column = Column { backend: backend.to_owned(), verdicts: BTreeMap::new(), missing: Some(why) };
        self.columns.push(column);
    }

    pub fn failed(&self) -> bool {
        self.columns.iter().any(|column| {
            column.missing.is_some()
                || column.verdicts.values().any(|verdict| matches!(verdict, Verdict::Failed { .. }))
        })
    }

    /// Writes what came out on each backend into a file of its own in this folder.
    pub fn keep(&self, folder: &Path) -> Result<(), String> {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for column in &self.columns {
            let verdicts: serde_json::Map<_, _> =
                column.verdicts.iter().map(|(name, verdict)| (name.clone(), verdict.to_json())).collect();
            let value =
                json!({ "backend": column.backend, "missing": column.missing, "behaviours": verdicts });
            let file =
                folder.join(format!("{}.json", column.backend.replace(['(', ')'], "").replace(' ', "-")));
            std::fs::write(&file, format!("{value:#}\n"))
                .map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(())
    }

    /// The columns that earlier runs have kept in this folder, in the order of `backends`.
    pub fn kept(folder: &Path, backends: &str) -> Result<Self, String> {
        let failed = |error: String| format!("{}: {error}", folder.display());
        let mut table = Self::default();
        for entry in std::fs::read_dir(folder).map_err(|error| failed(error.to_string()))? {
            let path = entry.map_err(|error| failed(error.to_string()))?.path();
            let text = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let value: Value =
                serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            let verdicts = value["behaviours"].as_object().map(|behaviours| {
                let verdict =
                    |(name, value): (&String, &Value)| Some((name.clone(), Verdict::from_json(value)?));
                behaviours.iter().filter_map(verdict).collect()
            });
            let (Some(backend), Some(verdicts)) = (value["backend"].as_str(), verdicts) else {
                return Err(format!("{} is not the result of a run", path.display()));
            };
            let missing = value["missing"].as_str().map(str::to_owned);
            table.columns.push(Column { backend: backend.to_owned(), verdicts, missing });
        }
        let place = |column: &Column| {
            let first = column.backend.split(' ').next().unwrap_or_default();
            backends.split(", ").position(|name| name == first).unwrap_or(usize::MAX)
        };
        table.columns.sort_by_key(place);
        Ok(table)
    }

    /// The table, the gaps with their reasons, the failures, and one line of sums.
    pub fn render(&self, behaviours: &[&Behaviour]) -> String {
        let columns: Vec<&Column> = self.columns.iter().filter(|column| column.missing.is_none()).collect();
        let mut out = String::new();
        let _ = write!(out, "\n{:34}", "behaviour");
        for column in &columns {
            let _ = write!(out, "{:12}", column.backend);
        }
        out.push('\n');
        for behaviour in behaviours {
            let _ = write!(out, "{:34}", behaviour.name);
            for column in &columns {
                let word = match column.verdicts.get(behaviour.name) {
                    Some(Verdict::Passed(_)) => "pass",
                    Some(Verdict::Failed { .. }) => "FAIL",
                    Some(Verdict::NotHere(_)) => "n/a",
                    None => "not tried",
                };
                let _ = write!(out, "{word:12}");
            }
            out.push('\n');
        }
        for (index, word) in ["pass", "FAIL", "n/a"].iter().enumerate() {
            let _ = write!(out, "{:34}", format!("in all: {word}"));
            for column in &columns {
                let _ = write!(out, "{:<12}", column.sums()[index]);
            }
            out.push('\n');
        }
        out + &self.gaps(behaviours) + &self.sums(behaviours)
    }

    /// What is not applicable where, and why.
    fn gaps(&self, behaviours: &[&Behaviour]) -> String {
        // By reason and backends, so that each reason is told once.
        let mut gaps: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
        for behaviour in behaviours {
            let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for column in &self.columns {
                if let Some(Verdict::NotHere(why)) = column.verdicts.get(behaviour.name) {
                    reasons.entry(why).or_default().push(&column.backend);
                }
            }
            for (why, backends) in reasons {
                gaps.entry((why, backends.join(", "))).or_default().push(behaviour.name);
            }
        }
        let mut out = String::new();
        if !gaps.is_empty() {
            out.push_str("\nnot applicable:\n");
        }
        for ((why, backends), names) in gaps {
            let _ = writeln!(out, "  {backends}: {why}: {}", names.join(", "));
        }
        out
    }

    /// The failures, and one line of sums.
    pub fn sums(&self, behaviours: &[&Behaviour]) -> String {
        let mut failures = String::new();
        let (mut passed, mut failed, mut not_here) = (0, 0, 0);
        for column in &self.columns {
            let backend = &column.backend;
            if let Some(why) = &column.missing {
                failed += 1;
                let _ = writeln!(failures, "  {backend} could not be set up: {}", why.trim());
            }
            let sums = column.sums();
            passed += sums[0];
            failed += sums[1];
            not_here += sums[2];
            for behaviour in behaviours {
                if let Some(Verdict::Failed { why, .. }) = column.verdicts.get(behaviour.name) {
                    let first: String = why.lines().next().unwrap_or_default().chars().take(160).collect();
                    let _ =
                        writeln!(failures, "  {backend}: {} ({}): {first}", behaviour.name, behaviour.says);
                }
            }
        }
        if !failures.is_empty() {
            failures = format!("\nfailed:\n{failures}");
        }
        format!(
            "{failures}\nconformance: {} behaviours on {} backends, {not_here} not applicable: {passed} passed, {failed} failed\n",
            behaviours.len(),
            self.columns.iter().filter(|column| column.missing.is_none()).count()
        )
    }
}

impl Column {
    /// How many passed, failed, and cannot hold here.
    fn sums(&self) -> [usize; 3] {
        let mut sums = [0; 3];
        for verdict in self.verdicts.values() {
            let index = match verdict {
                Verdict::Passed(_) => 0,
                Verdict::Failed { .. } => 1,
                Verdict::NotHere(_) => 2,
            };
            sums[index] += 1;
        }
        sums
    }
}
