//! Tests of the runit backend: rendering against golden files and the real `sh`, and everything else against a real
//! `runsvdir` where one is installed.

#[cfg(unix)]
mod live;
mod rendering;
#[cfg(unix)]
mod shell;

use abide_spec::Spec;

use crate::manager::{Artifact, Context, Target};
use crate::paths::Layout;

/// A spec: keys of other sections in dotted form go first, those of the program last.
pub(crate) fn spec(more: &str, program: &str) -> Spec {
    Spec::parse(&format!(
        "name = \"orders\"\n{more}\n[program]\ncommand = [\"/srv/orders/server\", \"--port\", \"9000\"]\n{program}\n"
    ))
    .unwrap()
}

pub(crate) fn context(spec: &Spec, layout: Layout) -> Context {
    Context {
        supervisor: crate::paths::within(&layout.lib, "abide-supervisor-0123456789ab"),
        layout,
        spec_text: spec.to_toml(),
        version: None,
        jit: false,
    }
}

/// The text of one file among the artifacts.
pub(crate) fn file(artifacts: &[Artifact], name: &str) -> Option<String> {
    let of = |artifact: &&Artifact| match &artifact.target {
        Target::File { path, .. } => path.to_string_lossy().ends_with(&format!("/{name}")),
        Target::Entry(_) => false,
    };
    artifacts.iter().find(of).map(|artifact| artifact.content.clone())
}

/// Puts the artifacts where they go.
#[cfg(unix)]
pub(crate) fn put(artifacts: &[Artifact]) {
    for artifact in artifacts {
        let Target::File { path, access } = &artifact.target else { continue };
        crate::fs::public_dir(path.parent().unwrap()).unwrap();
        crate::fs::replace(path, artifact.content.as_bytes(), *access).unwrap();
    }
}

/// The settings that a program without a supervisor is rendered with in golden files.
pub(crate) const DIRECT: (&str, &str) = (
    r#"
start.after = ["postgres", "redis@1"]
account = { run-as = "web", groups = ["adm", "video"] }
restart = { when = "on-failure", codes = { never = [64], always = [0] }, signals = { never = ["INT"] }, give-up = { after = 3, within = "1m" } }
stop.steps = [{ signal = "QUIT", wait = "5s" }]
limits = { open-files = 4096, processes = 64 }
"#,
    "supervised = false\nworking-dir = \"/srv/it's here\"\nenv = { GREETING = \"it's $$5\\n100%\", PATH = \"/srv/bin\" }",
);
