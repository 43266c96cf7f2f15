//! Files of variables as systemd reads them (`EnvironmentFile=`).
//!
//! A value in double quotes goes on over line breaks; in it a backslash makes `"`, `\`, `` ` `` and `$` plain characters.

/// Whether systemd takes a variable at all: it passes over names and values that it does not like.
pub(super) fn can_say(name: &str, value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = name.chars().all(plain) && name.chars().next().is_some_and(|first| !first.is_ascii_digit());
    named && !value.contains('\0')
}

/// The line that sets a variable to exactly this value.
pub(super) fn line(name: &str, value: &str) -> String {
    let mut line = format!("{name}=\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '`' | '$') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push_str("\"\n");
    line
}

/// The first line, counted from 1, that systemd and Abide would not read alike. Only what is sure to be the same counts as
/// alike: `NAME=value` without quotes, backslashes and dollar signs, or with one pair of quotes around such a value.
pub(super) fn first_difference(text: &str) -> Option<usize> {
    let alike = |line: &str| {
        let line = line.trim_end_matches('\r');
        let start = line.trim_start();
        if start.is_empty() || start.starts_with('#') {
            // A comment that ends in a backslash goes on in the next line.
            return !line.trim_end().ends_with('\\');
        }
        let Some((name, value)) = start.split_once('=') else { return false };
        let value = value.trim();
        let bare = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        let odd = |c: char| matches!(c, '"' | '\'' | '\\' | '$' | '`') || (c.is_control() && c != '\t');
        can_say(name, "") && !bare.unwrap_or(value).chars().any(odd)
    };
    text.trim_start_matches('\u{feff}').split('\n').position(|line| !alike(line)).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_sure_to_be_the_same_is_alike() {
        let alike = "# words\n\nA=1\nB = no\n";
        assert_eq!(first_difference(alike), Some(4), "a blank before the equals sign");
        assert_eq!(first_difference("A=1\nB=\"two words\"\nC='x'\n  D=4 \nE=\n#\n"), None);
        for line in ["A=$B", "A=a\\b", "export A=1", "A", "A=\"x\" # why", "A=it's", "; odd=$", "# on \\"] {
            assert_eq!(first_difference(&format!("X=1\n{line}\nY=2\n")), Some(2), "{line}");
        }
    }

    #[test]
    fn values_are_closed_off() {
        assert_eq!(line("A", "a\"b\\c$d`e\nf"), "A=\"a\\\"b\\\\c\\$d\\`e\nf\"\n");
        assert!(can_say("A_1", "x") && !can_say("1A", "x") && !can_say("A-B", "x") && !can_say("A", "\0"));
    }
}
