//! WinSW: the XML of its versions 2 and 3.

mod element;
mod logs;
mod map;

use abide_spec::Spec;

use crate::Options;
use crate::error::Problem;
use crate::ledger::Ledger;
use element::Element;

pub(crate) fn read(ledger: &Ledger, options: &Options) -> Result<Vec<Spec>, Problem> {
    let text = ledger.text();
    let document = roxmltree::Document::parse(text).map_err(|error| {
        let at = offset(text, error.pos());
        let width = text[at..].chars().next().map_or(0, char::len_utf8);
        // The reader ends its messages with the place, which the frame shows.
        let message = error.to_string();
        let message = message.split(" at ").next().unwrap_or(&message).to_owned();
        Problem::new(at..at + width, format!("this is no XML: {message}"))
    })?;
    let root = document.root_element();
    let name = root.tag_name().name();
    if !name.eq_ignore_ascii_case("service") {
        let start = root.range().start;
        return Err(Problem::new(
            start..start + name.len() + 1,
            format!("the document is a <{name}>, not a <service>"),
        )
        .hint("WinSW reads a <service> with <id> and <executable>"));
    }
    let service = Element::open(ledger, root, "");
    service.field.group();
    Ok(map::spec(ledger, &service, options).into_iter().collect())
}

/// The byte of a row and column, both from 1, columns in characters.
fn offset(text: &str, pos: roxmltree::TextPos) -> usize {
    let (row, column) = (pos.row.max(1) as usize, pos.col.max(1) as usize);
    let line_start = match row {
        1 => 0,
        row => text.match_indices('\n').nth(row - 2).map_or(text.len(), |(at, _)| at + 1),
    };
    let rest = &text[line_start..];
    line_start + rest.char_indices().nth(column - 1).map_or(rest.len(), |(at, _)| at)
}
