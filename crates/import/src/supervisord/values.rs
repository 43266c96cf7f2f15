//! Sizes and lists of variables as supervisord writes them.

/// `50MB`, `100KB`, `1GB`, bytes without a unit; supervisord's units are powers of 1024.
pub(super) fn bytes(value: &str) -> Option<u64> {
    let upper = value.trim().to_ascii_uppercase();
    for (unit, factor) in [("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30)] {
        if let Some(number) = upper.strip_suffix(unit) {
            return number.trim().parse::<u64>().ok()?.checked_mul(factor);
        }
    }
    upper.parse().ok()
}

/// `KEY="value",KEY2=value`: words with commas between them, which may also be on lines of their own.
pub(super) fn environment(value: &str) -> Result<Vec<(String, String)>, (usize, &'static str)> {
    let mut pairs = Vec::new();
    let mut chars = value.char_indices().peekable();
    loop {
        while chars.next_if(|(_, c)| c.is_whitespace() || *c == ',').is_some() {}
        let Some((start, _)) = chars.peek().copied() else { return Ok(pairs) };
        let mut key = String::new();
        loop {
            match chars.next() {
                Some((_, '=')) => break,
                Some((_, ',')) => return Err((start, "this has no `=`")),
                Some((_, c)) => key.push(c),
                None => return Err((start, "this has no `=`")),
            }
        }
        while chars.next_if(|(_, c)| *c == ' ').is_some() {}
        let mut text = String::new();
        let mut quote: Option<(usize, char)> = None;
        while let Some((at, c)) = chars.next() {
            match (c, quote) {
                (c, Some((_, open))) if c == open => quote = None,
                ('\\', Some((_, '"'))) => {
                    if let Some((_, next)) = chars.next() {
                        if !matches!(next, '"' | '\\') {
                            text.push('\\');
                        }
                        text.push(next);
                    }
                }
                ('"' | '\'', None) => quote = Some((at, c)),
                (',' | '\n', None) => break,
                (c, _) => text.push(c),
            }
        }
        if let Some((at, _)) = quote {
            return Err((at, "this quote is never closed"));
        }
        let text = if text.trim_end() == text { text } else { text.trim_end().to_owned() };
        pairs.push((key.trim().to_owned(), text));
    }
}
