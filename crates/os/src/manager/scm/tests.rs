//! What a spec becomes for the SCM.

use std::path::PathBuf;
use std::time::Duration;

use abide_spec::Spec;

use super::entry::{FailureActions, NETWORK_SERVICE};
use super::*;
use crate::manager::Level;
use crate::paths::Layout;

fn spec(more: &str) -> Spec {
    Spec::parse(&format!("name = \"orders\"\n{more}\n[program]\ncommand = ['C:\\srv\\orders.exe']\n"))
        .unwrap()
}

fn context() -> Context {
    Context {
        layout: Layout::windows(r"C:\ProgramData", r"C:\Program Files"),
        supervisor: PathBuf::from(r"C:\Program Files\Abide\abide-supervisor-0123456789ab.exe"),
        spec_text: "the spec".into(),
        version: None,
        jit: false,
    }
}

fn entry(more: &str) -> Entry {
    Entry::of(&spec(more), &context())
}

#[test]
fn a_plain_spec_becomes_a_small_service() {
    let expected = r#"image-path = "C:\Program Files\Abide\abide-supervisor-0123456789ab.exe" run --manager scm orders
display-name = orders
description = 
start = auto
delayed = no
depends-on = 
account = NT SERVICE\orders
service-sid = unrestricted
privileges = SeChangeNotifyPrivilege
on-failure = restart after 200ms, restart after 400ms, restart after 800ms, restart after 1s600ms, restart after 3s200ms, restart after 6s400ms, restart after 12s800ms, restart after 25s600ms, restart after 51s200ms, restart after 1m, nothing; counted anew after 10m
failure-without-crash = no
preshutdown-timeout = 22s
"#;
    assert_eq!(entry("").text(), expected);
}

#[test]
fn every_setting_is_rendered() {
    let more = "display-name = \"Orders API\"\ndescription = \"Takes orders; 100% é\"\n\
        start = { mode = \"delayed\", after = [\"postgres\", \"Tcpip\"] }\n\
        account.run-as = \"network-service\"\nrestart.give-up = false\nrestart.delay = { initial = \"1s\", factor = 1.0 }\n\
        security.profile = \"none\"\nstop.steps = [{ event = \"ctrl-break\", wait = \"1m\" }]";
    let entry = entry(more);
    assert_eq!(entry.display_name, "Orders API");
    assert_eq!(entry.description, "Takes orders; 100% é");
    assert!(entry.delayed && entry.start == StartType::Auto);
    assert_eq!(entry.dependencies, ["postgres", "Tcpip"]);
    assert_eq!(entry.account, NETWORK_SERVICE);
    assert_eq!(entry.privileges, None);
    assert_eq!(
        entry.failure,
        FailureActions { reset: Duration::from_secs(60), actions: vec![Some(Duration::from_secs(1))] }
    );
    assert!(entry.failures_without_crash);
    assert_eq!(entry.preshutdown, Duration::from_secs(70));
}

#[test]
fn accounts_are_told_as_the_scm_takes_them() {
    for (run_as, expected) in [
        ("least-privilege", r"NT SERVICE\orders"),
        ("system", "LocalSystem"),
        ("local-service", r"NT AUTHORITY\LocalService"),
        ("bob", r".\bob"),
        (r"SHOP\bob", r"SHOP\bob"),
        ("bob@shop.example", "bob@shop.example"),
    ] {
        assert_eq!(entry(&format!("account.run-as = '{run_as}'")).account, expected);
    }
    assert_eq!(entry("account.run-as = \"system\"").privileges, None);
}

#[test]
fn a_service_that_is_never_restarted_has_no_failure_actions() {
    let entry = entry("restart.when = \"never\"");
    assert_eq!(entry.value(Setting::FailureActions), "nothing");
    assert!(!entry.failures_without_crash);
}

#[test]
fn start_modes_become_start_types() {
    for (mode, start, delayed) in [
        ("auto", "auto", "no"),
        ("delayed", "auto", "yes"),
        ("manual", "manual", "no"),
        ("disabled", "disabled", "no"),
    ] {
        let entry = entry(&format!("start.mode = \"{mode}\""));
        assert_eq!(
            (entry.value(Setting::Start), entry.value(Setting::Delayed)),
            (start.into(), delayed.into())
        );
    }
}

#[test]
fn a_foreign_service_is_told_apart() {
    let mut own = entry("");
    assert!(own.is_ours("orders") && own.is_ours("Orders"));
    assert!(!own.is_ours("billing"));
    own.image_path = r"C:\nssm.exe".into();
    assert!(!own.is_ours("orders"));
    own.image_path = r"C:\other.exe run --manager scm orders".into();
    assert!(!own.is_ours("orders"));
    own.environment = vec!["ABIDE_SERVICE=billing".into()];
    assert!(!own.is_ours("orders"));
    own.environment = vec!["A=1".into(), "Abide_Service=Orders".into()];
    assert!(own.is_ours("orders"));
}

#[test]
fn the_artifacts_name_all_that_is_made() {
    let artifacts = render(&spec(""), &context());
    let targets: Vec<_> = artifacts.iter().map(|artifact| artifact.target.to_string()).collect();
    assert_eq!(targets.len(), 6);
    assert!(targets[0].starts_with("file ") && targets[0].ends_with("orders.toml"), "{}", targets[0]);
    assert_eq!(targets[1], r"folder C:\ProgramData\Abide\state\orders");
    assert_eq!(
        targets[4],
        r"registry key HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\orders"
    );
    assert_eq!(targets[5], "service orders");
    assert_eq!(artifacts[1].content, "access = SYSTEM all, Administrators all, NT SERVICE\\orders change\n");
}

#[test]
fn what_the_scm_cannot_do_is_found() {
    let cases = [
        ("start.after = [\"network-online.target\"]", "start.after"),
        ("account.run-as = \"bob\"", "account.password-file"),
        ("stop.steps = [{ signal = \"USR1\" }]", "stop.steps"),
        ("limits.open-files = 10", "limits.open-files"),
    ];
    for (more, field) in cases {
        let found = findings(&spec(more), &context());
        let error = found.iter().find(|finding| finding.level == Level::Error);
        assert_eq!(error.and_then(|error| error.field.as_deref()), Some(field), "{more}: {found:?}");
        assert!(error.is_some_and(|error| error.hint.is_some()));
    }
    let accepted =
        findings(&spec("accept = [\"stop.steps\"]\nstop.steps = [{ signal = \"USR1\" }]"), &context());
    assert!(accepted.iter().all(|finding| finding.level != Level::Error));
    let both = "stop.steps = [{ signal = \"TERM\" }, { event = \"ctrl-c\" }]";
    assert_eq!(findings(&spec(both), &context()), []);
    assert_eq!(findings(&spec(""), &context()), []);
}

#[test]
fn an_entry_differs_only_where_it_differs() {
    let plain = entry("");
    assert_eq!(plain.differences(&plain), []);
    let other = entry("description = \"x\"\naccount.run-as = \"system\"");
    assert_eq!(plain.differences(&other), [Setting::Description, Setting::Account, Setting::Privileges]);
}

/// A program that is a service itself, with arguments as they may come.
fn direct(more: &str, program: &str) -> Spec {
    let mut spec = Spec::parse(&format!(
        "name = \"orders\"\n{more}\n[program]\ncommand = ['C:\\srv\\my orders.exe', '--port', '9000']\n{program}\n"
    ))
    .unwrap();
    spec.program.supervised = false;
    spec
}

#[test]
fn a_program_that_is_a_service_itself_is_started_directly() {
    let spec = direct(
        "description = \"Takes orders\"\nstart.after = [\"Tcpip\"]\nrestart.give-up = { after = 3, within = \"1m\" }",
        "working-dir = 'C:\\srv'\nenv = { HOST = 'a b', URL = 'http://${HOST}/?x=%PATH%&$$' }",
    );
    let expected = r#"image-path = "C:\srv\my orders.exe" --port 9000
environment = HOST=a b
environment = URL=http://a b/?x=%PATH%&$
environment = ABIDE_SERVICE=orders
environment = ABIDE_WORKING_DIR=C:\srv
environment = STATE_DIRECTORY=C:\ProgramData\Abide\state\orders\data
display-name = orders
description = Takes orders
start = auto
delayed = no
depends-on = Tcpip
account = NT SERVICE\orders
service-sid = unrestricted
privileges = SeChangeNotifyPrivilege
on-failure = restart after 200ms, restart after 400ms, restart after 800ms, nothing; counted anew after 1m
failure-without-crash = yes
preshutdown-timeout = 22s
"#;
    assert_eq!(Entry::of(&spec, &context()).text(), expected);
    let artifacts = render(&spec, &context());
    let targets: Vec<_> = artifacts.iter().map(|artifact| artifact.target.to_string()).collect();
    assert_eq!(targets.len(), 5, "{targets:?}");
    assert_eq!(targets[2], r"folder C:\ProgramData\Abide\state\orders\data");
    let found = findings(&spec, &context());
    assert!(found.iter().all(|finding| finding.level != Level::Error), "{found:?}");
    let warned: Vec<_> = found.iter().filter(|finding| finding.level == Level::Warning).collect();
    assert!(matches!(warned[..], [only] if only.field.as_deref() == Some("program.env")), "{found:?}");
}

#[test]
fn no_argument_can_name_a_variable_to_the_scm() {
    let line = |arguments: &[&str]| {
        let mut command = vec![r"C:\a b.exe".to_owned()];
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        direct::image_path(&command)
    };
    assert_eq!(line(&["%PATH%", "a"]).unwrap(), r#""C:\a b.exe" ""%"PATH"%"" a"#);
    assert_eq!(line(&["100% of a b\\"]).unwrap(), r#""C:\a b.exe" "100"%" of a b\\""#);
    assert_eq!(line(&["50\\%"]).unwrap(), r#""C:\a b.exe" "50\\"%"""#);
    assert_eq!(line(&[""]).unwrap(), r#""C:\a b.exe" """#);
    let twice = direct::image_path(&[r"C:\%a%\b.exe".to_owned()]);
    assert_eq!(twice, Err(direct::ImagePathError::PercentInProgram));
    assert!(direct::image_path(&[r"C:\100%\b.exe".to_owned(), "%".to_owned()]).is_ok());
    assert!(line(&[&"x".repeat(40_000)]).is_err());
    assert!(line(&["\0"]).is_err());
}

#[test]
fn what_the_scm_cannot_do_for_a_program_of_its_own_is_found() {
    for (more, program, field) in [
        ("restart.when = \"always\"", "", "restart.when"),
        ("restart.codes = { never = [3] }", "", "restart.codes"),
        ("restart.success-codes = [0, 3]", "", "restart.success-codes"),
        ("stop.steps = [{ event = \"ctrl-c\" }]", "", "stop.steps"),
        ("limits.memory = \"1GiB\"", "", "limits.memory"),
        ("", "env-file = 'C:\\srv\\env'", "program.env-file"),
        ("", "env = { A = '${Path}' }", "program.env"),
    ] {
        let found = findings(&direct(more, program), &context());
        let errors: Vec<_> = found.iter().filter(|finding| finding.level == Level::Error).collect();
        assert_eq!(errors.len(), 1, "{more}{program}: {errors:?}");
        assert_eq!(errors[0].field.as_deref(), Some(field));
        assert!(errors[0].hint.is_some());
    }
    let mut batch = direct("", "");
    batch.program.command = vec![r"C:\srv\run.cmd".into()];
    assert!(findings(&batch, &context()).iter().any(|finding| finding.level == Level::Error));
    let accepted = direct("accept = [\"restart.when\"]\nrestart.when = \"always\"", "");
    assert!(findings(&accepted, &context()).iter().all(|finding| finding.level != Level::Error));
    assert!(Entry::of(&accepted, &context()).failures_without_crash);
}
