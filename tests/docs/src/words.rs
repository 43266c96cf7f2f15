//! What the fence of a block says about it.

/// The words behind the language of a fence.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The machines it is run on, of [`BACKENDS`].
    pub backends: Vec<String>,
    /// `terminal=NAME`: run in a second terminal, whose command goes on while the page does.
    pub terminal: Option<String>,
    /// `file=PATH`: the block is that file, and written there.
    pub file: Option<String>,
    /// `not-run: WHY`
    pub not_run: Option<String>,
    /// `refused`: a spec that is shown because it is not accepted.
    pub refused: bool,
    /// `forwarder`: the forwarder's configuration, not a spec.
    pub forwarder: bool,
}

pub const BACKENDS: [&str; 7] = ["foreground", "systemd", "openrc", "runit", "s6", "sysv", "windows"];

impl Mark {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut mark = Self::default();
        let words = match text.split_once("not-run:") {
            Some((words, why)) if !why.trim().is_empty() => {
                mark.not_run = Some(why.trim().into());
                words
            }
            Some(_) => return Err("not-run needs a reason".into()),
            None => text,
        };
        for word in words.split_whitespace() {
            match word.split_once('=') {
                Some(("terminal", name)) => mark.terminal = Some(name.into()),
                Some(("file", path)) => mark.file = Some(path.into()),
                None if BACKENDS.contains(&word) => mark.backends.push(word.into()),
                None if word == "refused" => mark.refused = true,
                None if word == "forwarder" => mark.forwarder = true,
                _ => return Err(format!("`{word}` means nothing in a fence")),
            }
        }
        Ok(mark)
    }

    pub fn is_for(&self, backend: &str) -> bool {
        self.backends.iter().any(|name| name == backend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks() {
        let mark = Mark::parse("systemd terminal=second").unwrap();
        assert_eq!(mark.backends, ["systemd"]);
        assert_eq!(mark.terminal.as_deref(), Some("second"));
        let mark = Mark::parse("not-run: needs a network").unwrap();
        assert_eq!(mark.not_run.as_deref(), Some("needs a network"));
        for bad in ["not-run:", "sometimes", "colour=red"] {
            assert!(Mark::parse(bad).is_err(), "{bad}");
        }
    }
}
