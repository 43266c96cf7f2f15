//! NSSM: registry exports and `nssm dump`, brought to one form and mapped in one place.

mod dump;
mod map;
pub(crate) mod reg;
mod stop;

pub(crate) use map::expanded;

use abide_spec::Spec;

use crate::Options;
use crate::error::Problem;
use crate::ledger::{Field, Ledger};

/// One parameter of a service, in NSSM's own words.
#[derive(Clone)]
pub(crate) struct Param<'l> {
    /// `AppDirectory`, `ObjectName`, …
    pub key: String,
    /// What comes after it for `AppExit` and `AppEvents`.
    pub sub: String,
    /// Its values: one, but for lists.
    pub values: Vec<String>,
    pub field: Field<'l>,
}

/// A service and its parameters.
pub(crate) struct Service<'l> {
    pub name: String,
    /// Where it is named.
    pub header: Field<'l>,
    pub params: Vec<Param<'l>>,
}

impl Param<'_> {
    /// The whole value.
    pub fn text(&self) -> String {
        self.values.join(" ")
    }

    /// A whole number; anything else is told as wrong.
    pub fn number(&self) -> Option<u64> {
        let number = self.text().trim().parse().ok();
        if number.is_none() {
            self.field.bad(format!("`{}` must be a whole number, not `{}`", self.key, self.text()), None);
        }
        number
    }
}

impl<'l> Service<'l> {
    /// The parameter that counts: the last one.
    pub fn get(&self, key: &str) -> Option<&Param<'l>> {
        let mut found: Vec<&Param<'l>> = self.all(key);
        let last = found.pop();
        for earlier in found {
            earlier.field.left("it is set again below, and the last one counts");
        }
        last
    }

    pub fn all(&self, key: &str) -> Vec<&Param<'l>> {
        self.params.iter().filter(|param| param.key.eq_ignore_ascii_case(key)).collect()
    }
}

pub(crate) fn read(ledger: &Ledger, options: &Options) -> Result<Vec<Spec>, Problem> {
    let head = ledger.text().trim_start();
    let export =
        head.starts_with("Windows Registry Editor") || head.starts_with("REGEDIT4") || head.starts_with('[');
    let services = if export { reg::services(ledger)? } else { dump::services(ledger)? };
    if services.is_empty() && !ledger.has_problems() {
        return Err(Problem::new(0..0, "there is no service of NSSM in it")
            .hint("make it with `nssm dump NAME`, or `reg export HKLM\\SYSTEM\\CurrentControlSet\\Services\\NAME FILE`"));
    }
    Ok(services.iter().filter_map(|service| map::spec(ledger, service, options)).collect())
}
