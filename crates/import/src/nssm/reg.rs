//! Registry exports: `[KEY]` and `"NAME"=VALUE`, values continued by a backslash at the end of a line.

use std::ops::Range;

use super::{Param, Service};
use crate::error::Problem;
use crate::ledger::Ledger;

/// A value of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Text(String),
    List(Vec<String>),
    Number(u64),
    /// Bytes that mean nothing here.
    Bytes(usize),
}

/// One line of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Key(String, Range<usize>),
    Value { name: String, data: Data, span: Range<usize> },
}

/// Reads an export.
pub(crate) fn parse(text: &str) -> Result<Vec<Line>, Problem> {
    let unicode = !text.trim_start().starts_with("REGEDIT4");
    let mut lines = Vec::new();
    let mut at = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let start = at;
        let (logical, length) = take_line(rest);
        rest = &rest[length..];
        at += length;
        let line = logical.trim();
        let begin = start + text[start..at].len() - text[start..at].trim_start().len();
        let span = begin..begin + text[begin..at].lines().next().map_or(0, |it| it.trim_end().len());
        let heading = line.starts_with("Windows Registry Editor") || line == "REGEDIT4";
        if line.is_empty() || line.starts_with(';') || heading {
            continue;
        }
        if let Some(key) = line.strip_prefix('[') {
            let Some(key) = key.strip_suffix(']') else {
                return Err(Problem::new(span, "this `[` is never closed"));
            };
            lines.push(Line::Key(key.to_owned(), span));
            continue;
        }
        let (name, value) = name_and_value(line, &span)?;
        let data = data(value, unicode).map_err(|message| Problem::new(span.clone(), message))?;
        lines.push(Line::Value { name, data, span });
    }
    Ok(lines)
}

/// The next line, with those that continue it, and how many bytes that took.
fn take_line(text: &str) -> (String, usize) {
    let mut line = String::new();
    let mut length = 0;
    for part in text.split_inclusive('\n') {
        length += part.len();
        let content = part.trim_end();
        let hex = line.contains("=hex") || content.contains("=hex");
        match content.strip_suffix('\\') {
            // Only lists of bytes go on over lines; a text may end in a backslash before its quotation mark.
            Some(begun) if hex && !content.ends_with("\"") => line.push_str(begun.trim_start()),
            _ => {
                line.push_str(if line.is_empty() { content } else { content.trim_start() });
                break;
            }
        }
    }
    (line, length)
}

fn name_and_value<'a>(line: &'a str, span: &Range<usize>) -> Result<(String, &'a str), Problem> {
    let wrong = |message: &str| {
        Problem::new(span.clone(), message)
            .hint("a registry export has lines like \"Name\"=\"text\" and \"Name\"=dword:00000001")
    };
    if let Some(value) = line.strip_prefix("@=") {
        return Ok((String::new(), value.trim_start()));
    }
    let (name, rest) =
        quoted(line).ok_or_else(|| wrong("this line is neither a [key] nor a \"Name\"=value"))?;
    let value =
        rest.trim_start().strip_prefix('=').ok_or_else(|| wrong("a `=` is missing after the name"))?;
    Ok((name, value.trim_start()))
}

/// A text in quotes with `\\` and `\"` in it, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &inner[at + 1..])),
            '\\' => out.push(chars.next()?.1),
            c => out.push(c),
        }
    }
    None
}

fn data(value: &str, unicode: bool) -> Result<Data, String> {
    if value.starts_with('"') {
        return match quoted(value) {
            Some((text, rest)) if rest.trim().is_empty() => Ok(Data::Text(text)),
            Some(_) => Err("text after the closing quotation mark".into()),
            None => Err("this \" is never closed".into()),
        };
    }
    let (kind, digits) = value.split_once(':').ok_or("this value has no type, like dword: or hex:")?;
    match kind {
        "dword" => u32::from_str_radix(digits.trim(), 16)
            .map(|number| Data::Number(number.into()))
            .map_err(|_| format!("`{}` is no dword: eight hexadecimal digits", digits.trim())),
        "hex(b)" => {
            let bytes = bytes(digits)?;
            let mut number = [0; 8];
            let length = bytes.len().min(8);
            number[..length].copy_from_slice(&bytes[..length]);
            Ok(Data::Number(u64::from_le_bytes(number)))
        }
        "hex(1)" | "hex(2)" => {
            Ok(Data::Text(strings(&bytes(digits)?, unicode)?.into_iter().next().unwrap_or_default()))
        }
        "hex(7)" => Ok(Data::List(strings(&bytes(digits)?, unicode)?)),
        kind if kind == "hex" || kind.starts_with("hex(") => Ok(Data::Bytes(bytes(digits)?.len())),
        other => Err(format!("`{other}` is no type of a registry value")),
    }
}

fn bytes(digits: &str) -> Result<Vec<u8>, String> {
    digits
        .split(',')
        .map(str::trim)
        .filter(|digits| !digits.is_empty())
        .map(|digits| {
            u8::from_str_radix(digits, 16)
                .map_err(|_| format!("`{digits}` is no byte: two hexadecimal digits"))
        })
        .collect()
}

/// The texts between NULs.
fn strings(bytes: &[u8], unicode: bool) -> Result<Vec<String>, String> {
    let text = if unicode {
        let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .map_err(|_| "these bytes are no UTF-16 text")?
    } else {
        bytes.iter().map(|byte| char::from(*byte)).collect()
    };
    Ok(text.split('\0').filter(|text| !text.is_empty()).map(str::to_owned).collect())
}

/// The services of an export, each with the values of its key and those below it.
pub(crate) fn services(ledger: &Ledger) -> Result<Vec<Service<'_>>, Problem> {
    let mut services: Vec<Service<'_>> = Vec::new();
    // Which service the lines belong to, and what of it: "" for its own key, "Parameters", "Parameters\AppExit", …
    let mut current: Option<(usize, String)> = None;
    for line in parse(ledger.text())? {
        match line {
            Line::Key(key, span) => {
                current = None;
                let Some((name, below)) = service_key(&key) else {
                    ledger.enter(None, format!("[{key}]"), "", span).left("it is no key of a service");
                    continue;
                };
                let known = services.iter().position(|service| service.name.eq_ignore_ascii_case(name));
                let index = known.unwrap_or_else(|| {
                    let header = ledger.enter(Some(name), "(key)", name, span);
                    services.push(Service { name: name.to_owned(), header, params: Vec::new() });
                    services.len() - 1
                });
                current = Some((index, below.to_owned()));
            }
            Line::Value { name, data, span } => {
                let shown = show(&data);
                match &current {
                    Some((index, below)) => {
                        let service = &mut services[*index];
                        let params = param(ledger, &service.name, below, &name, data, &shown, span);
                        service.params.extend(params);
                    }
                    None => ledger.enter(None, name, &shown, span).left("it is no value of a service"),
                }
            }
        }
    }
    Ok(services)
}

/// Name of the service, and what of it, from `HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\NAME\…`.
fn service_key(key: &str) -> Option<(&str, &str)> {
    let mut parts = key.splitn(4, '\\');
    let (hive, system, set, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hive = hive.eq_ignore_ascii_case("HKEY_LOCAL_MACHINE") || hive.eq_ignore_ascii_case("HKLM");
    let set = set.to_ascii_lowercase();
    if !hive
        || !system.eq_ignore_ascii_case("SYSTEM")
        || !(set == "currentcontrolset" || set.starts_with("controlset"))
    {
        return None;
    }
    let (services, rest) = rest.split_once('\\')?;
    let (name, below) = rest.split_once('\\').unwrap_or((rest, ""));
    (services.eq_ignore_ascii_case("Services") && !name.is_empty()).then_some((name, below))
}

fn show(data: &Data) -> String {
    match data {
        Data::Text(text) => text.clone(),
        Data::List(texts) => texts.join(", "),
        Data::Number(number) => number.to_string(),
        Data::Bytes(count) => format!("({count} bytes)"),
    }
}

/// A value as a parameter in NSSM's words.
fn param<'l>(
    ledger: &'l Ledger,
    service: &str,
    below: &str,
    name: &str,
    data: Data,
    shown: &str,
    span: Range<usize>,
) -> Option<Param<'l>> {
    let below_parameters = below.strip_prefix("Parameters").map(|rest| rest.trim_start_matches('\\'));
    let (key, sub) = match (below, below_parameters) {
        ("", _) => (name, String::new()),
        (_, Some("")) => (name, String::new()),
        (_, Some("AppExit")) => ("AppExit", if name.is_empty() { "Default".into() } else { name.to_owned() }),
        (_, Some(rest)) if rest.starts_with("AppEvents") => {
            let event = rest.trim_start_matches("AppEvents").trim_start_matches('\\');
            ("AppEvents", format!("{event}/{name}"))
        }
        _ => {
            let why = "it is made by Windows or another program, and not by NSSM";
            ledger.enter(Some(service), format!("{below}\\{name}"), shown, span).left(why);
            return None;
        }
    };
    let report = match below_parameters {
        Some(_) if sub.is_empty() => format!("Parameters\\{key}"),
        Some(_) => format!("Parameters\\{key} {sub}"),
        None => key.to_owned(),
    };
    let field = ledger.enter(Some(service), report, shown, span);
    let values = match data {
        Data::Text(text) => vec![text],
        Data::List(texts) => texts,
        Data::Number(number) if below.is_empty() && key == "Start" => vec![start_word(number).to_owned()],
        Data::Number(number) => vec![number.to_string()],
        Data::Bytes(_) => Vec::new(),
    };
    Some(Param { key: key.to_owned(), sub, values, field })
}

fn start_word(number: u64) -> &'static str {
    match number {
        2 => "SERVICE_AUTO_START",
        3 => "SERVICE_DEMAND_START",
        4 => "SERVICE_DISABLED",
        _ => "a start type of drivers",
    }
}
