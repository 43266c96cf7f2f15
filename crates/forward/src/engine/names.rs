//! The names of log files, as `abide-logs` gives them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use abide_logs::Stream;

/// What there is of one rotated file in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// The names under which its content is there: plain, compressed, or for a moment both.
    pub content: Vec<OsString>,
    /// Whether its index is there.
    pub index: bool,
}

/// The rotated files in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotated(pub BTreeMap<(Stream, u64), Forms>);

impl Rotated {
    /// Lists a folder. One that is not there has none.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut found = Self::default();
        for entry in entries {
            let name = entry?.file_name();
            let Some((stream, number, rest)) = name.to_str().and_then(parse) else { continue };
            let content = match rest {
                "idx" => false,
                "log" | "log.zst" | "log.gz" => true,
                _ => continue,
            };
            let forms = found.0.entry((stream, number)).or_default();
            if content { forms.content.push(name) } else { forms.index = true }
        }
        // The index of the file that is being written is there, and the file has no number yet.
        found.0.retain(|_, forms| !forms.content.is_empty());
        Ok(found)
    }

    /// The highest number of a stream.
    pub fn last(&self, stream: Stream) -> Option<u64> {
        self.0.range((stream, 0)..=(stream, u64::MAX)).next_back().map(|((_, number), _)| *number)
    }
}

/// The highest number of each stream in a folder, that of the file being written included.
pub fn newest(folder: &Path) -> [Option<u64>; 2] {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut newest = [None, None];
    for name in entries.map(|entry| entry.file_name()) {
        if let Some((stream, number, _)) = name.to_str().and_then(parse) {
            let slot = &mut newest[usize::from(stream == Stream::Stderr)];
            *slot = (*slot).max(Some(number));
        }
    }
    newest
}

/// The name of an index.
pub fn index(stream: Stream, number: u64) -> String {
    format!("{stream}.{number:06}.idx")
}

/// Splits `stdout.000042.log.zst` into its stream, 42 and `log.zst`.
pub fn parse(name: &str) -> Option<(Stream, u64, &str)> {
    let (stream, rest) = name.split_once('.')?;
    let stream = Stream::BOTH.into_iter().find(|known| known.name() == stream)?;
    let (number, rest) = rest.split_once('.')?;
    if number.len() < 6 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((stream, number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_known_in_all_their_forms() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "stdout.log",
            "stdout.000001.log.zst",
            "stdout.000001.idx",
            "stdout.000002.log",
            "stdout.000002.log.zst",
            "stdout.000003.idx",
            "stderr.000007.log.gz",
            "stdout.000004.log.zst.tmp",
            "stdout.4.log",
            "other.000001.log",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = Rotated::of(folder.path()).unwrap();
        let numbers: Vec<_> = found.0.keys().copied().collect();
        assert_eq!(numbers, [(Stream::Stdout, 1), (Stream::Stdout, 2), (Stream::Stderr, 7)]);
        assert!(found.0[&(Stream::Stdout, 1)].index && !found.0[&(Stream::Stderr, 7)].index);
        assert_eq!(found.0[&(Stream::Stdout, 2)].content.len(), 2);
        assert_eq!((found.last(Stream::Stdout), found.last(Stream::Stderr)), (Some(2), Some(7)));
        assert_eq!(Rotated::of(&folder.path().join("none")).unwrap(), Rotated::default());
    }
}
