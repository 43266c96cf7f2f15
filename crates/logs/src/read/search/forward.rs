//! Searching from the beginning to the end.

use std::collections::VecDeque;

use super::{
    Find, Found, failed, fill,
    lanes::{Lanes, times},
    pool::{self, Done, Job, Pool},
    scan::{Keep, Scanned},
    units::{Lane, Unit},
};
use crate::{Error, read::Line};

/// A scan ends early when it has found so much, in bytes: what waits to be told must not fill the memory.
const ENOUGH: usize = if cfg!(test) { 10 } else { 1 << 20 };

/// A lane on its way.
struct Course<'a> {
    part: usize,
    lane: &'a mut Lane,
    /// What is being scanned or waits to be told, in order.
    units: VecDeque<(Unit, Option<Scanned>)>,
    /// How many hits of the first of these have been told.
    told: usize,
    /// The part to be scanned next; `None` once all are under way.
    next: Option<Unit>,
}

/// What to do next.
enum Turn {
    /// Tell the next hit of this lane.
    Tell(usize),
    /// Something must be scanned first.
    Wait,
    /// Nothing: that was all.
    End,
}

pub(super) fn run<F: Find>(
    mut lanes: Lanes<'_>,
    find: &F,
    mut each: impl FnMut(Found<'_>) -> bool,
) -> Result<(), Error> {
    let parts = lanes.parts;
    let mut courses = Vec::with_capacity(lanes.lanes.len());
    for (part, lane) in &mut lanes.lanes {
        let next = lane.next().map_err(failed(&parts[*part].0))?;
        courses.push(Course { part: *part, lane, units: VecDeque::new(), told: 0, next });
    }
    // Where few lanes are searched, each has to keep all threads busy.
    let ahead = if courses.len() <= 4 { pool::threads() + 1 } else { 2 };
    let searched = pool::with(find, |pool| {
        let mut line = Line::default();
        loop {
            let at = match turn(&mut courses) {
                Turn::Tell(at) => at,
                Turn::Wait if dispatch(&mut courses, pool, ahead)? => continue,
                Turn::Wait if each(Found::Pause) => match pool.wait() {
                    Some(done) => {
                        store(&mut courses, pool, done)?;
                        continue;
                    }
                    None => return Ok(()),
                },
                Turn::Wait | Turn::End => return Ok(()),
            };
            let course = &mut courses[at];
            let Some((_, Some(scanned))) = course.units.front() else { continue };
            let hit = &scanned.hits[course.told];
            course.told += 1;
            if hit.stamp.is_none_or(|stamp| times(&parts[course.part]).contains(&stamp.time)) {
                fill(&mut line, course.lane.names.stream(), hit, &scanned.text[hit.begin..hit.end]);
                if !each(Found::Line(course.part, &line)) {
                    return Ok(());
                }
            }
        }
    });
    let Some((first, _)) = parts.first() else { return Ok(()) };
    searched.map_err(failed(first))?.map_err(|(part, error)| failed(&parts[part].0)(error))
}

type Trouble = (usize, std::io::Error);

/// Has parts scanned, those first that are needed first. False if all that may be under way is.
fn dispatch(courses: &mut [Course<'_>], pool: &Pool, ahead: usize) -> Result<bool, Trouble> {
    let mut any = false;
    loop {
        let open = courses.iter().enumerate().filter(|(_, course)| course.units.len() < ahead);
        let first = open.filter_map(|(at, course)| Some((course.next?.order, at))).min();
        let Some((_, at)) = first else { return Ok(any) };
        let course = &mut courses[at];
        let Some(unit) = course.next.take() else { return Ok(any) };
        any = true;
        pool.scan(job(course, at, unit));
        course.units.push_back((unit, None));
        course.next = course.lane.next().map_err(|error| (course.part, error))?;
    }
}

fn job(course: &Course<'_>, at: usize, unit: Unit) -> Job {
    let keep = Keep::First(ENOUGH);
    Job { lane: at, part: course.part, unit, names: course.lane.names.clone(), end: course.lane.end, keep }
}

/// Takes what was scanned to its place; what it left over is scanned next.
fn store(courses: &mut [Course<'_>], pool: &Pool, done: Done) -> Result<(), Trouble> {
    let course = &mut courses[done.lane];
    let scanned = done.scanned.map_err(|error| (course.part, error))?;
    let Some(place) = course.units.iter().position(|(unit, _)| *unit == done.unit) else { return Ok(()) };
    if let Some(from) = scanned.rest {
        let order = scanned.hits.last().map_or(done.unit.order, |hit| hit.order());
        let unit = Unit { from, begins_line: true, order, ..done.unit };
        pool.scan(job(course, done.lane, unit));
        course.units.insert(place + 1, (unit, None));
    }
    course.units[place].1 = Some(scanned);
    Ok(())
}

/// Whose turn it is: that of the line that came first.
fn turn(courses: &mut [Course<'_>]) -> Turn {
    let mut first: Option<(u64, usize, bool)> = None;
    for (at, course) in courses.iter_mut().enumerate() {
        while let Some((_, Some(scanned))) = course.units.front() {
            if course.told < scanned.hits.len() {
                break;
            }
            course.units.pop_front();
            course.told = 0;
        }
        let (order, known) = match course.units.front() {
            Some((_, Some(scanned))) => (scanned.hits[course.told].order(), true),
            Some((unit, None)) => (unit.order, false),
            None => match course.next {
                Some(unit) => (unit.order, false),
                None => continue,
            },
        };
        // At the same place, what is not known yet may come first.
        if first.is_none_or(|(least, _, sure)| (order, known) < (least, sure)) {
            first = Some((order, at, known));
        }
    }
    match first {
        Some((_, at, true)) => Turn::Tell(at),
        Some((_, _, false)) => Turn::Wait,
        None => Turn::End,
    }
}
