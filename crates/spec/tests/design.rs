//! The specs that the documentation shows.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may")]

use abide_spec::*;

#[test]
fn the_example_of_the_design_parses_to_what_it_says() {
    let text = include_str!("design.toml");
    let spec = Spec::parse(text)
        .unwrap_or_else(|errors| panic!("{}", errors.render("design.toml".as_ref(), text, false)));
    let url: HttpUrl = "http://127.0.0.1:9000/healthz".parse().unwrap();
    assert_eq!((url.host(), url.port(), url.path()), ("127.0.0.1", 9000, "/healthz"));
    assert_eq!(spec.name, "orders");
    assert_eq!(spec.description.as_deref(), Some("Orders API"));
    assert_eq!(spec.program.command, ["/srv/orders/orders-server", "--port", "9000"]);
    assert_eq!(spec.program.working_dir.as_deref(), Some("/srv/orders".as_ref()));
    assert_eq!(spec.program.env["RUST_LOG"], "info");
    assert_eq!(spec.start.mode, StartMode::Auto);
    assert_eq!(spec.start.after, ["postgres"]);
    assert_eq!(spec.start.ready, Some(Ready::new(Probe::Http(url.clone()))));
    assert_eq!(spec.account, Account::default());
    assert_eq!(spec.restart, Restart::default());
    assert_eq!(spec.health, [Health::new(Probe::Http(url))]);
    assert_eq!(
        spec.stop.steps,
        [StopStep::new(StopAction::Signal(Signal::TERM), StopStep::WAIT), StopStep::KILL_TREE]
    );
    assert_eq!(spec.logs.rotate.every, Some(Duration::from_secs(86_400)));
    assert_eq!(spec.logs.rotate.compress, Compress::Zstd);
    assert_eq!(spec.limits.memory, Some(Size::mib(512)));
    assert_eq!(spec.limits.cpu, Some(1.5));
    assert_eq!(spec.limits.open_files, Some(65_536));
    let register = spec.register.unwrap();
    assert_eq!((register.port, register.weight), (9000, 10));
    assert_eq!(register.tags, ["v2", "eu"]);
}

#[test]
fn the_example_of_the_reference_parses() {
    let spec = Spec::parse(EXAMPLE)
        .unwrap_or_else(|errors| panic!("{}", errors.render("example.toml".as_ref(), EXAMPLE, false)));
    assert_eq!(spec.debug.unwrap().on, Act::Signal(Signal::USR1));
}

#[test]
fn two_lines_are_enough_and_the_rest_has_its_default() {
    let spec = Spec::parse("name = \"hello\"\nprogram.command = [\"/srv/hello\"]\n").unwrap();
    assert_eq!(spec, Spec::minimal(Name::new("hello").unwrap(), vec!["/srv/hello".to_owned()]));
    let restart = &spec.restart;
    assert_eq!((restart.when, restart.success_codes.as_slice()), (When::OnFailure, &[0][..]));
    assert_eq!(restart.delay.initial, Duration::from_millis(200));
    assert_eq!(
        (restart.delay.factor, restart.delay.jitter, restart.delay.max),
        (2.0, 0.1, Duration::from_secs(60))
    );
    assert_eq!(restart.give_up, Some(GiveUp { after: 10, within: Duration::from_secs(600) }));
    assert_eq!(restart.reset_after, Duration::from_secs(60));
    assert_eq!(spec.program.inherit_env, InheritEnv::All);
    assert_eq!(
        spec.logs.rotate,
        Rotate {
            size: Size::mib(64),
            every: None,
            keep: 10,
            max_age: None,
            max_size: None,
            compress: Compress::None
        }
    );
    assert_eq!((spec.logs.when_full, spec.logs.buffer), (WhenFull::Block, Size::mib(1)));
    assert_eq!(spec.account.run_as, RunAs::LeastPrivilege);
    assert!(spec.limits.is_none() && spec.register.is_none() && spec.health.is_empty());
    assert_eq!(spec.security.effective().home, Home::Hidden);
    assert!(!spec.security.effective().write_execute && !spec.security.effective().unrestricted);
}

#[test]
fn minimal_specs_are_written_as_short_as_they_are() {
    let spec = Spec::minimal(
        Name::new("hello").unwrap(),
        vec!["C:\\srv\\hello.exe".into(), "--say".into(), "a \"b\"".into()],
    );
    assert_eq!(
        spec.to_toml(),
        "name = \"hello\"\n\n[program]\ncommand = ['C:\\srv\\hello.exe', \"--say\", 'a \"b\"']\n"
    );
}
