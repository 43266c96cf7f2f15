//! `--user`: what it goes with, and what a plan of a user's own service looks like. Nothing is installed here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use support::Folder;

const SPEC: &str = "name = \"web\"\n[program]\ncommand = [\"/bin/sh\"]\n";

#[test]
fn it_goes_with_verbs_about_services_alone() {
    let folder = Folder::new();
    folder.write("web.toml", SPEC);
    for words in
        [&["up", "--user"][..], &["--user", "backends"], &["--user", "schema"], &["version", "--user"]]
    {
        folder.abide(words).error(2, &["`--user` does not go with this verb"]);
    }
    folder.abide(&["--user", "--dir", ".", "status"]).ended(2);
    assert!(!folder.path().join(".abide").exists());
}

#[test]
fn a_plan_for_a_users_own_systemd_lies_in_the_home_folder() {
    let folder = Folder::new();
    folder.write("web.toml", SPEC);
    // On a machine that runs systemd the plan would be for this very user.
    if std::path::Path::new("/run/systemd/system").exists() || cfg!(windows) {
        return;
    }
    let plan = folder.abide(&["--user", "plan", "--backend", "systemd", "web.toml"]).ended(0);
    for part in
        ["/home/USER/.config/systemd/user/web.service", "WantedBy=default.target", "systemd --user web"]
    {
        assert!(plan.stdout.contains(part), "no {part:?} in\n{}", plan.stdout);
    }
    assert!(!plan.stdout.contains("DynamicUser"), "{}", plan.stdout);
}

#[test]
fn a_service_manager_without_services_of_users_says_so() {
    let folder = Folder::new();
    folder.write("web.toml", SPEC);
    folder
        .abide(&["--user", "plan", "--backend", "runit", "web.toml"])
        .error(1, &["runit has no services of a user's own", "leave `--user` out"]);
    let checked = folder.abide(&["check", "--user", "--backend", "systemd", "web.toml"]).ended(0);
    assert!(checked.stdout.contains("ok web"), "{}", checked.stdout);
    folder.write("system.toml", format!("account.run-as = \"system\"\n{SPEC}"));
    folder
        .abide(&["check", "--user", "--backend", "systemd", "system.toml"])
        .error(6, &["account.run-as", "runs a user's own services as that user"]);
}
