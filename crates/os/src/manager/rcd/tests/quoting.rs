//! What a program is started with, through the system's own shell.

use std::fs;
use std::process::Command;

use proptest::prelude::*;

use super::machine::Machine;
use super::*;

/// Writes down what it was started with, between NULs: arguments, a variable, and the folder it runs in.
const PROGRAM: &str = "#!/bin/sh
{ printf '%s\\0' \"$#\" \"$@\" \"$VALUE\"; pwd -P; printf x; } >\"$REPORT\"
";

fn awkward() -> impl Strategy<Value = char> {
    let awkward = "'\"\\\\'$`%!#&|;<>(){}[]*?~=^ \t\r\n\u{1}\u{1b}\u{7f}abé漢😀-";
    prop::sample::select(awkward.chars().collect::<Vec<_>>())
}

fn text() -> impl Strategy<Value = String> {
    let any = any::<char>().prop_filter("no NUL", |c| *c != '\0');
    prop::collection::vec(prop_oneof![4 => awkward(), 1 => any], 0..16)
        .prop_map(|chars| chars.into_iter().collect())
}

/// The name of a file or folder. Not of any character there is: some file systems know which are none yet.
fn file_name() -> impl Strategy<Value = String> {
    let any = prop::collection::vec(awkward(), 0..12).prop_map(|chars| chars.into_iter().collect::<String>());
    any.prop_map(|name| format!("n{}", name.replace('/', "_")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn arguments_variables_and_paths_arrive_byte_for_byte(
        arguments in prop::collection::vec(text(), 0..5),
        value in text(),
        program in file_name(),
        folder in file_name(),
        account in any::<bool>(),
    ) {
        let machine = Machine::new();
        let (program, folder) = (machine.at(&format!("p{program}")), machine.at(&format!("f{folder}")));
        crate::manager::executable::put(&program, PROGRAM);
        fs::create_dir(&folder).unwrap();
        let report = machine.at("report");
        let mut spec = direct("restart.when = \"never\"");
        spec.account.run_as = if account { abide_spec::RunAs::User("root".into()) } else { abide_spec::RunAs::System };
        spec.program.command = vec![program.to_str().unwrap().to_owned()];
        spec.program.command.extend(arguments.iter().cloned());
        spec.program.working_dir = Some(folder.clone());
        spec.program.env.insert("VALUE".into(), abide_spec::expand::escape(&value));
        spec.program.env.insert("REPORT".into(), abide_spec::expand::escape(report.to_str().unwrap()));
        machine.install(&spec);
        fs::create_dir_all(machine.at("run/.rc.d/orders")).unwrap();
        let kept = Command::new(machine.rcd.definition(&spec.name)).arg("keep").output().unwrap();
        prop_assert!(kept.status.success() && kept.stderr.is_empty(), "{}", String::from_utf8_lossy(&kept.stderr));
        let mut expected = vec![arguments.len().to_string()];
        expected.extend(arguments);
        expected.push(value);
        expected.push(format!("{}\nx", folder.canonicalize().unwrap().to_str().unwrap()));
        let report = String::from_utf8(fs::read(report).unwrap()).unwrap();
        prop_assert_eq!(report.split('\0').collect::<Vec<_>>(), expected);
    }
}
