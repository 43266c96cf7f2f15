//! The public interface, held still. It is read from the source, so that this needs neither a nightly compiler nor the
//! network, as the tools for it do.
//!
//! `api.txt` beside the crate's `Cargo.toml` lists every public item with its whole signature, derives and trait
//! implementations included. As long as the version stays compatible (the same `0.x`, or the same major one), no line
//! may go away or change, and no line that begins with `!` may come: methods that a trait requires, variants and fields
//! of types that are not `non_exhaustive`. New lines are recorded by
//!
//!     ABIDE_API=write cargo test -p abide --test api
//!
//! What it does not see: a change of what a type of another crate is, and auto traits (`auto.rs` beside this holds
//! `Send` and `Sync` still).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

mod auto;
#[cfg(test)]
mod list;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `0.1` of `0.1.7`, `2` of `2.3.4`.
fn series(version: &str) -> String {
    let mut parts = version.split('.');
    let major = parts.next().unwrap_or_default();
    if major == "0" { format!("0.{}", parts.next().unwrap_or_default()) } else { major.to_owned() }
}

fn read(path: &Path) -> (String, BTreeSet<String>) {
    let text = fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    let series = head.rsplit(' ').next().unwrap_or_default().to_owned();
    (series, lines.map(str::to_owned).collect())
}

/// What breaks programs that are built on the old interface.
fn breaks(old: &BTreeSet<String>, new: &BTreeSet<String>) -> Vec<String> {
    let gone = old.difference(new).map(|line| format!("gone:   {line}"));
    let closed = new.difference(old).filter(|line| line.starts_with('!'));
    // A type that is new as a whole may have what it likes.
    let added = closed.filter(|line| {
        let of = line.split(['(', ' ', ':']).nth(1).unwrap_or_default();
        old.iter().any(|known| known.split(['(', ' ', ':', ';', '<']).any(|word| word == of))
    });
    gone.chain(added.map(|line| format!("closed: {line}"))).collect()
}

#[test]
fn the_public_interface_keeps_its_word() {
    let path = root().join("api.txt");
    let (old_series, old) = read(&path);
    let series = series(env!("CARGO_PKG_VERSION"));
    let new = list::public(&root().join("src"));
    let broken = breaks(&old, &new);
    assert!(
        old_series != series || broken.is_empty(),
        "this breaks programs built on abide {series}; keep it, or raise the version in Cargo.toml:\n{}",
        broken.join("\n")
    );
    if std::env::var_os("ABIDE_API").is_some() {
        let lines: String = new.iter().map(|line| format!("{line}\n")).collect();
        fs::write(&path, format!("# The public interface of abide {series}\n{lines}")).unwrap();
        return;
    }
    let added: Vec<_> = new.difference(&old).map(String::as_str).collect();
    assert!(
        added.is_empty() && old_series == series,
        "record what is new by `ABIDE_API=write cargo test -p abide --test api`:\n{}",
        added.join("\n")
    );
}

#[test]
fn every_public_item_shows_how_it_is_used() {
    assert_eq!(list::without_example(&root().join("src")), BTreeSet::new());
}

#[test]
fn what_breaks_is_seen() {
    let set = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<BTreeSet<_>>();
    let old = set(&["struct A", "fn A::b (& self)", "!variant E::One", "enum E"]);
    let with = |more: &str| {
        let mut new = old.clone();
        new.insert(more.to_owned());
        breaks(&old, &new)
    };
    assert!(with("fn A::c (& self)").is_empty());
    assert!(with("!required T::f (& self)").is_empty(), "of a new trait");
    assert_eq!(with("!variant E::Two").len(), 1);
    assert_eq!(
        breaks(&old, &set(&["struct A", "fn A::b (& mut self)", "!variant E::One", "enum E"])).len(),
        1
    );
    assert_eq!(series("0.1.7"), "0.1");
    assert_eq!(series("2.3.4"), "2");
}
