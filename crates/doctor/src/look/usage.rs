//! What the program and its children use, watched for a while.

use std::time::{Duration, Instant};

use abide_os::diagnosis::{self, Thread};

use crate::leak::Sample;
use crate::scene::{Hot, Scene, Usage};

/// So many looks are taken in all, where the window is long enough.
const LOOKS: u32 = 24;
/// Looks are no closer than this.
const CLOSEST: Duration = Duration::from_millis(40);
/// So many of the busiest threads are kept.
const HOTTEST: usize = 8;

/// One look at a tree.
#[derive(Clone, Copy, Default)]
struct Look {
    memory: u64,
    cpu: Duration,
    descriptors: u64,
    /// The process with the most open files for what it may have: its id, how many, how many it may.
    fullest: Option<(u32, u64, u64)>,
}

pub(super) fn watch(scene: &Scene, window: Duration) -> Option<Usage> {
    let pid = scene.known.status.pid.filter(|_| !window.is_zero())?;
    let begun = Instant::now();
    let threads = threads(pid);
    let first = look(pid)?;
    let every = (window / LOOKS).max(CLOSEST);
    let mut samples = vec![sample(&first, Duration::ZERO)];
    let mut newest = first;
    while begun.elapsed() < window {
        std::thread::sleep(every.min(window.saturating_sub(begun.elapsed())));
        let Some(now) = look(pid) else { break };
        samples.push(sample(&now, begun.elapsed()));
        newest = now;
    }
    let passed = begun.elapsed();
    let spec = scene.valid_spec();
    let machine = diagnosis::machine_memory();
    let stated = spec.and_then(|spec| spec.limits.memory).map(|limit| limit.0);
    // A group that may use the whole machine is no limit.
    let group = diagnosis::group(pid).and_then(|group| group.memory_limit);
    let group = group.filter(|limit| machine.is_some_and(|(_, total)| *limit < total));
    Some(Usage {
        window: passed,
        memory: newest.memory,
        // A group of more than this service says nothing of it.
        memory_limit: stated.or(group.filter(|_| scene.known.manager.is_some())),
        // A child that ended took its time with it.
        cpu: share(newest.cpu.saturating_sub(first.cpu), passed),
        cpu_limit: spec.and_then(|spec| spec.limits.cpu),
        descriptors: newest.fullest,
        hot: hot(pid, &threads, passed),
        samples,
        machine,
    })
}

fn share(cpu: Duration, passed: Duration) -> f64 {
    cpu.as_secs_f64() / passed.as_secs_f64().max(0.001)
}

fn sample(look: &Look, at: Duration) -> Sample {
    Sample { at, memory: look.memory, descriptors: look.descriptors }
}

/// `None` when the program is gone.
fn look(pid: u32) -> Option<Look> {
    let mut seen = Look::default();
    diagnosis::process(pid)?;
    for pid in diagnosis::tree(pid) {
        let Some(process) = diagnosis::process(pid) else { continue };
        seen.memory = seen.memory.saturating_add(process.memory);
        seen.cpu = seen.cpu.saturating_add(process.cpu);
        let (Some(used), Some(limit)) = (process.descriptors, process.descriptor_limit) else { continue };
        seen.descriptors = seen.descriptors.saturating_add(used);
        let fuller = seen.fullest.is_none_or(|(_, most, of)| {
            u128::from(used) * u128::from(of) > u128::from(most) * u128::from(limit)
        });
        if fuller {
            seen.fullest = Some((pid, used, limit));
        }
    }
    Some(seen)
}

fn threads(pid: u32) -> Vec<(u32, Thread)> {
    diagnosis::tree(pid)
        .into_iter()
        .flat_map(|pid| diagnosis::threads(pid).into_iter().map(move |thread| (pid, thread)))
        .collect()
}

/// The threads that worked since, the busiest first.
fn hot(pid: u32, before: &[(u32, Thread)], passed: Duration) -> Vec<Hot> {
    let mut found: Vec<Hot> = threads(pid)
        .into_iter()
        .filter_map(|(pid, now)| {
            let (_, then) = before.iter().find(|(_, then)| then.id == now.id)?;
            let share = share(now.cpu.saturating_sub(then.cpu), passed);
            let waited = self::share(now.waited.saturating_sub(then.waited), passed);
            (share + waited >= 0.05).then_some(Hot { pid, thread: now.id, name: now.name, share, waited })
        })
        .collect();
    found.sort_by(|a, b| (b.share + b.waited).total_cmp(&(a.share + a.waited)));
    found.truncate(HOTTEST);
    found
}
