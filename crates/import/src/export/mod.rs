//! Specs as other tools' configuration, with a report of what those cannot say.

mod book;
mod hardening;
mod launchd;
mod nssm;
mod systemd;
mod winsw;

use abide_spec::Spec;

use crate::error::ImportError;
use crate::report::Report;
use book::Book;

/// A tool whose configuration can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A unit of systemd that starts the program itself.
    Systemd,
    /// A property list of launchd.
    Launchd,
    /// WinSW's XML, as versions 2 and 3 read it.
    Winsw,
    /// A script of NSSM commands.
    Nssm,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Systemd, Self::Launchd, Self::Winsw, Self::Nssm];

    /// Its word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
            Self::Winsw => "winsw",
            Self::Nssm => "nssm",
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was made of a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Whose configuration it is.
    pub target: Target,
    /// The usual name of its file.
    pub file_name: String,
    /// The file.
    pub text: String,
    /// What became of every setting of the spec.
    pub report: Report,
}

/// Writes a spec as another tool's configuration.
///
/// # Errors
///
/// What is wrong with the spec, with its places.
pub fn export(target: Target, text: &str) -> Result<Exported, ImportError> {
    let spec = Spec::parse(text).map_err(|errors| ImportError { errors, text: text.to_owned() })?;
    let ledger = crate::ledger::Ledger::new(text);
    let book = Book::open(&ledger, &spec);
    let (file_name, text) = match target {
        Target::Systemd => (format!("{}.service", spec.name), systemd::write(&book, &spec)),
        Target::Launchd => (format!("{}.plist", spec.name), launchd::write(&book, &spec)),
        Target::Winsw => (format!("{}.xml", spec.name), winsw::write(&book, &spec)),
        Target::Nssm => (format!("{}.cmd", spec.name), nssm::write(&book, &spec)),
    };
    drop(book);
    Ok(Exported { target, file_name, text, report: ledger.close()? })
}
