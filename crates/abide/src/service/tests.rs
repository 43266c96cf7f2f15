//! From the builder to the spec, and from there to every service manager.

use std::time::Duration;

use abide_os::manager::{Desired, Kind, Level, preview};
use abide_spec::{Probe, RunAs, Spec, When};
use proptest::prelude::*;

use super::*;
use crate::{Error, Restart};

fn service() -> Service {
    Service::new("orders")
}

#[test]
fn everything_said_stands_in_the_spec() {
    let service = service()
        .display_name("Orders")
        .description("Takes orders")
        .arguments(["--port", "9000"])
        .after(["db"])
        .account(Account::User("eve".into()))
        .env("PRICE", "5 $ and ${more}")
        .working_dir("/srv")
        .restart_policy(Restart::always().delay(Duration::from_secs(5)).never_give_up())
        .start_mode(StartMode::Manual)
        .stop_timeout(Duration::from_secs(28))
        .memory_limit(512 << 20)
        .open_files_limit(1000)
        .reloads()
        .accept("limits.memory")
        .systemd(SystemdOptions::new().after(["net.target"]).groups(["dialout"]).local_network_only())
        .windows(WindowsOptions::new().delayed_start());
    let spec = service.spec(Kind::Systemd).unwrap();
    assert_eq!(spec.shown_name(), "Orders");
    assert!(!spec.program.supervised);
    assert_eq!(spec.program.command[1..], ["--port", "9000"]);
    assert_eq!(spec.start.after, ["db", "net.target"]);
    assert_eq!(spec.start.mode, abide_spec::StartMode::Manual);
    assert_eq!(spec.account.run_as, RunAs::User("eve".into()));
    assert_eq!(spec.account.groups, ["dialout"]);
    assert_eq!(spec.program.env["PRICE"], "5 $$ and $${more}");
    assert_eq!(spec.restart.when, When::Always);
    assert_eq!(spec.restart.give_up, None);
    assert_eq!(spec.stop_budget(abide_spec::Family::Unix), abide_spec::Duration::from_secs(30));
    assert!(matches!(spec.start.ready, Some(ref ready) if ready.probe == Probe::Notify));
    assert!(spec.reload.is_some());

    let windows = service.spec(Kind::Scm).unwrap();
    assert_eq!(windows.start.mode, abide_spec::StartMode::Delayed);
    assert_eq!(windows.start.after, ["db"]);
    assert_eq!((windows.reload, windows.restart.when), (None, When::OnFailure));
}

#[test]
fn a_plain_service_can_be_on_every_service_manager() {
    for kind in Kind::ALL.into_iter().filter(|kind| !["foreground", "task"].contains(&kind.as_str())) {
        let desired = Desired::new(service().spec(kind).unwrap(), None, None);
        let plan = preview(kind, abide_os::manager::Scope::System, &desired).unwrap();
        let errors: Vec<_> = plan.findings(Level::Error).map(ToString::to_string).collect();
        assert_eq!(errors, Vec::<String>::new(), "{kind}");
        assert!(!plan.artifacts.is_empty(), "{kind}");
    }
}

#[test]
fn what_cannot_be_is_told_before_anything_is_done() {
    let why = |service: Service| match service.spec(Kind::Systemd) {
        Err(Error::Definition { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    assert!(why(Service::new("two words")).contains("' '"));
    assert!(why(service().stop_timeout(Duration::from_secs(86_400))).contains("stop_timeout"));
    assert!(why(service().executable("orders")).contains("begin at the root"));
    assert!(why(service().executable("/not/there")).contains("not there"));
    assert!(
        why(service().restart_policy(Restart::always().give_up_after(0, Duration::ZERO))).contains("give-up")
    );
}

#[test]
fn arguments_that_look_like_words_are_guarded() {
    let command = |first: &str| service().arguments([first]).spec(Kind::Systemd).unwrap().program.command;
    assert_eq!(command("install")[1..], ["--", "install"]);
    assert_eq!(command("--")[1..], ["--", "--"]);
    assert_eq!(command("--port")[1..], ["--port"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever text is put in comes out of the spec as it was.
    #[test]
    fn texts_survive_the_spec(
        arguments in proptest::collection::vec("[^\\x00]{0,12}", 0..4),
        value in "[^\\x00]{0,20}",
        description in "[!-~é💥][ -~é💥]{0,20}",
        seconds in 0_u64..80_000,
    ) {
        let stop = Duration::from_secs(seconds);
        let service = service().arguments(arguments.clone()).env("V", value.clone()).stop_timeout(stop);
        let spec = service.description(description.clone()).spec(Kind::Systemd).unwrap();
        let again = Spec::parse(&spec.to_toml()).unwrap();
        prop_assert_eq!(&again, &spec);
        let own = &spec.program.command[1..];
        let guard = usize::from(own.len() > arguments.len());
        prop_assert_eq!(&own[guard..], &arguments[..]);
        let expanded = abide_spec::expand::environment(|_| None, &[], &spec.program.env).unwrap();
        prop_assert_eq!(expanded.get("V"), Some(&value));
        prop_assert_eq!(spec.stop_budget(abide_spec::Family::Unix).0, stop + Duration::from_secs(2));
        prop_assert_eq!(spec.description, Some(description));
    }
}
