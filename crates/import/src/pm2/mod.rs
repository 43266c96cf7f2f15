//! PM2: ecosystem files as JSON, YAML, or JavaScript that holds one plain object.

mod app;
mod run;

use abide_spec::Spec;

use crate::Options;
use crate::error::Problem;
use crate::ledger::Ledger;
use crate::tree::view::View;
use crate::tree::{Data, Node, js, yaml};

pub(crate) fn read(ledger: &Ledger, options: &Options) -> Result<Vec<Spec>, Problem> {
    let root = parse(ledger, options)?;
    let apps: Vec<&Node> = match &root.data {
        Data::List(apps) => apps.iter().collect(),
        Data::Map(_) if root.get("apps").is_some() => {
            let view = View::open(ledger, None, "", &root);
            let mut apps = Vec::new();
            for entry in view.entries() {
                match (entry.key.text.as_str(), &entry.node.data) {
                    ("apps", Data::List(list)) => {
                        entry.field.group();
                        apps = list.iter().collect();
                    }
                    ("apps", Data::Map(_)) => {
                        entry.field.group();
                        apps = vec![entry.node];
                    }
                    ("apps", _) => {
                        return Err(Problem::new(
                            entry.node.span.clone(),
                            format!("`apps` must be a list of applications, not {}", entry.node.kind()),
                        ));
                    }
                    ("deploy", _) => {
                        entry.field.left("it is how PM2 puts files onto machines; Abide runs what is there")
                    }
                    _ => {}
                }
            }
            apps
        }
        Data::Map(_) => vec![&root],
        _ => {
            return Err(Problem::new(
                root.span.clone(),
                format!("this is {}, and no ecosystem file", root.kind()),
            )
            .hint("it holds { apps: [ { name, script, … } ] }"));
        }
    };
    if apps.is_empty() {
        return Err(Problem::new(root.span.clone(), "there is no application in it"));
    }
    let mut specs = Vec::new();
    for (index, node) in apps.iter().enumerate() {
        if !matches!(node.data, Data::Map(_)) {
            return Err(Problem::new(
                node.span.clone(),
                format!("an application must be a map, not {}", node.kind()),
            ));
        }
        specs.extend(app::specs(ledger, node, index, options));
        if specs.len() > crate::MAX_SERVICES {
            return Err(Problem::new(node.span.clone(), "too many services for one file"));
        }
    }
    Ok(specs)
}

fn parse(ledger: &Ledger, options: &Options) -> Result<Node, Problem> {
    let text = ledger.text();
    let name = options.file_name.as_deref().unwrap_or_default().to_ascii_lowercase();
    let yaml_name = name.ends_with(".yml") || name.ends_with(".yaml");
    let yaml_text = text.lines().any(|line| line.trim_end() == "apps:");
    if yaml_name || yaml_text {
        return yaml::parse(text);
    }
    let file = js::parse(text)?;
    for span in file.statements {
        let code = &text[span.clone()];
        if !code.trim().trim_end_matches(';').is_empty() {
            let code = code.trim().to_owned();
            ledger
                .enter(None, "(statement)", &code, span)
                .left("the file is read, not run; what it computes is left wherever it is used");
        }
    }
    Ok(file.value)
}
