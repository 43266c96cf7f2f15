//! The bytes of one log file, compressed or not, from any offset.
//!
//! What cannot be expanded is as good as not there: a damaged file ends where its damage begins, so that it stands in
//! the way of nothing that comes after it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use crate::{
    Compression,
    codec::{self, Block, Decoder},
};

/// Something to read from at any offset.
#[derive(Debug)]
pub(crate) enum Source {
    /// A file as it was written.
    Plain(File),
    /// A compressed file that tells where its blocks are.
    Blocks(Blocks),
    /// A compressed file by someone else: only readable from the beginning.
    Stream(Stream),
}

/// See [`Source::Blocks`].
#[derive(Debug)]
pub(crate) struct Blocks {
    file: File,
    decoder: Box<dyn Decoder>,
    blocks: Vec<Block>,
    packed: Vec<u8>,
    plain: Vec<u8>,
    /// Which block `plain` holds.
    held: Option<usize>,
    damaged: bool,
}

/// See [`Source::Stream`].
pub(crate) struct Stream {
    file: File,
    decoder: Box<dyn Decoder>,
    reader: Box<dyn Read + Send>,
    at: u64,
    damaged: bool,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("file", &self.file).field("at", &self.at).finish_non_exhaustive()
    }
}

impl Source {
    /// A source of what `file`, compressed so, expands to.
    pub fn new(mut file: File, compression: Compression) -> io::Result<Self> {
        if compression == Compression::None {
            return Ok(Self::Plain(file));
        }
        let decoder = codec::decoder(compression)?;
        if let Some(blocks) = decoder.blocks(&mut file)? {
            let (packed, plain) = (Vec::new(), Vec::new());
            return Ok(Self::Blocks(Blocks {
                file,
                decoder,
                blocks,
                packed,
                plain,
                held: None,
                damaged: false,
            }));
        }
        let reader = rewound(&file, decoder.as_ref())?;
        Ok(Self::Stream(Stream { file, decoder, reader, at: 0, damaged: false }))
    }

    /// How many bytes there are now.
    pub fn length(&mut self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => Ok(file.metadata()?.len()),
            Self::Blocks(blocks) => {
                Ok(blocks.blocks.last().map_or(0, |block| block.plain_at + u64::from(block.plain)))
            }
            Self::Stream(stream) => stream.skip_to(u64::MAX),
        }
    }

    /// Reads what is at `offset`. Returns how many bytes were read; 0 only if there are none for now.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => {
                file.seek(SeekFrom::Start(offset))?;
                read(file, buffer)
            }
            Self::Blocks(blocks) => blocks.read_at(offset, buffer),
            Self::Stream(stream) => {
                if stream.skip_to(offset)? < offset {
                    return Ok(0);
                }
                stream.read(buffer)
            }
        }
    }

    /// Whether something in the file could not be expanded.
    pub fn is_damaged(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Blocks(blocks) => blocks.damaged,
            Self::Stream(stream) => stream.damaged,
        }
    }

    /// Reads from `offset` until `buffer` is full or there are no more bytes.
    pub fn fill_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        while length < buffer.len() {
            match self.read_at(offset + length as u64, &mut buffer[length..])? {
                0 => break,
                read => length += read,
            }
        }
        Ok(length)
    }
}

impl Blocks {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let at = self.blocks.partition_point(|block| block.plain_at + u64::from(block.plain) <= offset);
        let Some(&block) = self.blocks.get(at) else { return Ok(0) };
        if self.held != Some(at) {
            self.held = None;
            if let Err(error) = self.expand(block) {
                self.damaged = true;
                return undamaged(error);
            }
            self.held = Some(at);
        }
        let within = usize::try_from(offset - block.plain_at).unwrap_or(usize::MAX);
        let rest = self.plain.get(within..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

impl Blocks {
    fn expand(&mut self, block: Block) -> io::Result<()> {
        self.packed.resize(block.packed as usize, 0);
        self.file.seek(SeekFrom::Start(block.packed_at))?;
        self.file.read_exact(&mut self.packed)?;
        self.decoder.expand(&self.packed, block, &mut self.plain)
    }
}

impl Stream {
    /// Reads on; 0 at the end, or where the damage begins.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match read(&mut self.reader, buffer) {
            Err(error) => {
                self.damaged = true;
                undamaged(error)?
            }
            Ok(length) => length,
        };
        self.at += length as u64;
        Ok(length)
    }

    /// Moves to `offset`, or to the end if that is before it. Returns where that is.
    fn skip_to(&mut self, offset: u64) -> io::Result<u64> {
        if offset < self.at {
            self.reader = rewound(&self.file, self.decoder.as_ref())?;
            self.at = 0;
        }
        let mut skipped = [0; 8 << 10];
        while self.at < offset {
            let room = usize::try_from(offset - self.at).unwrap_or(usize::MAX).min(skipped.len());
            if self.read(&mut skipped[..room])? == 0 {
                break;
            }
        }
        Ok(self.at)
    }
}

/// The end of a file that cannot be expanded further; what the operating system refuses is an error.
fn undamaged(error: io::Error) -> io::Result<usize> {
    if error.raw_os_error().is_none() { Ok(0) } else { Err(error) }
}

fn rewound(file: &File, decoder: &dyn Decoder) -> io::Result<Box<dyn Read + Send>> {
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    decoder.stream(file)
}

fn read(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::codec::BLOCK;

    fn text() -> Vec<u8> {
        (0..60_000).flat_map(|line| format!("line {line} of the text\n").into_bytes()).collect()
    }

    fn packed(compression: Compression, plain: &[u8]) -> Vec<u8> {
        let mut encoder = codec::encoder(compression).unwrap();
        let mut packed = Vec::new();
        for block in plain.chunks(BLOCK) {
            encoder.block(block, &mut packed).unwrap();
        }
        encoder.finish(&mut packed).unwrap();
        packed
    }

    fn check(source: &mut Source, plain: &[u8]) {
        assert_eq!(source.length().unwrap(), plain.len() as u64);
        let mut buffer = vec![0; 70_000];
        for offset in [0, 1, BLOCK - 1, BLOCK, plain.len() - 1, 3, plain.len(), plain.len() + 9] {
            let length = source.fill_at(offset as u64, &mut buffer).unwrap();
            let rest = plain.get(offset..).unwrap_or_default();
            assert_eq!(length, rest.len().min(buffer.len()), "at {offset}");
            assert_eq!(buffer[..length], rest[..length], "at {offset}");
        }
    }

    fn opened(bytes: &[u8], compression: Compression) -> Source {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), bytes).unwrap();
        Source::new(File::open(dir.path().join("file")).unwrap(), compression).unwrap()
    }

    #[test]
    fn every_form_reads_the_same() {
        let plain = text();
        check(&mut opened(&plain, Compression::None), &plain);
        for compression in
            [Compression::Zstd, Compression::Gzip].into_iter().filter(|form| form.is_supported())
        {
            let packed = packed(compression, &plain);
            assert!(packed.len() < plain.len() / 3);
            let mut source = opened(&packed, compression);
            assert!(matches!(source, Source::Blocks(_)));
            check(&mut source, &plain);
        }
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn files_without_a_table_are_read_from_the_beginning() {
        use std::io::Write;
        let plain = text();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&plain).unwrap();
        let mut source = opened(&encoder.finish().unwrap(), Compression::Gzip);
        assert!(matches!(source, Source::Stream(_)));
        check(&mut source, &plain);
    }

    #[test]
    fn a_damaged_file_ends_where_the_damage_begins() {
        let plain = text();
        for compression in
            [Compression::Zstd, Compression::Gzip].into_iter().filter(|form| form.is_supported())
        {
            let packed = packed(compression, &plain);
            for at in (0..packed.len()).step_by(packed.len() / 97) {
                let mut damaged = packed.clone();
                damaged[at] ^= 0x55;
                let dir = tempfile::tempdir().unwrap();
                for bytes in [&damaged[..], &packed[..at]] {
                    fs::write(dir.path().join("file"), bytes).unwrap();
                    let file = File::open(dir.path().join("file")).unwrap();
                    let mut source = Source::new(file, compression).unwrap();
                    let mut all = vec![0; plain.len()];
                    let length = source.fill_at(0, &mut all).unwrap();
                    assert_eq!(all[..length], plain[..length]);
                    assert!(length == plain.len() || source.is_damaged() || at == 0, "{at}");
                    source.length().unwrap();
                }
            }
        }
    }
}
