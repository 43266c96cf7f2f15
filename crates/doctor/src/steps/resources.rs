//! Memory, processor and descriptors: how near the limits, and whether they grow and grow.

use std::time::Duration;

use crate::finding::{Finding, Step};
use crate::leak;
use crate::scene::{Hot, Scene, Usage};
use crate::words;

const STEP: Step = Step::Resources;

/// A thread that takes more of a processor than this is busy all the time.
const BUSY: f64 = 0.9;
/// One that others keep from working does some work all the same.
const WORKING: f64 = 0.1;
/// Nothing is said of leaks from a shorter look.
const LONG: Duration = Duration::from_secs(3);
/// Growth below this is none, in bytes.
const LEAST_MEMORY: u64 = 4 << 20;
/// Growth below this is none, in descriptors.
const LEAST_DESCRIPTORS: u64 = 16;
/// Less available memory than this share of the machine's is hardly any.
const SCARCE: u64 = 50;

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    let Some(usage) = &scene.usage else { return };
    memory(scene, usage, found);
    descriptors(scene, usage, found);
    processor(scene, usage, found);
    if let Some((available, total)) = usage.machine
        && available < total / SCARCE
    {
        found.push(
            Finding::warning("machine-memory", STEP, 45, "the machine has hardly any memory left")
                .seen(format!("{} of {} available", words::bytes(available), words::bytes(total)))
                .next("ps -eo pid,rss,args --sort=-rss | head"),
        );
    }
}

pub(super) fn seen(scene: &Scene) -> String {
    let Some(usage) = &scene.usage else { return String::new() };
    let limit = usage.memory_limit.map(|limit| format!(" of {}", words::bytes(limit))).unwrap_or_default();
    let files = usage.descriptors.map(|(_, used, limit)| format!(", {used} of {limit} files open"));
    format!(
        "{}{limit} of memory, {:.0} % of a processor{}",
        words::bytes(usage.memory),
        usage.cpu * 100.0,
        files.unwrap_or_default()
    )
}

fn memory(scene: &Scene, usage: &Usage, found: &mut Vec<Finding>) {
    let limit = usage.memory_limit.filter(|limit| *limit > 0);
    if let Some(limit) = limit
        && usage.memory >= limit / 10 * 9
    {
        found.push(
            Finding::warning("memory-near-limit", STEP, 60, "it uses nearly all memory that it may")
                .seen(format!("{} of {}", words::bytes(usage.memory), words::bytes(limit)))
                .next("raise `limits.memory` in its spec, if it needs it")
                .next(format!("{} --window 5m   (is it a leak?)", scene.abide("doctor"))),
        );
    }
    let series: Vec<_> = usage.samples.iter().map(|sample| (sample.at, sample.memory)).collect();
    if usage.window >= LONG
        && let Some(growth) = leak::growth(&series, LEAST_MEMORY)
    {
        let full = limit.map(|limit| limit.saturating_sub(usage.memory) as f64 / growth.per_second);
        found.push(
            Finding::warning("memory-leak", STEP, 64, "its memory grows and grows")
                .seen(format!(
                    "{} more in {}, {} a minute; {:.1} % sure",
                    words::bytes(growth.grown as u64),
                    words::span(usage.window),
                    words::bytes((growth.per_second * 60.0) as u64),
                    growth.confidence * 100.0
                ))
                .maybe_seen(full.map(|seconds| format!("at this rate its limit is reached in {seconds:.0}s")))
                .next(format!("{} --window 5m   (a longer look is surer)", scene.abide("doctor")))
                .next(format!("{}   (until it is mended, it helps)", scene.abide("restart"))),
        );
    }
}

fn descriptors(scene: &Scene, usage: &Usage, found: &mut Vec<Finding>) {
    if let Some((pid, used, limit)) = usage.descriptors
        && used >= limit / 10 * 8
        && limit > 0
    {
        let finding = if used + 8 >= limit {
            Finding::error("descriptors-near-limit", STEP, 85, "it has as many files open as it may")
        } else {
            Finding::warning("descriptors-near-limit", STEP, 58, "it has nearly as many files open as it may")
        };
        found.push(
            finding
                .seen(format!("process {pid}: {used} of {limit}"))
                .next(format!("ls -l /proc/{pid}/fd   (which are they? always the same ones are a leak)"))
                .next("raise `limits.open-files` in its spec, if it needs them"),
        );
    }
    let series: Vec<_> = usage.samples.iter().map(|sample| (sample.at, sample.descriptors)).collect();
    if usage.window >= LONG
        && let Some(growth) = leak::growth(&series, LEAST_DESCRIPTORS)
    {
        let pid = usage.descriptors.map(|(pid, ..)| pid).or(scene.known.status.pid).unwrap_or_default();
        found.push(
            Finding::warning("descriptor-leak", STEP, 66, "it opens more and more files")
                .seen(format!(
                    "{:.0} more in {}; {:.1} % sure",
                    growth.grown,
                    words::span(usage.window),
                    growth.confidence * 100.0
                ))
                .next(format!("ls -l /proc/{pid}/fd   (files or connections that are never closed)")),
        );
    }
}

fn processor(scene: &Scene, usage: &Usage, found: &mut Vec<Finding>) {
    let busy: Vec<_> =
        usage.hot.iter().filter(|hot| hot.share + hot.waited >= BUSY && hot.share >= WORKING).collect();
    let at_limit = usage.cpu_limit.filter(|limit| usage.cpu >= limit * BUSY);
    if busy.is_empty() && at_limit.is_none() {
        return;
    }
    let mut finding = Finding::warning("cpu-busy", STEP, 52, "it keeps a processor busy all the time");
    finding.evidence.extend(usage.hot.iter().filter(|hot| hot.share >= 0.1).take(5).map(|hot| {
        let waited = match hot.waited * 100.0 {
            waited if waited >= 10.0 => format!(", and {waited:.0} % waiting for one that others keep busy"),
            _ => String::new(),
        };
        let Hot { pid, thread, name, share, .. } = hot;
        format!("thread {thread} ({name}) of process {pid}: {:.0} % of a processor{waited}", share * 100.0)
    }));
    finding = finding
        .maybe_seen(at_limit.map(|limit| format!("{:.2} processors of {limit} that it may use", usage.cpu)))
        .seen(format!("looked at for {}", words::span(usage.window)));
    if let Some(hot) = busy.first() {
        finding = finding
            .next(format!("cat /proc/{}/task/{}/stack   (as root), or a profiler", hot.pid, hot.thread));
    }
    found.push(finding.next(scene.abide("logs")));
}
