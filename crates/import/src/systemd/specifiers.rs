//! `%n`, `%i` and their like.

/// What is known of the unit.
pub(crate) struct Known {
    /// Without `.service`.
    pub name: String,
    /// What stands before the `@`, or the whole name.
    pub prefix: String,
    /// What stands after the `@`.
    pub instance: Option<String>,
}

impl Known {
    pub fn of(name: &str) -> Self {
        match name.split_once('@') {
            Some((prefix, instance)) => Self {
                name: name.to_owned(),
                prefix: prefix.to_owned(),
                instance: Some(instance.to_owned()).filter(|it| !it.is_empty()),
            },
            None => Self { name: name.to_owned(), prefix: name.to_owned(), instance: None },
        }
    }

    /// A text with its specifiers in place. The error tells which cannot be known here.
    pub fn expand(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('%') | None => out.push('%'),
                Some('n') => out.push_str(&format!("{}.service", self.name)),
                Some('N') => out.push_str(&self.name),
                Some('p' | 'P') => out.push_str(&self.prefix),
                Some('i' | 'I') => match &self.instance {
                    Some(instance) => out.push_str(instance),
                    None if self.name.contains('@') => {
                        return Err(
                            "%i is the instance of this template: name the file NAME@INSTANCE.service".into(),
                        );
                    }
                    None => {}
                },
                Some('t') => out.push_str("/run"),
                Some('S') => out.push_str("/var/lib"),
                Some('C') => out.push_str("/var/cache"),
                Some('L') => out.push_str("/var/log"),
                Some('E') => out.push_str("/etc"),
                Some('T') => out.push_str("/tmp"),
                Some('V') => out.push_str("/var/tmp"),
                Some(c) if c.is_ascii_alphabetic() => {
                    return Err(format!("%{c} is known to the machine only: write out what it comes to"));
                }
                // systemd leaves it as it is.
                Some(c) => out.extend(['%', c]),
            }
        }
        Ok(out)
    }
}
