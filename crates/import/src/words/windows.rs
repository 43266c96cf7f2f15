//! Windows command lines: as a program's C run-time takes them apart, and as `cmd.exe` reads a script before that.

/// Takes a command line apart as the C run-time does (the rules since 2008). It cannot fail: a quotation mark that is
/// not closed is closed by the end.
pub(crate) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.chars().peekable();
    loop {
        while rest.next_if(|c| is_blank(*c)).is_some() {}
        if rest.peek().is_none() {
            return words;
        }
        let (mut word, mut quoted) = (String::new(), false);
        loop {
            let mut slashes = 0;
            while rest.next_if_eq(&'\\').is_some() {
                slashes += 1;
            }
            if rest.next_if_eq(&'"').is_some() {
                word.extend(std::iter::repeat_n('\\', slashes / 2));
                if slashes % 2 == 1 || (quoted && rest.next_if_eq(&'"').is_some()) {
                    word.push('"');
                } else {
                    quoted = !quoted;
                }
                continue;
            }
            word.extend(std::iter::repeat_n('\\', slashes));
            match rest.next_if(|c| quoted || !is_blank(*c)) {
                Some(c) => word.push(c),
                None => break,
            }
        }
        words.push(word);
    }
}

/// Takes the whole command line of a service apart: the program stands first, and in it a backslash escapes nothing.
pub(crate) fn split_program(line: &str) -> Vec<String> {
    let line = line.trim_start_matches(is_blank);
    let (program, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
        None => line.split_once(is_blank).unwrap_or((line, "")),
    };
    if program.is_empty() && rest.is_empty() {
        return Vec::new();
    }
    std::iter::once(program.to_owned()).chain(split(rest)).collect()
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// One argument, quoted where it has to be, so that [`split`] gives it back.
pub(crate) fn quote(word: &str) -> String {
    let plain = !word.is_empty() && !word.chars().any(|c| c <= ' ' || c == '"');
    if plain { word.to_owned() } else { quote_always(word) }
}

fn quote_always(word: &str) -> String {
    let mut out = String::from("\"");
    let mut slashes = 0;
    for c in word.chars() {
        if c == '"' {
            out.extend(std::iter::repeat_n('\\', slashes + 1));
        }
        slashes = if c == '\\' { slashes + 1 } else { 0 };
        out.push(c);
    }
    out.extend(std::iter::repeat_n('\\', slashes));
    out.push('"');
    out
}

/// Arguments as one text.
pub(crate) fn join<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    words.into_iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// What `cmd.exe` makes of a line of a script before the program sees it: `^` is taken off what it escapes outside of
/// quotation marks, and `%%` is one percent sign.
pub(crate) fn unescape_script(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '%' => {
                chars.next_if_eq(&'%');
                out.push('%');
            }
            '^' if !quoted => match chars.next() {
                // Percent signs are read before carets are.
                Some('%') => {
                    chars.next_if_eq(&'%');
                    out.push('%');
                }
                Some(c) => out.push(c),
                None => {}
            },
            '"' => {
                quoted = !quoted;
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Words as a line of a script, so that `cmd.exe` and then the C run-time read them back. `None` for what no line of a
/// script can hold: line breaks and NUL.
pub(crate) fn script_line(words: &[String]) -> Option<String> {
    let line = join(words);
    if line.contains(['\r', '\n', '\0']) {
        return None;
    }
    let mut out = String::with_capacity(line.len());
    // Every quotation mark is escaped, so that cmd.exe never thinks itself inside of quotes, and all that means
    // something to it is escaped alike.
    for c in line.chars() {
        match c {
            '%' => out.push_str("%%"),
            '"' | '^' | '&' | '|' | '<' | '>' | '(' | ')' | '!' => {
                out.push('^');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    Some(out)
}

/// Whether a text has a `%NAME%` in it, and the first name.
pub(crate) fn variable(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        match after.split_once('%') {
            Some((name, _)) if !name.is_empty() && !name.contains(char::is_whitespace) => return Some(name),
            Some(_) => rest = after,
            None => return None,
        }
    }
    None
}

/// `%NAME%` as the environment of a spec says it, `${NAME}`, and dollar signs doubled.
pub(crate) fn to_spec_variables(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&abide_spec::expand::escape(&rest[..at]));
        rest = &rest[at + 1..];
        match rest.split_once('%') {
            Some((name, after))
                if !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '}') =>
            {
                out.push_str(&format!("${{{name}}}"));
                rest = after;
            }
            _ => out.push('%'),
        }
    }
    out.push_str(&abide_spec::expand::escape(rest));
    out
}
