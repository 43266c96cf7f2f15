//! zstd in the seekable format: independent frames, and a table of them in a frame that decoders skip.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use super::{BLOCK, Block, Decoder, Encoder, LARGEST, damaged, little_endian};

/// The level at which compression costs about as much as writing the log did.
const LEVEL: i32 = 3;

const SKIPPABLE: u32 = 0x184D_2A5E;
const SEEKABLE: u32 = 0x8F92_EAB1;
const FOOTER: usize = 9;
const ENTRY: usize = 8;

pub(super) struct ZstdEncoder {
    compressor: zstd::bulk::Compressor<'static>,
    scratch: Vec<u8>,
    table: Vec<[u32; 2]>,
}

impl ZstdEncoder {
    pub fn new() -> io::Result<Self> {
        let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        Ok(Self {
            compressor,
            scratch: Vec::with_capacity(zstd::zstd_safe::compress_bound(BLOCK)),
            table: Vec::new(),
        })
    }
}

impl Encoder for ZstdEncoder {
    fn block(&mut self, plain: &[u8], packed: &mut Vec<u8>) -> io::Result<()> {
        self.scratch.clear();
        let length = self.compressor.compress_to_buffer(plain, &mut self.scratch)?;
        packed.extend_from_slice(&self.scratch);
        let size = |size| u32::try_from(size).map_err(io::Error::other);
        self.table.push([size(length)?, size(plain.len())?]);
        Ok(())
    }

    fn finish(&mut self, packed: &mut Vec<u8>) -> io::Result<()> {
        let size = |size| u32::try_from(size).map_err(io::Error::other);
        packed.extend(SKIPPABLE.to_le_bytes());
        packed.extend(size(self.table.len() * ENTRY + FOOTER)?.to_le_bytes());
        for number in self.table.iter().flatten() {
            packed.extend(number.to_le_bytes());
        }
        packed.extend(size(self.table.len())?.to_le_bytes());
        packed.push(0);
        packed.extend(SEEKABLE.to_le_bytes());
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct ZstdDecoder;

impl Decoder for ZstdDecoder {
    fn blocks(&self, file: &mut File) -> io::Result<Option<Vec<Block>>> {
        let length = file.seek(SeekFrom::End(0))?;
        let mut footer = [0; FOOTER];
        if length < (FOOTER + 8) as u64 {
            return Ok(None);
        }
        file.seek(SeekFrom::End(-(FOOTER as i64)))?;
        file.read_exact(&mut footer)?;
        if little_endian(&footer[5..]) != SEEKABLE || footer[4] != 0 {
            return Ok(None);
        }
        let count = u64::from(little_endian(&footer[..4]));
        let Some(table_at) = length.checked_sub(FOOTER as u64 + count * ENTRY as u64) else {
            return Ok(None);
        };
        let mut entries = Vec::new();
        file.seek(SeekFrom::Start(table_at))?;
        file.take(count * ENTRY as u64).read_to_end(&mut entries)?;
        let mut blocks = Vec::with_capacity(entries.len() / ENTRY);
        let (mut packed_at, mut plain_at) = (0, 0);
        for entry in entries.chunks_exact(ENTRY) {
            let (packed, plain) = (little_endian(&entry[..4]), little_endian(&entry[4..]));
            if packed > LARGEST || plain > LARGEST {
                return Ok(None);
            }
            blocks.push(Block { packed_at, packed, plain_at, plain });
            packed_at += u64::from(packed);
            plain_at += u64::from(plain);
        }
        // The table itself is a frame of its own: eight bytes of header before it.
        Ok((packed_at + 8 == table_at).then_some(blocks))
    }

    fn expand(&mut self, packed: &[u8], block: Block, plain: &mut Vec<u8>) -> io::Result<()> {
        plain.clear();
        plain.reserve(block.plain as usize);
        let length = zstd::bulk::Decompressor::new()?.decompress_to_buffer(packed, plain)?;
        if length == block.plain as usize { Ok(()) } else { Err(damaged()) }
    }

    fn stream(&self, file: File) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(zstd::stream::read::Decoder::new(file)?))
    }
}
