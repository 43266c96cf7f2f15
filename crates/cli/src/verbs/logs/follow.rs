//! Going on with what services print.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use abide_logs::{Find, Follow, Line, Mark, Reader, Start, Streams};
use abide_os::watch::{Watch, Woken};
use abide_os::watches::{Waker, WatchId, Watches};

use super::chosen::{Chosen, Service};
use super::filter::Seen;
use super::output::Output;
use super::wanted::Wanted;
use super::{history, nothing_yet, open, open_all};
use crate::failure::Failure;
use crate::printer::Printer;

/// So many lines of one service are read before it is the others' turn.
const BATCH: usize = 4096;

/// A service that is followed.
struct Source {
    service: Service,
    lines: Option<Follow<fn() -> bool>>,
    watch: Option<WatchId>,
    /// What was read and waits for what others printed before.
    waiting: VecDeque<Line>,
    /// There is nothing more to read for now.
    dry: bool,
    seen: [Seen; 2],
}

/// Shows what is there, and goes on until the user ends it, or nobody reads any more.
pub fn run(
    chosen: &Chosen,
    services: Vec<Service>,
    mut wanted: Wanted,
    out: &mut Output,
    printer: &Printer,
) -> Result<(), Failure> {
    // Before the first look: what comes between the two is told.
    let cannot = |error| Failure::io("the logs cannot be watched", &error);
    let mut watches = Watches::new().map_err(cannot)?;
    let signs = Signs::default();
    for root in chosen.roots(&services) {
        signs.watch(&root, watches.waker()).map_err(cannot)?;
    }
    let streams = wanted.range.streams;
    let readers = open_all(&services, printer)?;
    let mut marks = Vec::with_capacity(services.len());
    for reader in &readers {
        marks.push(match reader {
            Some(reader) => reader.follow(Start::Tail(0), streams, || false)?.mark(),
            None => Mark::default(),
        });
    }
    if readers.iter().all(Option::is_none) {
        nothing_yet(&services, printer);
    }
    history(&readers, Some(&marks), &wanted, out)?;
    let mut sources = Vec::new();
    for ((service, reader), mark) in services.into_iter().zip(readers).zip(marks) {
        let mut source = Source::new(service, &wanted, sources.len());
        if let Some(reader) = reader {
            source.begin(&reader, Start::Mark(mark), streams, &mut watches)?;
        }
        sources.push(source);
    }
    loop {
        while round(&mut sources, &wanted, out)? {}
        out.flush()?;
        if signs.is_output_closed() {
            return Ok(());
        }
        let changes = watches.wait(None).map_err(cannot)?;
        if signs.is_output_closed() {
            return Ok(());
        }
        for gone in changes.iter().filter(|change| change.gone) {
            // Should the service come again, so does its folder.
            for source in sources.iter_mut().filter(|source| source.watch == Some(gone.id)) {
                (source.watch, source.lines) = (None, None);
            }
        }
        if signs.take_folders() || changes.iter().any(|change| change.gone) {
            look_for_new(chosen, &mut sources, &mut wanted, &mut watches, out)?;
        }
    }
}

impl Source {
    fn new(service: Service, wanted: &Wanted, number: usize) -> Self {
        let seen = [wanted.filter.seen(number), wanted.filter.seen(number)];
        Self { service, lines: None, watch: None, waiting: VecDeque::new(), dry: true, seen }
    }

    fn begin(
        &mut self,
        reader: &Reader,
        start: Start,
        streams: Streams,
        watches: &mut Watches,
    ) -> Result<(), Failure> {
        if self.watch.is_none() {
            let cannot =
                |error| Failure::io(format!("{} cannot be watched", self.service.folder.display()), &error);
            self.watch = Some(watches.add(&self.service.folder).map_err(cannot)?);
        }
        self.lines = Some(reader.follow(start, streams, (|| false) as fn() -> bool)?);
        Ok(())
    }

    /// Reads what there is, up to a batch. True if there was something.
    fn read(&mut self, wanted: &Wanted) -> Result<bool, Failure> {
        let Some(lines) = &mut self.lines else { return Ok(false) };
        let mut any = false;
        self.dry = false;
        let mut line = Line::default();
        while self.waiting.len() < BATCH {
            if !lines.read(&mut line)? {
                self.dry = true;
                break;
            }
            any = true;
            let seen = &mut self.seen[usize::from(line.stream == abide_logs::Stream::Stderr)];
            if wanted.filter.takes(seen, &line.bytes, line.complete) {
                self.waiting.push_back(std::mem::take(&mut line));
            }
        }
        Ok(any)
    }
}

/// Reads what there is of all services, and shows it in the order of time. False if there was nothing.
///
/// What arrived before the round began has been read when it ends; what came since may come later than something that
/// was not read yet, so it waits for the next round, unless there is nothing more.
fn round(sources: &mut [Source], wanted: &Wanted, out: &mut Output) -> Result<bool, Failure> {
    let begun = SystemTime::now();
    let mut any = false;
    for source in sources.iter_mut() {
        any |= source.read(wanted)?;
    }
    let alone = sources.len() == 1;
    let mut heads: BinaryHeap<_> =
        (0..sources.len()).filter_map(|at| Some(Reverse((head(sources, at)?, at)))).collect();
    while let Some(Reverse((time, at))) = heads.pop() {
        if any && !alone && time.is_some_and(|time| time > begun) {
            break;
        }
        let source = &mut sources[at];
        let Some(line) = source.waiting.pop_front() else { continue };
        out.show(at, &line)?;
        match head(sources, at) {
            Some(time) => heads.push(Reverse((time, at))),
            // More of it may come before what others have.
            None if !sources[at].dry && !alone => break,
            None => {}
        }
    }
    Ok(any)
}

/// When the next line of a service arrived; what nobody knows the time of goes first.
fn head(sources: &[Source], at: usize) -> Option<Option<SystemTime>> {
    sources[at].waiting.front().map(|line| line.time)
}

/// Begins with services that have come, or that have begun to print.
fn look_for_new(
    chosen: &Chosen,
    sources: &mut Vec<Source>,
    wanted: &mut Wanted,
    watches: &mut Watches,
    out: &mut Output,
) -> Result<(), Failure> {
    if chosen.is_open() {
        for service in chosen.services()? {
            if sources.iter().all(|source| source.service.name != service.name) {
                wanted.filter.rules.push(service.rule.clone());
                sources.push(Source::new(service, wanted, sources.len()));
            }
        }
        let services: Vec<Service> = sources.iter().map(|source| source.service.clone()).collect();
        out.set_services(&services);
    }
    for source in sources.iter_mut().filter(|source| source.lines.is_none()) {
        if let Some(reader) = open(&source.service)? {
            source.begin(&reader, Start::Oldest, wanted.range.streams, watches)?;
        }
    }
    Ok(())
}

/// What threads tell that wait for what the folders of logs do not tell.
#[derive(Default)]
struct Signs {
    output_closed: Arc<AtomicBool>,
    folders: Arc<AtomicBool>,
}

impl Signs {
    fn is_output_closed(&self) -> bool {
        self.output_closed.load(Ordering::SeqCst)
    }

    fn take_folders(&self) -> bool {
        self.folders.swap(false, Ordering::SeqCst)
    }

    /// Watches a folder in which the folders of services appear, and whether somebody reads on. The thread ends with the
    /// process.
    fn watch(&self, folder: &Path, waker: Waker) -> std::io::Result<()> {
        let mut watch = Watch::new(folder)?;
        let (output_closed, folders) = (Arc::clone(&self.output_closed), Arc::clone(&self.folders));
        std::thread::Builder::new().name("abide-watch".to_owned()).spawn(move || {
            while let Ok(woken) = watch.wait() {
                let sign = if woken == Woken::OutputClosed { &output_closed } else { &folders };
                sign.store(true, Ordering::SeqCst);
                waker.wake();
                if woken == Woken::OutputClosed {
                    break;
                }
            }
        })?;
        Ok(())
    }
}
