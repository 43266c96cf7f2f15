//! Specs for the fixture program, as text: the tests see of Abide what a user sees.

/// A service of the fixture program.
#[derive(Clone, Debug)]
pub struct Service {
    pub name: String,
    /// A word in the program's command line by which its processes are found.
    pub marker: String,
    pub command: Vec<String>,
    /// Further lines of `[program]`.
    program: String,
    /// Further tables.
    tables: String,
}

impl Service {
    pub fn new(name: String, marker: String, fixture: &str, steps: &[&str]) -> Self {
        let mut command = vec![fixture.to_owned(), "mark".into(), marker.clone()];
        command.extend(steps.iter().map(|step| (*step).to_owned()));
        Self { name, marker, command, program: String::new(), tables: String::new() }
    }

    /// A line of the `[program]` table.
    pub fn program(mut self, line: &str) -> Self {
        self.program.push_str(line);
        self.program.push('\n');
        self
    }

    /// Whole tables, or lines of the table that was opened last.
    pub fn with(mut self, tables: &str) -> Self {
        self.tables.push_str(tables);
        self.tables.push('\n');
        self
    }

    /// The spec.
    pub fn toml(&self) -> String {
        format!(
            "name = {}\n\n[program]\ncommand = {}\n{}\n{}",
            quoted(&self.name),
            list(&self.command),
            self.program,
            self.tables
        )
    }
}

/// A TOML string with this value.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A TOML array of strings.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item.as_ref())).collect::<Vec<_>>().join(", "))
}
