//! What became of every field of a source.

use serde::Serialize;

/// What became of every field of a source, in the order of the source. Nothing is missing from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Each field.
    pub fields: Vec<Entry>,
    /// What else there is to know.
    pub notes: Vec<String>,
}

/// One field of the source, or one setting that was written because of the source's own default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// The line of the source, from 1; `None` for what does not stand there.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The service it belongs to, where the source has several.
    pub service: Option<String>,
    /// The field, in the words of the source.
    pub field: String,
    /// Its value; `None` for a secret and for what does not stand in the source.
    pub value: Option<String>,
    /// What became of it.
    pub fate: Fate,
    /// Where it went.
    pub to: Option<String>,
    /// Why it was changed or left, or what else there is to know.
    pub why: Option<String>,
}

/// What became of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It means the same where it went.
    Carried,
    /// It went over with a difference.
    Changed,
    /// It did not go over.
    Left,
    /// It does not stand in the source: the tool's own default, written down because ours differs.
    Default,
}

impl Fate {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Carried => "carried",
            Self::Changed => "changed",
            Self::Left => "left",
            Self::Default => "default",
        }
    }
}

impl Report {
    /// How many fields met this fate.
    #[must_use]
    pub fn count(&self, fate: Fate) -> usize {
        self.fields.iter().filter(|entry| entry.fate == fate).count()
    }
}

impl std::fmt::Display for Report {
    /// One line a field, for tests and plain listings.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for entry in &self.fields {
            match entry.line {
                Some(line) => write!(f, "{line:>4} ")?,
                None => f.write_str("   - ")?,
            }
            write!(f, "{:<7} {}", entry.fate.as_str(), entry.field)?;
            if let Some(value) = &entry.value {
                write!(f, " = {value}")?;
            }
            if let Some(to) = &entry.to {
                write!(f, " -> {to}")?;
            }
            if let Some(why) = &entry.why {
                write!(f, " ({why})")?;
            }
            if let (None, Some(service)) = (entry.line, &entry.service) {
                write!(f, " [{service}]")?;
            }
            f.write_str("\n")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}
