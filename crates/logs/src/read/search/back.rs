//! Searching from the end backwards, until there is enough.

use std::{collections::VecDeque, io, ops::RangeInclusive};

use super::{
    Find, Found, failed, fill,
    lanes::{Lanes, times},
    pool::{self, Done, Job, Pool},
    scan::{Keep, Scanned},
    units::{Lane, Unit},
};
use crate::{Error, read::Line};

/// A lane on its way.
struct Course<'a> {
    part: usize,
    lane: &'a mut Lane,
    /// What is being scanned or waits for what comes after it, latest first.
    units: VecDeque<(Unit, Option<Scanned>)>,
    /// What was found behind these, oldest first.
    found: VecDeque<Scanned>,
    /// Everything that comes later in the order of lines has been looked at.
    seen_after: u64,
    /// Something has been looked at.
    begun: bool,
    /// All parts are under way.
    ended: bool,
}

type Trouble = (usize, io::Error);

pub(super) fn run<F: Find>(
    mut lanes: Lanes<'_>,
    find: &F,
    n: usize,
    mut each: impl FnMut(Found<'_>) -> bool,
) -> Result<(), Error> {
    let parts = lanes.parts;
    let Some((first, _)) = parts.first().filter(|_| n > 0) else { return Ok(()) };
    let courses = lanes.lanes.iter_mut().map(|(part, lane)| Course {
        part: *part,
        lane,
        units: VecDeque::new(),
        found: VecDeque::new(),
        seen_after: u64::MAX,
        begun: false,
        ended: false,
    });
    let mut courses: Vec<_> = courses.collect();
    let searched = pool::with(find, |pool| {
        while let Some(at) = latest(&courses, n) {
            courses[at].dispatch(at, n, pool)?;
            let times = times(&parts[courses[at].part]);
            if courses[at].collect(&times) {
                continue;
            }
            let Some(Done { lane, unit, scanned }) = pool.wait() else { break };
            let course = &mut courses[lane];
            let scanned = scanned.map_err(|error| (course.part, error))?;
            if let Some(place) = course.units.iter_mut().find(|(waiting, _)| *waiting == unit) {
                place.1 = Some(scanned);
            }
        }
        Ok(())
    });
    searched.map_err(failed(first))?.map_err(|(part, error)| failed(&parts[part].0)(error))?;
    tell(&mut courses, n, &mut each);
    Ok(())
}

impl Course<'_> {
    fn is_done(&self) -> bool {
        self.ended && self.units.is_empty()
    }

    /// Has parts scanned: one at first, which may be enough.
    fn dispatch(&mut self, at: usize, n: usize, pool: &Pool) -> Result<(), Trouble> {
        let ahead = if !self.begun { 1 } else { pool::threads() + 1 };
        while !self.ended && self.units.len() < ahead {
            match self.lane.next_back().map_err(|error| (self.part, error))? {
                Some(unit) => {
                    let (names, end) = (self.lane.names.clone(), self.lane.end);
                    pool.scan(Job { lane: at, part: self.part, unit, names, end, keep: Keep::Last(n) });
                    self.units.push_back((unit, None));
                }
                None => self.ended = true,
            }
        }
        Ok(())
    }

    /// Takes what was found to what is known. False if there is none for now.
    fn collect(&mut self, times: &RangeInclusive<u64>) -> bool {
        let Some((_, Some(scanned))) = self.units.front_mut() else { return self.is_done() };
        let mut scanned = std::mem::take(scanned);
        scanned.hits.retain(|hit| hit.stamp.is_none_or(|stamp| times.contains(&stamp.time)));
        self.begun = true;
        self.seen_after = scanned.before.unwrap_or(self.seen_after);
        self.units.pop_front();
        self.found.push_front(scanned);
        true
    }
}

/// The lane that has been looked at least far back; `None` once the last `n` lines are known.
fn latest(courses: &[Course<'_>], n: usize) -> Option<usize> {
    let open = courses.iter().enumerate().filter(|(_, course)| !course.is_done());
    let (after, at) = open.map(|(at, course)| (course.seen_after, at)).max()?;
    let late = |scanned: &Scanned| scanned.hits.iter().filter(|hit| hit.order() > after).count();
    let known: usize = courses.iter().flat_map(|course| &course.found).map(late).sum();
    (known < n).then_some(at)
}

/// Tells the last `n` of what was found, in order.
fn tell(courses: &mut [Course<'_>], n: usize, each: &mut impl FnMut(Found<'_>) -> bool) {
    let count: usize =
        courses.iter().flat_map(|course| &course.found).map(|scanned| scanned.hits.len()).sum();
    let mut skip = count.saturating_sub(n);
    let mut told = vec![0; courses.len()];
    let mut line = Line::default();
    loop {
        for (course, told) in courses.iter_mut().zip(&mut told) {
            while course.found.front().is_some_and(|scanned| *told >= scanned.hits.len()) {
                course.found.pop_front();
                *told = 0;
            }
        }
        let heads = courses.iter().zip(&told).enumerate();
        let first = heads
            .filter_map(|(at, (course, told))| Some((course.found.front()?.hits[*told].order(), at)))
            .min();
        let Some((_, at)) = first else { return };
        let course = &courses[at];
        let Some(scanned) = course.found.front() else { return };
        let hit = &scanned.hits[told[at]];
        told[at] += 1;
        if skip > 0 {
            skip -= 1;
            continue;
        }
        fill(&mut line, course.lane.names.stream(), hit, &scanned.text[hit.begin..hit.end]);
        if !each(Found::Line(course.part, &line)) {
            return;
        }
    }
}
