//! macOS and BSD side of [`crate::usage`]: not made yet, which every look says.

use std::io;

use crate::usage::{Charged, Counters, Details};

/// Never made.
#[derive(Debug)]
pub(crate) enum Process {}

impl Process {
    pub(crate) fn pid(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn parent(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn is_of_session(&self, _leader: u32) -> bool {
        match *self {}
    }

    pub(crate) fn may_be_child_of(&self, _parent: &Self) -> bool {
        match *self {}
    }

    pub(crate) fn details(&self) -> Option<Details> {
        match *self {}
    }
}

pub(crate) fn look() -> io::Result<Vec<Process>> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "what processes use is told on Linux and Windows only, so far",
    ))
}

pub(crate) fn mark(_pid: u32) -> Option<String> {
    None
}

pub(crate) fn proportional(_pid: u32) -> Option<u64> {
    None
}

/// Control groups are Linux's.
#[derive(Debug)]
pub(crate) struct Groups;

impl Groups {
    pub(crate) fn find() -> Self {
        Self
    }

    pub(crate) fn of(&self, _pid: u32) -> Option<Group> {
        None
    }

    pub(crate) fn charged(
        &self,
        _own: Option<&Group>,
        _first: &Process,
        _is_of_service: &dyn Fn(u32) -> bool,
    ) -> Option<Charged> {
        None
    }
}

/// There is none.
#[derive(Debug)]
pub(crate) enum Group {}

impl Group {
    pub(crate) fn members(&self) -> &[u32] {
        match *self {}
    }

    pub(crate) fn holds_all(&self, _pids: &[u32]) -> bool {
        match *self {}
    }

    pub(crate) fn counted(&self) -> Option<(u64, Counters)> {
        match *self {}
    }
}
