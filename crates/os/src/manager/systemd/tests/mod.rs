//! Tests of the systemd backend: rendering against an independent reading of systemd's grammar and against
//! `systemd-analyze` where it is installed, and installing against a stand-in for `systemctl` that keeps its state in
//! files.

mod direct;
mod escaping;
mod grammar;
mod hardening;
mod install;
mod machine;
mod rendering;
#[cfg(unix)]
mod stand_in;
#[cfg(unix)]
mod user;

use std::path::PathBuf;

use abide_spec::Spec;

use crate::manager::{Context, Target};
use crate::paths::Layout;

/// A spec from its program section's end on: keys of other sections in dotted form go first.
pub(super) fn spec(more: &str) -> Spec {
    Spec::parse(&format!("name = \"orders\"\n{more}\n[program]\ncommand = [\"/bin/sleep\", \"60\"]\n"))
        .unwrap()
}

pub(super) fn context(spec: &Spec) -> Context {
    let layout = Layout::unix();
    Context {
        supervisor: crate::paths::within(&layout.lib, "abide-supervisor-0123456789ab"),
        layout,
        spec_text: spec.to_toml(),
        version: None,
        jit: false,
    }
}

/// The unit that is rendered for a spec.
pub(super) fn unit_of(spec: &Spec, context: &Context) -> String {
    let units = super::render(spec, context);
    let wanted = PathBuf::from("/etc/systemd/system").join(format!("{}.service", spec.name));
    units
        .into_iter()
        .find(|artifact| matches!(&artifact.target, Target::File { path, .. } if *path == wanted))
        .unwrap()
        .content
}
