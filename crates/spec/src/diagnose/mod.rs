//! All mistakes of a text at once.
//!
//! The types know what is right, but stop at the first thing that is wrong. So the text is read into a tree with
//! spans, the tree is read into the types, and as often as that fails the mistake is noted, cut out of the tree and
//! the rest is tried again. What could be read in the end is then checked as any spec is.

mod tree;
mod words;

use std::cell::Cell;
use std::ops::Range;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, Deserializer};

use crate::Spec;
use crate::error::{Errors, SpecError};
use crate::path::{Path, Segment, at};
use tree::{Look, Node};

/// After so many mistakes the rest is not worth reading.
const MAX_ERRORS: usize = 50;

/// After so many bytes read the search ends. A spec that a person wrote is read thousands of times for this; a hostile
/// one of 1 MiB is read 32 times.
const MAX_WORK: usize = 32 << 20;

pub(crate) fn parse(text: &str) -> Result<Spec, Errors> {
    let (document, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        return Err(sorted(syntax.iter().map(|error| words::syntax(error, text)).collect()));
    }
    let whole = tree::root(document);
    let mut search =
        Search { text, rest: whole.clone(), whole, errors: Vec::new(), cut: Vec::new(), work: Cell::new(0) };
    let spec = search.read();
    if let Some(spec) = &spec {
        search.check(spec);
    }
    match spec {
        Some(spec) if search.errors.is_empty() => Ok(spec),
        _ => Err(sorted(search.errors)),
    }
}

/// In the order of the text, once each, and not too many.
fn sorted(mut errors: Vec<SpecError>) -> Errors {
    errors.sort_by_key(|error| error.span.as_ref().map_or(0, |span| span.start));
    errors.dedup();
    errors.truncate(MAX_ERRORS);
    Errors(errors)
}

struct Search<'t> {
    text: &'t str,
    /// The tree as it was read.
    whole: Node<'t>,
    /// The tree without the mistakes found so far.
    rest: Node<'t>,
    errors: Vec<SpecError>,
    /// What was cut out or put in, by its path in the whole tree.
    cut: Vec<Path>,
    /// Bytes read so far.
    work: Cell<usize>,
}

/// Where in the rest of the tree a mistake is.
struct Place {
    path: Path,
    span: Option<Range<usize>>,
}

impl Search<'_> {
    /// Reads the tree, cutting out one mistake after the other.
    fn read(&mut self) -> Option<Spec> {
        loop {
            let error = match self.try_read(&self.rest) {
                Ok(spec) => return Some(spec),
                Err(error) => error,
            };
            let place = self.place_of(&error);
            let missing = words::missing_key(error.message()).map(|key| place.path.child(key));
            self.note(error.message(), &place, missing.as_ref());
            if self.errors.len() >= MAX_ERRORS || self.is_tired() {
                return None;
            }
            // What must be there is replaced, so that the rest can still be read.
            let put = missing.as_ref().and_then(|path| Some((path, placeholder(path)?)));
            let (changed, path) = match put {
                Some((path, value)) => (tree::put(&mut self.rest, path, value), path.clone()),
                None => {
                    let before = self.before_cuts(&place.path);
                    let removed = tree::remove(&mut self.rest, &place.path);
                    self.cut.push(before);
                    (removed, place.path)
                }
            };
            if !changed {
                return None;
            }
            if put.is_some() {
                self.cut.push(self.before_cuts(&path));
            }
        }
    }

    fn try_read(&self, tree: &Node<'_>) -> Result<Spec, toml::de::Error> {
        self.work.set(self.work.get() + self.text.len());
        Spec::deserialize(Deserializer::from(tree::document(tree.clone())))
    }

    fn is_tired(&self) -> bool {
        self.work.get() >= MAX_WORK
    }

    fn before_cuts(&self, path: &Path) -> Path {
        tree::path_before_cuts(&self.whole, &self.rest, path)
    }

    /// Adds a mistake, unless it only follows from what was cut out.
    fn note(&mut self, message: &str, place: &Place, missing: Option<&Path>) {
        let path = self.before_cuts(&place.path);
        let follows = match missing.and_then(|it| it.key()) {
            Some(key) => self.cut.iter().any(|cut| is_instead_of(cut, &path, key)),
            None => self.cut.iter().any(|cut| is_below(cut, &path)),
        };
        if follows {
            return;
        }
        let mut error = words::explain(message, &path, tree::get(&self.whole, &path));
        // The whole spec has no place in the text: what it lacks is told at its top.
        error = error.at(self.text, place.span.clone().unwrap_or(0..0));
        self.errors.push(error);
    }

    /// Checks what could be read.
    fn check(&mut self, spec: &Spec) {
        for issue in crate::validate::issues(spec) {
            if self.errors.len() >= 2 * MAX_ERRORS {
                break;
            }
            let path = self.before_cuts(&issue.path);
            let involved = issue.involves.iter().map(|it| self.before_cuts(it));
            let unsure = |it: &Path| self.cut.iter().any(|cut| cut == it || is_below(cut, it));
            if unsure(&path) || involved.into_iter().any(|it| unsure(&it)) {
                continue;
            }
            let (found, mut span) = tree::nearest(&self.rest, &issue.path);
            // `path` ends in the name of a variable or the like: it may be the key that is wrong.
            if issue.about_key {
                span = tree::key_span(&self.rest, &found).or(span);
            }
            let mut error = issue.into_error();
            error.path = path.to_string();
            self.errors.push(error.at(self.text, span.unwrap_or(0..0)));
        }
    }

    fn place_of(&self, error: &toml::de::Error) -> Place {
        // Only the whole spec, and what was put in, has an empty span at the very top.
        let Some(span) = error.span().filter(|span| *span != (0..0)) else {
            return Place { path: Path::default(), span: None };
        };
        if words::is_about_key(error.message())
            && let Some(path) = tree::find(&self.rest, &span, Look::Key)
        {
            return Place { path, span: Some(span) };
        }
        let path = tree::find(&self.rest, &span, Look::Value)
            .or_else(|| tree::find(&self.rest, &span, Look::Around))
            .unwrap_or_default();
        match self.element_of(error, &span, &path) {
            Some(path) => {
                let span = tree::get(&self.rest, &path).map(|node| node.span());
                Place { path, span }
            }
            None if path.0.is_empty() => Place { path, span: None },
            None => Place { path, span: Some(span) },
        }
    }

    /// An error that an element of a list raised about itself as a whole bears the span of the list. Which element
    /// it was shows when the list is cut short: it is the last one of the shortest list that still is wrong.
    fn element_of(&self, error: &toml::de::Error, span: &Range<usize>, path: &Path) -> Option<Path> {
        // A list of tables has the span of its first table.
        let list = match path.0.split_last() {
            Some((Segment::Index(_), parents)) => Path(parents.to_vec()),
            _ => path.clone(),
        };
        let node = tree::get(&self.rest, &list).filter(|node| node.span() == *span)?;
        let DeValue::Array(array) = node.get_ref() else { return None };
        let still_wrong = |count: usize| {
            let mut tree = self.rest.clone();
            tree::keep_first(&mut tree, &list, count);
            let same =
                |it: toml::de::Error| it.message() == error.message() && it.span().as_ref() == Some(span);
            self.try_read(&tree).is_err_and(same)
        };
        if self.is_tired() || still_wrong(0) {
            return None;
        }
        let (mut right, mut wrong) = (0, array.len());
        while wrong - right > 1 {
            let middle = right + (wrong - right) / 2;
            if still_wrong(middle) { wrong = middle } else { right = middle }
        }
        Some(list.child(right)).filter(|_| wrong > 0)
    }
}

/// What stands in for something that must be there.
fn placeholder(path: &Path) -> Option<&'static str> {
    let is = |it: Path| *path == it;
    if is(at!["name"]) {
        Some("\"placeholder\"")
    } else if is(at!["program"]) {
        Some("{ command = [\"placeholder\"] }")
    } else if is(at!["program", "command"]) {
        Some("[\"placeholder\"]")
    } else if is(at!["register", "port"]) {
        Some("1")
    } else if is(at!["debug", "on"]) || is(at!["debug", "off"]) {
        Some("{ signal = \"USR1\" }")
    } else {
        None
    }
}

fn is_below(path: &Path, above: &Path) -> bool {
    path.0.len() > above.0.len() && path.0.starts_with(&above.0)
}

/// Whether a key that was cut out of `table` is `key` itself, or was meant to be.
fn is_instead_of(cut: &Path, table: &Path, key: &str) -> bool {
    let in_table = cut.0.len() == table.0.len() + 1 && is_below(cut, table);
    in_table && cut.key().is_some_and(|it| crate::suggest::nearest(it, [key]).is_some())
}
