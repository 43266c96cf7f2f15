//! `abide schema`: the JSON Schema of specs.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Prints the schema that editors complete and check specs by.
pub fn run(printer: &Printer) -> Result<Exit, Failure> {
    printer.json(&abide_spec::schema())?;
    Ok(Exit::Ok)
}
