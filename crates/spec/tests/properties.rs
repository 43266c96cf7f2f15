//! What holds for every spec and every text.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may")]

use abide_spec::testing::{any_duration, any_spec, any_text};
use abide_spec::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn written_specs_read_back_the_same(spec in any_spec()) {
        prop_assert!(spec.validate().is_ok(), "{}", spec.validate().unwrap_err());
        let text = spec.to_toml();
        match Spec::parse(&text) {
            Ok(back) => prop_assert_eq!(back, spec, "{}", text),
            Err(errors) => prop_assert!(false, "{}", errors.render("spec.toml".as_ref(), &text, false)),
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&bytes);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        check(text.as_bytes());
    }

    /// A spec with a few characters changed gets further into the reader than noise does.
    #[test]
    fn no_damage_to_a_spec_makes_the_reader_panic(
        at in 0..EXAMPLE.len(), cut in 0usize..20, put in r#"[ -~\n"'\[\]{}=.é日]{0,6}"#,
    ) {
        let mut text = EXAMPLE.to_owned();
        let end = (at + cut).min(text.len());
        text.replace_range(at..end, &put);
        check(text.as_bytes());
    }

    /// Every error points into the text.
    #[test]
    fn swapped_values_are_told_where_they_stand(
        line in 0..EXAMPLE.lines().count(), value in r#"(-1|"x"|\[\]|true|1\.5|\{ a = 1 \}|1979-05-27|nan|"10 sec")"#,
    ) {
        let mut lines: Vec<String> = EXAMPLE.lines().map(str::to_owned).collect();
        if let Some((key, _)) = lines[line].clone().split_once(" = ") {
            lines[line] = format!("{key} = {value}");
        }
        let text = lines.join("\n");
        if let Err(errors) = Spec::parse(&text) {
            for error in errors.iter() {
                prop_assert!(error.line > 0 && error.column > 0, "{error:?}");
                let span = error.span.clone().unwrap();
                prop_assert!(text.get(span).is_some());
            }
        }
        check(text.as_bytes());
    }

    #[test]
    fn both_readers_accept_the_same(spec in any_spec(), at in 0usize..2000, put in r#"[ -~\n]{0,3}"#) {
        let mut text = spec.to_toml();
        let at = (0..=at.min(text.len())).rev().find(|it| text.is_char_boundary(*it)).unwrap();
        text.insert_str(at, &put);
        // Compared as text because a number may be NaN.
        prop_assert_eq!(format!("{:?}", Spec::parse(&text).ok()), format!("{:?}", Spec::parse_lean(&text).ok()), "{}", text);
    }

    #[test]
    fn durations_round_trip(duration in any_duration()) {
        prop_assert_eq!(duration.to_string().parse::<Duration>(), Ok(duration));
    }

    #[test]
    fn sizes_round_trip(bytes in 0..i64::MAX as u64) {
        prop_assert_eq!(Size(bytes).to_string().parse::<Size>(), Ok(Size(bytes)));
    }

    #[test]
    fn small_parsers_take_any_text(text in any::<String>()) {
        let _ = text.parse::<Duration>();
        let _ = text.parse::<Size>();
        let _ = text.parse::<Signal>();
        let _ = text.parse::<HttpUrl>();
        let _ = text.parse::<TcpAddress>();
        let _ = Name::new(&text);
        let _ = env_file::parse(&text);
        let _ = expand::expand("X", &text, |_| None);
    }

    #[test]
    fn names_that_pass_are_safe_file_names(text in "[A-Za-z0-9._ /\\\\:-]{0,70}") {
        if let Ok(name) = Name::new(&text) {
            let name = name.as_str();
            prop_assert!(!name.is_empty() && name.len() <= 64);
            prop_assert!(!name.contains(['/', '\\', ':', ' ']) && !name.starts_with('.') && !name.ends_with('.'));
        }
    }

    #[test]
    fn escaped_values_expand_to_themselves(text in any::<String>()) {
        let escaped = expand::escape(&text);
        prop_assert_eq!(expand::expand("X", &escaped, |_| None), Ok(text));
    }

    #[test]
    fn quoted_values_come_through_an_env_file(value in any_text(), other in any_text()) {
        let file = format!("# a file\nexport A={}\r\nB = {} # end", env_file::quote(&value), env_file::quote(&other));
        let entries = env_file::parse(&file).unwrap();
        let env = expand::environment(|_| None, &entries, &Default::default()).unwrap();
        prop_assert_eq!(&env["A"], &value);
        prop_assert_eq!(&env["B"], &other);
    }

    #[test]
    fn every_ladder_ends_with_the_whole_tree(spec in any_spec()) {
        for family in [Family::Unix, Family::Windows] {
            let steps = spec.effective_stop(family);
            prop_assert_eq!(&steps.last().unwrap().action, &StopAction::Kill(KillScope::Tree));
            prop_assert!(steps.iter().all(|step| step.applies_to(family)));
            let sum: std::time::Duration = steps.iter().map(|step| step.wait.0).sum();
            prop_assert_eq!(spec.stop_budget(family).0, sum);
        }
    }

    #[test]
    fn orders_respect_after_or_name_a_real_cycle(edges in prop::collection::vec((0usize..6, 0usize..6), 0..12)) {
        let names: Vec<Name> = (0..6).map(|it| Name::new(&format!("s{it}")).unwrap()).collect();
        let mut specs: Vec<Spec> = names.iter().map(|name| Spec::minimal(name.clone(), vec!["x".into()])).collect();
        for (later, earlier) in edges {
            specs[later].start.after.push(names[earlier].to_string());
        }
        let after = |a: &Name, b: &Name| specs.iter().any(|it| it.name == *a && it.start.after.contains(&b.to_string()));
        match order(&specs) {
            Ok(order) => {
                prop_assert_eq!(order.len(), specs.len());
                for (position, name) in order.iter().enumerate() {
                    prop_assert!(order[position..].iter().all(|later| !after(name, later)));
                }
            }
            Err(cycle) => {
                let next = cycle.names.iter().cycle().skip(1);
                prop_assert!(!cycle.names.is_empty());
                prop_assert!(cycle.names.iter().zip(next).all(|(a, b)| after(a, b)), "{cycle}");
            }
        }
    }
}

/// Reads and renders; whatever comes out, it comes out.
fn check(bytes: &[u8]) {
    if let Err(errors) = Spec::from_bytes(bytes) {
        assert!(!errors.0.is_empty());
        let text = String::from_utf8_lossy(bytes);
        let plain = errors.render("spec.toml".as_ref(), &text, false);
        assert!(plain.starts_with("error: "));
        assert!(!plain.contains('\x1b'), "a spec must not write to the terminal: {plain:?}");
        errors.render("spec.toml".as_ref(), "", true);
        assert!(!errors.to_string().is_empty());
    }
}
