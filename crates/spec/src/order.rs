//! The order in which services start.

use crate::{Name, Spec};

/// Services that wait for each other, so that none could start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// Each starts after the next one, and the last after the first.
    pub names: Vec<Name>,
}

impl std::fmt::Display for Cycle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = self.names.first();
        for (position, name) in self.names.iter().chain(first).enumerate() {
            match position {
                0 => write!(f, "services wait for each other: `{name}`")?,
                1 => write!(f, " starts after `{name}`")?,
                _ => write!(f, ", which starts after `{name}`")?,
            }
        }
        f.write_str("; remove one of these `after` entries")
    }
}

impl std::error::Error for Cycle {}

/// The names in an order in which each comes after those it is to start after; otherwise as they were given.
/// An `after` that names none of `specs` is a native unit or another service, and does not count here.
pub fn order(specs: &[Spec]) -> Result<Vec<Name>, Cycle> {
    let position = |after: &str| {
        let name = after.strip_suffix(".service").unwrap_or(after);
        specs.iter().position(|spec| spec.name == *after || spec.name == *name)
    };
    let before: Vec<Vec<usize>> = specs
        .iter()
        .map(|spec| spec.start.after.iter().filter_map(|after| position(after)).collect())
        .collect();

    let mut done = vec![false; specs.len()];
    let mut names = Vec::with_capacity(specs.len());
    while names.len() < specs.len() {
        let next = (0..specs.len()).find(|&it| !done[it] && before[it].iter().all(|&earlier| done[earlier]));
        match next {
            Some(it) => {
                done[it] = true;
                names.push(specs[it].name.clone());
            }
            None => return Err(cycle(specs, &before, &done)),
        }
    }
    Ok(names)
}

/// Follows what waits for what among the ones left over until one comes a second time.
fn cycle(specs: &[Spec], before: &[Vec<usize>], done: &[bool]) -> Cycle {
    let mut trail: Vec<usize> = Vec::new();
    let mut at = (0..specs.len()).find(|&it| !done[it]);
    while let Some(it) = at {
        if let Some(again) = trail.iter().position(|&earlier| earlier == it) {
            trail.drain(..again);
            break;
        }
        trail.push(it);
        at = before[it].iter().copied().find(|&earlier| !done[earlier]);
    }
    Cycle { names: trail.into_iter().map(|it| specs[it].name.clone()).collect() }
}
