//! Commands with variables in them. A spec expands nothing in a command, so where one is there a shell does it.

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// What stands for itself.
    Text(String),
    /// The value of a variable, as it is.
    Variable(String),
    /// The value of a variable, taken apart into words.
    Words(String),
}

/// A word of a command.
pub(crate) type Word = Vec<Piece>;

/// The command, and the variables that a shell has to expand in it.
pub(crate) fn command(words: &[Word]) -> (Vec<String>, Vec<String>) {
    let mut variables: Vec<String> = Vec::new();
    for piece in words.iter().flatten() {
        if let Piece::Variable(name) | Piece::Words(name) = piece
            && !variables.contains(name)
        {
            variables.push(name.clone());
        }
    }
    if variables.is_empty() {
        let plain = words.iter().map(|word| {
            word.iter().map(|piece| if let Piece::Text(text) = piece { text.as_str() } else { "" }).collect()
        });
        return (plain.collect(), variables);
    }
    let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
    // -f: what comes out of a variable is no pattern of file names.
    (vec!["/bin/sh".into(), "-fc".into(), format!("exec {}", words.join(" "))], variables)
}

fn shell_word(word: &[Piece]) -> String {
    if word.is_empty() {
        return "''".into();
    }
    word.iter()
        .map(|piece| match piece {
            Piece::Text(text) => crate::words::shell::quote(text),
            Piece::Variable(name) => format!("\"${{{name}}}\""),
            Piece::Words(name) => format!("${{{name}}}"),
        })
        .collect()
}

/// Whether a shell can expand a variable of this name.
pub(crate) fn is_shell_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What is said of a command that a shell expands.
pub(crate) fn told(variables: &[String]) -> String {
    let names: Vec<String> = variables.iter().map(|name| format!("${{{name}}}")).collect();
    let be = if names.len() == 1 { "stands" } else { "stand" };
    format!("{} {be} in it, and a spec expands nothing in a command, so /bin/sh does", names.join(" and "))
}
