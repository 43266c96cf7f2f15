//! Compressed files, made of blocks of which each can be read on its own.
//!
//! Both forms are what the common tools read and write; they differ only in having a block for every 256 KiB,
//! and in telling where each block is: zstd by the table of its "seekable format" at the end of the file, gzip
//! by an extra field in the header of each member. Files by other tools are read as well, from the beginning.

use std::{
    fs::File,
    io::{self, Read},
};

use crate::Compression;

#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "zstd")]
mod zstd;

/// How much goes into one block, in bytes: little enough to be held in memory, enough to compress well.
pub(crate) const BLOCK: usize = 256 << 10;

/// No block in a file by Abide is larger: what claims to be is not one.
#[cfg(any(feature = "gzip", feature = "zstd"))]
const LARGEST: u32 = 1 << 20;

/// Where a block is in the compressed file and in what it expands to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub packed_at: u64,
    pub packed: u32,
    pub plain_at: u64,
    pub plain: u32,
}

/// Compresses block by block.
pub(crate) trait Encoder {
    /// Appends `plain`, at most [`BLOCK`] bytes, to `packed`.
    fn block(&mut self, plain: &[u8], packed: &mut Vec<u8>) -> io::Result<()>;
    /// Appends what ends the file.
    fn finish(&mut self, packed: &mut Vec<u8>) -> io::Result<()>;
}

/// Expands files of one form.
pub(crate) trait Decoder: Send + std::fmt::Debug {
    /// Where the blocks are; `None` if the file does not say.
    fn blocks(&self, file: &mut File) -> io::Result<Option<Vec<Block>>>;
    /// Expands the block `packed` into `plain`.
    fn expand(&mut self, packed: &[u8], block: Block, plain: &mut Vec<u8>) -> io::Result<()>;
    /// Expands a whole file from the beginning.
    fn stream(&self, file: File) -> io::Result<Box<dyn Read + Send>>;
}

/// An encoder for `compression`.
pub(crate) fn encoder(compression: Compression) -> io::Result<Box<dyn Encoder>> {
    match compression {
        #[cfg(feature = "zstd")]
        Compression::Zstd => Ok(Box::new(zstd::ZstdEncoder::new()?)),
        #[cfg(feature = "gzip")]
        Compression::Gzip => Ok(Box::new(gzip::GzipEncoder::new())),
        other => Err(unsupported(other)),
    }
}

/// A decoder for `compression`.
pub(crate) fn decoder(compression: Compression) -> io::Result<Box<dyn Decoder>> {
    match compression {
        #[cfg(feature = "zstd")]
        Compression::Zstd => Ok(Box::new(zstd::ZstdDecoder)),
        #[cfg(feature = "gzip")]
        Compression::Gzip => Ok(Box::new(gzip::GzipDecoder)),
        other => Err(unsupported(other)),
    }
}

fn unsupported(compression: Compression) -> io::Error {
    let text = format!("this build of Abide has no {}", compression.name());
    io::Error::new(io::ErrorKind::Unsupported, text)
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the compressed file is damaged")
}
