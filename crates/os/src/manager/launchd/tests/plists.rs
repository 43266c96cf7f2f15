//! Property lists, read back by a strict XML parser and by `plistutil` where that is installed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::binary;
use super::rendering::GOLDEN;
use crate::manager::launchd::plist::{Value, can_carry, document};

/// Reads an XML property list with a parser for any XML.
fn read_xml(text: &str) -> Value {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(text, options).unwrap();
    let plist = document.root_element();
    assert_eq!((plist.tag_name().name(), plist.attribute("version")), ("plist", Some("1.0")));
    let [root] = elements(plist).try_into().unwrap();
    value(root)
}

fn elements<'a>(node: roxmltree::Node<'a, 'a>) -> Vec<roxmltree::Node<'a, 'a>> {
    node.children().filter(roxmltree::Node::is_element).collect()
}

fn value(node: roxmltree::Node<'_, '_>) -> Value {
    let text = || node.children().filter_map(|child| child.text()).collect::<String>();
    let inner: Vec<_> = node.children().filter(roxmltree::Node::is_element).collect();
    match node.tag_name().name() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "integer" => Value::Integer(text().parse().unwrap()),
        "string" => Value::Text(text()),
        "array" => Value::List(inner.into_iter().map(value).collect()),
        "dict" => Value::Dict(
            inner
                .chunks(2)
                .map(|pair| {
                    assert_eq!(pair[0].tag_name().name(), "key");
                    let key = pair[0].children().filter_map(|child| child.text()).collect();
                    (key, value(pair[1]))
                })
                .collect(),
        ),
        other => panic!("<{other}>"),
    }
}

/// Has `plistutil` convert a property list; nothing where it is not installed.
fn converted(input: &[u8], format: &str) -> Option<Vec<u8>> {
    let spawned = Command::new("plistutil")
        .args(["-f", format, "-i", "-", "-o", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("plistutil (libplist-utils) is not installed: its half of this test is left out");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

/// As dictionaries compare: without order.
fn sorted(value: Value) -> Value {
    match value {
        Value::List(values) => Value::List(values.into_iter().map(sorted).collect()),
        Value::Dict(entries) => {
            let mut entries: Vec<_> = entries.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Dict(entries)
        }
        other => other,
    }
}

#[test]
fn every_golden_file_is_a_property_list_to_others() {
    for (name, text) in GOLDEN {
        let root = read_xml(text);
        assert_eq!(document(&root), *text, "{name}");
        if let Some(bytes) = converted(text.as_bytes(), "bin") {
            assert_eq!(binary::read(&bytes).map(sorted), Some(sorted(root)), "{name}");
            // And back, and to binary again: it is the same still.
            let xml = converted(&bytes, "xml").unwrap();
            assert_eq!(converted(&xml, "bin").unwrap(), bytes, "{name}");
        }
    }
}

/// Texts as awkward arguments, paths and values have them: everything that a property list can carry.
fn text() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(
        "'\"\\\\$`%!#&;&&<<>>{}[]]>*?~= \t\r\n\r\n\u{7f}\u{85}\u{2028}abé漢😀-".chars().collect::<Vec<_>>(),
    );
    let any = any::<char>().prop_filter("carried", |c| can_carry(&c.to_string()));
    prop::collection::vec(prop_oneof![4 => awkward, 1 => any], 0..16)
        .prop_map(|chars| chars.into_iter().collect())
}

/// The same, and now and then what it cannot carry.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![12 => text(), 1 => (text(), "[\u{1}\u{8}\u{b}\u{1b}\u{fffe}]").prop_map(|(text, end)| text + &end)]
}

fn job() -> impl Strategy<Value = Value> {
    let arguments = prop::collection::vec(text(), 0..5);
    let variables = prop::collection::btree_map(text(), text(), 0..5);
    (text(), arguments, variables, any::<bool>(), 0..u64::from(u32::MAX)).prop_map(
        |(path, arguments, variables, switch, number)| {
            let variables = variables.into_iter().map(|(name, value)| (name, Value::Text(value))).collect();
            Value::Dict(vec![
                ("WorkingDirectory".into(), Value::Text(path)),
                ("ProgramArguments".into(), Value::texts(arguments)),
                ("EnvironmentVariables".into(), Value::Dict(variables)),
                ("RunAtLoad".into(), Value::Bool(switch)),
                ("ExitTimeOut".into(), Value::Integer(number)),
            ])
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn every_text_is_read_back_character_for_character(job in job()) {
        let text = document(&job);
        prop_assert_eq!(read_xml(&text), job.clone());
        if let Some(bytes) = converted(text.as_bytes(), "bin") {
            prop_assert_eq!(binary::read(&bytes).map(sorted), Some(sorted(job)));
        }
    }

    #[test]
    fn what_a_spec_says_is_what_launchd_reads(
        arguments in prop::collection::vec(any_text(), 0..5),
        value in any_text(),
        folder in any_text(),
    ) {
        let mut spec = super::spec("account.run-as = \"system\"");
        spec.program.supervised = false;
        spec.program.command.extend(arguments.iter().cloned());
        spec.program.env.insert("VALUE".into(), abide_spec::expand::escape(&value));
        let folder = format!("/srv/{folder}");
        spec.program.working_dir = Some((&folder).into());
        let context = super::context(&spec);
        let found = super::findings(&spec, &context);
        let blocked = found.iter().any(|finding| finding.level == crate::manager::Level::Error);
        let carried = arguments.iter().chain([&value, &folder]).all(|text| can_carry(text));
        prop_assert_eq!(blocked, !carried);
        let Value::Dict(job) = read_xml(&super::plist_of(&spec, &context)) else { panic!("no dictionary") };
        let read = |key: &str| job.iter().find(|(found, _)| found == key).map(|(_, value)| value.clone());
        let Some(Value::Dict(variables)) = read("EnvironmentVariables") else { panic!("no variables") };
        let whole = read("ProgramArguments") == Some(Value::texts(spec.program.command.clone()))
            && read("WorkingDirectory") == Some(Value::Text(folder))
            && variables.contains(&("VALUE".to_owned(), Value::Text(value)));
        prop_assert_eq!(whole, !blocked);
    }

    #[test]
    fn what_cannot_be_carried_still_gives_a_property_list(any in any::<String>()) {
        let root = Value::texts([any.clone()]);
        let read = read_xml(&document(&root));
        prop_assert_eq!(read == root, can_carry(&any));
    }
}

#[test]
fn control_characters_are_told_from_what_xml_has() {
    assert!(can_carry("a\tb\r\nc \u{7f} é 😀 \u{fffd}"));
    for text in ["\0", "\u{1}", "\u{8}", "\u{b}", "\u{c}", "\u{1b}[0m", "\u{fffe}", "\u{ffff}"] {
        assert!(!can_carry(text), "{text:?}");
    }
}
