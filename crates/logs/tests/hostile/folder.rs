//! A log folder to which everything has happened, made from a handful of bytes, and the reading of it. The tests make
//! the bytes at random; the fuzzer goes by what they lead to.

use std::{
    collections::HashSet,
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use abide_logs::{
    Capture, Compression, Error, Find, Found, Line, Range, Reader, Settings, Start, Stream, Streams, Until,
    search, search_last,
};

/// Bytes as a list of choices; all zeros where it ends.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// One of so many.
    pub fn of(&mut self, count: usize) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % count.max(1)
    }

    /// Small as often as large.
    pub fn number(&mut self) -> u64 {
        let length = self.of(9);
        (0..length).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.of(200);
        (0..length).map(|_| self.byte()).collect()
    }
}

/// A log as [`Capture`] leaves it, by file names.
pub struct Template {
    files: Vec<(String, Vec<u8>)>,
    /// The lines of both streams in the order of arrival.
    pub lines: Vec<(Stream, Vec<u8>)>,
}

/// The logs that everything begins with: plain, and in either form of compression.
pub fn templates() -> &'static [Template] {
    static TEMPLATES: OnceLock<Vec<Template>> = OnceLock::new();
    TEMPLATES.get_or_init(|| {
        let forms = [Compression::None, Compression::Zstd, Compression::Gzip];
        forms.into_iter().filter(|form| form.is_supported()).map(Template::new).collect()
    })
}

impl Template {
    fn new(compress: Compression) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let settings = Settings { size: 700, keep: 100, compress, ..Settings::default() };
        let capture = Capture::open(dir.path(), &settings).expect("a capture");
        let mut lines = Vec::new();
        for number in 0..120_u64 {
            let stream = if number % 3 == 0 { Stream::Stderr } else { Stream::Stdout };
            let line =
                format!("{stream} {number:04} {}", "abcdefghij".repeat(number as usize % 6)).into_bytes();
            let now = UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + number * 20);
            capture.write(stream, &[&line[..], b"\n"].concat(), now);
            lines.push((stream, line));
        }
        let is_rotated =
            |path: &PathBuf| name(path).ends_with(".log") && name(path).matches('.').count() == 2;
        let deadline = Instant::now() + Duration::from_secs(60);
        while compress != Compression::None && names(dir.path()).iter().any(&is_rotated) {
            assert!(Instant::now() < deadline, "compression does not end: {:?}", capture.stats().trouble);
            thread::sleep(Duration::from_millis(2));
        }
        drop(capture);
        let files =
            names(dir.path()).iter().map(|path| (name(path), fs::read(path).expect("a file"))).collect();
        Self { files, lines }
    }

    /// Puts the log into `dir`.
    pub fn put(&self, dir: &Path) {
        for (name, bytes) in &self.files {
            fs::write(dir.join(name), bytes).expect("a file");
        }
    }
}

/// What is in a folder, in the order of names.
pub fn names(dir: &Path) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> =
        fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    names.sort();
    names
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_index(path: &Path) -> bool {
    path.extension() == Some("idx".as_ref())
}

/// Damages indexes and puts files of others into the folder: no line may be lost by it.
pub fn disturb(dir: &Path, choices: &mut Choices<'_>) {
    let indexes: Vec<PathBuf> = names(dir).into_iter().filter(|path| is_index(path)).collect();
    for _ in 0..choices.of(8) {
        let index = &indexes[choices.of(indexes.len())];
        match choices.of(12) {
            0..6 => damage(index, choices),
            6..10 => forge(index, choices),
            _ => foreign(dir, choices),
        }
    }
}

/// Damages anything.
pub fn wreck(dir: &Path, choices: &mut Choices<'_>) {
    for _ in 0..choices.of(8) {
        let files = names(dir);
        if files.is_empty() {
            return;
        }
        let file = &files[choices.of(files.len())];
        match choices.of(16) {
            0..6 => damage(file, choices),
            6 => forge(file, choices),
            7 => foreign(dir, choices),
            8 | 9 => confusing(dir, choices),
            10 => {
                let bytes = fs::read(file).unwrap_or_default();
                let _ = fs::write(&files[choices.of(files.len())], bytes);
            }
            11 => {
                let _ = fs::rename(file, &files[choices.of(files.len())]);
            }
            12 => {
                let bytes = fs::read(file).unwrap_or_default();
                let path = dir.join(format!("stdout.{:06}.log.zst", choices.of(12)));
                let _ = fs::write(path, packed_by_others(true, &bytes));
            }
            13 => {
                let bytes = fs::read(file).unwrap_or_default();
                let path = dir.join(format!("stderr.{:06}.log.gz", choices.of(12)));
                let _ = fs::write(path, packed_by_others(false, &bytes));
            }
            14 => lie(file, choices),
            _ => {
                let _ = fs::remove_file(file);
                odd(file, choices);
            }
        }
    }
}

/// Flips, cuts, appends, replaces or removes.
fn damage(path: &Path, choices: &mut Choices<'_>) {
    let mut bytes = fs::read(path).unwrap_or_default();
    match choices.of(6) {
        0 | 1 if !bytes.is_empty() => {
            let at = choices.of(bytes.len());
            bytes[at] ^= choices.byte().max(1);
        }
        2 => bytes.truncate(choices.of(bytes.len() + 1)),
        3 => bytes.extend(choices.bytes()),
        4 => bytes = choices.bytes(),
        5 => {
            let _ = fs::remove_file(path);
            return;
        }
        _ => {}
    }
    let _ = fs::write(path, bytes);
}

/// Puts a record with a right checksum and any content into an index.
fn forge(path: &Path, choices: &mut Choices<'_>) {
    let mut bytes = fs::read(path).unwrap_or_default();
    let mut slot = [0; 32];
    slot[..8].copy_from_slice(&choices.number().to_le_bytes());
    slot[8..16].copy_from_slice(&choices.number().to_le_bytes());
    slot[16..24].copy_from_slice(&choices.number().to_le_bytes());
    slot[24] = choices.byte();
    slot[25] = choices.byte();
    let sum = crc32(&slot[..28]);
    slot[28..].copy_from_slice(&sum.to_le_bytes());
    let slots = bytes.len() / 32;
    let at = choices.of(slots + 1) * 32;
    if at + 32 <= bytes.len() {
        bytes[at..at + 32].copy_from_slice(&slot);
    } else {
        bytes.truncate(at);
        bytes.extend(slot);
    }
    let _ = fs::write(path, bytes);
}

/// CRC-32 as in zip and Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { 0xEDB8_8320 ^ (sum >> 1) } else { sum >> 1 },
        )
    })
}

/// Changes numbers at the ends of a file, where compressed files have their tables and sizes.
fn lie(path: &Path, choices: &mut Choices<'_>) {
    let mut bytes = fs::read(path).unwrap_or_default();
    let near = choices.of(32.min(bytes.len()).max(1));
    let at = if choices.of(2) == 0 { near } else { bytes.len().saturating_sub(near + 1) };
    for (byte, new) in bytes.iter_mut().skip(at).zip(choices.number().to_le_bytes()) {
        *byte = new;
    }
    let _ = fs::write(path, bytes);
}

/// Something whose name is not one of a log's.
fn foreign(dir: &Path, choices: &mut Choices<'_>) {
    const NAMES: [&str; 14] = [
        "notes.txt",
        "stdout.7.log",
        "stdout.000003.log~",
        "stdout.000003.log.xz",
        "stdout.000003.log.zst.tmp",
        "stdout.000003.log.zst.bak",
        "stdout.-00003.log",
        "stdout.+00003.log",
        "stdout.0x0003.log",
        "stdout..log",
        "stdout",
        "stdout.log.1",
        "stdin.000001.log",
        "STDERR.000001.LOG.txt",
    ];
    odd(&dir.join(NAMES[choices.of(NAMES.len())]), choices);
}

/// Something whose name is one of a log's, or nearly.
fn confusing(dir: &Path, choices: &mut Choices<'_>) {
    const NUMBERS: [&str; 8] = [
        "000000",
        "000002",
        "000007",
        "000000000000000000000000000003",
        "999999",
        "18446744073709551613",
        "18446744073709551614",
        "18446744073709551615",
    ];
    const ENDS: [&str; 5] = ["log", "idx", "log.zst", "log.gz", "log.zst.tmp"];
    let stream = Stream::BOTH[choices.of(2)];
    let path = match choices.of(9) {
        0 => dir.join(format!("{stream}.log")),
        _ => dir.join(format!(
            "{stream}.{}.{}",
            NUMBERS[choices.of(NUMBERS.len())],
            ENDS[choices.of(ENDS.len())]
        )),
    };
    odd(&path, choices);
}

/// A file of any content, or something that is no file.
fn odd(path: &Path, choices: &mut Choices<'_>) {
    match choices.of(6) {
        0 => _ = fs::create_dir(path),
        1 => link(path, path),
        2 => link(path, Path::new("nowhere")),
        3 => _ = fs::write(path, ""),
        _ => _ = fs::write(path, choices.bytes()),
    }
}

#[cfg(unix)]
fn link(path: &Path, to: &Path) {
    let _ = std::os::unix::fs::symlink(to, path);
}

/// Links are a matter of privilege elsewhere; a folder is as little of a file.
#[cfg(not(unix))]
fn link(path: &Path, _to: &Path) {
    let _ = fs::create_dir(path);
}

/// Compressed in the common way, without telling where its blocks are.
fn packed_by_others(zstd: bool, bytes: &[u8]) -> Vec<u8> {
    if zstd {
        return zstd::encode_all(bytes, 1).expect("compressed");
    }
    let mut packed = Vec::new();
    let mut reader = flate2::read::GzEncoder::new(bytes, flate2::Compression::fast());
    reader.read_to_end(&mut packed).expect("compressed");
    packed
}

/// All that could be read from the files of `dir`: what they hold, and what this expands to, from any place where
/// something compressed begins.
pub fn contents(dir: &Path) -> Vec<Vec<u8>> {
    let mut all = HashSet::new();
    for path in names(dir) {
        let Ok(bytes) = fs::read(path) else { continue };
        for at in 0..bytes.len() {
            let mut plain = Vec::new();
            if !matches!(bytes[at], 0x28 | 0x1F) {
                continue;
            }
            // What came before it was found to be damaged counts.
            if bytes[at..].starts_with(&[0x28, 0xB5, 0x2F, 0xFD]) {
                if let Ok(mut decoder) = zstd::stream::read::Decoder::new(&bytes[at..]) {
                    let _ = decoder.read_to_end(&mut plain);
                }
            } else if bytes[at..].starts_with(&[0x1F, 0x8B, 8]) {
                let _ = flate2::read::MultiGzDecoder::new(&bytes[at..]).read_to_end(&mut plain);
            }
            all.insert(plain);
        }
        all.insert(bytes);
    }
    all.into_iter().collect()
}

/// Whether `line` is made of pieces of `contents`, of which only the outer ones may be less than what is left of one
/// content.
fn is_from(line: &[u8], contents: &[Vec<u8>]) -> bool {
    let mut rest = line;
    let mut pieces = 0;
    while !rest.is_empty() {
        let fits = |length: usize| {
            contents.iter().any(|content| memchr::memmem::find(content, &rest[..length]).is_some())
        };
        // The longest prefix that is somewhere, by bisection.
        if fits(rest.len()) {
            return true;
        }
        let (mut low, mut high) = (0, rest.len());
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if fits(middle) { low = middle } else { high = middle - 1 }
        }
        if low == 0 {
            return false;
        }
        rest = &rest[low..];
        pieces += 1;
    }
    pieces <= contents.len()
}

/// A place to start from.
pub fn start(choices: &mut Choices<'_>) -> Start {
    match choices.of(4) {
        0 => Start::Oldest,
        1 => Start::Tail(usize::try_from(choices.number()).unwrap_or(usize::MAX)),
        2 => Start::Since(
            UNIX_EPOCH.checked_add(Duration::from_nanos(choices.number())).unwrap_or(SystemTime::now()),
        ),
        _ => Start::Since(UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + choices.of(3000) as u64)),
    }
}

fn streams(choices: &mut Choices<'_>) -> Streams {
    [Streams::Both, Streams::Only(Stream::Stdout), Streams::Only(Stream::Stderr)][choices.of(3)]
}

/// Reads `dir` in some way. Whatever is in it, reading ends, and gives only what is there.
pub fn read(dir: &Path, choices: &mut Choices<'_>) -> Result<Vec<Line>, Error> {
    let contents = contents(dir);
    let most = contents.iter().map(Vec::len).sum::<usize>() + 100;
    let reader = Reader::open(dir)?;
    let (from, streams) = (start(choices), streams(choices));
    let mut all = Vec::new();
    let mut take = |line: Line| {
        assert!(streams.contains(line.stream));
        assert!(is_from(&line.bytes, &contents), "{:?} is in no file", String::from_utf8_lossy(&line.bytes));
        all.push(line);
        assert!(all.len() <= most, "reading does not end");
    };
    let mark = if choices.of(2) == 0 {
        let mut lines = reader.lines(from, streams)?;
        let wanted = choices.of(200);
        for line in lines.by_ref().take(wanted) {
            take(line?);
        }
        lines.mark()
    } else {
        let mut looks = 3;
        let mut follow = reader.follow(from, streams, || {
            looks -= 1;
            looks > 0
        })?;
        let wanted = choices.of(200);
        for line in follow.by_ref().take(wanted) {
            take(line?);
        }
        follow.mark()
    };
    if choices.of(2) == 1 {
        wreck(dir, choices);
        let contents = self::contents(dir);
        for line in reader.lines(Start::Mark(mark), streams)? {
            let line = line?;
            assert!(
                is_from(&line.bytes, &contents),
                "{:?} is in no file",
                String::from_utf8_lossy(&line.bytes)
            );
        }
    } else {
        for line in reader.lines(Start::Mark(mark), streams)? {
            take(line?);
        }
    }
    Ok(all)
}

/// Finds lines that hold this.
struct Text(Vec<u8>);

impl Find for Text {
    type Seen = ();

    fn seen(&self, _part: usize) {}

    fn looks_back(&self) -> usize {
        self.0.len() * 100
    }

    fn find(&self, (): &mut (), text: &[u8]) -> Option<usize> {
        memchr::memmem::find(text, &self.0).filter(|at| *at < text.len())
    }
}

/// Searches `dir` for some digits. Whatever is in it, searching ends, and finds only what is there.
pub fn look(dir: &Path, choices: &mut Choices<'_>) -> Result<(), Error> {
    let contents = contents(dir);
    let most = contents.iter().map(Vec::len).sum::<usize>() + 100;
    let text = Text(format!("{}", choices.of(30)).into_bytes());
    let range = Range { start: Start::Oldest, until: Until::Now, streams: streams(choices) };
    let part = [(Reader::open(dir)?, range)];
    let mut found = 0;
    let each = |hit: Found<'_>| {
        if let Found::Line(_, line) = hit {
            assert!(memchr::memmem::find(&line.bytes, &text.0).is_some());
            assert!(
                is_from(&line.bytes, &contents),
                "{:?} is in no file",
                String::from_utf8_lossy(&line.bytes)
            );
            found += 1;
            assert!(found <= most, "searching does not end");
        }
        true
    };
    match choices.of(3) {
        0 => search(&part, &text, each),
        _ => search_last(&part, &text, choices.of(20), each),
    }
}

/// What the fuzzer and the tests do with their bytes: no line is lost where only indexes are damaged, and nothing
/// stands or falls by what is in the folder.
pub fn run(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let template = &templates()[choices.of(templates().len())];
    let dir = tempfile::tempdir().expect("a folder");
    template.put(dir.path());
    if choices.of(3) == 0 {
        disturb(dir.path(), &mut choices);
        let reader = Reader::open(dir.path()).expect("a reader");
        let lines: Vec<Line> = reader
            .lines(Start::Oldest, Streams::Both)
            .expect("the beginning")
            .map(|line| line.expect("a line"))
            .collect();
        for stream in Stream::BOTH {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let found: Vec<String> =
                lines.iter().filter(|line| line.stream == stream).map(|line| text(&line.bytes)).collect();
            let written: Vec<String> =
                template.lines.iter().filter(|line| line.0 == stream).map(|line| text(&line.1)).collect();
            assert_eq!(found, written);
        }
    } else {
        wreck(dir.path(), &mut choices);
    }
    look(dir.path(), &mut choices).expect("what can be searched");
    read(dir.path(), &mut choices).expect("what can be read");
}
