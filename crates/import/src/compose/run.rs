//! What a service of Compose runs, where, and with which environment.

use abide_spec::Spec;

use super::interpolate;
use crate::draft;
use crate::error::Problem;
use crate::tree::Data;
use crate::tree::view::{Entry, View};
use crate::variables::{self, Word};
use crate::words::shell;

pub(super) fn command(spec: &mut Spec, view: &View<'_, '_>) -> Option<()> {
    let mut words: Vec<Word> = Vec::new();
    let mut told: Option<String> = None;
    let parts: Vec<Entry<'_, '_>> =
        ["entrypoint", "command"].iter().filter_map(|key| view.get(key)).collect();
    for entry in &parts {
        if matches!(entry.node.data, Data::Null) {
            entry.field.left("it has no value");
            continue;
        }
        let texts = match &entry.node.data {
            Data::List(_) => entry.words()?,
            _ => {
                let line = entry.word()?;
                match shell::split(&line) {
                    Ok(words) => words,
                    Err(error) => {
                        let problem = Problem::new(entry.node.span.clone(), error.message);
                        entry.field.ledger().problem(problem);
                        return None;
                    }
                }
            }
        };
        for text in texts {
            let value = interpolate::read(&text);
            told = told.or(value.told);
            words.push(value.word);
        }
    }
    let (command, needed) = variables::command(&words);
    if command.is_empty() {
        if let Some(entry) = parts.first() {
            entry.field.bad("this command is empty", None);
        }
        return None;
    }
    spec.program.command = command;
    if !needed.is_empty() {
        told = Some(variables::told(&needed));
    }
    for entry in parts.iter().filter(|entry| !matches!(entry.node.data, Data::Null)) {
        match &told {
            Some(told) => entry.field.changed("program.command", told.as_str()),
            None => entry.field.carried("program.command"),
        }
    }
    for key in ["image", "build"] {
        if let Some(entry) = view.get(key) {
            entry.field.left("the program has to be there on the host");
        }
    }
    Some(())
}

pub(super) fn env(spec: &mut Spec, view: &View<'_, '_>) {
    if let Some(entry) = view.get("environment") {
        match &entry.node.data {
            Data::Map(_) => {
                for variable in view.descend(entry).entries() {
                    let field = variable.field.secret();
                    match &variable.node.data {
                        Data::Null => {
                            field.carried_with("program.inherit-env", "it is inherited if it is set")
                        }
                        _ => {
                            if let Some(text) = variable.word() {
                                let value = interpolate::read(&text);
                                draft::env(spec, field, &variable.key.text, value.env(), value.told);
                            }
                        }
                    }
                }
            }
            Data::List(entries) => {
                entry.field.group();
                for node in entries {
                    let Some(text) = node.word() else {
                        let message =
                            format!("an entry of `environment` must be a text, not {}", node.kind());
                        entry.field.ledger().problem(Problem::new(node.span.clone(), message));
                        continue;
                    };
                    let (key, value) =
                        text.split_once('=').map_or((text.as_str(), None), |(k, v)| (k, Some(v)));
                    let path = format!("services.{}.environment.{key}", spec.name);
                    let field = entry
                        .field
                        .ledger()
                        .enter(Some(spec.name.as_str()), path, "", node.span.clone())
                        .secret();
                    match value {
                        Some(value) => {
                            let value = interpolate::read(value);
                            draft::env(spec, field, key, value.env(), value.told);
                        }
                        None => field.carried_with("program.inherit-env", "it is inherited if it is set"),
                    }
                }
            }
            Data::Null => entry.field.left("it has no value"),
            _ => entry.wrong("a map or a list"),
        }
    }
    if let Some(entry) = view.get("env_file") {
        env_file(spec, &entry);
    }
}

fn env_file(spec: &mut Spec, entry: &Entry<'_, '_>) {
    let files: Vec<String> = match &entry.node.data {
        Data::List(entries) => entries
            .iter()
            .filter_map(|node| node.word().or_else(|| node.get("path").and_then(crate::tree::Node::word)))
            .collect(),
        _ => entry.word().into_iter().collect(),
    };
    let Some(first) = files.first() else { return };
    let path = match interpolate::read(first).text() {
        Ok(path) if !path.is_empty() => path,
        Ok(_) => return,
        Err(why) => {
            entry.field.left(why);
            return;
        }
    };
    let relative = !path.starts_with('/');
    spec.program.env_file = Some(path.strip_prefix("./").unwrap_or(&path).into());
    if files.len() > 1 {
        entry.field.changed(
            "program.env-file",
            "a spec has one: put what the others say into it, or into program.env",
        );
    } else if matches!(&entry.node.data, Data::List(entries) if entries.iter().any(|node| node.word().is_none()))
    {
        entry.field.changed("program.env-file", "it has to be there, and is read by the rules of a spec");
    } else if relative {
        entry.field.changed("program.env-file", "a service needs it from the root of the file system");
    } else {
        entry.field.carried("program.env-file");
    }
}

pub(super) fn place(spec: &mut Spec, view: &View<'_, '_>) {
    let Some(entry) = view.get("working_dir") else { return };
    let Some(text) = entry.word() else { return };
    match interpolate::read(&text).text() {
        Ok(path) => {
            spec.program.working_dir = draft::path(entry.field, &path, "program.working-dir");
            if spec.program.working_dir.is_some() {
                entry.field.changed(
                    "program.working-dir",
                    "it was a folder of the image, and has to be there on the host",
                );
            }
        }
        Err(why) => entry.field.left(why),
    }
}
