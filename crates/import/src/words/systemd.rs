//! Words as systemd reads them in unit files: quotes that begin a word, C escapes.

use super::WordsError;

/// Takes a value apart into words. Escapes are resolved, specifiers and variables are not.
pub(crate) fn split(line: &str) -> Result<Vec<String>, WordsError> {
    Ok(split_with_places(line)?.into_iter().map(|(word, _)| word).collect())
}

/// Takes the commands of a line apart: a bare `;` stands between them.
pub(crate) fn split_commands(line: &str) -> Result<Vec<Vec<String>>, WordsError> {
    let mut commands = vec![Vec::new()];
    for (word, place) in split_with_places(line)? {
        match commands.last_mut() {
            _ if line[place].trim_end() == ";" => commands.push(Vec::new()),
            Some(command) => command.push(word),
            None => {}
        }
    }
    commands.retain(|command| !command.is_empty());
    Ok(commands)
}

fn split_with_places(line: &str) -> Result<Vec<(String, std::ops::Range<usize>)>, WordsError> {
    let mut words = Vec::new();
    let mut rest = Rest { line, at: 0 };
    loop {
        while matches!(rest.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            rest.next();
        }
        if rest.peek().is_none() {
            return Ok(words);
        }
        let start = rest.at;
        let word = rest.word()?;
        words.push((word, start..rest.at));
    }
}

struct Rest<'a> {
    line: &'a str,
    at: usize,
}

impl Rest<'_> {
    fn peek(&self) -> Option<char> {
        self.line[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn word(&mut self) -> Result<String, WordsError> {
        let mut bytes = Vec::new();
        let mut quote: Option<(char, usize)> = None;
        loop {
            let at = self.at;
            let Some(c) = self.next() else {
                if let Some((quote, at)) = quote {
                    let message =
                        if quote == '"' { "this \" is never closed" } else { "this ' is never closed" };
                    return Err(WordsError { at, message });
                }
                break;
            };
            match c {
                '"' | '\'' if quote.is_none() => quote = Some((c, at)),
                c if quote.is_some_and(|(open, _)| open == c) => quote = None,
                ' ' | '\t' | '\n' | '\r' if quote.is_none() => break,
                '\\' => self.escape(&mut bytes, at)?,
                c => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        String::from_utf8(bytes).map_err(|_| WordsError {
            at: self.at,
            message: "this word is not UTF-8 once its escapes are resolved, and a spec is text",
        })
    }

    fn escape(&mut self, out: &mut Vec<u8>, at: usize) -> Result<(), WordsError> {
        let wrong = WordsError { at, message: "systemd knows no such escape" };
        let byte = match self.next() {
            Some('a') => 0x07,
            Some('b') => 0x08,
            Some('f') => 0x0c,
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('v') => 0x0b,
            Some('s') => b' ',
            Some(c @ ('\\' | '"' | '\'')) => c as u8,
            // In words of commands `\;` is a semicolon, and an unknown escape stays as it is.
            Some(';') => b';',
            Some('x') => u8::try_from(self.number(2, 16).ok_or(wrong.clone())?).map_err(|_| wrong)?,
            Some('u') => return self.unicode(4, out, wrong),
            Some('U') => return self.unicode(8, out, wrong),
            Some(c @ '0'..='7') => {
                self.at -= c.len_utf8();
                u8::try_from(self.number(3, 8).ok_or(wrong.clone())?).map_err(|_| wrong)?
            }
            Some(c) => {
                out.push(b'\\');
                out.extend(c.encode_utf8(&mut [0; 4]).bytes());
                return Ok(());
            }
            None => return Err(WordsError { at, message: "nothing follows this backslash" }),
        };
        if byte == 0 {
            return Err(WordsError { at, message: "a NUL byte, which no program can be given" });
        }
        out.push(byte);
        Ok(())
    }

    fn unicode(&mut self, digits: usize, out: &mut Vec<u8>, wrong: WordsError) -> Result<(), WordsError> {
        let c = self.number(digits, 16).and_then(char::from_u32).filter(|c| *c != '\0').ok_or(wrong)?;
        out.extend(c.encode_utf8(&mut [0; 4]).bytes());
        Ok(())
    }

    fn number(&mut self, digits: usize, radix: u32) -> Option<u32> {
        let text = self.line[self.at..].get(..digits)?;
        let all_digits = text.chars().all(|c| c.is_digit(radix));
        let number = u32::from_str_radix(text, radix).ok().filter(|_| all_digits)?;
        self.at += digits;
        Some(number)
    }
}

/// One argument of a command line: specifiers and variables in it stand for themselves.
pub(crate) fn argument(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@+".contains(c);
    // A lone semicolon would begin another command.
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { quoted(word, true) }
}

/// A word of a list, or an assignment of `Environment=`: specifiers stand for themselves.
pub(crate) fn word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { quoted(word, false) }
}

fn quoted(word: &str, dollar: bool) -> String {
    let mut out = String::from("\"");
    for c in word.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '%' => out.push_str("%%"),
            '$' if dollar => out.push_str("$$"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Free text of a whole value, such as `Description=`: one line. `None` where a unit cannot say it as it is.
pub(crate) fn text(value: &str) -> Option<String> {
    let same = value.trim() == value && !value.chars().any(char::is_control) && !value.ends_with('\\');
    same.then(|| value.replace('%', "%%"))
}

/// A path that is the rest of a value. `None` when no unit file can say it.
pub(crate) fn path(value: &str) -> Option<String> {
    if value.is_empty() || !value.starts_with('/') { None } else { text(value) }
}
