//! What the unit of a spec says.

use abide_spec::Spec;

use super::grammar::{assignments, command, only, specifiers};
use super::{context, spec, unit_of};
use crate::manager::systemd::{dynamic_user, findings};
use crate::manager::{Level, MARKER};

fn unit(more: &str) -> String {
    let spec = spec(more);
    unit_of(&spec, &context(&spec))
}

fn value(more: &str, section: &str, key: &str) -> Option<String> {
    only(&unit(more), section, key)
}

#[test]
fn the_default_unit_is_marked_and_complete() {
    let unit = unit("");
    assert_eq!(unit.lines().next(), Some(MARKER));
    let service = |key: &str| only(&unit, "Service", key).unwrap();
    assert_eq!(service("Type"), "notify");
    assert_eq!(service("NotifyAccess"), "main");
    assert_eq!(service("WatchdogSec"), "180s");
    assert_eq!(service("KillMode"), "mixed");
    assert_eq!(service("Restart"), "on-abnormal");
    assert_eq!(service("DynamicUser"), "yes");
    assert_eq!(service("User"), "abide-orders");
    assert_eq!(service("LoadCredential"), "spec:/etc/abide/services/orders.toml");
    // The default stop ladder waits 10 s; the supervisor has 10 s for itself.
    assert_eq!(service("TimeoutStopSec"), "20s");
    for directory in ["StateDirectory", "LogsDirectory", "RuntimeDirectory"] {
        assert_eq!(service(directory), "abide/orders");
        assert_eq!(service(&format!("{directory}Mode")), "0700");
    }
    assert_eq!(
        command(&service("ExecStart")),
        ["/usr/local/lib/abide/abide-supervisor-0123456789ab", "run", "--manager", "systemd", "orders"]
            .map(|word| word.as_bytes().to_vec())
    );
    assert_eq!(only(&unit, "Service", "ExecReload"), None);
    assert_eq!(only(&unit, "Install", "WantedBy").as_deref(), Some("multi-user.target"));
}

#[test]
fn the_programs_arguments_and_secrets_stay_out_of_the_unit() {
    let spec = Spec::parse(
        "name = \"orders\"\n[program]\ncommand = [\"/bin/sleep\", \"--token\", \"hunter2%\"]\nenv = { KEY = \"s3cret\" }\n",
    )
    .unwrap();
    let unit = unit_of(&spec, &context(&spec));
    assert!(!unit.contains("hunter2") && !unit.contains("s3cret") && !unit.contains("/bin/sleep"));
}

#[test]
fn giving_up_becomes_the_start_limit() {
    let more = "restart.give-up = { after = 3, within = \"1m30s\" }";
    assert_eq!(value(more, "Unit", "StartLimitBurst").as_deref(), Some("3"));
    assert_eq!(value(more, "Unit", "StartLimitIntervalSec").as_deref(), Some("90s"));
    let never = "restart.give-up = false";
    assert_eq!(value(never, "Unit", "StartLimitIntervalSec").as_deref(), Some("0"));
    assert_eq!(value(never, "Unit", "StartLimitBurst"), None);
    assert_eq!(value("restart.when = \"never\"", "Service", "Restart").as_deref(), Some("no"));
}

#[test]
fn time_outs_follow_the_spec() {
    let more =
        "stop.steps = [ { signal = \"INT\", wait = \"1500ms\" }, { signal = \"TERM\", wait = \"1m\" } ]";
    assert_eq!(value(more, "Service", "TimeoutStopSec").as_deref(), Some("71500ms"));
    let short =
        value("start.ready = { tcp = \"127.0.0.1:1\", timeout = \"1s\" }", "Service", "TimeoutStartSec")
            .unwrap();
    let long =
        value("start.ready = { tcp = \"127.0.0.1:1\", timeout = \"5m\" }", "Service", "TimeoutStartSec")
            .unwrap();
    let seconds = |text: &str| text.trim_end_matches('s').parse::<u64>().unwrap();
    assert!(seconds(&long) >= 300 && seconds(&long) > seconds(&short), "{short} {long}");
}

#[test]
fn what_it_starts_after_keeps_native_units() {
    let more = "start.after = [\"postgres\", \"my.app\", \"network-online.target\", \"srv-data.mount\"]";
    let wanted = "postgres.service my.app.service network-online.target srv-data.mount";
    assert_eq!(value(more, "Unit", "Wants").as_deref(), Some(wanted));
    assert_eq!(value(more, "Unit", "After").unwrap(), format!("network.target {wanted}"));
    assert_eq!(value("", "Unit", "Wants"), None);
}

#[test]
fn a_name_that_no_unit_can_have_is_found() {
    // A spec made without the parser, which refuses such names itself.
    let mut spec = spec("");
    spec.start.after = vec!["a b".into()];
    let found = findings(&spec, &context(&spec));
    assert!(
        found.iter().any(|finding| finding.level == Level::Error && finding.text.contains("`a b`")),
        "{found:?}"
    );
    assert!(!unit_of(&spec, &context(&spec)).contains("a b"));
}

#[test]
fn start_modes() {
    assert_eq!(value("start.mode = \"manual\"", "Unit", "RefuseManualStart"), None);
    assert_eq!(value("start.mode = \"disabled\"", "Unit", "RefuseManualStart").as_deref(), Some("yes"));
    let delayed = spec("start.mode = \"delayed\"");
    assert!(findings(&delayed, &context(&delayed)).iter().any(|finding| finding.level == Level::Error));
}

#[test]
fn accounts() {
    assert_eq!(value("account.run-as = \"system\"", "Service", "User").as_deref(), Some("root"));
    assert_eq!(value("account.run-as = \"system\"", "Service", "DynamicUser"), None);
    assert_eq!(value("account.run-as = \"www-data\"", "Service", "User").as_deref(), Some("www-data"));
    assert_eq!(
        value("account.groups = [\"ssl-cert\", \"adm\"]", "Service", "SupplementaryGroups").as_deref(),
        Some("ssl-cert adm")
    );
    let windows = spec("account.run-as = \"local-service\"");
    assert!(findings(&windows, &context(&windows)).iter().any(|finding| finding.level == Level::Error));
}

#[test]
fn made_up_accounts_have_names_that_systemd_takes_and_nobody_else_has() {
    assert_eq!(dynamic_user("orders"), "abide-orders");
    let long = dynamic_user("a-very-long-name-of-a-service-indeed");
    let dotted = dynamic_user("my.app");
    for name in [&long, &dotted] {
        assert!(name.len() <= 31 && name.starts_with("abide-"), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
    }
    assert_ne!(dotted, dynamic_user("my-app"));
    assert_ne!(long, dynamic_user("a-very-long-name-of-a-service-indeee"));
}

#[test]
fn limits() {
    let more =
        "limits.memory = \"512MiB\"\nlimits.cpu = 1.5\nlimits.open-files = 65536\nlimits.processes = 100";
    assert_eq!(value(more, "Service", "MemoryMax").as_deref(), Some("536870912"));
    assert_eq!(value(more, "Service", "CPUQuota").as_deref(), Some("150%"));
    assert_eq!(value(more, "Service", "LimitNOFILE").as_deref(), Some("65536"));
    assert_eq!(value(more, "Service", "TasksMax").as_deref(), Some("108"));
    assert_eq!(value("limits.cpu = 0.125", "Service", "CPUQuota").as_deref(), Some("12.5%"));
}

#[test]
fn an_environment_file_is_handed_over_like_the_spec() {
    let spec = Spec::parse(
        "name = \"orders\"\n[program]\ncommand = [\"/bin/sleep\"]\nenv-file = \"/srv/a b/100%/.env\"\n",
    )
    .unwrap();
    let unit = unit_of(&spec, &context(&spec));
    let credentials: Vec<_> = assignments(&unit)
        .into_iter()
        .filter(|(_, key, _)| key == "LoadCredential")
        .map(|(_, _, value)| value)
        .collect();
    assert_eq!(credentials.len(), 2);
    assert_eq!(specifiers(credentials[1].as_bytes()), b"env-file:/srv/a b/100%/.env");
}

#[test]
fn a_description_cannot_write_directives() {
    let mut spec = spec("");
    // As above: the parser takes one line only.
    spec.description = Some("a %n \\ \\\nExecStart=/bin/evil\\".into());
    let unit = unit_of(&spec, &context(&spec));
    assert_eq!(assignments(&unit).iter().filter(|(_, key, _)| key == "ExecStart").count(), 1);
    assert_eq!(
        specifiers(only(&unit, "Unit", "Description").unwrap().as_bytes()),
        b"a %n \\ \\ ExecStart=/bin/evil\\"
    );
}

#[test]
fn reload_is_offered_when_the_spec_has_one() {
    let line = value("reload.signal = \"HUP\"", "Service", "ExecReload").unwrap();
    assert_eq!(command(&line)[1..], [b"control".to_vec(), b"reload".to_vec(), b"orders".to_vec()]);
}

#[test]
fn an_old_systemd_is_refused_and_an_older_one_gets_no_new_words() {
    let spec = spec("");
    let mut old = context(&spec);
    old.version = Some(241);
    assert!(findings(&spec, &old).iter().any(|finding| finding.level == Level::Error));
    old.version = Some(247);
    assert!(findings(&spec, &old).is_empty());
    assert!(!unit_of(&spec, &old).contains("PrivateIPC"));
    old.version = Some(252);
    assert!(unit_of(&spec, &old).contains("PrivateIPC=yes"));
}

#[test]
fn a_supervisor_that_systemd_would_not_execute_is_found() {
    let spec = spec("");
    let mut context = context(&spec);
    context.supervisor = "/opt/it's/abide-supervisor".into();
    assert!(findings(&spec, &context).iter().any(|finding| finding.level == Level::Error));
    context.supervisor = "/opt/100% of $it/abide-supervisor".into();
    assert!(findings(&spec, &context).is_empty());
}

#[test]
fn rendering_is_the_same_every_time() {
    let spec =
        spec("account.groups = [\"b\", \"a\"]\nsecurity.capabilities = [\"CAP_CHOWN\", \"CAP_FOWNER\"]");
    assert_eq!(unit_of(&spec, &context(&spec)), unit_of(&spec, &context(&spec)));
}
