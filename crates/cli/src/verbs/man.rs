//! `abide man`: the manual pages, made from the command line's own types.

use crate::args::{self, Man};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Writes `abide.1` and a page for each verb.
pub fn run(args: &Man, printer: &Printer) -> Result<Exit, Failure> {
    let refuse =
        |error| Failure::io(format!("the pages cannot be written to {}", args.dir.display()), &error);
    std::fs::create_dir_all(&args.dir).map_err(refuse)?;
    clap_mangen::generate_to(args::command(), &args.dir).map_err(refuse)?;
    printer.note(format!("the pages are in {}", args.dir.display()));
    Ok(Exit::Ok)
}
