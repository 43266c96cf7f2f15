//! systemd's grammar, written down from its manual (systemd.syntax(7), systemd.service(5), systemd.unit(5)) without a
//! look at how we write it: what a unit file says to systemd.

/// One assignment: section, key, value.
pub(super) type Assignment = (String, String, String);

/// The assignments of a unit file.
pub(super) fn assignments(text: &str) -> Vec<Assignment> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let mut whole = line.to_owned();
        while continues(&whole) {
            whole.pop();
            whole.push(' ');
            // Comments between continued lines are left out of them.
            let next = lines.find(|line| !line.trim_start().starts_with(['#', ';']));
            whole.push_str(next.unwrap_or(""));
        }
        let whole = whole.trim_matches(WHITE_SPACE);
        if whole.is_empty() {
            continue;
        }
        if let Some(name) = whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let (key, value) = whole.split_once('=').unwrap_or_else(|| panic!("no assignment: {whole:?}"));
        found.push((
            section.clone(),
            key.trim_matches(WHITE_SPACE).into(),
            value.trim_matches(WHITE_SPACE).into(),
        ));
    }
    found
}

const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

fn continues(line: &str) -> bool {
    line.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
}

/// The words of a value: separated by white space, with quotes and (where the directive knows them) C escapes.
pub(super) fn words(value: &str, c_escapes: bool) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote: Option<u8> = None;
    let mut bytes = value.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, quote) {
            (b'\\', _) => {
                let next = bytes.next().expect("a backslash at the end");
                let into = word.get_or_insert_default();
                if !c_escapes {
                    into.push(next);
                    continue;
                }
                let digits = |bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>, count: usize| {
                    let text: Vec<u8> = bytes.by_ref().take(count).collect();
                    u8::from_str_radix(std::str::from_utf8(&text).unwrap(), 16).unwrap()
                };
                into.push(match next {
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    b's' => b' ',
                    b'\\' | b'"' | b'\'' => next,
                    b'x' => digits(&mut bytes, 2),
                    other => panic!("unknown escape \\{}", other as char),
                });
            }
            (b'"' | b'\'', None) => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (byte, Some(open)) if byte == open => quote = None,
            (b' ' | b'\t' | b'\n' | b'\r', None) => found.extend(word.take()),
            (byte, _) => word.get_or_insert_default().push(byte),
        }
    }
    assert_eq!(quote, None, "an open quote in {value:?}");
    found.extend(word);
    found
}

/// Resolves `%` specifiers; only `%%` is expected, as we never mean another.
pub(super) fn specifiers(word: &[u8]) -> Vec<u8> {
    doubled(word, b'%')
}

/// Expands `$` in an argument; only `$$` is expected.
pub(super) fn variables(word: &[u8]) -> Vec<u8> {
    doubled(word, b'$')
}

fn doubled(word: &[u8], sign: u8) -> Vec<u8> {
    let mut found = Vec::new();
    let mut bytes = word.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == sign {
            assert_eq!(
                bytes.next(),
                Some(sign),
                "a lone {} in {:?}",
                sign as char,
                String::from_utf8_lossy(word)
            );
        }
        found.push(byte);
    }
    found
}

/// The arguments that a command line gives to the program it runs.
pub(super) fn command(value: &str) -> Vec<Vec<u8>> {
    words(value, true)
        .into_iter()
        .enumerate()
        .map(|(index, word)| {
            let word = specifiers(&word);
            // The path of the executable itself is not searched for variables.
            if index == 0 { word } else { variables(&word) }
        })
        .collect()
}

/// The value of the only assignment to a key.
pub(super) fn only(unit: &str, section: &str, key: &str) -> Option<String> {
    let mut values: Vec<_> = assignments(unit)
        .into_iter()
        .filter(|(of, name, _)| of == section && name == key)
        .map(|(_, _, value)| value)
        .collect();
    assert!(values.len() < 2, "{key} is there {} times", values.len());
    values.pop()
}
