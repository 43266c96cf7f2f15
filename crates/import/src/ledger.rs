//! The book in which every field of a source is entered when it is read, and in which its fate is written when it is
//! mapped. What has no fate at the end is reported as left: a field cannot be lost on the way.

use std::cell::RefCell;
use std::ops::Range;

use abide_spec::Errors;

use crate::error::{ImportError, Problem, line_and_column, printable};
use crate::report::{Entry, Fate, Report};

/// Why a field is left that no mapping knows.
const UNKNOWN: &str = "nothing in a spec is like it";

/// All fields of a source and what became of them.
pub(crate) struct Ledger {
    text: String,
    slots: RefCell<Vec<Slot>>,
    problems: RefCell<Vec<Problem>>,
    notes: RefCell<Vec<String>>,
}

struct Slot {
    service: Option<String>,
    field: String,
    value: Option<String>,
    /// Nothing for what does not stand in the source.
    span: Option<Range<usize>>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Nobody has looked at it.
    Open,
    /// It holds other fields, which have slots of their own.
    Group,
    Done {
        fate: Fate,
        to: Option<String>,
        why: Option<String>,
    },
}

/// One field of the source. Exactly one fate is reported for it: the weightiest that was written.
#[derive(Clone, Copy)]
pub(crate) struct Field<'l> {
    ledger: &'l Ledger,
    id: usize,
}

impl Ledger {
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            slots: RefCell::default(),
            problems: RefCell::default(),
            notes: RefCell::default(),
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Enters a field.
    pub fn enter(
        &self,
        service: Option<&str>,
        field: impl Into<String>,
        value: &str,
        span: Range<usize>,
    ) -> Field<'_> {
        self.push(Slot {
            service: service.map(str::to_owned),
            field: field.into(),
            value: Some(printable(value)),
            span: Some(span),
            state: State::Open,
        })
    }

    /// Writes down a default of the source's tool that differs from ours.
    pub fn default(&self, service: Option<&str>, field: &str, to: impl Into<String>, why: impl Into<String>) {
        self.push(Slot {
            service: service.map(str::to_owned),
            field: field.to_owned(),
            value: None,
            span: None,
            state: State::Done { fate: Fate::Default, to: Some(to.into()), why: Some(why.into()) },
        });
    }

    /// Writes down a default of ours that the other tool cannot honour.
    pub fn lost(&self, service: Option<&str>, field: &str, why: &str) {
        self.push(Slot {
            service: service.map(str::to_owned),
            field: field.to_owned(),
            value: None,
            span: None,
            state: State::Done { fate: Fate::Left, to: None, why: Some(why.to_owned()) },
        });
    }

    fn push(&self, slot: Slot) -> Field<'_> {
        let mut slots = self.slots.borrow_mut();
        slots.push(slot);
        Field { ledger: self, id: slots.len() - 1 }
    }

    /// Something else that is to be told.
    pub fn note(&self, text: impl Into<String>) {
        let text = text.into();
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&text) {
            notes.push(text);
        }
    }

    /// Something that is wrong with the source.
    pub fn problem(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    pub fn has_problems(&self) -> bool {
        !self.problems.borrow().is_empty()
    }

    /// The field that went to a setting of the spec, or to one that holds it: where errors of the spec come from.
    pub fn origin(&self, service: &str, setting: &str) -> Option<Range<usize>> {
        let slots = self.slots.borrow();
        let mut best: Option<(usize, Range<usize>)> = None;
        for slot in slots.iter().filter(|slot| slot.service.as_deref().is_none_or(|name| name == service)) {
            let (State::Done { to: Some(to), .. }, Some(span)) = (&slot.state, &slot.span) else { continue };
            for to in to.split(", ") {
                let fits = setting == to
                    || setting.strip_prefix(to).is_some_and(|rest| rest.starts_with(['.', '[']));
                if fits && best.as_ref().is_none_or(|(length, _)| *length < to.len()) {
                    best = Some((to.len(), span.clone()));
                }
            }
        }
        best.map(|(_, span)| span)
    }

    /// The report; or all that is wrong with the source.
    pub fn close(self) -> Result<Report, ImportError> {
        let mut problems = self.problems.into_inner();
        if !problems.is_empty() {
            problems.sort_by_key(|problem| problem.span.as_ref().map_or(0, |span| span.start));
            let mut errors: Vec<_> = problems.into_iter().map(|it| it.placed(&self.text)).collect();
            errors.dedup();
            return Err(ImportError { errors: Errors(errors), text: self.text });
        }
        let mut slots = self.slots.into_inner();
        slots.sort_by_key(|slot| slot.span.as_ref().map_or(usize::MAX, |span| span.start));
        let mut lines = LineCounter { text: &self.text, at: 0, line: 1 };
        let fields = slots.into_iter().filter_map(|slot| entry(slot, &mut lines)).collect();
        Ok(Report { fields, notes: self.notes.into_inner() })
    }
}

/// Counts lines forward, so that a report of many fields is not quadratic.
struct LineCounter<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl LineCounter<'_> {
    fn place(&mut self, offset: usize) -> (usize, usize) {
        let offset = crate::error::floor(self.text, offset);
        if offset < self.at {
            return line_and_column(self.text, offset);
        }
        self.line += self.text[self.at..offset].matches('\n').count();
        self.at = offset;
        let start = self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        (self.line, self.text[start..offset].chars().count() + 1)
    }
}

fn entry(slot: Slot, lines: &mut LineCounter<'_>) -> Option<Entry> {
    let (fate, to, why) = match slot.state {
        State::Group => return None,
        State::Open => (Fate::Left, None, Some(UNKNOWN.to_owned())),
        State::Done { fate, to, why } => (fate, to, why),
    };
    let place = slot.span.map(|span| lines.place(span.start));
    Some(Entry {
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
        service: slot.service,
        field: printable(&slot.field),
        value: slot.value,
        fate,
        to: to.map(|to| printable(&to)),
        why: why.map(|why| printable(&why)),
    })
}

impl<'l> Field<'l> {
    /// It means the same in the spec.
    pub fn carried(self, to: impl Into<String>) {
        self.decide(Fate::Carried, Some(to.into()), None);
    }

    /// It means the same in the spec, and there is something to know.
    pub fn carried_with(self, to: impl Into<String>, why: impl Into<String>) {
        self.decide(Fate::Carried, Some(to.into()), Some(why.into()));
    }

    /// It is in the spec with a difference.
    pub fn changed(self, to: impl Into<String>, why: impl Into<String>) {
        self.decide(Fate::Changed, Some(to.into()), Some(why.into()));
    }

    /// It is not in the spec.
    pub fn left(self, why: impl Into<String>) {
        self.decide(Fate::Left, None, Some(why.into()));
    }

    /// It is not in the spec, unless something took it before.
    pub fn left_unless_taken(self, why: &str) {
        let open = self.ledger.slots.borrow().get(self.id).is_some_and(|slot| slot.state == State::Open);
        if open {
            self.left(why);
        }
    }

    /// It holds other fields, which were entered by themselves.
    pub fn group(self) {
        self.with(|slot| slot.state = State::Group);
    }

    /// Its value is not to be shown.
    pub fn secret(self) -> Self {
        self.with(|slot| slot.value = None);
        self
    }

    /// Its value cannot be understood.
    pub fn bad(self, message: impl Into<String>, hint: Option<&str>) {
        let problem = Problem { message: message.into(), hint: hint.map(str::to_owned), span: self.span() };
        self.ledger.problem(problem);
    }

    /// Where it stands.
    pub fn span(self) -> Option<Range<usize>> {
        self.ledger.slots.borrow().get(self.id).and_then(|slot| slot.span.clone())
    }

    pub fn ledger(self) -> &'l Ledger {
        self.ledger
    }

    fn decide(self, fate: Fate, to: Option<String>, why: Option<String>) {
        self.with(|slot| match &mut slot.state {
            State::Open | State::Group => slot.state = State::Done { fate, to, why },
            State::Done { fate: known, to: known_to, .. } if *known == fate => {
                // One field may go to several places, such as each variable of a list.
                if let (Some(known), Some(more)) = (known_to, to) {
                    for place in more.split(", ") {
                        if !known.split(", ").any(|it| it == place) {
                            known.push_str(", ");
                            known.push_str(place);
                        }
                    }
                }
            }
            State::Done { fate: known, .. } if *known < fate => slot.state = State::Done { fate, to, why },
            State::Done { .. } => {}
        });
    }

    fn with(self, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.ledger.slots.borrow_mut().get_mut(self.id) {
            change(slot);
        }
    }
}
