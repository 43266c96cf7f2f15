//! What `abide import` and `abide export` have in common: reading a file, telling what became of each of its fields, and
//! writing files without harm to those that are there.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use abide_import::{Entry, Fate, ImportError, Report};
use abide_os::fs::{self, Access};
use anstyle::Style;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{FAINT, GOOD, Printer, WARN, output_width};
use crate::table::{self, Cell, Column};
use crate::text;

/// The most that is read, in bytes: more than any configuration has, so that the size of what is too large can be told.
const MOST: u64 = 8 << 20;

/// What stands for standard input.
const STANDARD_INPUT: &str = "-";

/// A file that is converted.
pub struct Input {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// As it is shown.
    pub shown: PathBuf,
    /// Its name without folder; nothing for standard input.
    pub name: Option<String>,
}

/// Reads a file, or standard input for `-`.
pub fn read(file: &Path) -> Result<Input, Failure> {
    let mut bytes = Vec::new();
    if file == Path::new(STANDARD_INPUT) {
        std::io::stdin()
            .lock()
            .take(MOST)
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::io("standard input cannot be read", &error))?;
        return Ok(Input { bytes, shown: "(standard input)".into(), name: None });
    }
    let refuse = |error| Failure::io(format!("{} cannot be read", file.display()), &error);
    std::fs::File::open(file).map_err(refuse)?.take(MOST).read_to_end(&mut bytes).map_err(refuse)?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Input { bytes, shown: crate::specs::shown(file), name })
}

/// The failure of a source that cannot be understood.
pub fn refused(error: &ImportError, input: &Input) -> Failure {
    Failure::framed(Exit::BadSpec, error.render(&input.shown, true).trim_end())
}

/// Writes files into a folder: none at all if one of them is there and is not to be replaced.
pub fn write(folder: &Path, files: &[(String, String)], force: bool) -> Result<(), Failure> {
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    if !force && let Some(there) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(Failure::new(Exit::Failed, format!("{} is there already", there.display()))
            .hint("nothing was written; --force replaces it"));
    }
    fs::public_dir(folder)
        .map_err(|error| Failure::io(format!("the folder {} cannot be made", folder.display()), &error))?;
    for (path, (_, text)) in paths.iter().zip(files) {
        // Values of the environment may be secrets.
        fs::atomic_write(path, text.as_bytes(), Access::Private)
            .map_err(|error| Failure::io(format!("{} cannot be written", path.display()), &error))?;
    }
    Ok(())
}

/// The least that is left for the last column before its words are put on lines of their own.
const LEAST: usize = 30;

/// Tells what became of each field, in a table on standard error. `to` is the heading of what became of it.
pub fn tell(report: &Report, to: &'static str, printer: &Printer) {
    if printer.is_quiet() {
        return;
    }
    let several = {
        let mut services: Vec<&str> =
            report.fields.iter().filter_map(|entry| entry.service.as_deref()).collect();
        services.sort_unstable();
        services.dedup();
        services.len() > 1
    };
    let mut columns = vec![Column { title: "LINE", spare: 0 }];
    if several {
        columns.push(Column { title: "SERVICE", spare: 0 });
    }
    columns.extend([Column { title: "FIELD", spare: 0 }, Column { title: to, spare: 0 }]);
    let rows: Vec<Vec<Cell>> = report.fields.iter().flat_map(|entry| rows(entry, several)).collect();
    for line in table::render(&columns, &rows, None) {
        printer.note(line.trim_end());
    }
    let counts = [Fate::Carried, Fate::Changed, Fate::Left, Fate::Default]
        .map(|fate| (report.count(fate), fate))
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, fate)| format!("{count} {}", of(fate)))
        .collect::<Vec<_>>();
    printer.note(format!("\n{}", counts.join(", ")));
    for note in &report.notes {
        printer.note(format!("note: {note}"));
    }
}

const fn of(fate: Fate) -> &'static str {
    match fate {
        Fate::Carried => "carried over",
        Fate::Changed => "changed",
        Fate::Left => "left",
        Fate::Default => "written for a default",
    }
}

/// The lines of one field: what became of it, and why.
fn rows(entry: &Entry, several: bool) -> Vec<Vec<Cell>> {
    let style = match entry.fate {
        Fate::Carried => GOOD,
        Fate::Changed | Fate::Default => WARN,
        Fate::Left => Style::new().bold(),
    };
    let to = entry.to.as_deref().unwrap_or_default();
    let became = match entry.fate {
        Fate::Carried => to.to_owned(),
        Fate::Left => "left".to_owned(),
        fate => format!("{}: {to}", fate.as_str()),
    };
    let row = |line: String, service: &str, field: &str, became: Cell| {
        let mut cells = vec![Cell::from(line)];
        if several {
            cells.push(Cell::from(service));
        }
        cells.extend([Cell::from(field), became]);
        cells
    };
    let line = entry.line.map_or_else(|| "-".to_owned(), |line| line.to_string());
    let mut rows = vec![row(
        line,
        entry.service.as_deref().unwrap_or_default(),
        &text::cut(&entry.field, 60),
        Cell::new(became, style),
    )];
    let room = output_width().map_or(76, |width| (width / 2).max(LEAST));
    for part in entry.why.iter().flat_map(|why| wrap(why, room)) {
        rows.push(row(String::new(), "", "", Cell::new(format!("  {part}"), FAINT)));
    }
    rows
}

/// Words on lines of at most so many columns.
fn wrap(words: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words.split(' ') {
        if !line.is_empty() && text::width(&line) + 1 + text::width(word) > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_put_on_lines() {
        assert_eq!(wrap("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrap("longer than that", 3), ["longer", "than", "that"]);
        assert_eq!(wrap("", 3), [""]);
    }
}
