//! Elements with all that is in them in the ledger.

use roxmltree::Node;

use crate::ledger::{Field, Ledger};

/// An element.
pub(crate) struct Element<'l> {
    pub name: String,
    /// Its text, without blanks around it.
    pub text: String,
    pub attributes: Vec<Attribute<'l>>,
    pub children: Vec<Element<'l>>,
    pub field: Field<'l>,
}

/// An attribute.
pub(crate) struct Attribute<'l> {
    pub name: String,
    pub value: String,
    pub field: Field<'l>,
}

/// Deeper than this is no configuration.
const MAX_DEPTH: usize = 32;

impl<'l> Element<'l> {
    /// Enters an element, its attributes and all elements in it.
    pub fn open(ledger: &'l Ledger, node: Node<'_, '_>, path: &str) -> Self {
        Self::open_at(ledger, node, path, 0)
    }

    fn open_at(ledger: &'l Ledger, node: Node<'_, '_>, path: &str, depth: usize) -> Self {
        let name = node.tag_name().name().to_owned();
        let path = if depth == 0 {
            String::new()
        } else if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let text: String = node.children().filter(Node::is_text).filter_map(|it| it.text()).collect();
        let text = text.trim_matches([' ', '\t', '\r', '\n']).to_owned();
        let start = node.range().start;
        let shown = if path.is_empty() { name.clone() } else { path.clone() };
        let field = ledger.enter(None, shown, &text, start..start + name.len() + 1);
        let attributes = node
            .attributes()
            .map(|attribute| Attribute {
                name: attribute.name().to_owned(),
                value: attribute.value().to_owned(),
                field: ledger.enter(
                    None,
                    format!("{path} {}", attribute.name()).trim_start().to_owned(),
                    attribute.value(),
                    attribute.range(),
                ),
            })
            .collect();
        let children = if depth < MAX_DEPTH {
            node.children()
                .filter(Node::is_element)
                .map(|child| Self::open_at(ledger, child, &path, depth + 1))
                .collect()
        } else {
            Vec::new()
        };
        Self { name, text, attributes, children, field }
    }

    /// The child that counts: the last of its name.
    pub fn child(&self, name: &str) -> Option<&Element<'l>> {
        let mut found: Vec<&Element<'l>> =
            self.children.iter().filter(|child| child.name.eq_ignore_ascii_case(name)).collect();
        let last = found.pop();
        for earlier in found {
            earlier.field.left("it is set again below, and the last one counts");
        }
        last
    }

    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Element<'l>> {
        self.children.iter().filter(move |child| child.name.eq_ignore_ascii_case(name))
    }

    pub fn attribute(&self, name: &str) -> Option<&Attribute<'l>> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }

    /// A flag: an empty element, or one that says true.
    pub fn is_on(&self) -> bool {
        !matches!(self.text.to_ascii_lowercase().as_str(), "false" | "no" | "0")
    }

    /// It and all in it are left.
    pub fn leave(&self, why: &str) {
        if self.children.is_empty() && self.attributes.is_empty() || !self.text.is_empty() {
            self.field.left(why);
        } else {
            self.field.group();
        }
        for attribute in &self.attributes {
            attribute.field.left(why);
        }
        for child in &self.children {
            child.leave(why);
        }
    }
}
