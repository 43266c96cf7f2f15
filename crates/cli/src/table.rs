//! Tables for people: columns as wide as they need, no lines, no colour needed.

use anstyle::Style;

use crate::printer::BOLD;

/// One cell: its text and how it is coloured.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell in a style.
    pub fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Style::new())
    }
}

/// Rows below a heading, as lines.
pub fn render(heading: &[&str], rows: &[Vec<Cell>]) -> Vec<String> {
    let heading: Vec<Cell> = heading.iter().map(|text| Cell::new(*text, BOLD)).collect();
    let mut widths = vec![0; heading.len()];
    for row in rows.iter().chain(std::iter::once(&heading)) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.chars().count());
        }
    }
    std::iter::once(&heading).chain(rows).map(|row| line(row, &widths)).collect()
}

fn line(row: &[Cell], widths: &[usize]) -> String {
    let last = row.len().saturating_sub(1);
    let mut line = String::new();
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        let Cell { text, style } = cell;
        line.push_str(&format!("{style}{text}{style:#}"));
        if index < last {
            line.extend(std::iter::repeat_n(' ', width - text.chars().count() + 2));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".into(), "1".into()], vec!["bbbbb".into(), "2".into()]];
        let lines: Vec<String> = render(&["NAME", "N"], &rows)
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect();
        assert_eq!(lines, ["NAME   N", "a      1", "bbbbb  2"]);
    }
}
