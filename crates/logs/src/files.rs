//! How files are opened.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

/// Opens the files of a capture.
///
/// The default is the standard library's way, which on Windows shares reading, writing and deletion, so that
/// neither a reader nor a writer hinders rotation. Pass another function to set permissions.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    /// Opens a file for appending; creates it if it is not there.
    pub append: fn(&Path) -> io::Result<File>,
}

impl Default for Files {
    fn default() -> Self {
        Self { append: |path| OpenOptions::new().append(true).create(true).open(path) }
    }
}
