//! The commands of a block, and what the page says that they print.

use crate::page::Block;

/// One command and its expected output.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// Its line on the page.
    pub line: usize,
    pub deed: Deed,
    /// `None`: whatever it prints is right.
    pub output: Option<Vec<String>>,
    pub code: i32,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Deed {
    Command(String),
    /// Wait until a terminal shows this.
    Watch,
    /// Ctrl-C in a terminal whose command still runs.
    Interrupt,
}

/// The languages whose blocks hold commands.
pub fn holds_commands(language: &str) -> bool {
    ["console", "sh", "bash", "shell", "zsh", "fish", "cmd", "bat", "powershell", "ps1"].contains(&language)
}

/// `console`: lines with a prompt are commands, the rest is their output. Others: every line is a command.
pub fn steps(block: &Block, windows: bool) -> Result<Vec<Step>, String> {
    if block.language == "console" { console(block, windows) } else { Ok(plain(block)) }
}

fn plain(block: &Block) -> Vec<Step> {
    let lines = (block.line + 1..).zip(&block.lines);
    lines
        .filter(|(_, text)| !text.trim().is_empty() && !text.trim_start().starts_with('#'))
        .map(|(line, text)| Step { line, deed: Deed::Command(text.clone()), output: None, code: 0 })
        .collect()
}

fn console(block: &Block, windows: bool) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    for (line, text) in (block.line + 1..).zip(&block.lines) {
        let begin = |deed| Step { line, deed, output: Some(Vec::new()), code: 0 };
        if let Some(command) = command(text, windows) {
            steps.push(begin(Deed::Command(command.into())));
        } else if text == "^C" {
            steps.push(begin(Deed::Interrupt));
        } else {
            if steps.is_empty() {
                if block.mark.terminal.is_none() {
                    return Err(format!("line {line}: output before the first command"));
                }
                steps.push(begin(Deed::Watch));
            }
            let Some(step) = steps.last_mut() else { continue };
            let output = step.output.get_or_insert_default();
            if let (false, true, Some(more)) = (windows, output.is_empty(), text.strip_prefix("> "))
                && let Deed::Command(command) = &mut step.deed
            {
                command.push('\n');
                command.push_str(more);
            } else if let Some(code) = exit_code(text) {
                step.code = code;
            } else {
                output.push(text.clone());
            }
        }
    }
    Ok(steps)
}

/// The command behind a prompt: `$ ` on Unix, `C:\…> ` on Windows.
fn command(line: &str, windows: bool) -> Option<&str> {
    if !windows {
        return line.strip_prefix("$ ");
    }
    let (folder, command) = line.split_once("> ")?;
    (folder.starts_with(r"C:\") && !folder.contains(' ')).then_some(command)
}

fn exit_code(line: &str) -> Option<i32> {
    line.strip_prefix("[exit code ")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Mark;

    fn block(language: &str, text: &str) -> Block {
        Block {
            line: 1,
            language: language.into(),
            mark: Mark::default(),
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    #[test]
    fn prompts_outputs_and_codes() {
        let steps =
            steps(&block("console", "$ a\nout\n\n$ b <<E\n> x\n> E\n[exit code 3]\n^C\nend"), false).unwrap();
        assert_eq!(steps.len(), 3);
        assert_eq!(steps[0].output.as_deref(), Some(&["out".to_owned(), String::new()][..]));
        assert_eq!(steps[1].deed, Deed::Command("b <<E\nx\nE".into()));
        assert_eq!((steps[1].line, steps[1].code), (5, 3));
        assert_eq!(steps[2].deed, Deed::Interrupt);
    }

    #[test]
    fn windows_prompts() {
        let steps = steps(&block("console", "C:\\hello> sc query a\n> not a prompt"), true).unwrap();
        assert_eq!(steps[0].deed, Deed::Command("sc query a".into()));
        assert_eq!(steps[0].output.as_deref(), Some(&["> not a prompt".to_owned()][..]));
    }

    #[test]
    fn plain_lines() {
        let steps = steps(&block("sh", "# why\n\na   # this\nb"), false).unwrap();
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[1].output, None);
    }

    #[test]
    fn output_needs_a_command_or_a_terminal_that_goes_on() {
        let mut block = block("console", "out\n^C");
        assert!(steps(&block, false).is_err());
        block.mark.terminal = Some("first".into());
        let steps = steps(&block, false).unwrap();
        assert_eq!(steps[0].deed, Deed::Watch);
        assert_eq!(steps[0].output.as_deref(), Some(&["out".to_owned()][..]));
        assert_eq!(steps[1].deed, Deed::Interrupt);
    }
}
