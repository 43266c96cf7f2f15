//! Compressing rotated files, on a thread of its own that lives as long as there is something to do.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    Compression,
    codec::{BLOCK, encoder},
    counters::Counters,
    files::Files,
    names::{Listing, Names},
};

/// Only one file is compressed at a time in a whole process, however many services it looks after: compression
/// is never urgent, and the cores belong to the programs.
static TURN: Mutex<()> = Mutex::new(());

/// A program that prints more bytes a second than this has use for every core there is: systems that share the processor
/// among groups of processes do not see that this thread stands behind the others, as the program is in another.
const FULL_SPEED: u64 = 64 << 20;

/// While it does, so many times as long as a block took is rested after it.
const REST: u32 = 39;

/// The longest rest, however long a block took.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// Compresses the rotated files of both streams of one service.
#[derive(Debug)]
pub(crate) struct Compressor {
    job: Arc<Job>,
}

#[derive(Debug)]
struct Job {
    names: [Names; 2],
    compression: Compression,
    files: Files,
    counters: Arc<Counters>,
    state: Mutex<State>,
    stop: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    wanted: bool,
    running: bool,
    thread: Option<JoinHandle<()>>,
}

impl Compressor {
    pub fn new(names: [Names; 2], compression: Compression, files: Files, counters: Arc<Counters>) -> Self {
        let state = Mutex::default();
        let job = Job { names, compression, files, counters, state, stop: AtomicBool::new(false) };
        Self { job: Arc::new(job) }
    }

    /// There may be something to compress. Returns at once.
    pub fn wake(&self) {
        let mut state = self.job.state();
        state.wanted = true;
        if state.running {
            return;
        }
        let job = Arc::clone(&self.job);
        match thread::Builder::new().name("abide-compress".to_owned()).spawn(move || job.run()) {
            Ok(thread) => {
                state.running = true;
                state.thread = Some(thread);
            }
            // The files stay as they are; the next rotation tries again.
            Err(error) => self.job.counters.compression(Some(format!("cannot start compression: {error}"))),
        }
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        self.job.stop.store(true, Relaxed);
        let thread = self.job.state().thread.take();
        if let Some(thread) = thread {
            // It looks at `stop` after every block and every rest, and it does not panic.
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Job {
    /// A panic elsewhere leaves the state whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        (self.files.background)();
        loop {
            let mut state = self.state();
            if !std::mem::take(&mut state.wanted) || self.stop.load(Relaxed) {
                state.running = false;
                return;
            }
            drop(state);
            let outcome = self.compress_all();
            self.counters
                .compression(outcome.err().map(|error| format!("cannot compress a log file: {error}")));
        }
    }

    /// Compresses until nothing is left. The newest file comes first: where a program prints faster than one thread
    /// compresses, retention takes the oldest, and no work was wasted on them.
    fn compress_all(&self) -> io::Result<()> {
        let (mut outcome, mut done) = (Ok(()), Vec::new());
        while let Some((stream, listing, number)) = self.next(&done)? {
            let names = &self.names[stream];
            done.push((stream, number));
            let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
            if self.stop.load(Relaxed) {
                break;
            }
            // Where both are there, a crash came between the last two steps of what follows.
            let result = if listing.compressed.contains(&number) {
                remove(names, number)
            } else {
                self.compress(names, number)
            };
            drop(turn);
            outcome = outcome.and(result);
        }
        outcome
    }

    /// The newest file that is left, of the stream that has more of them.
    fn next(&self, done: &[(usize, u64)]) -> io::Result<Option<(usize, Listing, u64)>> {
        let mut found: Option<(usize, Listing, u64)> = None;
        for (stream, names) in self.names.iter().enumerate() {
            let mut listing = names.list()?;
            listing.plain.retain(|number| !done.contains(&(stream, *number)));
            let more = found.as_ref().is_none_or(|(_, other, _)| other.plain.len() < listing.plain.len());
            if let (true, Some(&number)) = (more, listing.plain.last()) {
                found = Some((stream, listing, number));
            }
        }
        Ok(found)
    }

    /// Compresses file `number`, so that at any moment one whole file is there: the plain or the compressed one.
    fn compress(&self, names: &Names, number: u64) -> io::Result<()> {
        let plain = match File::open(names.rotated(number)) {
            // Retention was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        let leftover = names.leftover(number, self.compression);
        // What is appended to must be empty.
        match fs::remove_file(&leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = plain.metadata().and_then(|metadata| metadata.modified());
        let target = (self.files.append)(&leftover)?;
        let outcome = self.pack(plain, &target).and_then(|whole| {
            // It is as old as what is in it, where that can be said.
            let _ = written.and_then(|written| target.set_modified(written));
            // One whose plain file retention took meanwhile must not come back.
            Ok(whole && names.rotated(number).try_exists()?)
        });
        drop(target);
        if !matches!(outcome, Ok(true)) {
            fs::remove_file(&leftover)?;
            return outcome.map(|_not_wanted| ());
        }
        fs::rename(&leftover, names.compressed(number, self.compression))?;
        remove(names, number)
    }

    /// Whether it came to an end; not if it was told to stop.
    fn pack(&self, mut plain: File, mut target: &File) -> io::Result<bool> {
        let mut encoder = encoder(self.compression)?;
        let (mut block, mut packed) = (vec![0; BLOCK], Vec::new());
        let mut rest = Duration::ZERO;
        loop {
            if self.stop.load(Relaxed) {
                return Ok(false);
            }
            let (begun, arrived) = (Instant::now(), self.counters.bytes());
            thread::park_timeout(rest);
            let length = fill(&mut plain, &mut block)?;
            if length == 0 {
                break;
            }
            encoder.block(&block[..length], &mut packed)?;
            target.write_all(&packed)?;
            packed.clear();
            let all = begun.elapsed();
            rest = rest_after(all.saturating_sub(rest), self.counters.bytes().saturating_sub(arrived), all);
        }
        encoder.finish(&mut packed)?;
        target.write_all(&packed)?;
        target.sync_all()?;
        Ok(true)
    }
}

/// How long to rest after a block that took `worked`, when `arrived` bytes came in the time of `all`.
fn rest_after(worked: Duration, arrived: u64, all: Duration) -> Duration {
    let busy = u128::from(arrived) * 1_000_000 > u128::from(FULL_SPEED) * all.as_micros();
    if busy { (worked * REST).min(LONGEST_REST) } else { Duration::ZERO }
}

fn remove(names: &Names, number: u64) -> io::Result<()> {
    match fs::remove_file(names.rotated(number)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_while_a_program_prints_at_full_speed_only() {
        let millis = Duration::from_millis;
        assert_eq!(rest_after(millis(1), 10 << 20, millis(20)), millis(39));
        assert_eq!(rest_after(millis(50), 100 << 20, millis(60)), LONGEST_REST);
        assert_eq!(rest_after(millis(1), 1 << 20, millis(20)), Duration::ZERO);
        assert_eq!(rest_after(millis(1), 0, Duration::ZERO), Duration::ZERO);
    }
}
