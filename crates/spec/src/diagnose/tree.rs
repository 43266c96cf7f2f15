//! A TOML text as a tree that knows where in the text each of its nodes stands.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::path::{Path, Segment};

/// A node of the tree. The root is a table.
pub(super) type Node<'t> = Spanned<DeValue<'t>>;

/// Makes a tree of a document.
pub(super) fn root(document: Spanned<DeTable<'_>>) -> Node<'_> {
    let span = document.span();
    Spanned::new(span, DeValue::Table(document.into_inner()))
}

/// Makes a document of a tree.
pub(super) fn document(root: Node<'_>) -> Spanned<DeTable<'_>> {
    let span = root.span();
    match root.into_inner() {
        DeValue::Table(table) => Spanned::new(span, table),
        _ => Spanned::new(span, DeTable::new()),
    }
}

fn child<'n, 't>(node: &'n Node<'t>, segment: &Segment) -> Option<&'n Node<'t>> {
    match (node.get_ref(), segment) {
        (DeValue::Table(table), Segment::Key(key)) => table.get(key.as_str()),
        (DeValue::Array(array), Segment::Index(index)) => array.get(*index),
        _ => None,
    }
}

fn child_mut<'n, 't>(node: &'n mut Node<'t>, segment: &Segment) -> Option<&'n mut Node<'t>> {
    match (node.get_mut(), segment) {
        (DeValue::Table(table), Segment::Key(key)) => table.get_mut(key.as_str()),
        (DeValue::Array(array), Segment::Index(index)) => array.get_mut(*index),
        _ => None,
    }
}

/// The node at a path.
pub(super) fn get<'n, 't>(root: &'n Node<'t>, path: &Path) -> Option<&'n Node<'t>> {
    path.0.iter().try_fold(root, child)
}

fn get_mut<'n, 't>(root: &'n mut Node<'t>, path: &Path) -> Option<&'n mut Node<'t>> {
    path.0.iter().try_fold(root, child_mut)
}

/// The path as far as it exists, and the place of its end in the text.
pub(super) fn nearest(root: &Node<'_>, path: &Path) -> (Path, Option<Range<usize>>) {
    let mut node = root;
    let mut found = Path::default();
    let mut span = None;
    for segment in &path.0 {
        let Some(next) = child(node, segment) else { break };
        node = next;
        span = Some(node.span());
        found = found.child(segment.clone());
    }
    (found, span)
}

/// The place of the key that a path ends in.
pub(super) fn key_span(root: &Node<'_>, path: &Path) -> Option<Range<usize>> {
    let (last, parents) = path.0.split_last()?;
    let parent = parents.iter().try_fold(root, child)?;
    match (parent.get_ref(), last) {
        (DeValue::Table(table), Segment::Key(key)) => {
            table.get_key_value(key.as_str()).map(|(key, _)| key.span())
        }
        _ => None,
    }
}

/// The path, in the whole tree, of the node at `path` in a tree from which something was cut out.
pub(super) fn path_before_cuts(whole: &Node<'_>, cut: &Node<'_>, path: &Path) -> Path {
    let mut nodes = Some((whole, cut));
    let mut found = Path::default();
    for segment in &path.0 {
        let mut segment = segment.clone();
        if let (Some((whole, cut)), Segment::Index(index)) = (nodes, &segment)
            && let (DeValue::Array(before), Some(element)) = (whole.get_ref(), child(cut, &segment))
        {
            let same = |it: &Node<'_>| it.span() == element.span();
            // Mostly nothing was cut out before it.
            let position = match before.get(*index) {
                Some(it) if same(it) => Some(*index),
                _ => before.iter().position(same),
            };
            nodes = position.map(|position| (&before[position], element));
            segment = Segment::Index(position.unwrap_or(*index));
        } else {
            nodes = nodes.and_then(|(whole, cut)| Some((child(whole, &segment)?, child(cut, &segment)?)));
        }
        found = found.child(segment);
    }
    found
}

/// What a search looks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// A key with exactly this span.
    Key,
    /// A value with exactly this span; the innermost of several.
    Value,
    /// The innermost value around this span.
    Around,
}

/// The path to the node with this span.
pub(super) fn find(root: &Node<'_>, span: &Range<usize>, look: Look) -> Option<Path> {
    let mut best: Option<(Path, usize)> = None;
    // Not recursive in the tree's depth but with a list of what is still to be seen.
    let mut open: Vec<(Path, &Node<'_>)> = vec![(Path::default(), root)];
    while let Some((path, node)) = open.pop() {
        let here = node.span();
        let matches = match look {
            Look::Key => false,
            Look::Value => here == *span,
            Look::Around => here.start <= span.start && span.end <= here.end,
        };
        if matches {
            let better = match &best {
                Some((best, _)) if look == Look::Value => path.0.len() > best.0.len(),
                Some((best, width)) => {
                    here.len() < *width || here.len() == *width && path.0.len() > best.0.len()
                }
                None => true,
            };
            if better {
                best = Some((path.clone(), here.len()));
            }
        }
        match node.get_ref() {
            DeValue::Table(table) => {
                for (key, value) in table.iter() {
                    let path = path.child(Segment::Key(key.get_ref().to_string()));
                    if look == Look::Key && key.span() == *span {
                        return Some(path);
                    }
                    open.push((path, value));
                }
            }
            DeValue::Array(array) => {
                open.extend(array.iter().enumerate().map(|(index, value)| (path.child(index), value)));
            }
            _ => {}
        }
    }
    best.map(|(path, _)| path)
}

/// Cuts out the node at a path; the root cannot be cut out.
pub(super) fn remove(root: &mut Node<'_>, path: &Path) -> bool {
    let Some((last, parents)) = path.0.split_last() else { return false };
    let Some(parent) = parents.iter().try_fold(root, child_mut) else { return false };
    match (parent.get_mut(), last) {
        (DeValue::Table(table), Segment::Key(key)) => table.remove(key.as_str()).is_some(),
        (DeValue::Array(array), Segment::Index(index)) if *index < array.len() => {
            let all = std::mem::replace(array, DeArray::new());
            *array =
                all.into_iter().enumerate().filter(|(at, _)| at != index).map(|(_, node)| node).collect();
            true
        }
        _ => false,
    }
}

/// Keeps only so many elements of the array at a path, the first ones.
pub(super) fn keep_first(root: &mut Node<'_>, path: &Path, count: usize) {
    if let Some(DeValue::Array(array)) = get_mut(root, path).map(Spanned::get_mut) {
        let all = std::mem::replace(array, DeArray::new());
        *array = all.into_iter().take(count).collect();
    }
}

/// Puts a value, given as TOML, into the table at the path's parent.
pub(super) fn put(root: &mut Node<'_>, path: &Path, value: &'static str) -> bool {
    let Some((Segment::Key(key), parents)) = path.0.split_last() else { return false };
    let parent = parents.iter().try_fold(root, child_mut);
    match (parent.map(Spanned::get_mut), DeValue::parse(value)) {
        (Some(DeValue::Table(table)), Ok(node)) => {
            // An empty span at the top: nothing in the text is meant.
            table.insert(Spanned::new(0..0, key.clone().into()), Spanned::new(0..0, node.into_inner()));
            true
        }
        _ => false,
    }
}
