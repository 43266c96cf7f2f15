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
    for (key, name) in
        [("order", "ORDER"), ("http.status", "HTTP_STATUS"), ("_uid", "F__UID"), ("message", "F_MESSAGE"), ("1st", "F_1ST")]
    {
        assert_eq!(field_name(key), name);
    }
}

#[test]
fn at_a_terminal_and_under_a_supervisor_it_is_standard_error() {
    for origin in [Origin::Terminal, Origin::Abide, Origin::Unknown, Origin::Backend(Backend::Runit)] {
        if !syslog::stderr_is_journal() {
            assert_eq!(Logger::for_origin("a", origin).target(), LogTarget::Stderr);
        }
    }
}
