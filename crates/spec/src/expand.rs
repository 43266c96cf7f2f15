//! Variables in values of the environment.
//!
//! `${NAME}` stands for the value of the variable `NAME`, `$$` for a dollar sign, and everything else for itself. A
//! name may contain anything but `}`, so `${ProgramFiles(x86)}` works. `$NAME`, `${}` and a `${` that is never closed
//! are no variables. A variable that is not set is an error, because a half-expanded value is worse than none.
//! Expanded values are not expanded again.

use std::collections::BTreeMap;

/// Why a value cannot be expanded. Values are not told: they may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// A variable that is not set.
    #[error(
        "environment variable `{variable}` refers to `${{{unknown}}}`, which is not set; set it, or write `$$` for a dollar sign"
    )]
    Unknown {
        /// The variable whose value is expanded.
        variable: String,
        /// The one it refers to.
        unknown: String,
    },
    /// A value that is too long for any environment.
    #[error("environment variable `{0}` is longer than {max} bytes", max = MAX_VALUE)]
    TooLong(String),
    /// Variables that refer to each other.
    #[error("environment variables refer to each other in a circle: {}", .0.join(" -> "))]
    Circle(Vec<String>),
}

/// Longest value, in bytes: what Linux takes at most, and four times what Windows does. It also keeps a few short values
/// that name each other many times from filling the memory.
pub const MAX_VALUE: usize = 128 * 1024;

/// Expands the value of `variable`. `lookup` gives the value of a variable, or `None` if it is not set.
pub fn expand(
    variable: &str,
    value: &str,
    mut lookup: impl FnMut(&str) -> Option<String>,
) -> Result<String, ExpandError> {
    walk(variable, value, &mut |name| lookup(name).ok_or_else(|| unknown(variable, name)))
}

fn unknown(variable: &str, name: &str) -> ExpandError {
    ExpandError::Unknown { variable: variable.to_owned(), unknown: name.to_owned() }
}

/// Writes a text so that expanding it gives the text again.
pub fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

/// The variables that a program gets on top of the inherited ones, fully expanded.
///
/// `file` are the entries of the env-file in order: each sees the earlier ones, then the inherited variables. `env` are
/// those of `program.env`: each sees the others of `env` whatever their order, then the env-file's, then the inherited
/// ones; one that names itself means the value it replaces, as in `PATH = "/srv/bin:${PATH}"`.
pub fn environment(
    inherited: impl Fn(&str) -> Option<String>,
    file: &[(String, String)],
    env: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ExpandError> {
    let mut below: BTreeMap<String, String> = BTreeMap::new();
    for (variable, value) in file {
        let lookup = |name: &str| below.get(name).cloned().or_else(|| inherited(name));
        let value = expand(variable, value, lookup)?;
        below.insert(variable.clone(), value);
    }
    let mut resolver =
        Resolver { inherited: &inherited, below: &below, env, done: BTreeMap::new(), open: Vec::new() };
    for variable in env.keys() {
        resolver.resolve(variable)?;
    }
    let done = resolver.done;
    below.extend(done);
    Ok(below)
}

struct Resolver<'a, F> {
    inherited: &'a F,
    below: &'a BTreeMap<String, String>,
    env: &'a BTreeMap<String, String>,
    done: BTreeMap<String, String>,
    /// Variables whose value is being expanded, outermost first.
    open: Vec<String>,
}

/// Variables that refer to variables that refer to …: deeper than this is no environment but an attack on the stack.
const MAX_DEPTH: usize = 64;

impl<F: Fn(&str) -> Option<String>> Resolver<'_, F> {
    fn resolve(&mut self, variable: &str) -> Result<String, ExpandError> {
        if let Some(value) = self.done.get(variable) {
            return Ok(value.clone());
        }
        let first = self.open.iter().position(|open| open == variable);
        if first.is_some() || self.open.len() >= MAX_DEPTH {
            let mut circle = self.open[first.unwrap_or(0)..].to_vec();
            circle.push(variable.to_owned());
            return Err(ExpandError::Circle(circle));
        }
        let env = self.env;
        let Some(value) = env.get(variable) else { return Ok(String::new()) };
        self.open.push(variable.to_owned());
        let expanded = walk(variable, value, &mut |name| {
            if name != variable && env.contains_key(name) {
                return self.resolve(name);
            }
            let set = self.below.get(name).cloned().or_else(|| (self.inherited)(name));
            set.ok_or_else(|| unknown(variable, name))
        });
        self.open.pop();
        let value = expanded?;
        self.done.insert(variable.to_owned(), value.clone());
        Ok(value)
    }
}

fn walk(
    variable: &str,
    value: &str,
    lookup: &mut dyn FnMut(&str) -> Result<String, ExpandError>,
) -> Result<String, ExpandError> {
    let mut out = String::new();
    let mut rest = value;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('{').and_then(|it| it.split_once('}'))
            && !name.is_empty()
        {
            out.push_str(&lookup(name)?);
            rest = after;
        } else {
            out.push('$');
        }
        if out.len() > MAX_VALUE {
            return Err(ExpandError::TooLong(variable.to_owned()));
        }
    }
    out.push_str(rest);
    if out.len() > MAX_VALUE { Err(ExpandError::TooLong(variable.to_owned())) } else { Ok(out) }
}
