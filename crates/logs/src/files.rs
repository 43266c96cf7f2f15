//! How files are opened, and compressed out of the way.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

/// What a capture leaves to its caller, because operating systems differ in it.
///
/// The default opens files in the standard library's way, which on Windows shares reading, writing and deletion, so
/// that neither a reader nor a writer hinders rotation. Pass another function to set permissions.
#[derive(Clone, Copy, Debug)]
pub struct Files {
    /// Opens a file for appending; creates it if it is not there.
    pub append: fn(&Path) -> io::Result<File>,
    /// Called first on the thread that compresses, to put it behind whatever else wants processor and disk.
    pub background: fn(),
}

impl Default for Files {
    fn default() -> Self {
        Self { append: |path| OpenOptions::new().append(true).create(true).open(path), background: || {} }
    }
}
