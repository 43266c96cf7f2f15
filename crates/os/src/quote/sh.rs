//! Words of POSIX shell scripts: for service managers whose definitions are scripts.

/// One word for `sh` that it reads back byte for byte, wherever a word may stand: `'…'`, with each `'` of the text
/// outside as `\'`. Within single quotes nothing has a meaning, be it `$`, a backslash or a line break.
///
/// Always quoted: then no word can be taken for a keyword, an assignment or a pattern. A NUL, which neither a script nor
/// an argument can carry, is left out; specs have none.
#[must_use]
pub fn sh(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', r"'\''"))
}

/// Several words with blanks between them: a command and its arguments.
#[must_use]
pub fn sh_words<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    words.into_iter().map(|word| sh(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use proptest::prelude::*;

    #[test]
    fn a_word_is_always_in_quotes() {
        assert_eq!(sh("plain"), "'plain'");
        assert_eq!(sh(""), "''");
        assert_eq!(sh("it's"), r"'it'\''s'");
        assert_eq!(sh("'"), r"''\'''");
        assert_eq!(sh_words(["/bin/echo", "a b", "$HOME"]), "'/bin/echo' 'a b' '$HOME'");
    }

    /// Texts as awkward arguments, paths and values have them.
    #[cfg(unix)]
    fn text() -> impl Strategy<Value = String> {
        let awkward = prop::sample::select(
            "'\"\\\\'$`%!#&|;<>(){}[]*?~=^ \t\r\n\u{1}\u{1b}\u{7f}abé漢😀-".chars().collect::<Vec<_>>(),
        );
        let any = any::<char>().prop_filter("no NUL", |c| *c != '\0');
        prop::collection::vec(prop_oneof![4 => awkward, 1 => any], 0..24)
            .prop_map(|chars| chars.into_iter().collect())
    }

    /// What the system's own shell makes of the words, as arguments of a function and as the value of a variable.
    #[cfg(unix)]
    fn read_back(words: &[String]) -> (Vec<String>, String) {
        let line = sh_words(words);
        let last = words.last().map_or("", String::as_str);
        let script = format!(
            "each() {{ for word in \"$@\"; do printf '%s\\0' \"$word\"; done; }}\neach {line}\nvalue={}\nprintf '%s' \"$value\"\n",
            sh(last)
        );
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut parts: Vec<String> = output
            .stdout
            .split(|byte| *byte == 0)
            .map(|part| String::from_utf8(part.to_vec()).unwrap())
            .collect();
        let value = parts.pop().unwrap();
        (parts, value)
    }

    #[cfg(unix)]
    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn the_shell_reads_every_word_back_byte_for_byte(words in prop::collection::vec(text(), 0..6)) {
            let (read, value) = read_back(&words);
            prop_assert_eq!(&read, &words);
            prop_assert_eq!(value, words.last().cloned().unwrap_or_default());
        }
    }
}
