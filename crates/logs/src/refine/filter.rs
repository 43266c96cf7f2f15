//! Which lines are grave enough to be kept.

use abide_spec::Logs;

use super::sample::Sample;
use crate::{BadStart, JoinRule, Level, LevelOf};

/// The filter of a service.
#[derive(Debug)]
pub(super) struct Filter {
    least: Level,
    sample: Sample,
    rule: JoinRule,
}

/// What one stream is in the midst of.
#[derive(Debug)]
pub(super) struct Course {
    levels: LevelOf,
    drops: bool,
}

impl Filter {
    /// `None` where everything is kept.
    pub fn new(logs: &Logs, seed: u64) -> Result<Option<Self>, BadStart> {
        let Some(least) = logs.level else { return Ok(None) };
        let rule = JoinRule::new(logs.multiline.as_ref().map(|it| it.start.as_str()))?;
        Ok(Some(Self { least: least.into(), sample: Sample::new(logs.sample.unwrap_or(0.0), seed), rule }))
    }

    /// At the beginning of a stream.
    pub fn course(&self) -> Course {
        Course { levels: LevelOf::new(&self.rule), drops: false }
    }

    /// Whether `line`, without its end, is kept. What continues an entry follows its first line.
    /// With `all`, everything is.
    pub fn keeps(&mut self, course: &mut Course, line: &[u8], all: bool) -> bool {
        if line.is_empty() {
            return all || !course.drops;
        }
        let (level, begins) = course.levels.entry(line, true);
        if all {
            course.drops = false;
            return true;
        }
        let lower = level.is_some_and(|level| level < self.least);
        course.drops = match (begins, lower) {
            (true, true) => !self.sample.keeps(),
            (false, true) => course.drops,
            // Grave, or of no level: but then not if it goes on with what is dropped.
            (true, false) => false,
            (false, false) => course.drops && level.is_none(),
        };
        !course.drops
    }
}
