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
    let mut wrong = openings(&config);
    for sink in &config.sinks {
        let url = sink.url.as_deref().unwrap_or("this machine's");
        if !wrong.iter().any(|(name, _)| *name == sink.name.as_str()) {
            printer.data(format!("{GOOD}ok{GOOD:#} {} ({} at {url})", sink.name, sink.kind))?;
        }
    }
    match wrong.pop() {
        None => Ok(Exit::Ok),
        Some((_, last)) => {
            for (_, text) in wrong {
                printer.failure(&Failure::new(Exit::BadSpec, text));
            }
            Err(Failure::new(Exit::BadSpec, last))
        }
    }
}

/// What stands in the way of sinks before anything is connected to.
fn openings(config: &Config) -> Vec<(&str, String)> {
    let host = host(config);
    let tried = config.sinks.iter().map(|sink| (sink.name.as_str(), sinks::open(sink, &host).err()));
    tried.filter_map(|(name, error)| Some((name, error?.to_string()))).collect()
}

fn as_json(scene: &Scene, printer: &Printer) -> Result<Exit, Failure> {
    let bytes = std::fs::read(&scene.file).map_err(|error| scene.unreadable(&error))?;
    let (sinks, errors) = match Config::from_bytes(&bytes) {
        Ok(config) => {
            let sinks = config.sinks.iter().map(|sink| CheckedSink {
                name: sink.name.to_string(),
                kind: sink.kind.to_string(),
                url: sink.url.clone(),
            });
            let errors = openings(&config).into_iter().map(|(_, message)| Mistake {
                message,
                hint: None,
                path: None,
                line: None,
                column: None,
            });
            (sinks.collect(), errors.collect())
        }
        Err(errors) => {
            let told = errors.iter().map(|error| Mistake {
                message: error.message.clone(),
                hint: error.hint.clone(),
                path: Some(error.path.clone()).filter(|path| !path.is_empty()),
                line: Some(error.line).filter(|line| *line > 0),
                column: Some(error.column).filter(|column| *column > 0),
            });
            (Vec::new(), told.collect::<Vec<_>>())
        }
    };
    let valid = errors.is_empty();
    let file = scene.shown().display().to_string();
    printer.json(&Checked { schema: "abide.forward-check/1", file, valid, sinks, errors })?;
    Ok(if valid { Exit::Ok } else { Exit::BadSpec })
}
