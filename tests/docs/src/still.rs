//! What can be checked of a page without a machine: that every command is run or says why not, that specs are valid,
//! that links lead somewhere, and that the verbs and options named in the prose exist.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use abide_spec::Spec;

use crate::Sum;
use crate::block::holds_commands;
use crate::options::Options;
use crate::page::{Block, Page};

pub fn check_all(pages: &[Page], options: &Options, sum: &mut Sum) {
    let mut verbs = Verbs::new(&options.programs);
    let mut not_run = Vec::new();
    for page in pages {
        for block in &page.blocks {
            let at = format!("{}:{}", page.name, block.line);
            if let Some(why) = &block.mark.not_run {
                not_run.push(format!("{at}: {why}"));
            }
            count(sum, &at, check_block(block, &options.programs));
        }
        for (line, text) in &page.prose {
            let at = format!("{}:{line}", page.name);
            links(text).for_each(|link| count(sum, &at, check_link(page, link)));
            commands(text).for_each(|command| count(sum, &at, verbs.check(command)));
        }
    }
    println!("{} blocks of commands are not run:", not_run.len());
    not_run.iter().for_each(|told| println!("  {told}"));
}

fn count(sum: &mut Sum, at: &str, checked: Result<bool, String>) {
    match checked {
        Ok(true) => sum.passed += 1,
        Ok(false) => {}
        Err(told) => sum.fail(&format!("{at}: {told}")),
    }
}

/// `Ok(false)`: there was nothing to check.
fn check_block(block: &Block, programs: &Path) -> Result<bool, String> {
    let mark = &block.mark;
    let is_run = !mark.backends.is_empty();
    match block.language.as_str() {
        language if holds_commands(language) => match (&mark.not_run, is_run) {
            (None, false) => Err("these commands are neither run nor marked `not-run: WHY`".into()),
            (Some(_), true) => Err("these commands are both run and marked as not run".into()),
            _ => Ok(true),
        },
        "toml" if mark.not_run.is_some() => Ok(true),
        "toml" if mark.forwarder => check_forwarder(&block.text(), programs).map(|()| true),
        "toml" => check_spec(&block.text(), mark.refused).map(|()| true),
        _ if block.lines.iter().any(|line| line.starts_with("$ ") || line.starts_with("C:\\")) => {
            Err("a block with commands is of language console or sh".into())
        }
        _ => Ok(false),
    }
}

/// A spec, or a part of one, which is then completed with a name and a command.
fn check_spec(text: &str, refused: bool) -> Result<(), String> {
    let has = |key: &str| text.lines().any(|line| line.trim_start().starts_with(key));
    let mut whole = String::new();
    if !has("name =") {
        whole.push_str("name = \"part\"\n");
    }
    let command = "command = [\"/bin/true\"]\n";
    if has("command =") || has("program.command =") {
        whole.push_str(text);
    } else if has("[program]") {
        whole.push_str(&text.replacen("[program]\n", &format!("[program]\n{command}"), 1));
    } else {
        whole.push_str(&format!("program.{command}{text}"));
    }
    match (Spec::parse(&whole), refused) {
        (Ok(_), false) | (Err(_), true) => Ok(()),
        (Ok(_), true) => Err("the page says that this spec is refused, and it is not".into()),
        (Err(errors), false) => {
            Err(format!("not a spec:\n{}", errors.render(Path::new("spec"), &whole, false)))
        }
    }
}

/// The forwarder's configuration, read by the forwarder. Secrets that it names are made for it.
fn check_forwarder(text: &str, programs: &Path) -> Result<(), String> {
    const SECRETS: &str = "/etc/abide";
    let folder = std::env::temp_dir().join(format!("abide-docs-forward-{}", std::process::id()));
    let file = folder.join("forward.toml");
    let checked = std::fs::create_dir_all(&folder).and_then(|()| {
        for name in text.split(&format!("\"{SECRETS}/")).skip(1).filter_map(|rest| rest.split('"').next()) {
            std::fs::write(folder.join(name), "secret\n")?;
        }
        std::fs::write(&file, text.replace(SECRETS, &folder.display().to_string()))?;
        let abide = programs.join("abide").with_extension(std::env::consts::EXE_EXTENSION);
        Command::new(abide).args(["forward", "check", "--config"]).arg(&file).stdin(Stdio::null()).output()
    });
    let _ = std::fs::remove_dir_all(&folder);
    let checked = checked.map_err(|error| error.to_string())?;
    if checked.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned();
    Err(format!("not taken by `abide forward check`:\n{told}"))
}

/// Targets of Markdown links that lead to files.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

fn check_link(page: &Page, link: &str) -> Result<bool, String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(false);
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = page.path.parent().unwrap_or(Path::new("."));
    let target = if file.is_empty() { page.path.clone() } else { folder.join(file) };
    if !target.exists() {
        return Err(format!("the link {link} leads nowhere"));
    }
    if anchor.is_empty() || target.is_dir() {
        return Ok(true);
    }
    let text = std::fs::read_to_string(&target).map_err(|error| error.to_string())?;
    let found = text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
    if found { Ok(true) } else { Err(format!("the link {link} leads to no heading")) }
}

/// The anchor of a heading, as forges make it.
fn slug(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        letter if letter.is_alphanumeric() => Some(letter.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

/// Code spans that begin with `abide` or `sudo abide`.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter_map(|span| {
        let span = span.strip_prefix("sudo ").unwrap_or(span);
        span.strip_prefix("abide ")
    })
}

/// The help of each verb, asked for once.
struct Verbs<'a> {
    programs: &'a Path,
    helps: BTreeMap<String, Option<String>>,
}

impl<'a> Verbs<'a> {
    fn new(programs: &'a Path) -> Self {
        Self { programs, helps: BTreeMap::new() }
    }

    /// The verb exists, and so does each option before a `--`.
    fn check(&mut self, command: &str) -> Result<bool, String> {
        let mut words = command.split_whitespace();
        let verb = words.next().unwrap_or_default();
        if verb.is_empty() || verb == "…" {
            return Ok(false);
        }
        let Some(help) = self.help(&[verb]) else {
            return Err(format!("`abide {command}`: there is no such verb"));
        };
        let mut help = help.to_owned();
        let mut path = vec![verb];
        // Verbs that have verbs of their own.
        while help.contains("\nCommands:\n") {
            let is_verb = |word: &&str| word.chars().all(|letter| letter.is_ascii_lowercase());
            let Some(inner) = words.clone().next().filter(is_verb) else { break };
            words.next();
            path.push(inner);
            help = match self.help(&path) {
                Some(help) => help.to_owned(),
                None => return Err(format!("`abide {command}`: there is no `{}`", path.join(" "))),
            };
        }
        let is_option = |word: &&str| word.starts_with('-') && word.len() > 1;
        for option in words.take_while(|word| *word != "--").filter(is_option) {
            let option = option.trim_end_matches([']', ',', '.']);
            let known =
                help.split(|letter: char| letter.is_whitespace() || letter == ',').any(|word| word == option);
            if !known {
                return Err(format!("`abide {command}`: `{verb}` has no option {option}"));
            }
        }
        Ok(true)
    }

    fn help(&mut self, verbs: &[&str]) -> Option<&str> {
        let program = self.programs.join("abide").with_extension(std::env::consts::EXE_EXTENSION);
        let ask = || {
            let help = (!verbs[0].starts_with('-')).then_some("--help");
            let output = Command::new(program).args(verbs).args(help).stdin(Stdio::null()).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        self.helps.entry(verbs.join(" ")).or_insert_with(ask).as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_specs() {
        for good in [
            "[stop]\nsteps = [{ kill = \"tree\" }]\n",
            "[program]\nenv = { A = \"b\" }\n",
            "name = \"a\"\nprogram.command = [\"/bin/true\"]\n",
            "start.ready = { http = \"http://127.0.0.1:1/\" }\n",
        ] {
            assert_eq!(check_spec(good, false), Ok(()), "{good}");
            assert!(check_spec(good, true).is_err(), "{good}");
        }
        assert!(check_spec("[stop]\nstep = 1\n", false).is_err());
        assert_eq!(check_spec("[stop]\nstep = 1\n", true), Ok(()));
    }

    #[test]
    fn spans_and_links() {
        let text = "see [a](b.md#c) and `abide up`, `sudo abide apply x`, `abide-supervisor`, ``";
        assert_eq!(links(text).collect::<Vec<_>>(), ["b.md#c"]);
        assert_eq!(commands(text).collect::<Vec<_>>(), ["up", "apply x"]);
    }

    #[test]
    fn anchors() {
        assert_eq!(slug("### A program that does not die"), "a-program-that-does-not-die");
        assert_eq!(slug("## `[stop]`, and more"), "stop-and-more");
    }
}
