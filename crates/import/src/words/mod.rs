//! Command lines: taken apart into words, and put together again, by the rules of each tool.

pub(crate) mod shell;
pub(crate) mod systemd;
pub(crate) mod windows;

/// Why a command line cannot be taken apart, and where in it, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WordsError {
    pub at: usize,
    pub message: &'static str,
}

#[cfg(test)]
mod tests;
