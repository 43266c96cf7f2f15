//! Words of others made harmless, and commands as they are typed.

use std::path::Path;

use abide_host::Known;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Text of a program on one line: without escape sequences, control characters, and what turns the direction of writing. The
/// templates escape what HTML would take for its own.
pub fn plain(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    text.chars().map(|c| if is_command(c) { ' ' } else { c }).collect()
}

fn is_command(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A moment, for people and for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// RFC 3339, UTC.
    pub exact: String,
    /// In this machine's time zone, to the second.
    pub shown: String,
}

impl Moment {
    /// From RFC 3339; nothing where it is something else.
    pub fn of(time: &str) -> Option<Self> {
        let zoned = time.parse::<Timestamp>().ok()?.to_zoned(TimeZone::system());
        Some(Self { exact: time.to_owned(), shown: zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string() })
    }
}

/// The command that does something to a service, as it is typed on this machine: `restart`, or `debug … on` in two parts.
pub fn command(known: &Known, verb: &str, rest: &str) -> String {
    let mut command = format!("abide {verb} {}", known.status.name);
    for part in [rest, if known.scope == Some("user") { "--user" } else { "" }] {
        if !part.is_empty() {
            command.push(' ');
            command.push_str(part);
        }
    }
    if let Some(folder) = &known.project {
        command.push_str(" --dir ");
        command.push_str(&quoted(folder, abide_os::host::os_type() == "windows"));
    }
    command
}

/// A folder as a shell needs it.
fn quoted(folder: &Path, windows: bool) -> String {
    let word = folder.display().to_string();
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c) || (windows && c == '\\');
    match (word.chars().all(fits) && !word.is_empty(), windows) {
        (true, _) => word,
        // No name of a file holds such a quote there.
        (false, true) => format!("\"{word}\""),
        (false, false) => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use abide_host::Home;
    use abide_os::paths::Layout;

    use super::*;

    #[test]
    fn what_a_terminal_or_reader_would_obey_is_gone() {
        assert_eq!(plain("a\x1b[31mred\x1b[0m\u{202e}b\tc\nd"), "ared b c d");
        assert_eq!(plain("<script>"), "<script>", "that is for the templates");
    }

    #[test]
    fn a_command_says_whose_service_it_means() {
        let home = Home::Project(Layout::project(Path::new("/a b")));
        let mut known = Known::nothing(&"web".parse().unwrap(), &home, String::new());
        known.project = Some(PathBuf::from("/a b"));
        assert_eq!(command(&known, "debug", "on"), "abide debug web on --dir '/a b'");
        (known.project, known.scope) = (None, Some("user"));
        assert_eq!(command(&known, "restart", ""), "abide restart web --user");
        known.scope = Some("system");
        assert_eq!(command(&known, "logs", "-n 50"), "abide logs web -n 50");
    }

    #[test]
    fn folders_survive_a_shell() {
        assert_eq!(quoted(Path::new("/srv/shop"), false), "/srv/shop");
        assert_eq!(quoted(Path::new("/it's"), false), r"'/it'\''s'");
        assert_eq!(quoted(Path::new(r"C:\srv"), true), r"C:\srv");
        assert_eq!(quoted(Path::new(r"C:\Program Files"), true), r#""C:\Program Files""#);
    }

    #[test]
    fn a_moment_is_a_time() {
        assert_eq!(Moment::of("2026-11-22T13:00:00Z").unwrap().exact, "2026-11-22T13:00:00Z");
        assert_eq!(Moment::of(""), None);
    }
}
