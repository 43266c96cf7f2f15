//! `abide export`: a spec as another tool's configuration.

use abide_import::Entry;
use serde::Serialize;

use crate::args::Export;
use crate::converted;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{GOOD, Printer};

/// All of it, for machines.
#[derive(Serialize)]
struct Form<'a> {
    schema: &'static str,
    kind: &'static str,
    file: String,
    name: &'a str,
    text: &'a str,
    fields: &'a [Entry],
    notes: &'a [String],
}

/// Writes a spec as another tool's configuration, and tells what that cannot say.
pub fn run(args: &Export, printer: &Printer) -> Result<Exit, Failure> {
    let input = converted::read(&args.file)?;
    let source = abide_spec::text_of(&input.bytes).map_err(|errors| {
        let text = String::from_utf8_lossy(&input.bytes);
        Failure::framed(Exit::BadSpec, errors.render(&input.shown, &text, true).trim_end())
    })?;
    let exported =
        abide_import::export(args.kind.into(), source).map_err(|error| converted::refused(&error, &input))?;
    if let Some(folder) = &args.output {
        let file = (exported.file_name.clone(), exported.text.clone());
        converted::write(folder, &[file], args.force)?;
    }
    if args.json {
        printer.json(&Form {
            schema: "abide.export/1",
            kind: exported.target.as_str(),
            file: input.shown.display().to_string(),
            name: &exported.file_name,
            text: &exported.text,
            fields: &exported.report.fields,
            notes: &exported.report.notes,
        })?;
        return Ok(Exit::Ok);
    }
    converted::tell(&exported.report, "BECAME", printer);
    match &args.output {
        Some(folder) => {
            printer.result(format!("{GOOD}wrote{GOOD:#} {}", folder.join(&exported.file_name).display()))?;
        }
        None => printer.raw(exported.text.as_bytes())?,
    }
    Ok(Exit::Ok)
}
