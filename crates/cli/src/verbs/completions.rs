//! `abide completions`: a completion script, which asks `abide` itself for the names of services.

use clap_complete::env::Shells;

use crate::args::{Completions, Shell};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// Prints the script that a shell is to load.
pub fn run(args: &Completions, printer: &Printer) -> Result<Exit, Failure> {
    let name = match args.shell {
        Shell::Bash => "bash",
        Shell::Elvish => "elvish",
        Shell::Fish => "fish",
        Shell::Powershell => "powershell",
        Shell::Zsh => "zsh",
    };
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(name) else {
        return Err(Failure::new(Exit::Failed, format!("there is no completion for {name}")));
    };
    let own = std::env::current_exe()
        .map_err(|error| Failure::io("this executable cannot be found", &error))?
        .display()
        .to_string();
    let mut script = Vec::new();
    shell
        .write_registration("COMPLETE", "abide", "abide", &own, &mut script)
        .map_err(|error| Failure::io("the script cannot be made", &error))?;
    printer.raw(&script)?;
    Ok(Exit::Ok)
}
