//! `abide help`: of everything, of one verb, or of the exit codes.

use crate::args::{self, Help};
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::printer::Printer;

/// The one topic that is no verb.
const EXIT_CODES: &str = "exit-codes";

/// Prints help.
pub fn run(wanted: &Help, printer: &Printer) -> Result<Exit, Failure> {
    let mut command = args::command();
    command.build();
    let Some(topic) = wanted.topic.as_deref() else {
        printer.data(command.render_help().ansi().to_string().trim_end())?;
        return Ok(Exit::Ok);
    };
    if topic == EXIT_CODES {
        printer.data(exit::table().trim_end())?;
        return Ok(Exit::Ok);
    }
    let Some(verb) = command.find_subcommand_mut(topic) else {
        return Err(Failure::new(Exit::Usage, format!("there is no help about `{topic}`"))
            .hint("`abide help` lists the verbs; `abide help exit-codes` is the other topic"));
    };
    printer.data(verb.render_help().ansi().to_string().trim_end())?;
    Ok(Exit::Ok)
}
