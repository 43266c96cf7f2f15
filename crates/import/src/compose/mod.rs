//! Docker Compose: services that say what is run, and so could run on a host.

mod interpolate;
mod life;
mod run;
mod service;

use abide_spec::Spec;

use crate::Options;
use crate::draft;
use crate::error::Problem;
use crate::ledger::Ledger;
use crate::tree::view::View;
use crate::tree::{Data, Node, yaml};

pub(crate) fn read(ledger: &Ledger, options: &Options) -> Result<Vec<Spec>, Problem> {
    let root = yaml::parse(ledger.text())?;
    if !matches!(root.data, Data::Map(_)) {
        return Err(Problem::new(root.span.clone(), format!("this is {}, and no Compose file", root.kind())));
    }
    let view = View::open(ledger, None, "", &root);
    let Some(services) = view.get("services") else {
        return Err(Problem::new(0..0, "there is no `services:` in it"));
    };
    if !matches!(services.node.data, Data::Map(_)) {
        services.wrong("a map of services");
        return Ok(Vec::new());
    }
    for entry in view.entries() {
        match entry.key.text.as_str() {
            "services" => {}
            "version" => entry.field.left("it is about Compose itself"),
            "name" => entry.field.left("services have no project; each has its own name"),
            "volumes" | "networks" => {
                entry.field.left("a service uses the files and the network of its host")
            }
            "secrets" | "configs" => entry.field.left("put them into files that the account may read"),
            "include" => {
                entry.field.left("other files are not read: `abide import compose FILE` reads each of them")
            }
            key if key.starts_with("x-") => {
                entry.field.secret().left("it is used where an alias names it, and nowhere else")
            }
            _ => {}
        }
    }
    let names = taken_over(services.node);
    let mut specs = Vec::new();
    for entry in view.descend(services).entries() {
        if !matches!(entry.node.data, Data::Map(_)) {
            entry.wrong("a map of settings");
            continue;
        }
        specs.extend(one(ledger, entry.node, &entry.key.text, entry.field, &names, options));
    }
    Ok(specs)
}

/// Whether a service says what is run, and not only in which image it is found.
fn says_what_runs(node: &Node) -> bool {
    ["command", "entrypoint"].iter().any(|key| match node.get(key).map(|node| &node.data) {
        None | Some(Data::Null) => false,
        Some(Data::List(words)) => !words.is_empty(),
        Some(_) => true,
    })
}

/// The services that become specs, by their names in the file.
fn taken_over(services: &Node) -> Vec<String> {
    let Data::Map(entries) = &services.data else { return Vec::new() };
    entries.iter().filter(|(_, node)| says_what_runs(node)).map(|(key, _)| key.text.clone()).collect()
}

fn one(
    ledger: &Ledger,
    node: &Node,
    label: &str,
    header: crate::ledger::Field<'_>,
    names: &[String],
    options: &Options,
) -> Option<Spec> {
    let view = View::open(ledger, Some(label), &format!("services.{label}"), node);
    if !says_what_runs(node) {
        let image = node.get("image").and_then(Node::word).unwrap_or_else(|| "its image".into());
        let why = if node.get("build").is_some() && node.get("image").is_none() {
            "what runs is said by its Dockerfile only: write a spec with that command".to_owned()
        } else {
            format!("what runs is said by {image} only: a container engine runs it, or a package of the host")
        };
        header.left(why.as_str());
        for entry in view.entries() {
            let field = if entry.key.text == "environment" { entry.field.secret() } else { entry.field };
            field.left(why.as_str());
        }
        return None;
    }
    let name = draft::name_or(header, label, options.name.as_ref())?;
    let mut spec = Spec::minimal(name, Vec::new());
    run::command(&mut spec, &view)?;
    run::env(&mut spec, &view);
    run::place(&mut spec, &view);
    life::map(ledger, &mut spec, &view, names);
    service::map(&mut spec, &view);
    draft::jit(ledger, &mut spec);
    ledger.note(
        "the services leave their containers: programs, files and other services have to be there on the host, and \
         other services are found at 127.0.0.1 instead of by their names",
    );
    Some(spec)
}
