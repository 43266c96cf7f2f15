//! Tries the behaviours on one backend.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::backend::Backend;
use crate::behaviour::{Behaviour, Fault, Outcome, Test};
use crate::context::{Context, indented};
use crate::report::Verdict;

/// Tries all, and what failed once more, alone. What passes then is unsteady: that is told, and is a fault to be mended.
pub fn try_all_again(
    backend: &dyn Backend,
    behaviours: &[&Behaviour],
    jobs: usize,
) -> BTreeMap<&'static str, Verdict> {
    let mut verdicts = try_all(backend, behaviours, jobs, true);
    let failed = |verdict: Option<&Verdict>| matches!(verdict, Some(Verdict::Failed { .. }));
    let again: Vec<_> =
        behaviours.iter().copied().filter(|behaviour| failed(verdicts.get(behaviour.name))).collect();
    if again.is_empty() {
        return verdicts;
    }
    eprintln!("   once more, alone: what failed");
    for (name, verdict) in try_all(backend, &again, 1, true) {
        if !failed(Some(&verdict)) {
            eprintln!("   UNSTEADY  {name}");
        }
        verdicts.insert(name, verdict);
    }
    verdicts
}

/// Tries all, several at a time. Those around a restart of the machine come last and share one restart.
pub fn try_all(
    backend: &dyn Backend,
    behaviours: &[&Behaviour],
    jobs: usize,
    keep_going: bool,
) -> BTreeMap<&'static str, Verdict> {
    let verdicts = Mutex::new(BTreeMap::new());
    let stop = AtomicBool::new(false);
    let settle = |behaviour: &Behaviour, verdict: Verdict| {
        verdict.tell(behaviour.name);
        if matches!(verdict, Verdict::Failed { .. }) && !keep_going {
            stop.store(true, Ordering::Relaxed);
        }
        if let Ok(mut verdicts) = verdicts.lock() {
            verdicts.insert(behaviour.name, verdict);
        }
    };

    let mut at_once = Vec::new();
    let mut around = Vec::new();
    for &behaviour in behaviours {
        if let Some(why) = cannot(backend, behaviour) {
            settle(behaviour, Verdict::NotHere(why.into()));
        } else if matches!(behaviour.test, Test::Now(_)) {
            at_once.push(behaviour);
        } else {
            around.push(behaviour);
        }
    }

    each(&at_once, jobs, &stop, |behaviour| {
        let Test::Now(test) = behaviour.test else { return };
        let context = Context::new(backend, behaviour.name);
        let began = Instant::now();
        let outcome = attempt(&context, test);
        settle(behaviour, Verdict::of(outcome, &context, began.elapsed()));
        context.clean_up();
    });

    if !around.is_empty() && !stop.load(Ordering::Relaxed) {
        across_restart(backend, &around, jobs, &stop, &settle);
    }
    verdicts.into_inner().unwrap_or_default()
}

/// Why a behaviour cannot hold on a backend.
fn cannot(backend: &dyn Backend, behaviour: &Behaviour) -> Option<&'static str> {
    let by_name = || {
        let named = backend.manager()?.cannot.iter().find(|(name, _)| *name == behaviour.name);
        named.map(|(_, why)| *why)
    };
    behaviour.needs.iter().find_map(|&need| backend.lacks(need)).or_else(by_name)
}

fn across_restart(
    backend: &dyn Backend,
    behaviours: &[&Behaviour],
    jobs: usize,
    stop: &AtomicBool,
    settle: &(impl Fn(&Behaviour, Verdict) + Sync),
) {
    let prepared = Mutex::new(Vec::new());
    each(behaviours, jobs, stop, |behaviour| {
        let Test::Restart { before, .. } = behaviour.test else { return };
        let context = Context::new(backend, behaviour.name);
        let began = Instant::now();
        match attempt(&context, before) {
            Ok(()) => {
                if let Ok(mut prepared) = prepared.lock() {
                    prepared.push((behaviour, context));
                }
            }
            fault => {
                settle(behaviour, Verdict::of(fault, &context, began.elapsed()));
                context.clean_up();
            }
        }
    });
    let prepared = prepared.into_inner().unwrap_or_default();
    if prepared.is_empty() {
        return;
    }
    eprintln!("   restarting the machine");
    let restarted = backend.restart_machine().or_else(|why| {
        eprintln!("   restarting the machine once more: {why}");
        backend.restart_machine()
    });
    each(&prepared, jobs, stop, |(behaviour, context)| {
        let Test::Restart { after, .. } = behaviour.test else { return };
        let began = Instant::now();
        let outcome = match &restarted {
            Ok(()) => attempt(context, after),
            Err(why) => Err(Fault::Failed(format!("the machine could not be restarted: {why}"))),
        };
        settle(behaviour, Verdict::of(outcome, context, began.elapsed()));
        context.clean_up();
    });
}

/// A bug of a test is a failure of its behaviour, not of the run.
fn attempt(context: &Context, test: fn(&Context) -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| test(context)))
        .unwrap_or_else(|_| Err(Fault::Failed("the test itself panicked".into())))
}

/// Does `work` for every item, `jobs` at a time.
fn each<'t, T: Sync>(items: &'t [T], jobs: usize, stop: &AtomicBool, work: impl Fn(&'t T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    work(item);
                }
            });
        }
    });
}

impl Verdict {
    fn of(outcome: Outcome, context: &Context, took: std::time::Duration) -> Self {
        match outcome {
            Ok(()) => Self::Passed(took),
            Err(Fault::NotHere(why)) => Self::NotHere(why),
            Err(Fault::Failed(why)) => Self::Failed { why, report: indented(&context.report()) },
        }
    }
}
