//! What a spec becomes for the SCM.

use std::path::PathBuf;
use std::time::Duration;

use abide_spec::Spec;

use super::entry::{FailureActions, NETWORK_SERVICE, image_path};
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
    let own = image_path(r"C:\P F\Abide\abide-supervisor-01.exe", "orders");
    assert!(is_ours(&own, "orders") && is_ours(&own, "Orders"));
    assert!(!is_ours(&own, "billing"));
    assert!(!is_ours(r"C:\nssm.exe", "orders"));
    assert!(!is_ours(r"C:\other.exe run --manager scm orders", "orders"));
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
