//! A flat list of keys and values as a mapping reads it: each is in the ledger from the moment it is made.

use std::ops::Range;

use crate::ledger::{Field, Ledger};

/// One key with its value.
#[derive(Clone)]
pub(crate) struct Item<'l> {
    pub key: String,
    pub value: String,
    /// Where the value begins in the source.
    pub value_at: usize,
    pub field: Field<'l>,
}

/// The keys of one service.
pub(crate) struct Flat<'l> {
    pub items: Vec<Item<'l>>,
}

impl<'l> Flat<'l> {
    pub fn new() -> Self {
        Self { items: Vec::new() }
    }

    /// Enters a key. `shown` is its name in the report.
    pub fn enter(
        &mut self,
        ledger: &'l Ledger,
        service: Option<&str>,
        (key, shown): (&str, &str),
        value: &str,
        (span, value_at): (Range<usize>, usize),
    ) {
        let field = ledger.enter(service, shown, value, span);
        self.items.push(Item { key: key.to_owned(), value: value.to_owned(), value_at, field });
    }

    /// The one that counts: the last. The others are told to be overridden.
    pub fn last(&self, key: &str) -> Option<&Item<'l>> {
        let mut found: Vec<&Item<'l>> = self.items.iter().filter(|item| item.key == key).collect();
        let last = found.pop();
        for earlier in found {
            earlier.field.left("it is set again below, and the last one counts");
        }
        last
    }
}

impl Item<'_> {
    /// A whole number that is not negative; anything else is told as wrong.
    pub fn number(&self) -> Option<u64> {
        let number = self.value.trim().parse().ok();
        if number.is_none() {
            self.field.bad(format!("`{}` must be a whole number, not `{}`", self.key, self.value), None);
        }
        number
    }
}
