//! The copies of the `abide-supervisor` executable that services run: named by content, so that an upgrade of Abide
//! never changes what a running service executes, and where every service account can reach them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::paths::Layout;

const PREFIX: &str = "abide-supervisor-";

/// FNV-1a over 128 bits: enough to tell versions of one file apart; equality is decided by the content itself.
#[must_use]
pub fn content_hash(bytes: &[u8]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

/// The supervisor to install and where it will stand.
pub(crate) struct Copy {
    pub(crate) bytes: Vec<u8>,
    pub(crate) path: PathBuf,
    /// Whether exactly this content is there already.
    pub(crate) present: bool,
}

impl Copy {
    pub(crate) fn of(source: &Path, layout: &Layout) -> io::Result<Self> {
        let bytes = fs::read(source)?;
        let path = layout.lib.join(file_name(&bytes, cfg!(windows)));
        let present = is_same(&path, &bytes);
        Ok(Self { bytes, path, present })
    }

    /// What it is, for a plan: nobody wants to read an executable.
    pub(crate) fn summary(&self) -> String {
        format!("executable, {} bytes", self.bytes.len())
    }
}

/// The name of a copy.
pub(crate) fn file_name(bytes: &[u8], windows: bool) -> String {
    let extension = if windows { ".exe" } else { "" };
    format!("{PREFIX}{:012x}{extension}", content_hash(bytes) >> 80)
}

fn is_same(path: &Path, bytes: &[u8]) -> bool {
    let size = path.metadata().map(|metadata| metadata.len()).ok();
    size == u64::try_from(bytes.len()).ok()
        && fs::read(path).is_ok_and(|there| there == bytes)
        && crate::resolve::is_executable(path)
}

/// The copies in the folder that none of the given texts (units, image paths) names.
pub(crate) fn unused<'a>(layout: &Layout, texts: impl Iterator<Item = &'a str> + Clone) -> Vec<PathBuf> {
    let entries = fs::read_dir(&layout.lib).into_iter().flatten().flatten();
    let mut unused: Vec<_> = entries
        .filter(|entry| {
            entry.file_name().to_str().is_some_and(|name| {
                name.starts_with(PREFIX) && !texts.clone().any(|text| text.contains(name))
            })
        })
        .map(|entry| entry.path())
        .collect();
    unused.sort();
    unused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // The values that the specification of FNV-1a gives for "" and "a".
        assert_eq!(content_hash(b""), 0x6c62272e07bb014262b821756295c58d);
        assert_eq!(content_hash(b"a"), 0xd228cb696f1a8caf78912b704e4a8964);
    }

    #[test]
    fn a_copy_is_there_only_when_its_content_is() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::below(folder.path());
        let source = folder.path().join("source");
        fs::write(&source, "one").unwrap();
        let copy = Copy::of(&source, &layout).unwrap();
        assert!(!copy.present);
        fs::create_dir_all(&layout.lib).unwrap();
        crate::fs::atomic_write(&copy.path, b"one", crate::fs::Access::Executable).unwrap();
        assert!(Copy::of(&source, &layout).unwrap().present);
        fs::write(&copy.path, "0ne").unwrap();
        assert!(!Copy::of(&source, &layout).unwrap().present);
        let name = copy.path.to_str().unwrap().to_owned();
        assert_eq!(unused(&layout, [name.as_str()].into_iter()), Vec::<PathBuf>::new());
        assert_eq!(unused(&layout, ["x"].into_iter()), [copy.path]);
    }
}
