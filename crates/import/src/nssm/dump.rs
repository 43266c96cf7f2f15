//! What `nssm dump` prints: a script of `nssm install` and `nssm set`.

use std::ops::Range;

use super::{Param, Service};
use crate::error::Problem;
use crate::kind::is_nssm_line;
use crate::ledger::Ledger;
use crate::words::windows;

pub(crate) fn services(ledger: &Ledger) -> Result<Vec<Service<'_>>, Problem> {
    let mut services: Vec<Service<'_>> = Vec::new();
    let mut at = 0;
    for whole in crate::source::join_lines(ledger.text(), false).split_inclusive('\n') {
        let start = at;
        at += whole.len();
        let line = whole.trim();
        let begin = start + whole.len() - whole.trim_start().len();
        let span = begin..begin + line.len();
        if is_silent(line) {
            continue;
        }
        let command = windows::unescape_script(line.trim_start_matches('@'));
        if !is_nssm_line(&command) {
            ledger.enter(None, "(line)", line, span).left("it is no `nssm install` or `nssm set`");
            continue;
        }
        let words = windows::split_program(&command);
        let Some((verb, [name, rest @ ..])) = words.get(1..).and_then(<[String]>::split_first) else {
            return Err(
                Problem::new(span, "this names no service").hint("it is `nssm set NAME PARAMETER VALUE`")
            );
        };
        let index = service(ledger, &mut services, name, &span);
        let service = &mut services[index];
        if verb == "install" {
            install(ledger, service, rest, span)?;
        } else {
            set(ledger, service, rest, line, span)?;
        }
    }
    Ok(services)
}

/// Lines of a script that only a person or `cmd.exe` reads.
fn is_silent(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let lower = lower.trim_start_matches('@');
    line.is_empty()
        || line.starts_with(['#', ':'])
        || lower == "rem"
        || lower.starts_with("rem ")
        || lower.starts_with("echo ")
        || lower.starts_with("setlocal")
        || lower.starts_with("endlocal")
        || lower.starts_with("chcp ")
        || lower.starts_with("pause")
}

fn service<'l>(
    ledger: &'l Ledger,
    services: &mut Vec<Service<'l>>,
    name: &str,
    span: &Range<usize>,
) -> usize {
    if let Some(known) = services.iter().position(|service| service.name.eq_ignore_ascii_case(name)) {
        return known;
    }
    let header = ledger.enter(Some(name), "(name)", name, span.clone());
    services.push(Service { name: name.to_owned(), header, params: Vec::new() });
    services.len() - 1
}

fn install<'l>(
    ledger: &'l Ledger,
    service: &mut Service<'l>,
    rest: &[String],
    span: Range<usize>,
) -> Result<(), Problem> {
    let Some((program, arguments)) = rest.split_first() else {
        return Err(Problem::new(span, "this installs no program")
            .hint("it is `nssm install NAME PROGRAM [ARGUMENTS]`"));
    };
    push(ledger, service, "Application", "", vec![program.clone()], span.clone());
    if !arguments.is_empty() {
        // NSSM puts them together with a blank between them, and no quotes.
        push(ledger, service, "AppParameters", "", vec![arguments.join(" ")], span);
    }
    Ok(())
}

fn set<'l>(
    ledger: &'l Ledger,
    service: &mut Service<'l>,
    rest: &[String],
    line: &str,
    span: Range<usize>,
) -> Result<(), Problem> {
    let Some((key, values)) = rest.split_first() else {
        return Err(Problem::new(span, "this sets nothing").hint("it is `nssm set NAME PARAMETER VALUE`"));
    };
    let (sub, values) = match (key.to_ascii_lowercase().as_str(), values) {
        ("appexit" | "appevents", [sub, values @ ..]) => (sub.clone(), values),
        ("appexit" | "appevents", []) => {
            return Err(Problem::new(span, format!("`{key}` needs an exit code or event, and a value")));
        }
        (_, values) => (String::new(), values),
    };
    if values.is_empty() {
        return Err(
            Problem::new(span, format!("`{key}` is set to nothing")).hint(format!("the line is: {line}"))
        );
    }
    push(ledger, service, key, &sub, values.to_vec(), span);
    Ok(())
}

fn push<'l>(
    ledger: &'l Ledger,
    service: &mut Service<'l>,
    key: &str,
    sub: &str,
    values: Vec<String>,
    span: Range<usize>,
) {
    let shown = if sub.is_empty() { key.to_owned() } else { format!("{key} {sub}") };
    let field = ledger.enter(Some(&service.name), shown, &values.join(" "), span);
    service.params.push(Param { key: key.to_owned(), sub: sub.to_owned(), values, field });
}
