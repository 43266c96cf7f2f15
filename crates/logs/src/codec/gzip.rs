//! gzip with a member for each block, whose header tells the size of the member in an extra field.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use flate2::{Compress, Crc, Decompress, FlushCompress, FlushDecompress, Status};

use super::{BLOCK, Block, Decoder, Encoder, LARGEST, damaged, little_endian};

/// A header with one extra field of eight bytes, up to the numbers in that field.
const HEADER: [u8; 16] = [0x1F, 0x8B, 8, 4, 0, 0, 0, 0, 0, 0xFF, 12, 0, b'A', b'b', 8, 0];
const NUMBERS: usize = 8;
const TRAILER: usize = 8;

pub(super) struct GzipEncoder {
    compress: Compress,
    scratch: Vec<u8>,
}

impl GzipEncoder {
    pub fn new() -> Self {
        Self {
            compress: Compress::new(flate2::Compression::default(), false),
            // What does not compress grows by a few bytes for every 16 KiB.
            scratch: Vec::with_capacity(BLOCK + (BLOCK >> 8) + 64),
        }
    }
}

impl Encoder for GzipEncoder {
    fn block(&mut self, plain: &[u8], packed: &mut Vec<u8>) -> io::Result<()> {
        self.compress.reset();
        self.scratch.clear();
        if self.compress.compress_vec(plain, &mut self.scratch, FlushCompress::Finish)? != Status::StreamEnd {
            return Err(io::Error::other("a block grew by compression beyond all bounds"));
        }
        let mut crc = Crc::new();
        crc.update(plain);
        let size = |size| u32::try_from(size).map_err(io::Error::other);
        packed.extend(HEADER);
        packed.extend(size(HEADER.len() + NUMBERS + self.scratch.len() + TRAILER)?.to_le_bytes());
        packed.extend(size(plain.len())?.to_le_bytes());
        packed.extend_from_slice(&self.scratch);
        packed.extend(crc.sum().to_le_bytes());
        packed.extend(size(plain.len())?.to_le_bytes());
        Ok(())
    }

    fn finish(&mut self, _packed: &mut Vec<u8>) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct GzipDecoder;

impl Decoder for GzipDecoder {
    fn blocks(&self, file: &mut File) -> io::Result<Option<Vec<Block>>> {
        let length = file.seek(SeekFrom::End(0))?;
        let mut blocks = Vec::new();
        let (mut packed_at, mut plain_at) = (0, 0);
        while packed_at < length {
            let mut header = [0; HEADER.len() + NUMBERS];
            file.seek(SeekFrom::Start(packed_at))?;
            if length - packed_at < header.len() as u64 {
                return Ok(None);
            }
            file.read_exact(&mut header)?;
            let (fixed, numbers) = header.split_at(HEADER.len());
            let (packed, plain) = (little_endian(&numbers[..4]), little_endian(&numbers[4..]));
            let least = (header.len() + TRAILER) as u32;
            if fixed != HEADER || !(least..=LARGEST).contains(&packed) || plain > LARGEST {
                return Ok(None);
            }
            blocks.push(Block { packed_at, packed, plain_at, plain });
            packed_at += u64::from(packed);
            plain_at += u64::from(plain);
        }
        Ok((packed_at == length).then_some(blocks))
    }

    fn expand(&mut self, packed: &[u8], block: Block, plain: &mut Vec<u8>) -> io::Result<()> {
        let Some(body) = packed.get(HEADER.len() + NUMBERS..) else { return Err(damaged()) };
        let Some(end) = body.len().checked_sub(TRAILER) else { return Err(damaged()) };
        let (body, trailer) = body.split_at(end);
        plain.clear();
        plain.reserve(block.plain as usize);
        Decompress::new(false)
            .decompress_vec(body, plain, FlushDecompress::Finish)
            .map_err(|_error| damaged())?;
        let mut crc = Crc::new();
        crc.update(plain);
        let whole = plain.len() == block.plain as usize && crc.sum() == little_endian(&trailer[..4]);
        if whole { Ok(()) } else { Err(damaged()) }
    }

    fn stream(&self, file: File) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(flate2::read::MultiGzDecoder::new(file)))
    }
}
