//! Output that waits in memory to be written: bounded, oldest dropped first, every loss counted where it is.

use std::collections::VecDeque;

use memchr::{memchr, memchr_iter};

use crate::{
    Stream,
    index::{Kind, Stamp},
};

/// What one entry costs beside its bytes, roughly.
const OVERHEAD: usize = 96;

/// Output that arrives in small parts is gathered into entries of this size, in bytes.
const GATHER: usize = 16 << 10;

/// If no line end comes for so many bytes after a gap, what follows is kept though it begins within a line.
const LONGEST_SKIP: u64 = 64 << 10;

/// Something that waits to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Output, or a line about a gap.
    Bytes {
        stream: Stream,
        stamp: Stamp,
        kind: Kind,
        bytes: Vec<u8>,
        /// So many of them are done with.
        done: usize,
    },
    /// The stream ended.
    End { stream: Stream, stamp: Stamp },
    /// New files are wanted.
    Rotate,
}

/// Output that was dropped between two pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gap {
    pub lines: u64,
    pub bytes: u64,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Backlog {
    pieces: VecDeque<Piece>,
    /// Memory in use and allowed, in bytes.
    used: usize,
    limit: usize,
    /// For each stream, what was dropped before the first of its pieces, and not told yet.
    gaps: [Gap; 2],
    /// For each stream, when the last of that arrived.
    gap_stamps: [Stamp; 2],
    /// For each stream, whether what was taken out of the queue last is a line without its end.
    begun: [bool; 2],
    /// For each stream, the end of such a line, saved from what was dropped behind it.
    ends: [Option<Piece>; 2],
    /// For each stream, whether the first line end in what is dropped is that of such a line: no line is missing then, but
    /// the end of one.
    torn: [bool; 2],
    /// For each stream, how much of the line in which a gap began was skipped, while its end has not come.
    skipping: [Option<u64>; 2],
    /// All that was ever dropped.
    lost: Gap,
}

impl Backlog {
    /// A queue of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            pieces: VecDeque::new(),
            used: 0,
            limit,
            gaps: [Gap::default(); 2],
            gap_stamps: [Stamp::default(); 2],
            begun: [false; 2],
            ends: [None, None],
            torn: [false; 2],
            skipping: [None; 2],
            lost: Gap::default(),
        }
    }

    /// Whether what comes next may be written past this queue: nothing waits in it, and no gap is still to be told.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
            && self.ends.iter().all(Option::is_none)
            && self.gaps.iter().all(|gap| gap.bytes == 0)
    }

    /// What was written of `stream` past this queue ends within a line, or not.
    pub fn begun(&mut self, stream: Stream, within_line: bool) {
        self.begun[stream.index()] = within_line;
    }

    /// Memory in use, in bytes.
    pub fn used(&self) -> usize {
        self.used
    }

    /// All that was dropped so far.
    pub fn lost(&self) -> Gap {
        self.lost
    }

    /// Adds output of `stream`; `fresh` if its stamp is not that of what came before it.
    pub fn push(&mut self, stream: Stream, stamp: Stamp, fresh: bool, bytes: &[u8]) {
        // Small enough that dropping one piece makes room for the next without dropping everything.
        let largest = GATHER.min(self.limit / 4).max(1);
        for (at, part) in bytes.chunks(largest).enumerate() {
            if (fresh && at == 0) || !self.gather(stream, part, largest) {
                let piece = Piece::Bytes { stream, stamp, kind: Kind::Output, bytes: part.to_vec(), done: 0 };
                self.add(piece);
            }
            self.make_room();
        }
    }

    /// Adds the end of `stream`.
    pub fn push_end(&mut self, stream: Stream, stamp: Stamp) {
        self.add(Piece::End { stream, stamp });
        self.make_room();
    }

    /// Adds the wish for new files.
    pub fn push_rotate(&mut self) {
        if self.pieces.back() != Some(&Piece::Rotate) {
            self.add(Piece::Rotate);
            self.make_room();
        }
    }

    /// Takes out what is to be written next: a line about the gap, where there is one.
    pub fn pop(&mut self) -> Option<Piece> {
        if let Some(end) = self.ends.iter_mut().find_map(Option::take) {
            self.used -= end.cost();
            return Some(end);
        }
        self.skip_rest_of_line();
        let (stream, stamp) = match self.pieces.front() {
            Some(Piece::Bytes { stream, stamp, .. } | Piece::End { stream, stamp }) => (*stream, *stamp),
            Some(Piece::Rotate) => return self.take(),
            None => return self.pop_last_gap(),
        };
        if self.gaps[stream.index()].bytes == 0 {
            let piece = self.take();
            match &piece {
                Some(Piece::Bytes { bytes, .. }) => {
                    self.begun[stream.index()] = bytes.last().is_some_and(|byte| *byte != b'\n');
                }
                _ => self.begun[stream.index()] = false,
            }
            return piece;
        }
        Some(self.pop_gap(stream, stamp))
    }

    fn pop_gap(&mut self, stream: Stream, stamp: Stamp) -> Piece {
        let gap = std::mem::take(&mut self.gaps[stream.index()]);
        self.begun[stream.index()] = false;
        Piece::Bytes { stream, stamp, kind: Kind::Gap, bytes: gap.line(), done: 0 }
    }

    /// A gap behind which nothing waits: all that came of its stream was dropped. Where it ends within a line, it is told
    /// when the end of that line is there.
    fn pop_last_gap(&mut self) -> Option<Piece> {
        let is_whole =
            |stream: &Stream| self.gaps[stream.index()].bytes > 0 && self.skipping[stream.index()].is_none();
        let stream = Stream::BOTH.into_iter().find(is_whole)?;
        Some(self.pop_gap(stream, self.gap_stamps[stream.index()]))
    }

    fn add(&mut self, piece: Piece) {
        self.used += piece.cost();
        self.pieces.push_back(piece);
    }

    fn take(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        self.used -= piece.cost();
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
        }
        Some(piece)
    }

    /// Appends `part` to the newest piece, if it belongs there and fits.
    fn gather(&mut self, of: Stream, part: &[u8], largest: usize) -> bool {
        let Some(Piece::Bytes { stream, bytes, .. }) = self.pieces.back_mut() else { return false };
        if *stream != of || bytes.len() + part.len() > largest {
            return false;
        }
        let before = bytes.capacity();
        bytes.extend_from_slice(part);
        self.used += bytes.capacity() - before;
        true
    }

    fn make_room(&mut self) {
        while self.used > self.limit {
            match self.take() {
                Some(Piece::Bytes { stream, stamp, kind, bytes, done }) => {
                    let saved = self.save_end(stream, stamp, kind, &bytes[done..]);
                    let rest = &bytes[done + saved..];
                    self.lose(stream, stamp, lines_in(rest), rest.len());
                    match rest.last() {
                        Some(b'\n') => self.skipping[stream.index()] = None,
                        Some(_) => {
                            self.skipping[stream.index()].get_or_insert(0);
                        }
                        None => {}
                    }
                }
                Some(Piece::End { stream, stamp }) => self.lose_unfinished(stream, stamp),
                Some(Piece::Rotate) => {}
                None => return,
            }
        }
    }

    /// The end of a line that has begun in the file is not dropped with what follows it, if it is at hand. How many bytes
    /// of `dropped` that is.
    fn save_end(&mut self, stream: Stream, stamp: Stamp, kind: Kind, dropped: &[u8]) -> usize {
        if !std::mem::take(&mut self.begun[stream.index()]) {
            return 0;
        }
        let Some(length) = memchr(b'\n', dropped).map(|at| at + 1).filter(|length| *length <= self.limit / 4)
        else {
            self.torn[stream.index()] = true;
            return 0;
        };
        let end = Piece::Bytes { stream, stamp, kind, bytes: dropped[..length].to_vec(), done: 0 };
        self.used += end.cost();
        self.ends[stream.index()] = Some(end);
        length
    }

    /// What is left of a line whose beginning was dropped goes with it.
    fn skip_rest_of_line(&mut self) {
        while let Some(Piece::Bytes { stream, stamp, bytes, done, .. }) = self.pieces.front_mut() {
            let (stream, stamp) = (*stream, *stamp);
            let Some(skipped) = self.skipping[stream.index()] else { return };
            let rest = &bytes[*done..];
            let end = memchr(b'\n', rest).map(|at| at + 1);
            let lost = end.unwrap_or(rest.len());
            *done += lost;
            let emptied = *done == bytes.len();
            let skipped = skipped + lost as u64;
            self.skipping[stream.index()] = (end.is_none() && skipped < LONGEST_SKIP).then_some(skipped);
            self.lose(stream, stamp, u64::from(end.is_some()), lost);
            if !emptied {
                return;
            }
            self.take();
        }
        if let Some(Piece::End { stream, stamp }) = self.pieces.front() {
            self.lose_unfinished(*stream, *stamp);
        }
    }

    /// At the end of a stream: a last line without a line end is a line too, and missing when it was dropped.
    fn lose_unfinished(&mut self, stream: Stream, stamp: Stamp) {
        if self.skipping[stream.index()].take().is_some() {
            self.lose(stream, stamp, 1, 0);
        }
        self.torn[stream.index()] = false;
    }

    fn lose(&mut self, stream: Stream, stamp: Stamp, lines: u64, bytes: usize) {
        self.gap_stamps[stream.index()] = stamp;
        let is_torn = lines > 0 && std::mem::take(&mut self.torn[stream.index()]);
        let lines = lines - u64::from(is_torn);
        for gap in [&mut self.gaps[stream.index()], &mut self.lost] {
            gap.bytes += bytes as u64;
            gap.lines += lines;
        }
    }
}

impl Piece {
    fn cost(&self) -> usize {
        match self {
            Self::Bytes { bytes, .. } => OVERHEAD + bytes.capacity(),
            Self::End { .. } | Self::Rotate => OVERHEAD,
        }
    }
}

impl Gap {
    /// The line that stands in the log for what is missing.
    fn line(self) -> Vec<u8> {
        let lines = match self.lines {
            0 => "part of a line".to_owned(),
            1 => "1 line".to_owned(),
            lines => format!("{lines} lines"),
        };
        format!("[abide: {lines} ({}) dropped here]\n", amount(self.bytes)).into_bytes()
    }
}

fn lines_in(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// A number of bytes for people: `999 B`, `56 KiB`, `1.5 MiB`.
fn amount(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    let (unit, name) = match bytes {
        0..KIB => return format!("{bytes} B"),
        KIB..MIB => return format!("{} KiB", bytes / KIB),
        MIB..GIB => (MIB, "MiB"),
        _ => (GIB, "GiB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(at: u64) -> Stamp {
        Stamp { time: at, order: at }
    }

    fn drain(backlog: &mut Backlog) -> String {
        let mut text = String::new();
        while let Some(piece) = backlog.pop() {
            match piece {
                Piece::Bytes { stream, bytes, done, .. } => {
                    let sign = if stream == Stream::Stdout { "" } else { "!" };
                    text += &format!("{sign}{}", String::from_utf8_lossy(&bytes[done..]));
                }
                Piece::End { .. } => text += "(end)",
                Piece::Rotate => text += "(rotate)",
            }
        }
        assert_eq!(backlog.used(), 0);
        text
    }

    #[test]
    fn what_fits_comes_out_as_it_went_in() {
        let mut backlog = Backlog::new(10_000);
        backlog.push(Stream::Stdout, stamp(1), true, b"a");
        backlog.push(Stream::Stdout, stamp(1), false, b"b\n");
        backlog.push(Stream::Stderr, stamp(2), true, b"c\n");
        backlog.push_rotate();
        backlog.push_rotate();
        backlog.push_end(Stream::Stdout, stamp(3));
        assert_eq!(backlog.pieces.len(), 4);
        assert_eq!(drain(&mut backlog), "ab\n!c\n(rotate)(end)");
    }

    #[test]
    fn whole_lines_are_dropped_and_counted_where_they_are_missing() {
        let mut backlog = Backlog::new(3 * (OVERHEAD + 12));
        for at in 0..3 {
            backlog.push(Stream::Stdout, stamp(at), true, b"one\ntwo\nthr");
            backlog.push(Stream::Stdout, stamp(at), true, b"ee\n");
        }
        // Dropped: two pieces of the first round and one of the second, and the rest of its last line.
        assert_eq!(drain(&mut backlog), "[abide: 6 lines (28 B) dropped here]\none\ntwo\nthree\n");
        assert_eq!(backlog.lost(), Gap { lines: 6, bytes: 28 });
    }

    #[test]
    fn the_end_of_a_line_that_has_begun_in_the_file_is_kept() {
        let mut backlog = Backlog::new(4 * (OVERHEAD + 16));
        backlog.begun(Stream::Stdout, true);
        for at in 0..5 {
            backlog.push(Stream::Stdout, stamp(at), true, b"e\none\ntwo\nthre");
        }
        assert_eq!(
            drain(&mut backlog),
            "e\n[abide: 6 lines (28 B) dropped here]\none\ntwo\nthree\none\ntwo\nthree\none\ntwo\nthre"
        );
        // Where its end is not at hand, it is no line that is missing.
        let mut backlog = Backlog::new(OVERHEAD + 40);
        backlog.begun(Stream::Stdout, true);
        backlog.push(Stream::Stdout, stamp(0), true, &[b'x'; 30]);
        backlog.push(Stream::Stdout, stamp(1), true, b"x\none\n");
        backlog.push(Stream::Stdout, stamp(2), true, b"two\n");
        let text = drain(&mut backlog);
        assert!(text.starts_with("[abide: ") && text.ends_with("two\n"), "{text}");
        assert_eq!(backlog.lost().lines + text.lines().count() as u64 - 1, 2, "{text}");
    }

    #[test]
    fn a_last_line_without_an_end_is_counted_when_it_is_dropped() {
        // Dropped with the end of its stream.
        let mut backlog = Backlog::new(2 * (OVERHEAD + 8));
        backlog.push(Stream::Stdout, stamp(0), true, b"one\ntw");
        backlog.push_end(Stream::Stdout, stamp(1));
        backlog.push(Stream::Stdout, stamp(2), true, b"three\n");
        assert_eq!(drain(&mut backlog), "[abide: 2 lines (6 B) dropped here]\n(end)three\n");
        // The end of its stream is still there.
        let mut backlog = Backlog::new(3 * (OVERHEAD + 8));
        backlog.push(Stream::Stdout, stamp(0), true, b"one");
        backlog.push(Stream::Stderr, stamp(1), true, b"x\n");
        backlog.push_end(Stream::Stdout, stamp(2));
        backlog.push(Stream::Stderr, stamp(3), true, b"y\n");
        assert_eq!(drain(&mut backlog), "!x\n[abide: 1 line (3 B) dropped here]\n(end)!y\n");
        // Its beginning is in the file: that line is not missing.
        let mut backlog = Backlog::new(2 * (OVERHEAD + 8));
        backlog.begun(Stream::Stdout, true);
        backlog.push(Stream::Stdout, stamp(0), true, b"ne");
        backlog.push_end(Stream::Stdout, stamp(1));
        backlog.push(Stream::Stdout, stamp(2), true, b"two\n");
        assert_eq!(drain(&mut backlog), "[abide: part of a line (2 B) dropped here]\n(end)two\n");
    }

    #[test]
    fn each_stream_has_its_own_gap() {
        let mut backlog = Backlog::new(2 * (OVERHEAD + 2));
        for at in 0..2 {
            backlog.push(Stream::Stdout, stamp(at), true, b"a\n");
            backlog.push(Stream::Stderr, stamp(at), true, b"b\n");
        }
        assert_eq!(
            drain(&mut backlog),
            "[abide: 1 line (2 B) dropped here]\na\n![abide: 1 line (2 B) dropped here]\n!b\n"
        );
    }

    #[test]
    fn a_gap_is_told_though_nothing_of_its_stream_is_left() {
        let mut backlog = Backlog::new(2 * (OVERHEAD + 2));
        backlog.push(Stream::Stderr, stamp(1), true, b"a\n");
        for at in 2..4 {
            backlog.push(Stream::Stdout, stamp(at), true, b"b\n");
        }
        assert_eq!(drain(&mut backlog), "b\nb\n![abide: 1 line (2 B) dropped here]\n");
        assert!(backlog.is_empty());
        // Until the line in which it ends is whole, nothing may be written past the queue.
        backlog.push(Stream::Stderr, stamp(5), true, b"a\nb");
        for at in 6..8 {
            backlog.push(Stream::Stdout, stamp(at), true, b"c\n");
        }
        assert_eq!(drain(&mut backlog), "c\nc\n");
        assert!(!backlog.is_empty());
        backlog.push(Stream::Stderr, stamp(8), true, b"bb\nd\n");
        assert_eq!(drain(&mut backlog), "![abide: 2 lines (6 B) dropped here]\n!d\n");
        assert!(backlog.is_empty());
    }

    /// A file as a capture writes it: past the queue while that is empty, and by way of it while the disk refuses.
    #[derive(Default)]
    struct Disk {
        texts: [Vec<u8>; 2],
        order: u64,
    }

    impl Disk {
        /// Takes output as `Direct` does.
        fn take(&mut self, backlog: &mut Backlog, stream: Stream, bytes: &[u8], refuses: bool) {
            self.order += 1;
            match (backlog.is_empty(), refuses) {
                (true, false) => self.texts[stream.index()].extend(bytes),
                (true, true) => {
                    for stream in Stream::BOTH {
                        let text = &self.texts[stream.index()];
                        backlog.begun(stream, text.last().is_some_and(|byte| *byte != b'\n'));
                    }
                    backlog.push(stream, stamp(self.order), true, bytes);
                }
                (false, _) => backlog.push(stream, stamp(self.order), true, bytes),
            }
            while !refuses && let Some(piece) = backlog.pop() {
                self.put(&piece);
            }
        }

        fn put(&mut self, piece: &Piece) {
            let Piece::Bytes { stream, kind, bytes, done, .. } = piece else { return };
            let text = &mut self.texts[stream.index()];
            // As the writer does: what is told of a gap begins on a line of its own.
            if *kind == Kind::Gap && text.last().is_some_and(|byte| *byte != b'\n') {
                text.push(b'\n');
            }
            text.extend(&bytes[*done..]);
        }

        /// Every line is there, or told as missing in its place. A line that was cut counts as there.
        fn check(&self, stream: Stream, all: usize) {
            let text = std::str::from_utf8(&self.texts[stream.index()]).unwrap();
            let mut next = 0;
            for line in text.lines() {
                if let Some(told) = line.strip_prefix("[abide: ") {
                    next += told.split(' ').next().unwrap().parse::<usize>().unwrap_or(0);
                } else if line.len() == 8 {
                    assert_eq!(line.parse(), Ok(next), "{stream:?}:\n{text}");
                    next += 1;
                } else {
                    assert!(format!("{next:08}").starts_with(line), "{line} where {next} is due:\n{text}");
                    next += 1;
                }
            }
            assert_eq!(next, all, "{stream:?}:\n{text}");
        }
    }

    #[test]
    fn every_line_is_there_or_told_as_missing_in_its_place() {
        for seed in 1..400_u64 {
            let mut chance = seed;
            let mut draw = |below: u64| {
                chance =
                    chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (chance >> 33) % below
            };
            let limit = 200 + usize::try_from(draw(1500)).unwrap();
            let (mut backlog, mut disk) = (Backlog::new(limit), Disk::default());
            let printed: Vec<u8> = (0..2000).flat_map(|line| format!("{line:08}\n").into_bytes()).collect();
            let mut at = [0_usize; 2];
            let mut bring = |stream: Stream, length: usize, refuses: bool| {
                let from = at[stream.index()];
                at[stream.index()] += length;
                disk.take(&mut backlog, stream, &printed[from..from + length], refuses);
                at
            };
            let mut refuses = false;
            for _ in 0..300 {
                refuses ^= draw(6) == 0;
                let stream = Stream::BOTH[usize::from(draw(4) == 0)];
                bring(stream, 1 + usize::try_from(draw(60)).unwrap(), refuses);
            }
            // In the end whole lines, and a disk that takes them.
            for stream in Stream::BOTH {
                let begun = bring(stream, 9, false)[stream.index()];
                bring(stream, 9 - begun % 9, false);
            }
            assert!(backlog.is_empty(), "seed {seed}");
            for stream in Stream::BOTH {
                disk.check(stream, at[stream.index()] / 9);
            }
        }
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let mut backlog = Backlog::new(5000);
        for at in 0..1000_u64 {
            backlog.push(Stream::Stderr, stamp(at), at % 3 == 0, &vec![b'x'; (at * 37 % 9000) as usize]);
            backlog.push_end(Stream::Stdout, stamp(at));
            assert!(backlog.used() <= 5000);
        }
        let mut nothing = Backlog::new(0);
        nothing.push(Stream::Stdout, stamp(1), true, b"gone\n");
        assert_eq!(nothing.lost(), Gap { lines: 1, bytes: 5 });
    }

    #[test]
    fn amounts_read_well() {
        assert_eq!(amount(1023), "1023 B");
        assert_eq!(amount(57_500), "56 KiB");
        assert_eq!(amount(3 << 19), "1.5 MiB");
        assert_eq!(amount(5 << 30), "5.0 GiB");
    }
}
