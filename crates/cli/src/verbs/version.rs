//! `abide version`: what this executable was built from.

use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;

use crate::args::Json;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// What this executable was built from.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Version {
    schema: &'static str,
    version: &'static str,
    commit: &'static str,
    built: String,
    target: &'static str,
}

/// What this executable was built from.
pub fn version() -> Version {
    let seconds = env!("ABIDE_BUILD_TIME").parse().unwrap_or(0);
    Version {
        schema: "abide.version/1",
        version: env!("CARGO_PKG_VERSION"),
        commit: env!("ABIDE_COMMIT"),
        built: abide_supervisor::timestamp::rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)),
        target: env!("ABIDE_TARGET"),
    }
}

/// Prints version, commit, build time and target.
pub fn run(args: &Json, printer: &Printer) -> Result<Exit, Failure> {
    let version = version();
    if args.json {
        printer.json(&version)?;
    } else {
        let Version { version, commit, built, target, .. } = version;
        printer.data(format!("abide {version} (commit {commit}, built {built}, {target})"))?;
    }
    Ok(Exit::Ok)
}
