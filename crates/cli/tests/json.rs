//! The JSON forms: each has its schema tag, its shape is the one kept in `golden/json.txt`, and every key of it
//! is explained in `docs/json.md`. `ABIDE_BLESS=1` writes the golden file anew.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use abide_agent::audit::Entry;
use serde_json::Value;
use support::{Folder, Running};

/// Every path in a value, with the kind of what is there: `logs.lost-bytes: number`.
fn shape(value: &Value, path: &str, lines: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(entries) => {
            entries.iter().for_each(|entry| shape(entry, &format!("{path}[]"), lines));
            return;
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                shape(field, &format!("{path}{dot}{key}"), lines);
            }
            return;
        }
    };
    lines.insert(format!("{path}: {kind}"));
}

fn lines(text: &str) -> Value {
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect()
}

/// What every verb with `--json` prints, by the schema tag it must carry.
fn forms() -> Vec<(&'static str, Value)> {
    let folder = Folder::new();
    folder.shell(
        "web",
        "echo out; echo err >&2; sleep 60",
        "description = \"Web\"\n[start]\nready = { log = \"out\" }",
    );
    let bad = Folder::new();
    bad.write("bad.toml", "nam = 1\n");
    bad.write("lost.toml", "name = \"lost\"\nstart.mode = \"delayed\"\n[program]\ncommand = [\"/bin/sh\"]\n");
    bad.write("supervisord.conf", "[program:web]\ncommand=/bin/sh\npriority=1\n[include]\nfiles=x\n");
    bad.write("good.toml", "name = \"good\"\n[program]\ncommand = [\"/bin/sh\"]\n");
    let up = folder.up(&["-q"]);
    folder.wait_ready("web");
    let json = |words: &[&str]| folder.abide(words).json();
    let mut forms = vec![
        ("abide.version/1", json(&["version", "--json"])),
        ("abide.backend/1", json(&["backends", "--json"])),
        ("abide.check/1", bad.abide(&["check", "--json", "--backend", "systemd", "."]).json()),
        ("abide.plan/1", json(&["plan", "--json", "--backend", "systemd", "web.toml"])),
        ("abide.import/1", bad.abide(&["import", "--json", "supervisord.conf", "-o", "made"]).json()),
        ("abide.import/1", bad.abide(&["import", "--json", "supervisord.conf"]).json()),
        ("abide.export/1", bad.abide(&["export", "--json", "winsw", "good.toml"]).json()),
        ("abide.status/1", json(&["status", "--json"])),
        ("abide.status/1", json(&["status", "web", "--json"])),
        ("abide.log/1", lines(&folder.abide(&["logs", "web", "--json"]).ended(0).stdout)),
    ];
    let mut agent = folder.command(&["agent", "run", "--dir", "."]);
    let agent = Running::of(agent.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let status = folder.wait_for(&["agent", "status", "--json", "--dir", "."], |said| said.code == Some(0));
    forms.push(("abide.agent/1", status.json()));
    agent.signal("TERM");
    agent.ended().ended(0);
    json(&["agent", "token", "list", "--json", "--dir", "."]);
    folder.abide(&["agent", "token", "create", "ci", "--expires", "1d", "--dir", "."]).ended(0);
    folder.abide(&["agent", "token", "create", "ever", "--dir", "."]).ended(0);
    forms.push(("abide.agent-token/1", json(&["agent", "token", "list", "--json", "--dir", "."])));
    let entry = Entry::new(std::time::SystemTime::now(), "ci", "local", "POST /v1", 200, "done");
    let audit = abide_agent::audit::Audit::open(&folder.path().join(".abide/state/.agent/audit.ndjson"));
    audit.unwrap().add(&entry).unwrap();
    let audit = folder.abide(&["agent", "audit", "--json", "--dir", "."]).ended(0);
    forms.push(("abide.audit/1", lines(&audit.stdout)));
    up.signal("INT");
    up.ended().ended(0);
    forms.push(("abide.status/1", folder.abide(&["status", "web", "--json"]).ended(3).json()));
    forms.push(("abide.doctor/1", json(&["doctor", "web", "--json", "--bundle", "web.tar.gz"])));
    forms.push(("abide.doctor/1", json(&["doctor", "--json"])));
    let events = lines(&folder.abide(&["events", "web", "--json"]).ended(0).stdout);
    // What a record holds depends on what happened; docs/lifecycle.md tells.
    let events = events.as_array().unwrap().iter().map(|event| {
        let mut event = event.clone();
        event["record"] = serde_json::json!({ "kind": event["record"]["kind"] });
        event
    });
    forms.push(("abide.event/1", events.collect()));
    forms
}

#[test]
fn every_form_has_its_tag_its_shape_and_its_words() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let words = std::fs::read_to_string(manifest.join("../../docs/json.md")).unwrap();
    let mut shapes = BTreeSet::new();
    for (schema, form) in forms() {
        let one = std::slice::from_ref(&form);
        for value in form.as_array().map_or(one, Vec::as_slice) {
            assert_eq!(value["schema"], schema, "{value}");
            let mut paths = BTreeSet::new();
            shape(value, "", &mut paths);
            shapes.extend(paths.iter().map(|path| format!("{schema} {path}")));
        }
        let section = words
            .split(&format!(": `{schema}`\n"))
            .nth(1)
            .unwrap_or_else(|| panic!("{schema} is not explained"));
        let section = section.split("\n## ").next().unwrap();
        for path in shapes.iter().filter_map(|line| line.strip_prefix(schema)?.strip_prefix(' ')) {
            let key = path.rsplit_once(':').unwrap().0.rsplit('.').next().unwrap().trim_end_matches("[]");
            assert!(section.contains(&format!("`{key}`")), "`{key}` of {schema} is not explained");
        }
    }
    let text = shapes.into_iter().collect::<Vec<_>>().join("\n") + "\n";
    let golden = manifest.join("tests/golden/json.txt");
    if std::env::var_os("ABIDE_BLESS").is_some() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&golden).unwrap_or_default();
    let (kept, now): (BTreeSet<_>, BTreeSet<_>) = (kept.lines().collect(), text.lines().collect());
    // Whether something happens to be unknown depends on the machine; a key or a kind does not.
    let path = |line: &&str| line.rsplit_once(':').map(|(path, _)| path.to_owned());
    let paths = |lines: &BTreeSet<&str>| lines.iter().filter_map(path).collect::<BTreeSet<_>>();
    let gone: Vec<String> = paths(&kept).difference(&paths(&now)).cloned().collect();
    let new: Vec<&&str> = now
        .difference(&kept)
        .filter(|line| !line.ends_with(": null") || !paths(&kept).contains(&path(line).unwrap()))
        .collect();
    assert!(gone.is_empty() && new.is_empty(), "gone: {gone:#?}\nnew: {new:#?}");
}
