//! Stack traces of the common languages, line by line.

/// What an entry is, as far as its lines tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// A message.
    Message,
}

impl Trace {
    /// What an entry that begins with `line` is.
    pub(super) fn begin(_line: &[u8]) -> Self {
        Self::Message
    }

    /// What the entry is with `line` as a part of it; `None` if the line begins the next one.
    pub(super) fn next(self, line: &[u8]) -> Option<Self> {
        line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')).then_some(self)
    }
}
