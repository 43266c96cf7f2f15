//! `abide forward check`: the configuration, and the files it names.

use abide_forward::config::Config;
use abide_forward::sinks;
use serde::Serialize;

use super::{Scene, host};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{GOOD, Printer};

/// A configuration, for machines.
#[derive(Serialize)]
struct Checked {
    schema: &'static str,
    file: String,
    valid: bool,
    sinks: Vec<CheckedSink>,
    warnings: Vec<String>,
    errors: Vec<Mistake>,
}

#[derive(Serialize)]
struct CheckedSink {
    name: String,
    kind: String,
    url: Option<String>,
}

/// What is wrong with it.
#[derive(Serialize)]
struct Mistake {
    message: String,
    hint: Option<String>,
    path: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
}

/// Validates it.
pub fn run(scene: &Scene, json: bool, printer: &Printer) -> Result<Exit, Failure> {
    if json {
        return as_json(scene, printer);
    }
    let config = scene.config()?;
    for sink in &config.sinks {
        let url = sink.url.as_deref().unwrap_or("this machine's");
        printer.data(format!("{GOOD}ok{GOOD:#} {} ({} at {url})", sink.name, sink.kind))?;
    }
    // It may be meant for another machine, or another account may read what this one may not.
    for warning in openings(&config) {
        printer.warning(format!("{warning}; the sink is tried again until that is so"));
    }
    Ok(Exit::Ok)
}

/// What stands in the way of sinks here, before anything is connected to: files that they name.
fn openings(config: &Config) -> Vec<String> {
    let host = host(config);
    config.sinks.iter().filter_map(|sink| Some(sinks::open(sink, &host).err()?.to_string())).collect()
}

fn as_json(scene: &Scene, printer: &Printer) -> Result<Exit, Failure> {
    let bytes = std::fs::read(&scene.file).map_err(|error| scene.unreadable(&error))?;
    let (sinks, warnings, errors) = match Config::from_bytes(&bytes) {
        Ok(config) => {
            let sinks = config.sinks.iter().map(|sink| CheckedSink {
                name: sink.name.to_string(),
                kind: sink.kind.to_string(),
                url: sink.url.clone(),
            });
            (sinks.collect(), openings(&config), Vec::new())
        }
        Err(errors) => {
            let told = errors.iter().map(|error| Mistake {
                message: error.message.clone(),
                hint: error.hint.clone(),
                path: Some(error.path.clone()).filter(|path| !path.is_empty()),
                line: Some(error.line).filter(|line| *line > 0),
                column: Some(error.column).filter(|column| *column > 0),
            });
            (Vec::new(), Vec::new(), told.collect())
        }
    };
    let valid = errors.is_empty();
    let file = scene.shown().display().to_string();
    printer.json(&Checked { schema: "abide.forward-check/1", file, valid, sinks, warnings, errors })?;
    Ok(if valid { Exit::Ok } else { Exit::BadSpec })
}
