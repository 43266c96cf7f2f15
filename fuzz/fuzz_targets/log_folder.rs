//! Reading a log folder to which everything has happened (indexes and compressed files that are torn, flipped, forged or
//! someone else's, names of all kinds, folders and loops of links for files), from any place, and on from a mark: never a
//! panic, always an end, nothing that is in no file, and with damage to indexes alone no line less.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/logs/tests/hostile/folder.rs"]
mod folder;

fuzz_target!(|bytes: &[u8]| folder::run(bytes));
