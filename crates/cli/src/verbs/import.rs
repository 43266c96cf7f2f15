//! `abide import`: specs from other tools' configuration.

use abide_import::{Entry, Imported, Options};
use abide_spec::Spec;
use serde::Serialize;

use crate::args::Import;
use crate::converted::{self, Input};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{GOOD, Printer};

/// All of it, for machines.
#[derive(Serialize)]
struct Form<'a> {
    schema: &'static str,
    kind: &'static str,
    file: String,
    specs: Vec<SpecForm>,
    fields: &'a [Entry],
    notes: &'a [String],
}

/// One spec, for machines.
#[derive(Serialize)]
struct SpecForm {
    name: String,
    file: Option<String>,
    text: String,
}

/// Makes specs of another tool's configuration, and tells what became of each of its fields.
pub fn run(args: &Import, printer: &Printer) -> Result<Exit, Failure> {
    let input = converted::read(&args.file)?;
    let options = Options { file_name: input.name.clone(), name: args.name.clone() };
    let imported = abide_import::import(args.kind.map(Into::into), &input.bytes, &options)
        .map_err(|error| converted::refused(&error, &input))?;
    let files: Vec<(String, String)> = imported
        .specs
        .iter()
        .map(|spec| (format!("{}.toml", spec.name), text(spec, &imported, &input)))
        .collect();
    if let Some(folder) = &args.output
        && !files.is_empty()
    {
        converted::write(folder, &files, args.force)?;
    }
    let path = |name: &str| args.output.as_ref().map(|folder| folder.join(name).display().to_string());
    if args.json {
        printer.json(&Form {
            schema: "abide.import/1",
            kind: imported.kind.as_str(),
            file: input.shown.display().to_string(),
            specs: imported
                .specs
                .iter()
                .zip(&files)
                .map(|(spec, (name, text))| SpecForm {
                    name: spec.name.to_string(),
                    file: path(name),
                    text: text.clone(),
                })
                .collect(),
            fields: &imported.report.fields,
            notes: &imported.report.notes,
        })?;
    } else {
        converted::tell(&imported.report, "IN THE SPEC", printer);
        if args.output.is_none() {
            let texts: Vec<&str> = files.iter().map(|(_, text)| text.trim_end()).collect();
            if !texts.is_empty() {
                printer.data(texts.join("\n\n"))?;
            }
        }
        for (name, _) in &files {
            if let Some(path) = path(name) {
                printer.result(format!("{GOOD}wrote{GOOD:#} {path}"))?;
            }
        }
    }
    if imported.specs.is_empty() {
        let what = format!("nothing in {} can be made a service", input.shown.display());
        return Err(Failure::new(Exit::BadSpec, what).hint("the report tells why each of them is left"));
    }
    if !args.json
        && let (Some(folder), Some(_)) = (&args.output, imported.specs.first())
    {
        printer.note(format!(
            "look through the report and the specs, then `abide check {0}` and `abide apply {0}`",
            folder.display()
        ));
    }
    Ok(Exit::Ok)
}

/// The text of a spec file.
fn text(spec: &Spec, imported: &Imported, input: &Input) -> String {
    let file = input.name.as_deref().unwrap_or("standard input");
    // A name of a file may hold anything.
    let file: String = file.chars().filter(|c| !c.is_control()).collect();
    format!("# {}: made by `abide import {}` of {file}.\n{}", spec.name, imported.kind, spec.to_toml())
}
