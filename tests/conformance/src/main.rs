//! One list of black-box behaviours of Abide, tried on every backend.
//!
//! Nothing of Abide is linked: what is tried is the executables, as a user has them.

mod backend;
mod behaviour;
mod behaviours;
mod context;
mod options;
mod report;
mod runner;
mod service;

use std::process::ExitCode;

use backend::{Backend, Container, Foreground, Manager, Scm};
use options::Options;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    let list = behaviours::all();
    if options.list {
        for behaviour in &list {
            println!("{:32} {}", behaviour.name, behaviour.says);
        }
        println!("{} behaviours", list.len());
        return ExitCode::SUCCESS;
    }
    if let Some(folder) = &options.table {
        return match report::Table::kept(folder, options::BACKENDS) {
            Ok(table) => {
                print!("{}", table.render(&list));
                ExitCode::SUCCESS
            }
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        };
    }
    let chosen: Vec<_> = list.iter().copied().filter(|behaviour| options.wants(behaviour.name)).collect();
    if chosen.is_empty() {
        eprintln!("no behaviour is named like that; --list tells the names");
        return ExitCode::from(2);
    }
    let mut table = report::Table::default();
    for name in &options.backends {
        eprintln!("── {name}");
        match make(name, &options) {
            Ok(backend) => table.column(
                backend.name(),
                if options.again {
                    runner::try_all_again(&*backend, &chosen, options.jobs)
                } else {
                    runner::try_all(&*backend, &chosen, options.jobs, options.keep_going)
                },
            ),
            Err(why) => {
                eprintln!("{name} could not be set up: {why}");
                table.missing(name, why);
            }
        }
    }
    // Where it is kept, the whole table is made of several runs and printed at their end.
    print!("{}", if options.results.is_some() { table.sums(&chosen) } else { table.render(&chosen) });
    if let Some(folder) = &options.results
        && let Err(why) = table.keep(folder)
    {
        eprintln!("{why}");
        return ExitCode::FAILURE;
    }
    if table.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn make(name: &str, options: &Options) -> Result<Box<dyn Backend>, String> {
    Ok(match name {
        "foreground" => Box::new(Foreground::new(options.programs.clone())?),
        "scm" => Box::new(Scm::new(&options.root, &options.windows_programs)?),
        other => match Manager::named(other) {
            Some(manager) => Box::new(Container::new(&options.root, manager, &options.programs)?),
            None => return Err(format!("no backend is named {other:?}; there are {}", options::BACKENDS)),
        },
    })
}
