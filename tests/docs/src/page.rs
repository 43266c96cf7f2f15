//! A document: its fenced blocks, and the code spans and links of its prose.

use std::path::{Path, PathBuf};

use crate::words::Mark;

/// Folders that hold no documents of ours.
const NOT_OURS: &[&str] = &["target", ".git", ".abide", ".go", "src"];

pub struct Page {
    /// Relative to the root, for messages.
    pub name: String,
    pub path: PathBuf,
    pub blocks: Vec<Block>,
    /// Lines that are not in a block, with their numbers.
    pub prose: Vec<(usize, String)>,
}

/// A fenced block.
pub struct Block {
    /// The line of its fence, from 1.
    pub line: usize,
    pub language: String,
    pub mark: Mark,
    pub lines: Vec<String>,
}

impl Block {
    pub fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }
}

impl Page {
    pub fn read(root: &Path, path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string().replace('\\', "/");
        Self::parse(name, path.into(), &text)
    }

    pub fn parse(name: String, path: PathBuf, text: &str) -> Result<Self, String> {
        let mut page = Self { name, path, blocks: Vec::new(), prose: Vec::new() };
        // The fence that is open, and how far it is indented.
        let mut open: Option<(&str, usize)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let inner = line.trim_start();
            if let Some((fence, indent)) = open {
                if inner.trim_end() == fence {
                    open = None;
                } else if let Some(block) = page.blocks.last_mut() {
                    block.lines.push(line.get(indent..).unwrap_or(inner).to_owned());
                }
                continue;
            }
            let Some(info) = inner.strip_prefix("```").map(|rest| rest.trim_start_matches('`')) else {
                page.prose.push((number, line.to_owned()));
                continue;
            };
            open = Some((&inner[..inner.len() - info.len()], line.len() - inner.len()));
            let (language, rest) = info.trim().split_once(' ').unwrap_or((info.trim(), ""));
            let mark = Mark::parse(rest).map_err(|error| format!("{}:{number}: {error}", page.name))?;
            page.blocks.push(Block { line: number, language: language.into(), mark, lines: Vec::new() });
        }
        match (open, page.blocks.last()) {
            (Some(_), Some(block)) => Err(format!("{}:{}: this block has no end", page.name, block.line)),
            _ => Ok(page),
        }
    }
}

/// All Markdown files below `root`, sorted, whose paths contain one of `only`.
pub fn files(root: &Path, only: &[String]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    collect(root, &mut files).map_err(|error| format!("{}: {error}", root.display()))?;
    files.retain(|file| {
        let name = file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/");
        only.is_empty() || only.iter().any(|part| name.contains(part))
    });
    files.sort();
    if files.is_empty() { Err(format!("no page is named like {only:?}")) } else { Ok(files) }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !NOT_OURS.contains(&&*name) {
                collect(&entry.path(), files)?;
            }
        } else if name.ends_with(".md") {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page::parse("p.md".into(), "p.md".into(), text).unwrap()
    }

    #[test]
    fn blocks_and_prose() {
        let page = page("a\n```console systemd\n$ x\n```\nb\n- c\n  ```toml\n  d = 1\n    e\n  ```\n");
        assert_eq!(page.prose, [(1, "a".into()), (5, "b".into()), (6, "- c".into())]);
        assert_eq!(page.blocks[0].lines, ["$ x"]);
        assert_eq!(page.blocks[0].line, 2);
        assert_eq!(page.blocks[1].lines, ["d = 1", "  e"]);
    }

    #[test]
    fn longer_fences_hold_shorter_ones() {
        let page = page("````md\n```\n````\n");
        assert_eq!(page.blocks.len(), 1);
        assert_eq!(page.blocks[0].lines, ["```"]);
    }

    #[test]
    fn a_block_needs_an_end() {
        assert!(Page::parse("p.md".into(), "p.md".into(), "```sh\nx\n").is_err());
    }
}
