//! No input panics; what is written as another tool's configuration is read back as the same service.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::PathBuf;

use abide_import::{Exported, Fate, Kind, Options, Target, export, import};
use abide_spec::{Name, Profile, RunAs, Spec, expand, testing};
use proptest::prelude::*;

/// Pieces of what the tools write, so that chance gets further than the first line.
const PIECES: &[&str] = &[
    "\n",
    "\r\n",
    " ",
    "\t",
    "=",
    ":",
    ",",
    ";",
    "#",
    "'",
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "<",
    ">",
    "/",
    "-",
    "$",
    "%",
    "`",
    "%(",
    ")s",
    "${",
    "}}",
    "^",
    "&",
    "*",
    "é",
    "日",
    "\u{0}",
    "\u{feff}",
    "Windows Registry Editor Version 5.00",
    "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\x\\Parameters]",
    "\"Application\"=",
    "hex(2):",
    "hex(7):",
    "dword:0000000",
    "41,00,",
    "nssm install x C:\\x.exe",
    "nssm set x AppExit Default ",
    "<service>",
    "</service>",
    "<id>x</id>",
    "<executable>x</executable>",
    "<env name=\"a\" value=\"",
    "<onfailure action=\"restart\" delay=\"",
    "shawl run --name x ",
    "--restart-delay",
    " -- x",
    "BINARY_PATH_NAME   : ",
    "[program:x]",
    "command=",
    "environment=",
    "numprocs=",
    "process_name=",
    "module.exports = {",
    "apps: [{",
    "script: 'a.js'",
    "name: \"x\"",
    "() => {",
    "...",
    "web: ",
    "[Service]",
    "ExecStart=",
    "Environment=",
    "RestartSec=",
    "SystemCallFilter=",
    "ExecReload=/bin/kill -HUP $MAINPID",
    "services:\n  x:\n    ",
    "command: ",
    "&a ",
    "*a",
    "<<: ",
    "depends_on: ",
    "healthcheck:\n      test: ",
    "|\n",
    "- ",
    "1e400",
    "99999999999999999999",
    "-1",
    "true",
    "null",
    "%i",
    "%n",
    "\\x4",
    "\\u00",
    "0x",
    "infinity",
    "5min",
    "\\\n",
];

fn source() -> impl Strategy<Value = String> {
    let piece = prop_oneof![6 => prop::sample::select(PIECES).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn reads(bytes: &[u8]) {
    let options = Options { file_name: Some("x.service".into()), name: None };
    for kind in Kind::ALL.map(Some).into_iter().chain([None]) {
        match import(kind, bytes, &options) {
            Ok(imported) => {
                for spec in &imported.specs {
                    assert_eq!(Spec::parse(&spec.to_toml()).as_ref(), Ok(spec));
                }
                assert!(
                    imported
                        .report
                        .fields
                        .iter()
                        .all(|field| field.fate != Fate::Left || field.why.is_some())
                );
            }
            Err(error) => {
                assert!(!error.errors.0.is_empty());
                assert!(!error.render("x".as_ref(), false).contains('\x1b'));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        reads(&bytes);
    }

    #[test]
    fn no_text_panics(text in source()) {
        reads(text.as_bytes());
        let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        reads(&utf16);
        for target in Target::ALL {
            let _ = export(target, &text);
        }
    }

}

proptest! {
    // Reading a large spec is slow without optimisation.
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_spec_can_be_written_and_everything_in_it_is_told(spec in testing::any_spec()) {
        for target in Target::ALL {
            let exported = export(target, &spec.to_toml()).unwrap();
            let told = |path: &str| exported.report.fields.iter().any(|field| field.field.starts_with(path));
            prop_assert!(told("name") && told("program.command"));
            for field in &exported.report.fields {
                prop_assert!(field.fate != Fate::Left || field.why.is_some(), "{:?}", field);
            }
        }
    }
}

/// A word as a program may be given.
fn word() -> impl Strategy<Value = String> {
    let awkward =
        prop::sample::select("\\\"' %^&|<>!\t\n$`;#()*?~{}=,:-+@éß日ab1".chars().collect::<Vec<_>>());
    let c = prop_oneof![8 => awkward, 1 => any::<char>().prop_filter("control", |c| !c.is_control())];
    prop::collection::vec(c, 0..12).prop_map(|chars| chars.into_iter().collect())
}

/// A service with awkward arguments, environment and folder.
fn service(program: &'static str, folder: &'static str) -> impl Strategy<Value = Spec> {
    let arguments = prop::collection::vec(word(), 0..5);
    let env = prop::collection::btree_map("[A-Z_][A-Z0-9_]{0,8}", word(), 0..4);
    let place = "[a-zA-Z0-9 %&'()é日-]{0,10}[a-z]";
    (testing::any_name(), arguments, env, place).prop_map(move |(name, arguments, env, place)| {
        let command = std::iter::once(program.to_owned()).chain(arguments).collect();
        let mut spec = Spec::minimal(name, command);
        spec.program.working_dir = Some(PathBuf::from(format!("{folder}{place}")));
        spec.program.env = env.into_iter().map(|(key, value)| (key, expand::escape(&value))).collect();
        spec.program.env.remove("NOTIFY_SOCKET");
        spec.program.env.remove("ABIDE_INSTANCE");
        spec.account.run_as = RunAs::System;
        spec.security.profile = Profile::None;
        spec
    })
}

fn back(kind: Kind, exported: &Exported, name: &Name) -> Spec {
    let options = Options { file_name: Some(exported.file_name.clone()), name: Some(name.clone()) };
    let imported = import(Some(kind), exported.text.as_bytes(), &options)
        .unwrap_or_else(|error| panic!("{}\n{}", error.render("x".as_ref(), false), exported.text));
    assert_eq!(imported.specs.len(), 1, "{}", exported.text);
    imported.specs.into_iter().next().unwrap()
}

fn program_of(spec: &Spec) -> impl PartialEq + std::fmt::Debug {
    let program = &spec.program;
    (spec.name.clone(), program.command.clone(), program.env.clone(), program.working_dir.clone())
}

/// Whether the report says that all of the program went over as it is.
fn is_whole(exported: &Exported) -> bool {
    let about = |field: &str| {
        field.starts_with("program.command")
            || field.starts_with("program.env")
            || field.starts_with("program.working-dir")
    };
    exported.report.fields.iter().filter(|field| about(&field.field)).all(|field| field.fate == Fate::Carried)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_unit_is_read_back(spec in service("/srv/a b/server", "/srv/")) {
        let exported = export(Target::Systemd, &spec.to_toml()).unwrap();
        prop_assert!(is_whole(&exported), "{}", exported.report);
        let read = back(Kind::Systemd, &exported, &spec.name);
        prop_assert_eq!(program_of(&read), program_of(&spec), "{}", exported.text);
    }

    #[test]
    fn the_xml_of_winsw_is_read_back(spec in service(r"C:\Program Files\a & b\server.exe", r"C:\srv\")) {
        let exported = export(Target::Winsw, &spec.to_toml()).unwrap();
        // What WinSW would expand is told, and need not come back as it was.
        if is_whole(&exported) {
            let read = back(Kind::Winsw, &exported, &spec.name);
            prop_assert_eq!(program_of(&read), program_of(&spec), "{}", exported.text);
        }
    }

    #[test]
    fn the_commands_of_nssm_are_read_back(spec in service(r"C:\Program Files\a & b\server.exe", r"C:\srv\")) {
        let exported = export(Target::Nssm, &spec.to_toml()).unwrap();
        if is_whole(&exported) {
            let read = back(Kind::Nssm, &exported, &spec.name);
            prop_assert_eq!(program_of(&read), program_of(&spec), "{}", exported.text);
        }
    }
}
