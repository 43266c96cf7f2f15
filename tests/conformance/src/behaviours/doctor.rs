//! What `abide doctor` finds, and that it finds nothing where all is well.

use serde_json::Value;

use crate::behaviour::{Behaviour, Fault, Outcome, now};
use crate::context::Context;
use crate::ensure;

pub const LIST: &[Behaviour] = &[
    now(
        "doctor-of-the-well",
        "`doctor` finds nothing wrong with a service that runs as it should",
        &[],
        well,
    ),
    now(
        "doctor-of-the-failed",
        "`doctor` tells of a program that failed, how it ended and what it said",
        &[],
        failed,
    ),
];

/// The exit code, what was told, and the ids of what was found.
fn findings(c: &Context, name: &str) -> Result<(Option<i32>, Value, Vec<String>), Fault> {
    let output = c.abide(&["doctor", name, "--json"])?;
    let told: Value = serde_json::from_slice(&output.stdout).map_err(|error| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        Fault::Failed(format!("no JSON: {error}; {complaint}"))
    })?;
    let found = told["findings"].as_array().cloned().unwrap_or_default();
    let ids = found.iter().filter_map(|finding| Some(finding["id"].as_str()?.to_owned())).collect();
    Ok((output.code, told, ids))
}

fn well(c: &Context) -> Outcome {
    let port = c.port()?;
    let url = format!("http://127.0.0.1:{port}/healthz");
    let service = c.service(&["http", &port.to_string(), "graceful", "0"]).with(&format!(
        "[start]\nready = {{ http = \"{url}\" }}\n[[health]]\nhttp = \"{url}\"\ntimeout = \"20s\"\n[register]\nport = {port}"
    ));
    c.run(&service)?;
    let (code, told, ids) = findings(c, &service.name)?;
    ensure!(code == Some(0) && ids.is_empty(), "exit code {code:?}: {told:#}");
    Ok(())
}

fn failed(c: &Context) -> Outcome {
    let service = c
        .service(&["err", "ERROR listen tcp 0.0.0.0:80: bind: address already in use", "exit", "3"])
        .with("[restart]\nwhen = \"never\"");
    c.try_run(&service)?;
    c.wait_state(&service.name, "failed")?;
    let (code, told, ids) = findings(c, &service.name)?;
    ensure!(code == Some(1), "exit code {code:?}: {told:#}");
    for id in ["failed", "exit-code", "log-port-taken"] {
        ensure!(ids.iter().any(|one| one == id), "{id} is not found: {told:#}");
    }
    Ok(())
}
