//! The bytes of a source as text.

use crate::error::ImportError;

/// Largest source that is read, in bytes. Configuration is written by people; what is larger is some other file.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// Decodes a source: UTF-8 with or without a byte order mark, or UTF-16 with one, as the registry editor writes it.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, ImportError> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} are read", bytes.len());
        return Err(ImportError::whole("", message, Some("is this the right file?")));
    }
    let text = match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest)?,
        // UTF-16 without its mark, as NSSM prints it: every second byte of the first letters is zero.
        [first, 0, second, 0, ..] if *first > 0 && *second > 0 => utf16(bytes, u16::from_le_bytes)?,
        _ => utf8(bytes)?,
    };
    if let Some(offset) = text.find('\0') {
        let (line, _) = crate::error::line_and_column(&text, offset);
        let message = format!("the file has a NUL character on line {line}");
        return Err(ImportError::whole("", message, Some("this is no text file; is it the right one?")));
    }
    Ok(text)
}

/// The text with the lines of a script joined that go on: `^` at their end, or, where it may also be of another shell,
/// a backtick or a backslash after a blank. Each byte keeps its place.
pub(crate) fn join_lines(text: &str, any_shell: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        // Two carets are one that stands for itself.
        let carets = content.len() - content.trim_end_matches('^').len();
        let other = any_shell && (content.ends_with(" `") || content.ends_with(" \\"));
        if (carets % 2 == 1 || other) && line.len() > content.len() {
            out.push_str(&content[..content.len() - 1]);
            out.extend(std::iter::repeat_n(' ', line.len() - content.len() + 1));
        } else {
            out.push_str(line);
        }
    }
    out
}

fn utf8(bytes: &[u8]) -> Result<String, ImportError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let offset = error.valid_up_to();
        let line = bytes[..offset].iter().filter(|byte| **byte == b'\n').count() + 1;
        let message = format!("the file is not UTF-8: offset {offset} (line {line}) cannot be read");
        ImportError::whole("", message, Some("save the file as UTF-8"))
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, ImportError> {
    let whole = bytes.len().is_multiple_of(2);
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    match text {
        Ok(text) if whole => Ok(text),
        _ => {
            let message = "the file begins as UTF-16 but is not UTF-16 throughout";
            Err(ImportError::whole("", message, Some("export it again, or save it as UTF-8")))
        }
    }
}
