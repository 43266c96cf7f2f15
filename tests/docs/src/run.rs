//! Running the pages on a machine.

use std::time::{Duration, Instant};

use crate::block::{self, Deed, Step};
use crate::machine::{self, Machine};
use crate::options::Options;
use crate::page::{Block, Page};
use crate::{Sum, expect};

/// How long a command that only looks is repeated until it shows what the page shows.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a terminal may take to show what the page shows.
const TERMINAL: Duration = Duration::from_secs(60);
/// Either, in the README: its first command builds Abide.
const BUILD: Duration = Duration::from_secs(1800);

/// Commands that change nothing: repeated until they show what the page shows, as a person would look again.
const LOOKING: &[&str] = &[
    "abide status",
    "abide logs",
    "abide events",
    "curl",
    "rc-status",
    "sv status",
    "s6-svstat",
    "systemctl status",
    "systemctl is-active",
    "systemctl show",
    "journalctl",
    "pgrep",
    "ls",
    "dir",
    "sc query",
    "cat",
    "type",
];

pub fn run_all(backend: &str, pages: &[Page], options: &Options, sum: &mut Sum) -> Result<(), String> {
    let wanted: Vec<&Page> =
        pages.iter().filter(|page| page.blocks.iter().any(|block| block.mark.is_for(backend))).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut machine = machine::make(backend, options)?;
    for page in wanted {
        let began = Instant::now();
        let before = sum.passed;
        if let Err(told) = run(page, backend, &mut *machine, sum) {
            sum.fail(&told);
            evidence(&mut *machine);
        }
        machine.end();
        let count = sum.passed - before;
        println!("{} on {backend}: {count} commands in {} s", page.name, began.elapsed().as_secs());
    }
    Ok(())
}

/// What happened to the services of the machine, for whoever has to find out why a page failed.
fn evidence(machine: &mut dyn Machine) {
    let mut show = |command: &str| {
        let text = machine.run(command).map_or_else(|error| error, |printed| printed.text);
        text.lines().for_each(|line| println!("    | {line}"));
        text
    };
    let table = show("abide status");
    for name in table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)) {
        show(&format!("abide events {name} -n 12"));
    }
}

/// What follows a command that failed would fail because of it: the page ends there.
fn run(page: &Page, backend: &str, machine: &mut dyn Machine, sum: &mut Sum) -> Result<(), String> {
    machine.begin(&page.name).map_err(|error| format!("{} on {backend}: {error}", page.name))?;
    for block in page.blocks.iter().filter(|block| block.mark.is_for(backend)) {
        let at = |line: usize, text: &str| format!("{}:{line} on {backend}: {text}", page.name);
        if let Some(file) = &block.mark.file {
            machine.write(file, &block.text()).map_err(|error| at(block.line, &error))?;
            continue;
        }
        let steps = block::steps(block, backend == "windows").map_err(|error| at(block.line, &error))?;
        for step in steps {
            let told = if block.mark.terminal.is_some() {
                in_terminal(block, &step, page, machine)
            } else {
                in_turn(&step, page, machine)
            };
            told.map_err(|error| at(step.line, &error))?;
            sum.passed += 1;
        }
    }
    Ok(())
}

fn in_turn(step: &Step, page: &Page, machine: &mut dyn Machine) -> Result<(), String> {
    let Deed::Command(command) = &step.deed else { return Err("no terminal of its own".into()) };
    let deadline = Instant::now() + if page.name == "README.md" { BUILD } else { PATIENCE };
    loop {
        let printed = machine.run(command).map_err(|error| format!("`{command}`: {error}"))?;
        let right_code = machine.same_code(step.code, printed.code);
        if right_code && step.output.as_ref().is_none_or(|output| expect::matches(output, &printed.text)) {
            return Ok(());
        }
        if !is_looking(command) || Instant::now() >= deadline {
            return Err(told(step, command, &printed.text, printed.code));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn in_terminal(block: &Block, step: &Step, page: &Page, machine: &mut dyn Machine) -> Result<(), String> {
    let terminal = block.mark.terminal.as_deref().unwrap_or_default();
    let command = match &step.deed {
        Deed::Interrupt => {
            let printed = machine.interrupt(terminal)?;
            let right = step.output.as_ref().is_none_or(|output| expect::matches(output, &printed.text));
            let right = right && machine.same_code(step.code, printed.code);
            return if right { Ok(()) } else { Err(told(step, "^C", &printed.text, printed.code)) };
        }
        Deed::Command(command) => {
            machine.begin_in(terminal, command)?;
            command
        }
        Deed::Watch => "the terminal",
    };
    let limit = if page.name == "README.md" { BUILD } else { TERMINAL };
    let deadline = Instant::now() + limit;
    loop {
        let shown = machine.so_far(terminal)?;
        if step.output.as_ref().is_none_or(|output| expect::matches(output, &shown)) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(told(step, command, &shown, step.code));
        }
    }
}

fn told(step: &Step, command: &str, printed: &str, code: i32) -> String {
    let mut text = format!("`{command}`\n");
    if code != step.code {
        text += &format!("    the page says exit code {}, it was {code}\n", step.code);
    }
    text += &expect::difference(step.output.as_deref().unwrap_or_default(), printed);
    text
}

fn is_looking(command: &str) -> bool {
    let command = command.strip_prefix("sudo ").unwrap_or(command);
    LOOKING
        .iter()
        .any(|look| command.strip_prefix(look).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
}
