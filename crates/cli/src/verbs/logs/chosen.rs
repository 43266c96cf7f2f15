//! Whose logs are wanted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use abide_logs::JoinRule;
use abide_spec::Name;

use crate::args::Common;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::services::{self, Home};

/// A service whose log is read.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name.
    pub name: Name,
    /// The folder of its log.
    pub folder: PathBuf,
    /// What makes an entry of its lines.
    pub rule: JoinRule,
}

/// The words that say whose logs are wanted.
#[derive(Clone, Debug)]
pub struct Chosen {
    words: Vec<String>,
    common: Common,
}

impl Chosen {
    pub fn new(words: Vec<String>, common: &Common) -> Self {
        Self { words, common: common.clone() }
    }

    /// Whether exactly one service is named.
    pub fn is_one(&self) -> bool {
        self.words.len() == 1 && !is_pattern(&self.words[0])
    }

    /// Whether services that come later can be among those that are wanted.
    pub fn is_open(&self) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| is_pattern(word))
    }

    /// The services that are meant now, each once, in the order of their names.
    pub fn services(&self) -> Result<Vec<Service>, Failure> {
        let mut found = BTreeMap::new();
        for word in self.words.iter().filter(|word| !is_pattern(word)) {
            let name = Name::new(word).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
            let home = Home::required(&name, &self.common.whose())?;
            if home.is_direct(&name) {
                return Err(services::without_supervisor(&name, &home, "nobody keeps what it prints").into());
            }
            found.insert(name, home);
        }
        if self.is_open() {
            let mut any = false;
            for (name, home) in services::known(&self.common.whose()) {
                let is_meant =
                    self.words.is_empty() || self.words.iter().any(|word| matches(word, name.as_str()));
                any |= is_meant;
                if is_meant && !found.contains_key(&name) && !home.is_direct(&name) {
                    found.insert(name, home);
                }
            }
            if found.is_empty() && any {
                return Err(Failure::new(
                    Exit::Failed,
                    "none of these services has a supervisor that keeps its log",
                ));
            }
        }
        Ok(found.into_iter().map(|(name, home)| service(name, &home)).collect())
    }

    /// The folders in which the logs of services appear.
    pub fn roots(&self, services: &[Service]) -> Vec<PathBuf> {
        let mut roots: Vec<PathBuf> =
            services.iter().filter_map(|service| service.folder.parent()).map(Path::to_owned).collect();
        let layout = match &self.common.dir {
            Some(dir) => services::absolute(dir).map(|dir| abide_os::paths::Layout::project(&dir)).ok(),
            None => services::layout(self.common.scope()).ok(),
        };
        roots.extend(layout.map(|layout| layout.logs));
        roots.sort();
        roots.dedup();
        roots
    }

    /// There is none.
    pub fn none(&self) -> Failure {
        if self.words.is_empty() {
            return Failure::new(Exit::NotInstalled, "there are no services")
                .hint("`abide install NAME -- COMMAND…` makes one, `abide up` runs those of a folder");
        }
        let words = self.words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        Failure::new(Exit::NotInstalled, format!("no service has a name like {words}"))
            .hint("`abide status` lists what there is")
    }
}

fn service(name: Name, home: &Home) -> Service {
    let folder = home.place(&name).logs;
    let spec = home.read_spec(&name);
    let start = spec.and_then(|spec| spec.logs.multiline).map(|multiline| multiline.start.to_string());
    // A rule that cannot be read is the supervisor's to complain about.
    let rule = JoinRule::new(start.as_deref()).unwrap_or_default();
    Service { name, folder, rule }
}

fn is_pattern(word: &str) -> bool {
    word.contains(['*', '?'])
}

/// Whether `pattern`, in which `*` stands for any letters and `?` for any one, fits `name`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    // Where the last `*` was, and how much of the name it stands for.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("web", "web", true),
            ("web*", "web", true),
            ("web*", "web-1", true),
            ("*web*", "my-web-1", true),
            ("w?b", "web", true),
            ("w?b", "wb", false),
            ("*-1", "web-1-1", true),
            ("*-1", "web-12", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("*", "anything", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }
}
