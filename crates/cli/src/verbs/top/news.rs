//! What the threads of the view tell the one that draws.

use abide_host::{Home, Known, Order};
use abide_logs::Level;
use abide_spec::Name;
use ratatui::crossterm::event::KeyEvent;

use super::past::Sample;
use crate::failure::Failure;
use crate::verbs::status::Fact;

/// Tells a service from the others: one of the machine and one of the user may have the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// Its name.
    pub name: Name,
    /// It is one of the user's own.
    pub own: bool,
}

/// A service as it was when it was looked at.
#[derive(Debug)]
pub struct Seen {
    /// Which.
    pub id: Id,
    /// Where it lives.
    pub home: Home,
    /// What is known of it.
    pub known: Known,
    /// The same in words.
    pub facts: Vec<Fact>,
    /// Why changes of it are not told, where that is so.
    pub blind: Option<String>,
}

/// A line that a program printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The line, made harmless.
    pub text: String,
    /// Its level, where it tells one.
    pub level: Option<Level>,
    /// It goes on the line before, which had no end.
    pub goes_on: bool,
}

/// Something that happened to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When, by the clock of this machine.
    pub time: String,
    /// What, made harmless.
    pub text: String,
}

/// What is told.
#[derive(Debug)]
pub enum News {
    /// All services that there are, and why there may be more of them, where that cannot be told.
    Services(Vec<Seen>, Option<String>),
    /// One that has changed.
    Service(Box<Seen>),
    /// What services used; nothing for those that do not run.
    Samples(Vec<(Id, Option<Sample>)>),
    /// Why it is not told what services use.
    NoSamples(String),
    /// More of what a service printed.
    Lines(Id, Vec<LogLine>),
    /// Why it is not told what a service printed.
    NoLines(Id, String),
    /// What happened to a service, all of it, or why that is not told.
    Events(Id, Result<Vec<Happened>, String>),
    /// Why no change is told any more.
    Blind(String),
    /// How an act goes on.
    Progress(Id, String),
    /// How an act ended.
    Done(Id, Order, Result<String, Failure>),
    /// A key.
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    /// The view is to end.
    End,
    /// The view cannot go on.
    Broken(Failure),
}
