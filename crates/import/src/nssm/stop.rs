//! How NSSM stops a program: Ctrl-C, messages to its windows, messages to its threads, the end.

use abide_spec::{ConsoleEvent, Duration, Spec, StopAction, StopStep};

use super::Service;

const CTRL_C: u64 = 1;
const WINDOW: u64 = 2;
const THREADS: u64 = 4;
const TERMINATE: u64 = 8;

/// What each step waits unless told otherwise.
const WAIT: Duration = Duration::from_millis(1500);

pub(super) fn map(spec: &mut Spec, service: &Service<'_>) {
    let skip = service.get("AppStopMethodSkip");
    let console = service.get("AppStopMethodConsole");
    let window = service.get("AppStopMethodWindow");
    if let Some(threads) = service.get("AppStopMethodThreads") {
        threads
            .field
            .left("messages to threads are not sent; the ladder goes on to the end of the process tree");
    }
    if let Some(tree) = service.get("AppKillProcessTree") {
        match tree.number() {
            Some(0) => tree.field.left("every stop ends with the death of the whole process tree"),
            _ => tree.field.carried("stop.steps"),
        }
    }
    if skip.is_none() && console.is_none() && window.is_none() {
        return;
    }
    let skipped = skip.map_or(Some(0), super::Param::number);
    let console_wait = console.map_or(Some(1500), super::Param::number);
    let window_wait = window.map_or(Some(1500), super::Param::number);
    let (Some(skipped), Some(console_wait), Some(window_wait)) = (skipped, console_wait, window_wait) else {
        return;
    };
    let step = |event, millis: u64| {
        let wait = Duration::from_millis(millis.min(24 * 60 * 60 * 1000));
        StopStep::new(StopAction::Event(event), if millis == 0 { WAIT } else { wait })
    };
    let mut steps = Vec::new();
    if skipped & CTRL_C == 0 {
        steps.push(step(ConsoleEvent::CtrlC, console_wait));
    }
    if skipped & WINDOW == 0 {
        steps.push(step(ConsoleEvent::CloseWindow, window_wait));
    }
    if steps.is_empty() {
        steps.push(StopStep::KILL_TREE);
    }
    spec.stop.steps = steps;
    for param in console.into_iter().chain(window) {
        param.field.carried("stop.steps");
    }
    if let Some(skip) = skip {
        if skipped & TERMINATE != 0 {
            skip.field.changed("stop.steps", "the last step, the end of the process tree, cannot be skipped");
        } else if skipped & THREADS == 0 {
            skip.field.changed("stop.steps", "messages to threads are not sent");
        } else {
            skip.field.carried("stop.steps");
        }
    }
}
