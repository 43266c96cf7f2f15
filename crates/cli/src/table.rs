//! Tables for people: columns as wide as they need, no lines, no colour needed; on a terminal never wider
//! than it.

use anstyle::Style;

use crate::printer::BOLD;
use crate::text;

/// The least that is left of the last column before others are left out for it, in columns.
const LEAST: usize = 16;
/// Between two columns.
const GAP: usize = 2;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Those with the highest number are left out first where there is no room; 0 is never left out.
    pub spare: u8,
}

/// One cell: its text and how it is coloured.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell in a style.
    pub fn new(text: impl AsRef<str>, style: Style) -> Self {
        Self { text: text::plain(text.as_ref()), style }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Style::new())
    }
}

/// A piece of a line, and how it is coloured.
pub type Piece = (String, Style);

/// Rows below a heading, as lines of at most `room` columns, where there is a limit.
pub fn render(columns: &[Column], rows: &[Vec<Cell>], room: Option<usize>) -> Vec<String> {
    let painted = |(text, style): &Piece| match style.is_plain() {
        true => text.clone(),
        false => format!("{style}{text}{style:#}"),
    };
    pieces(columns, rows, room).iter().map(|line| line.iter().map(painted).collect()).collect()
}

/// The same as pieces, for who paints in another way.
pub fn pieces(columns: &[Column], rows: &[Vec<Cell>], room: Option<usize>) -> Vec<Vec<Piece>> {
    let heading: Vec<Cell> = columns.iter().map(|column| Cell::new(column.title, BOLD)).collect();
    let mut widths = vec![0; columns.len()];
    for row in rows.iter().chain(std::iter::once(&heading)) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(text::width(&cell.text));
        }
    }
    let mut kept = vec![true; columns.len()];
    if let Some(room) = room {
        fit(columns, &mut widths, &mut kept, room);
    }
    std::iter::once(&heading).chain(rows).map(|row| line(row, &widths, &kept)).collect()
}

/// Leaves out what can be spared, then shortens the last column, then the widest ones.
fn fit(columns: &[Column], widths: &mut [usize], kept: &mut [bool], room: usize) {
    let Some(last) = columns.len().checked_sub(1) else { return };
    let total = |widths: &[usize], kept: &[bool]| {
        let shown = widths.iter().zip(kept).filter(|(_, kept)| **kept);
        shown.map(|(width, _)| width + GAP).sum::<usize>().saturating_sub(GAP)
    };
    let mut spare: Vec<usize> = (0..columns.len()).filter(|index| columns[*index].spare > 0).collect();
    spare.sort_by_key(|index| std::cmp::Reverse(columns[*index].spare));
    for index in spare {
        let short = total(widths, kept) - widths[last] + widths[last].min(LEAST);
        if short <= room {
            break;
        }
        kept[index] = false;
    }
    while total(widths, kept) > room {
        let over = total(widths, kept) - room;
        let widest = (0..widths.len()).filter(|index| kept[*index]).max_by_key(|index| widths[*index]);
        let victim = if widths[last] > LEAST { Some(last) } else { widest };
        match victim.filter(|index| widths[*index] > 1) {
            Some(index) => widths[index] -= over.min(widths[index] - 1),
            None => break,
        }
    }
}

fn line(row: &[Cell], widths: &[usize], kept: &[bool]) -> Vec<Piece> {
    let mut line = Vec::new();
    let mut owed = 0;
    for ((cell, width), _) in row.iter().zip(widths).zip(kept).filter(|(_, kept)| **kept) {
        let shown = text::cut(&cell.text, *width);
        let taken = text::width(&shown);
        if !shown.is_empty() {
            if owed > 0 {
                line.push((" ".repeat(owed), Style::new()));
            }
            line.push((shown, cell.style));
            owed = 0;
        }
        owed += width - taken + GAP;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { title: "NAME", spare: 0 },
        Column { title: "N", spare: 1 },
        Column { title: "WHY", spare: 0 },
    ];

    fn shown(rows: &[[&str; 3]], room: Option<usize>) -> Vec<String> {
        let rows: Vec<Vec<Cell>> =
            rows.iter().map(|row| row.iter().map(|text| (*text).into()).collect()).collect();
        let lines = render(&COLUMNS, &rows, room);
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn columns_line_up() {
        let lines = shown(&[["a", "1", ""], ["bbbbb", "2", "x"]], None);
        assert_eq!(lines, ["NAME   N  WHY", "a      1", "bbbbb  2  x"]);
    }

    #[test]
    fn wide_letters_keep_columns_in_line() {
        let lines = shown(&[["日本", "1", "x"], ["abcdef", "2", "y"]], None);
        assert_eq!(lines[1], "日本    1  x");
        assert_eq!(lines[2], "abcdef  2  y");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let long = "why ".repeat(50);
        let rows = [["service-with-a-name", "1000", long.as_str()], ["日本語日本語日本語", "2", "ab"]];
        for room in 1..200 {
            for line in shown(&rows, Some(room)) {
                // Three columns and their gaps cannot be narrower.
                assert!(text::width(&line) <= room.max(7), "{room}: {line}");
            }
        }
    }

    #[test]
    fn what_can_be_spared_goes_before_the_rest_is_cut() {
        let rows = [["service", "1000", "a long reason for something"]];
        assert_eq!(shown(&rows, Some(31))[1], "service  1000  a long reason f…");
        assert_eq!(shown(&rows, Some(26))[1], "service  a long reason fo…");
    }

    #[test]
    fn a_cell_is_one_line() {
        assert_eq!(shown(&[["a", "b", "c\nd"]], None)[1], "a     b  c d");
    }
}
