//! Tests of the launchd backend: golden property lists, read back by parsers that are not ours, and `launchctl` played by
//! a stand-in that keeps its jobs in files.

mod binary;
mod plists;
mod printed;
mod rendering;
#[cfg(unix)]
mod stand_in;

use std::path::Path;

use abide_spec::Spec;

use super::*;
use crate::manager::Target;
use crate::paths::within;

/// A spec from its program section's end on: keys of other sections in dotted form go first.
fn spec(more: &str) -> Spec {
    Spec::parse(&format!(
        "name = \"orders\"\n{more}\n[program]\ncommand = [\"/srv/orders/orders-server\", \"--port\", \"9000\"]\n"
    ))
    .unwrap()
}

fn context_in(spec: &Spec, layout: Layout) -> Context {
    Context {
        supervisor: within(&layout.lib, "abide-supervisor-0123456789ab"),
        layout,
        spec_text: spec.to_toml(),
        version: None,
        jit: false,
    }
}

fn context(spec: &Spec) -> Context {
    context_in(spec, Layout::macos())
}

fn user_context(spec: &Spec) -> Context {
    context_in(spec, Layout::user_of_macos(Path::new("/Users/ada")))
}

/// The property list that is rendered for a spec.
fn plist_of(spec: &Spec, context: &Context) -> String {
    let [artifact] = render(spec, context).try_into().unwrap();
    assert!(matches!(artifact.target, Target::File { .. }));
    artifact.content
}
