//! `abide top`: services live in the terminal.
//!
//! A thread looks at services when their files change, another reads keys, and each act has one; all of them tell the
//! [`model`] by way of [`news`], and [`view`] draws it.

mod keys;
mod look;
mod model;
mod news;
mod past;
mod reading;
mod run;
mod usage;
mod view;

use crate::args::{Common, Top};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{self, Printer};
use model::Model;

/// Shows services live until the user leaves.
pub fn run(args: &Top, common: &Common, _printer: &Printer) -> Result<Exit, Failure> {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let none = match (printer::output_is_terminal(), dumb) {
        (false, _) => Some("standard output is no terminal, and a live view needs one"),
        (true, true) => Some("this terminal cannot move its cursor (TERM=dumb), and a live view needs that"),
        (true, false) => None,
    };
    if let Some(why) = none {
        return Err(Failure::new(Exit::Usage, why).hint("`abide status` tells what services do"));
    }
    run::run(Model::new(args.filter.clone().unwrap_or_default()), common.whose())?;
    Ok(Exit::Ok)
}
