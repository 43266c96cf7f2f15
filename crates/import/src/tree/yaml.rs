//! YAML with places. Anchors are resolved, `<<` merges.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::{Data, Key, MAX_DEPTH, MAX_NODES, Node};
use crate::error::Problem;

/// The entries of a map.
type Entries = Vec<(Key, Node)>;

/// Reads the first document of a file.
pub(crate) fn parse(text: &str) -> Result<Node, Problem> {
    // The parser counts characters.
    let offsets: Vec<usize> = text.char_indices().map(|(offset, _)| offset).chain([text.len()]).collect();
    let mut reader =
        Reader { events: Parser::new_from_str(text), offsets, text, anchors: HashMap::new(), nodes: 0 };
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(Node::new(Data::Null, 0..0)),
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            event => {
                let node = reader.node(event, span, 0)?;
                reader.nothing_follows()?;
                return Ok(node);
            }
        }
    }
}

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    offsets: Vec<usize>,
    text: &'a str,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Problem> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                let span = self.bytes(span);
                Ok((event, span))
            }
            Some(Err(error)) => {
                let at = self.offset(error.marker().index());
                let width = self.text[at..].chars().next().map_or(0, char::len_utf8);
                Err(Problem::new(at..at + width, format!("this is no YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, self.text.len()..self.text.len())),
        }
    }

    fn offset(&self, index: usize) -> usize {
        self.offsets.get(index).copied().unwrap_or(self.text.len())
    }

    fn bytes(&self, span: Span) -> Range<usize> {
        let start = self.offset(span.start.index());
        start..self.offset(span.end.index()).max(start)
    }

    /// Another document in the file would be lost.
    fn nothing_follows(&mut self) -> Result<(), Problem> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentEnd | Event::Nothing, _) => {}
                (Event::DocumentStart(_), span) => {
                    return Err(Problem::new(span, "a second document begins here")
                        .hint("put each document into a file of its own"));
                }
                (_, span) => return Err(Problem::new(span, "text after the end of the document")),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Range<usize>, depth: usize) -> Result<Node, Problem> {
        if depth > MAX_DEPTH {
            return Err(Problem::new(span, "values in values, too many for a configuration"));
        }
        self.count(1, &span)?;
        let (node, anchor) = match event {
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(Problem::new(span, "this alias names itself, or nothing"));
                };
                self.count(size(&node), &span)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let text_tag = tag.is_some_and(|tag| tag.suffix == "str");
                let data = if style == ScalarStyle::Plain && !text_tag {
                    plain(&text)
                } else {
                    Data::Text(text.into_owned())
                };
                (Node::new(data, span), anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut entries = Vec::new();
                let end = loop {
                    match self.next()? {
                        (Event::SequenceEnd, end) => break end,
                        (Event::StreamEnd, end) => return Err(Problem::new(end, "the file breaks off here")),
                        (event, span) => entries.push(self.node(event, span, depth + 1)?),
                    }
                };
                (Node::new(Data::List(entries), span.start..end.end.max(span.start)), anchor)
            }
            Event::MappingStart(anchor, _) => {
                let (entries, end) = self.map(depth)?;
                (Node::new(Data::Map(entries), span.start..end.end.max(span.start)), anchor)
            }
            _ => return Err(Problem::new(span, "a value was expected here")),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn map(&mut self, depth: usize) -> Result<(Entries, Range<usize>), Problem> {
        let mut entries = Entries::new();
        let mut merged = Entries::new();
        let mut seen: HashSet<String> = HashSet::new();
        let end = loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => break span,
                Event::StreamEnd => return Err(Problem::new(span, "the file breaks off here")),
                event => self.node(event, span, depth + 1)?,
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            let text = match &key.data {
                Data::Null => "null".to_owned(),
                _ => key.word().ok_or_else(|| {
                    Problem::new(key.span.clone(), format!("{} cannot be the name of a setting", key.kind()))
                })?,
            };
            if text == "<<" {
                merge(value, &mut merged)?;
                continue;
            }
            if !seen.insert(text.clone()) {
                return Err(Problem::new(key.span, format!("`{text}` stands here for the second time"))
                    .hint("remove one of them"));
            }
            entries.push((Key { text, span: key.span }, value));
        };
        for (key, value) in merged {
            if seen.insert(key.text.clone()) {
                entries.push((key, value));
            }
        }
        Ok((entries, end))
    }

    fn count(&mut self, more: usize, span: &Range<usize>) -> Result<(), Problem> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            return Err(Problem::new(span.clone(), "too many values for a configuration"));
        }
        Ok(())
    }
}

fn merge(value: Node, into: &mut Entries) -> Result<(), Problem> {
    match value.data {
        Data::Map(entries) => {
            for (key, value) in entries {
                if !into.iter().any(|(known, _)| known.text == key.text) {
                    into.push((key, value));
                }
            }
            Ok(())
        }
        Data::List(maps) => maps.into_iter().try_for_each(|map| match map.data {
            Data::Map(_) => merge(map, into),
            _ => Err(Problem::new(map.span.clone(), "only maps can be merged with `<<`")),
        }),
        _ => Err(Problem::new(value.span.clone(), "only maps can be merged with `<<`")),
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.data {
        Data::List(entries) => entries.iter().map(size).sum(),
        Data::Map(entries) => entries.iter().map(|(_, value)| size(value)).sum::<usize>(),
        _ => 0,
    }
}

/// A plain scalar, by the core schema.
fn plain(text: &str) -> Data {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" => Data::Bool(true),
        "false" | "False" | "FALSE" => Data::Bool(false),
        text => {
            let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
            let number =
                digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.parse::<f64>().is_ok();
            if number { Data::Number(text.to_owned()) } else { Data::Text(text.to_owned()) }
        }
    }
}
