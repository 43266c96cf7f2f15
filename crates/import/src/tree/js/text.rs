//! Strings and their escapes.

use super::Reader;
use crate::error::Problem;

impl Reader<'_> {
    /// A string in any quotes; nothing for a template with `${}` in it.
    pub(super) fn string(&mut self) -> Result<Option<String>, Problem> {
        let start = self.at;
        let Some(quote) = self.next() else { return Ok(None) };
        let mut text = String::new();
        let mut computed = false;
        loop {
            let at = self.at;
            match self.next() {
                Some(c) if c == quote => return Ok((!computed).then_some(text)),
                Some('\n') if quote != '`' => break,
                Some('$') if quote == '`' && self.peek() == Some('{') => {
                    computed = true;
                    self.at += 1;
                    self.deeper()?;
                    self.skip(|reader| matches!(reader.peek(), None | Some('}')))?;
                    self.depth -= 1;
                }
                Some('\\') => self.escape(&mut text, at)?,
                Some(c) => text.push(c),
                None => break,
            }
        }
        Err(Problem::new(start..start + 1, format!("this {quote} is never closed")))
    }

    fn escape(&mut self, text: &mut String, at: usize) -> Result<(), Problem> {
        let Some(c) = self.next() else { return Ok(()) };
        match c {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'v' => text.push('\u{b}'),
            '0' => text.push('\0'),
            '\n' => {}
            'x' => text.push(self.hex(2, at)?),
            'u' => {
                let c = self.unicode(at)?;
                text.push(c);
            }
            c => text.push(c),
        }
        Ok(())
    }

    fn unicode(&mut self, at: usize) -> Result<char, Problem> {
        let wrong = Problem::new(at..self.at, "this escape names no character");
        if self.eat('{') {
            let rest = self.rest();
            let end = rest.find('}').ok_or_else(|| wrong.clone())?;
            let c = u32::from_str_radix(&rest[..end], 16).ok().and_then(char::from_u32).ok_or(wrong)?;
            self.at += end + 1;
            return Ok(c);
        }
        let first = self.units(at)?;
        let mut units = vec![first];
        if (0xD800..0xDC00).contains(&first) && self.rest().starts_with("\\u") {
            self.at += 2;
            units.push(self.units(at)?);
        }
        char::decode_utf16(units).next().and_then(Result::ok).ok_or(wrong)
    }

    fn units(&mut self, at: usize) -> Result<u16, Problem> {
        let digits = self.rest().get(..4).and_then(|text| u16::from_str_radix(text, 16).ok());
        let number = digits.ok_or_else(|| Problem::new(at..self.at, "this escape names no character"))?;
        self.at += 4;
        Ok(number)
    }

    fn hex(&mut self, digits: usize, at: usize) -> Result<char, Problem> {
        let number = self.rest().get(..digits).and_then(|text| u32::from_str_radix(text, 16).ok());
        let c = number.and_then(char::from_u32);
        let c = c.ok_or_else(|| Problem::new(at..self.at, "this escape names no character"))?;
        self.at += digits;
        Ok(c)
    }
}
