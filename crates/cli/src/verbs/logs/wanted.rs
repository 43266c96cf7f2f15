//! What the arguments ask for.

use std::time::{Duration, SystemTime};

use abide_logs::{Range, Start, Stream, Streams, Until};

use super::boots;
use super::filter::Filter;
use super::{pattern, when};
use crate::args::{Count, Logs, StreamChoice};
use crate::exit::Exit;
use crate::failure::Failure;

/// Lines shown when nothing else is asked for.
const LINES: usize = 100;

/// Times are shown to the millisecond: up to one that was shown means up to its end.
const SHOWN: Duration = Duration::from_nanos(999_999);

/// Which lines are wanted.
#[derive(Debug)]
pub struct Wanted {
    pub range: Range,
    /// Of those that the filter lets through, the last so many.
    pub last: Option<usize>,
    pub filter: Filter,
}

/// The boot that is asked for, and a service whose name was taken for it: `-b web` means `-b` and `web`.
pub fn boot(args: &Logs) -> Result<(Option<u32>, Option<String>), Failure> {
    let Some(word) = args.boot.as_deref() else { return Ok((None, None)) };
    let number = word.strip_prefix(['-', '+']).unwrap_or(word);
    match number.parse::<u32>() {
        Ok(0) => Ok((Some(0), None)),
        Ok(back) if word.starts_with('-') => Ok((Some(back), None)),
        Ok(_) => Err(Failure::new(
            Exit::Usage,
            format!("`--boot {word}`: boots are counted backwards from this one"),
        )
        .hint("`--boot` is the one of now, `--boot -1` the one before")),
        Err(_) if word.starts_with('-') => {
            Err(Failure::new(Exit::Usage, format!("`--boot {word}`: give a number such as -1")))
        }
        Err(_) => Ok((Some(0), Some(word.to_owned()))),
    }
}

impl Wanted {
    pub fn of(args: &Logs, back: Option<u32>) -> Result<Self, Failure> {
        let usage = |error: String| Failure::new(Exit::Usage, error);
        let now = when::now();
        let time = |text: &Option<String>| {
            text.as_deref().map(|text| when::parse(text, &now)).transpose().map_err(usage)
        };
        let (mut since, mut until) = (time(&args.since)?, time(&args.until)?);
        if let Some(back) = back {
            let (from, to) = boots::boot(back)?;
            (since, until) = (Some(from), to);
        }
        if let (Some(from), Some(to)) = (since, until)
            && from > to
        {
            return Err(usage("`--since` is later than `--until`".to_owned()));
        }
        let grep =
            args.grep.as_deref().map(|pattern| pattern::compile(pattern, args.ignore_case)).transpose();
        let grep = grep.map_err(|error| usage(format!("--grep is no regular expression: {error}")))?;
        let filter = Filter { grep, inverted: args.invert_match, level: args.level, rules: Vec::new() };
        let is_said = since.is_some() || until.is_some() || !filter.is_empty();
        let last = match args.lines {
            Some(Count::Last(lines)) => Some(lines),
            Some(Count::All) => None,
            None => (!is_said).then_some(LINES),
        };
        let streams = match args.stream {
            None => Streams::Both,
            Some(StreamChoice::Stdout) => Streams::Only(Stream::Stdout),
            Some(StreamChoice::Stderr) => Streams::Only(Stream::Stderr),
        };
        let start = since.map_or(Start::Oldest, Start::Since);
        let until = until.map_or(Until::Now, |time: SystemTime| Until::Time(time + SHOWN));
        Ok(Self { range: Range { start, until, streams }, last, filter })
    }
}
