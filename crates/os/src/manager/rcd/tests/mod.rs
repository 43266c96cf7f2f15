//! Tests of the rc.d backend: golden scripts, checked by the system's own shell, and run by it with stand-ins for
//! /etc/rc.subr, daemon(8) and the rest of FreeBSD.

#[cfg(unix)]
mod machine;
#[cfg(unix)]
mod quoting;
mod rendering;

use abide_spec::Spec;

use super::*;
use crate::paths::within;

/// A spec from its program section's end on: keys of other sections in dotted form go first.
fn spec(more: &str) -> Spec {
    Spec::parse(&format!(
        "name = \"orders\"\n{more}\n[program]\ncommand = [\"/srv/orders/orders-server\", \"--port\", \"9000\"]\n"
    ))
    .unwrap()
}

/// The same for a program that is started directly.
fn direct(more: &str) -> Spec {
    let mut spec = spec(more);
    spec.program.supervised = false;
    spec
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
    context_in(spec, Layout::freebsd())
}

/// The script that is rendered for a spec.
fn script_of(spec: &Spec, context: &Context) -> String {
    render(spec, context).swap_remove(0).content
}
