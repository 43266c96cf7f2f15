//! Specs from the configuration of other tools, and the other way round. No I/O.
//!
//! [`import`] reads a source of one [`Kind`] and makes a [`Spec`] of each service in it, with a [`Report`] of what became
//! of every field. [`export`] writes a spec as another tool's configuration, with the same kind of report.
//!
//! Start reading at the ledger: every field of a source is entered there as it is read, and a field that no mapping
//! decides on is reported as left, so nothing is dropped in silence.

#![forbid(unsafe_code)]

mod compose;
mod draft;
mod error;
mod export;
mod flat;
mod ini;
mod kind;
mod ledger;
mod nssm;
mod pm2;
mod procfile;
mod report;
mod shawl;
mod source;
mod supervisord;
mod systemd;
mod tree;
mod variables;
mod winsw;
mod words;

use std::collections::BTreeMap;

use abide_spec::{Name, Spec};

use error::Problem;
use ledger::Ledger;

pub use error::ImportError;
pub use export::{Exported, Target, export};
pub use kind::Kind;
pub use report::{Entry, Fate, Report};

/// More services than this no file means.
pub(crate) const MAX_SERVICES: usize = 2000;

/// What is known of a source besides its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The name of the file, without its folder: some tools name a service by it.
    pub file_name: Option<String>,
    /// The name that the service is to have. Only for a source with one service.
    pub name: Option<Name>,
}

/// What was made of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// What the source was.
    pub kind: Kind,
    /// A spec for each service, each of which [`Spec::parse`] accepts. Empty if the source has no service that could run
    /// on a host; the report tells why.
    pub specs: Vec<Spec>,
    /// What became of every field.
    pub report: Report,
}

/// Makes specs of another tool's configuration. Without `kind` it is told by the name of the file, or by its content.
///
/// # Errors
///
/// What is wrong with the source, with its places.
pub fn import(kind: Option<Kind>, bytes: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let text = source::decode(bytes)?;
    let Some(kind) = kind.or_else(|| Kind::detect(options.file_name.as_deref(), &text)) else {
        let kinds = Kind::ALL.map(Kind::as_str).join(", ");
        let hint = format!("say which it is: `abide import KIND FILE`, where KIND is one of {kinds}");
        return Err(ImportError::whole(
            &text,
            "neither name nor content tell whose file this is",
            Some(&hint),
        ));
    };
    let ledger = Ledger::new(text);
    let read = match kind {
        Kind::Nssm => nssm::read,
        Kind::Winsw => winsw::read,
        Kind::Shawl => shawl::read,
        Kind::Supervisord => supervisord::read,
        Kind::Pm2 => pm2::read,
        Kind::Procfile => procfile::read,
        Kind::Systemd => systemd::read,
        Kind::Compose => compose::read,
    };
    let specs = match read(&ledger, options) {
        Ok(specs) => specs,
        Err(problem) => {
            ledger.problem(problem);
            Vec::new()
        }
    };
    check(&ledger, &specs, options);
    let report = ledger.close()?;
    Ok(Imported { kind, specs, report })
}

/// Every spec is one that `abide apply` would read, and no two have one name.
fn check(ledger: &Ledger, specs: &[Spec], options: &Options) {
    if ledger.has_problems() {
        return;
    }
    if specs.len() > MAX_SERVICES {
        let message =
            format!("there are {} services in it; at most {MAX_SERVICES} are made of one file", specs.len());
        ledger.problem(Problem { message, hint: Some("take it apart".to_owned()), span: None });
        return;
    }
    if let (Some(name), true) = (&options.name, specs.len() > 1) {
        let problem = Problem {
            message: format!("there are {} services in it, and one name ({name}) was given", specs.len()),
            hint: Some("leave --name out; names are changed in the specs".to_owned()),
            span: None,
        };
        ledger.problem(problem);
        return;
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for spec in specs {
        let name = spec.name.as_str();
        let times = seen.entry(name).or_default();
        *times += 1;
        if *times == 2 {
            let problem = Problem {
                message: format!("two services of it would be named `{name}`"),
                hint: Some("rename one of them".to_owned()),
                span: ledger.origin(name, "name"),
            };
            ledger.problem(problem);
        }
        let errors = match Spec::parse(&spec.to_toml()) {
            Ok(_) => continue,
            Err(errors) => spec.validate().err().unwrap_or(errors),
        };
        for error in errors.iter() {
            let span = ledger.origin(name, &error.path);
            let place = if span.is_none() { format!("{name}: {}: ", error.path) } else { String::new() };
            ledger.problem(Problem {
                message: format!("{place}{}", error.message),
                hint: error.hint.clone(),
                span,
            });
        }
    }
}
