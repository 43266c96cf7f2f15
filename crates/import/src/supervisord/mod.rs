//! `supervisord.conf`.

mod expand;
mod program;
mod values;

use abide_spec::Spec;

use crate::Options;
use crate::error::Problem;
use crate::flat::Flat;
use crate::ini::{self, Section};
use crate::ledger::Ledger;

pub(crate) fn read(ledger: &Ledger, options: &Options) -> Result<Vec<Spec>, Problem> {
    let sections = ini::parse(ledger.text())?;
    let daemon = sections.iter().find(|section| section.name == "supervisord");
    let mut daemon_fields = Flat::new();
    if let Some(section) = daemon {
        daemon_fields = enter(ledger, section, None);
    }
    let mut specs = Vec::new();
    for section in &sections {
        match section
            .name
            .split_once(':')
            .map_or((section.name.as_str(), ""), |(kind, name)| (kind, name.trim()))
        {
            ("program", name) => {
                let span = section.span.clone();
                let header = ledger.enter(Some(name), format!("[{}]", section.name), name, span);
                let fields = enter(ledger, section, Some(name));
                let program =
                    program::Source { ledger, name, header, fields: &fields, daemon: &daemon_fields };
                specs.extend(program.specs(options));
                if specs.len() > crate::MAX_SERVICES {
                    return Err(Problem::new(section.span.clone(), "too many services for one file"));
                }
            }
            ("supervisord", _) if daemon.is_some_and(|it| std::ptr::eq(it, section)) => {}
            ("group", _) => {
                leave(ledger, section, "there are no groups: each program is a service of its own name");
            }
            ("include", _) => {
                leave(
                    ledger,
                    section,
                    "other files are not read: `abide import supervisord FILE` reads each of them",
                );
            }
            ("eventlistener", _) => leave(
                ledger,
                section,
                "it speaks supervisord's own event protocol; `abide events NAME --json -f` tells what happens",
            ),
            ("fcgi-program", _) => leave(
                ledger,
                section,
                "it is given a socket by supervisord, which a spec cannot do; let the program open its own",
            ),
            ("unix_http_server" | "inet_http_server" | "rpcinterface" | "supervisorctl", _) => {
                leave(ledger, section, "it is about supervisord itself, which is not needed any more");
            }
            _ => leave(ledger, section, "nothing in a spec is like this section"),
        }
    }
    program::daemon(&daemon_fields);
    if specs.is_empty() && !ledger.has_problems() && sections.is_empty() {
        return Err(Problem::new(0..0, "there is no section in it").hint("programs stand in [program:NAME]"));
    }
    Ok(specs)
}

fn enter<'l>(ledger: &'l Ledger, section: &Section, service: Option<&str>) -> Flat<'l> {
    let mut fields = Flat::new();
    for pair in &section.entries {
        let shown = format!("[{}] {}", section.name, pair.key);
        fields.enter(ledger, service, (&pair.key, &shown), &pair.value, (pair.span.clone(), pair.value_at));
        if let Some(item) = fields.items.last().filter(|item| item.key == "password") {
            item.field.secret();
        }
    }
    fields
}

fn leave(ledger: &Ledger, section: &Section, why: &str) {
    let fields = enter(ledger, section, None);
    for item in &fields.items {
        item.field.left(why);
    }
    if fields.items.is_empty() {
        let name = format!("[{}]", section.name);
        ledger.enter(None, name.clone(), "", section.span.clone()).left(why);
    }
}
