//! The list.

mod agent;
mod boot;
mod direct;
mod doctor;
mod environment;
mod install;
mod logs;
mod output;
mod ready;
mod restarts;
mod security;
mod stops;
mod supervisor;
mod trouble;
mod user;
mod verbs;

use crate::behaviour::Behaviour;

/// Every behaviour, in the order of the table.
pub fn all() -> Vec<&'static Behaviour> {
    [
        install::LIST,
        verbs::LIST,
        restarts::LIST,
        ready::LIST,
        stops::LIST,
        output::LIST,
        logs::rotation::LIST,
        logs::content::LIST,
        logs::pressure::LIST,
        logs::reading::LIST,
        logs::forwarding::LIST,
        agent::LIST,
        environment::LIST,
        direct::LIST,
        security::LIST,
        supervisor::LIST,
        boot::LIST,
        user::LIST,
        trouble::LIST,
        doctor::LIST,
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_short_enough_for_a_service() {
        let list = super::all();
        let names: BTreeSet<_> = list.iter().map(|behaviour| behaviour.name).collect();
        assert_eq!(names.len(), list.len());
        assert!(names.iter().all(|name| name.len() <= 32), "{names:?}");
        assert!(list.len() >= 40);
    }
}
