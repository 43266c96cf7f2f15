use super::*;

#[test]
fn levels_are_ordered_by_weight() {
    let logger = Logger::stderr("a").with_level(Level::Warning);
    let enabled = [Level::Error, Level::Warning, Level::Info, Level::Debug].map(|it| logger.is_enabled(it));
    assert_eq!(enabled, [true, true, false, false]);
}

#[test]
fn every_line_has_its_priority() {
    assert_eq!(prefixed(Level::Warning, "one\ntwo"), "<4>one\n<4>two\n");
}

#[test]
fn field_names_are_what_the_journal_takes() {
    for (key, name) in [
        ("order", "ORDER"),
        ("http.status", "HTTP_STATUS"),
        ("_uid", "F__UID"),
        ("message", "F_MESSAGE"),
        ("1st", "F_1ST"),
    ] {
        assert_eq!(field_name(key), name);
    }
}

#[test]
fn at_a_terminal_and_under_a_supervisor_it_is_standard_error() {
    for origin in [Origin::Terminal, Origin::Abide, Origin::Unknown, Origin::Backend(Backend::Launchd)] {
        if !syslog::stderr_is_journal() {
            assert_eq!(Logger::for_origin("a", origin).target(), LogTarget::Stderr);
        }
    }
}

fn kept(level: Level) -> Logger {
    let inner = Inner { name: "a".into(), sink: Sink::Kept(std::sync::Mutex::default()) };
    Logger { inner: Arc::new(inner), level }
}

fn taken(logger: &Logger) -> Vec<String> {
    match &logger.inner.sink {
        Sink::Kept(kept) => std::mem::take(&mut kept.lock().unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_matters_too_little_is_left_out() {
    let logger = kept(Level::Warning);
    logger.info("no");
    logger.log_with(Level::Error, "yes", &[("disk", "sda"), ("full", "97")]);
    assert_eq!(taken(&logger), ["error: yes disk=sda full=97"]);
}

#[cfg(feature = "tracing")]
#[test]
fn events_of_tracing_bring_their_fields_and_those_of_their_spans() {
    use tracing_subscriber::prelude::*;

    let logger = kept(Level::Info);
    let subscriber = tracing_subscriber::registry().with(logger.layer());
    ::tracing::subscriber::with_default(subscriber, || {
        let outer = ::tracing::info_span!("request", id = 7, user = "eve", late = ::tracing::field::Empty);
        outer.record("late", 3);
        let _outer = outer.enter();
        let _inner = ::tracing::info_span!("query", user = "adam").entered();
        ::tracing::warn!(rows = 12, "slow: {} ms", 300);
        ::tracing::info!(user = "own", "said");
        ::tracing::debug!("not heard");
    });
    let lines = taken(&logger);
    assert_eq!(
        lines,
        ["warning: slow: 300 ms rows=12 user=adam id=7 late=3", "info: said user=own id=7 late=3"]
    );
}

#[cfg(feature = "log")]
#[test]
fn records_of_log_bring_their_target() {
    use ::log::Log;

    fn record(logger: &Logger, level: ::log::Level, text: std::fmt::Arguments<'_>) {
        Log::log(logger, &::log::Record::builder().level(level).target("shop").args(text).build());
    }

    let logger = kept(Level::Info);
    record(&logger, ::log::Level::Warn, format_args!("{} left", 3));
    record(&logger, ::log::Level::Trace, format_args!("not heard"));
    assert_eq!(taken(&logger), ["warning: 3 left target=shop"]);
    assert!(!Log::enabled(&logger, &::log::Metadata::builder().level(::log::Level::Debug).build()));
}
