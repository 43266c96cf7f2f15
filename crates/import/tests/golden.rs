//! Real-looking inputs of each kind, with the specs and the report that are made of them kept beside them.
//! `UPDATE=1 cargo test -p abide-import --test golden` writes them anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};

use abide_import::{Kind, Options, Target, export, import};
use abide_spec::Spec;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The inputs in a folder: all files but those that hold what is expected of them.
fn inputs(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "golden"))
        .collect();
    files.sort();
    files
}

fn golden(input: &Path) -> PathBuf {
    PathBuf::from(format!("{}.golden", input.display()))
}

fn compare(golden: &Path, now: &str, wrong: &mut Vec<String>) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(golden, now).unwrap();
    }
    let kept = std::fs::read_to_string(golden).unwrap_or_default();
    if kept != now {
        wrong.push(format!("{} differs; now:\n{now}", golden.display()));
    }
}

fn imported(kind: Kind, file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let options = Options { file_name: Some(name.clone()), name: None };
    match import(Some(kind), &bytes, &options) {
        Ok(imported) => {
            let mut out = String::new();
            for spec in &imported.specs {
                let text = spec.to_toml();
                assert_eq!(Spec::parse(&text).as_ref(), Ok(spec), "{text}");
                out.push_str(&format!("== {}.toml\n{text}\n", spec.name));
            }
            out.push_str(&format!("== report\n{}", imported.report));
            out
        }
        Err(error) => format!("== error\n{}", error.render(Path::new(&name), false)),
    }
}

#[test]
fn every_input_gives_the_specs_and_the_report_that_are_kept() {
    let mut wrong = Vec::new();
    for kind in Kind::ALL {
        let inputs = inputs(&data().join(kind.as_str()));
        let mut failed = 0;
        for input in &inputs {
            let now = imported(kind, input);
            failed += usize::from(now.starts_with("== error"));
            let malformed = input.file_name().unwrap().to_string_lossy().contains("malformed");
            assert_eq!(now.starts_with("== error"), malformed, "{}: {now}", input.display());
            if malformed {
                assert!(now.contains(" --> ") && now.contains('^'), "no place in {now}");
            }
            compare(&golden(input), &now, &mut wrong);
        }
        assert!(failed >= 1, "no malformed {kind}");
        assert!(inputs.len() - failed >= 5, "only {} inputs of {kind}", inputs.len() - failed);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_kind_of_every_input_is_told_without_being_said() {
    for kind in Kind::ALL {
        for input in inputs(&data().join(kind.as_str())) {
            let malformed = input.file_name().unwrap().to_string_lossy().contains("malformed");
            let bytes = std::fs::read(&input).unwrap();
            let name = input.file_name().unwrap().to_string_lossy().into_owned();
            let options = Options { file_name: Some(name), name: None };
            match import(None, &bytes, &options) {
                Ok(imported) => assert_eq!(imported.kind, kind, "{}", input.display()),
                Err(error) => assert!(malformed, "{}: {error}", input.display()),
            }
        }
    }
}

#[test]
fn every_spec_is_written_as_the_other_tools_know_it() {
    let mut wrong = Vec::new();
    let inputs = inputs(&data().join("export"));
    assert!(inputs.len() >= 4);
    for input in inputs {
        let text = std::fs::read_to_string(&input).unwrap();
        for target in Target::ALL {
            let exported = export(target, &text).unwrap();
            let now = format!("== {}\n{}\n== report\n{}", exported.file_name, exported.text, exported.report);
            let golden = PathBuf::from(format!("{}.{target}.golden", input.display()));
            compare(&golden, &now, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
