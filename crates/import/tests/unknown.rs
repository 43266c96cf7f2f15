//! What no mapping knows is reported as left, in every kind: nothing is dropped in silence.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use abide_import::{Fate, Kind, Options, import};

fn report(kind: Kind, text: &str) -> abide_import::Report {
    let options = Options { file_name: Some("web.service".into()), name: None };
    import(Some(kind), text.as_bytes(), &options).unwrap_or_else(|error| panic!("{kind}: {error}")).report
}

#[test]
fn a_key_that_nobody_knows_is_left_and_told() {
    let reg = "Windows Registry Editor Version 5.00\n\
               [HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\x\\Parameters]\n\
               \"Application\"=\"C:\\\\x.exe\"\n\"BrandNew\"=dword:00000001\n";
    for (kind, text, line) in [
        (Kind::Nssm, reg, 4),
        (Kind::Nssm, "nssm install x C:\\x.exe\nnssm set x BrandNew 1\n", 2),
        (Kind::Winsw, "<service><id>x</id><executable>x</executable>\n<BrandNew>1</BrandNew></service>", 2),
        (Kind::Winsw, "<service><id>x</id>\n<executable BrandNew=\"1\">x</executable></service>", 2),
        (Kind::Shawl, "shawl run --name x --BrandNew 1 -- x", 1),
        (Kind::Supervisord, "[program:x]\ncommand=x\nBrandNew=1\n", 3),
        (Kind::Supervisord, "[program:x]\ncommand=x\n[BrandNew]\na=1\n", 4),
        (Kind::Pm2, "module.exports = {apps: [{\nscript: 'x.js',\nBrandNew: 1}]}", 3),
        (Kind::Pm2, "{\"apps\": [{\"script\": \"x.js\"}],\n\"BrandNew\": 1}", 2),
        (Kind::Systemd, "[Service]\nExecStart=/x\nBrandNew=1\n", 3),
        (Kind::Systemd, "[Service]\nExecStart=/x\n[BrandNew]\na=1\n", 4),
        (Kind::Compose, "services:\n  x:\n    command: x\n    BrandNew: 1\n", 4),
        (Kind::Compose, "services:\n  x:\n    command: x\nBrandNew: 1\n", 4),
        (Kind::Compose, "services:\n  x:\n    command: x\n    deploy:\n      BrandNew: 1\n", 5),
        (
            Kind::Compose,
            "services:\n  x:\n    command: x\n    healthcheck:\n      test: x\n      BrandNew: 1\n",
            6,
        ),
    ] {
        let report = report(kind, text);
        let found = report
            .fields
            .iter()
            .find(|field| field.line == Some(line) && field.field.to_lowercase().contains("brandnew"));
        let found = found.unwrap_or_else(|| panic!("{kind}: not told:\n{report}"));
        assert_eq!(found.fate, Fate::Left, "{kind}:\n{report}");
        assert!(found.why.is_some());
    }
}

#[test]
fn secrets_are_in_no_report() {
    for (kind, text) in [
        (
            Kind::Nssm,
            "nssm install x C:\\x.exe\nnssm set x AppEnvironmentExtra TOKEN=hunter2\nnssm set x ObjectName .\\u hunter2\n",
        ),
        (
            Kind::Winsw,
            "<service><id>x</id><executable>x</executable><env name=\"A\" value=\"hunter2\"/>\
             <serviceaccount><username>u</username><password>hunter2</password></serviceaccount></service>",
        ),
        (Kind::Shawl, "shawl run --name x --env TOKEN=hunter2 -- x"),
        (
            Kind::Supervisord,
            "[inet_http_server]\npassword=hunter2\n[program:x]\ncommand=x\nenvironment=A=\"hunter2\"\n",
        ),
        (Kind::Pm2, "{apps: [{script: 'x.js', env: {A: 'hunter2'}, env_dev: {A: 'hunter2'}}]}"),
        (Kind::Systemd, "[Service]\nExecStart=/x\nEnvironment=A=hunter2\nSetCredential=a:hunter2\n"),
        (
            Kind::Compose,
            "services:\n  x:\n    command: x\n    environment: [A=hunter2]\n  y:\n    image: y\n    environment: [A=hunter2]\n",
        ),
        (Kind::Compose, "x-e: [A=hunter2]\nservices:\n  x:\n    command: x\n    environment: {A: hunter2}\n"),
    ] {
        let told = report(kind, text).to_string();
        assert!(!told.contains("hunter2"), "{kind}:\n{told}");
    }
}

#[test]
fn one_name_is_for_one_service() {
    let options = Options { file_name: None, name: Some("shop".parse().unwrap()) };
    let one = import(Some(Kind::Procfile), b"web: ./web\n", &options).unwrap();
    assert_eq!(one.specs[0].name.as_str(), "shop");
    let two = import(Some(Kind::Procfile), b"web: ./web\njob: ./job\n", &options).unwrap_err();
    assert!(two.to_string().contains("2 services"), "{two}");
}

#[test]
fn an_error_of_the_spec_stands_where_its_setting_came_from() {
    let text = "[program:web]\ncommand=/srv/web\nuser=network service\n";
    let error = import(Some(Kind::Supervisord), text.as_bytes(), &Options::default()).unwrap_err();
    let shown = error.render("x.conf".as_ref(), false);
    assert!(shown.contains("--> x.conf:3:1") && shown.contains("^^^^"), "{shown}");
}

#[test]
fn two_services_of_one_name_are_refused() {
    let text = "a b: x\n";
    assert!(import(Some(Kind::Procfile), text.as_bytes(), &Options::default()).is_err());
    let text = "[program:a b]\ncommand=x\n[program:a-b]\ncommand=y\n";
    let error = import(Some(Kind::Supervisord), text.as_bytes(), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("a-b"), "{error}");
}

#[test]
fn bombs_are_refused() {
    let mut yaml = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = level - 1;
        let list = vec![format!("*a{before}"); 10].join(", ");
        yaml.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    yaml.push_str("services: {}\n");
    assert!(import(Some(Kind::Compose), yaml.as_bytes(), &Options::default()).is_err());
    for (kind, deep) in [
        (Kind::Pm2, "[".repeat(100_000)),
        (Kind::Pm2, "`${".repeat(100_000)),
        (Kind::Pm2, format!("module.exports = {}", "{a:".repeat(100_000))),
        (Kind::Compose, "[".repeat(100_000)),
        (Kind::Compose, format!("services: {}", "{a: ".repeat(20_000))),
        (Kind::Winsw, "<a>".repeat(5_000)),
    ] {
        assert!(import(Some(kind), deep.as_bytes(), &Options::default()).is_err(), "{kind}");
    }
    let large = "#".repeat(5 << 20);
    assert!(import(Some(Kind::Procfile), large.as_bytes(), &Options::default()).is_err());
}
