//! `abide check`: validate specs.

use abide_os::manager::Level;
use abide_os::resolve::{self, Relative};
use serde::Serialize;

use crate::args::Files;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{GOOD, Printer};
use crate::specs::{self, Loaded};

/// One good spec, for machines.
#[derive(Serialize)]
struct Checked {
    schema: &'static str,
    file: String,
    name: String,
    findings: Vec<String>,
}

/// Validates specs, alone and against each other.
pub fn run(args: &Files, printer: &Printer) -> Result<Exit, Failure> {
    let checked: Vec<Checked> = specs::load(&args.files)?.iter().map(check).collect();
    if args.json {
        printer.json(&checked)?;
        return Ok(Exit::Ok);
    }
    for one in &checked {
        for finding in &one.findings {
            printer.warning(format!("{}: {finding}", one.file));
        }
        printer.data(format!("{GOOD}ok{GOOD:#} {} ({})", one.name, one.file))?;
    }
    Ok(Exit::Ok)
}

/// What of a valid spec may yet be in the way: commands that are not on this machine, and paths that
/// work with `abide up` only.
fn check(one: &Loaded) -> Checked {
    let mut spec = one.spec.clone();
    let path = std::env::var_os("PATH");
    let findings = resolve::spec(&mut spec, Relative::Refuse(one.folder()), path.as_deref());
    let told = findings.iter().map(|finding| match finding.level {
        Level::Error => format!("{finding}; fine for `abide up`, refused by `abide apply`"),
        _ => finding.to_string(),
    });
    Checked {
        schema: "abide.check/1",
        file: one.file.display().to_string(),
        name: one.spec.name.to_string(),
        findings: told.collect(),
    }
}
