//! Text as a terminal shows it: how wide it is, cut to fit, and made harmless.

use unicode_width::UnicodeWidthChar;

/// What a cut text ends with.
const ELLIPSIS: char = '…';
/// Distance of tab stops.
const TAB: usize = 8;

/// How many columns a text takes that holds no escape sequences.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// The text, cut so that it takes at most `room` columns.
pub fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut taken = 0;
    for c in text.chars() {
        // The ellipsis needs a column too.
        if taken + columns(c) + 1 > room {
            break;
        }
        taken += columns(c);
        shown.push(c);
    }
    if room > 0 {
        shown.push(ELLIPSIS);
    }
    shown
}

/// One line that holds nothing a terminal would take for a command: for words that a program has a say in.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if is_command(c) { ' ' } else { c }).collect()
}

/// Control characters, and those that turn the direction of writing.
fn is_command(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A line of a program's output as it can be shown among other lines: its colours are kept, whatever would
/// move the cursor, clear the screen or rename the window is not, and of text that overwrote itself (a
/// progress bar) what came last is left.
pub fn line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::with_capacity(text.len());
    let mut column = 0;
    let mut coloured = false;
    let mut rest = text.trim_end_matches('\r').chars();
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => {
                if let Some(colour) = sequence(&mut rest) {
                    shown.push_str(&colour);
                    coloured = true;
                }
            }
            '\r' => {
                shown.clear();
                column = 0;
            }
            '\t' => {
                let blanks = TAB - column % TAB;
                shown.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            }
            c if is_command(c) => {}
            c => {
                shown.push(c);
                column += columns(c);
            }
        }
    }
    if coloured {
        shown.push_str("\x1b[0m");
    }
    shown
}

/// Takes an escape sequence, and gives it back if it does nothing but colour what follows.
fn sequence(rest: &mut std::str::Chars<'_>) -> Option<String> {
    match rest.next()? {
        '[' => {
            let mut parameters = String::new();
            for c in rest.by_ref() {
                match c {
                    'm' => return Some(format!("\x1b[{parameters}m")),
                    '0'..='9' | ';' | ':' => parameters.push(c),
                    ' '..='?' => parameters.clear(),
                    _ => return None,
                }
            }
            None
        }
        // A string for the terminal: a title, a link, a picture. It ends with BEL or ESC \.
        ']' | 'P' | 'X' | '^' | '_' => {
            while let Some(c) = rest.next() {
                if c == '\x07' || c == '\u{9c}' || (c == '\x1b' && rest.next() == Some('\\')) {
                    break;
                }
            }
            None
        }
        ' '..='/' => {
            let _ = rest.find(|c| !(' '..='/').contains(c));
            None
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_count_twice() {
        assert_eq!(width("日本"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("abcd", 0), "");
    }

    #[test]
    fn colours_stay_and_commands_go() {
        assert_eq!(line(b"\x1b[31mred\x1b[0m"), "\x1b[31mred\x1b[0m\x1b[0m");
        for hostile in [
            "a\x1b[2Jb",
            "a\x1b[3;4Hb",
            "a\x1b]0;title\x07b",
            "a\x1b]8;;http://x\x1b\\b",
            "a\x1b(0b",
            "a\x1b7b",
            "a\x07b\x08",
            "a\u{9b}b\u{202e}",
            "a\x1b[?25lb",
            "a\x1bP1;2q#0\x1b\\b",
        ] {
            let shown = line(hostile.as_bytes());
            assert!(shown.starts_with('a') && shown.contains('b'), "{hostile:?}: {shown:?}");
            assert!(!shown.contains(is_command), "{hostile:?}: {shown:?}");
        }
    }

    #[test]
    fn a_sequence_that_breaks_off_takes_nothing_with_it_but_itself() {
        for broken in [&b"a\x1b"[..], b"a\x1b[", b"a\x1b[31", b"a\x1b]0;t", b"a\x1b("] {
            assert_eq!(line(broken), "a");
        }
    }

    #[test]
    fn what_overwrote_itself_shows_its_last_form() {
        assert_eq!(line(b"10%\r20%\r30%\r"), "30%");
        assert_eq!(line(b"a\tb"), "a       b");
        assert_eq!(line(b"\xff!"), "\u{fffd}!");
    }

    #[test]
    fn words_stay_on_one_line() {
        assert_eq!(plain("a\nb\x1b[2J"), "a b [2J");
    }
}
