//! What a service does, in the words of the pages: how it is, what ails it, and what to do next.

use abide_host::Known;
use abide_supervisor::status::Status;

use super::words::{Moment, command, plain};

/// How a service is, the worst first: that is the order in which services are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Somebody has to look at it.
    Trouble,
    /// On its way from one state to another, or held.
    Between,
    /// It runs, is ready and well.
    Fine,
    /// It does not run, and is not meant to.
    Stopped,
}

impl Condition {
    /// Of a service.
    pub fn of(status: &Status) -> Self {
        match status.state.as_str() {
            _ if status.logs.trouble.is_some() => Self::Trouble,
            "running" if status.ready && status.healthy => Self::Fine,
            "starting" | "stopping" | "paused" | "waiting" => Self::Between,
            "stopped" => Self::Stopped,
            _ => Self::Trouble,
        }
    }

    /// The class that the style knows it by.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Trouble => "trouble",
            Self::Between => "between",
            Self::Fine => "fine",
            Self::Stopped => "stopped",
        }
    }
}

/// The sign of a state, the same as on the command line.
pub fn sign(status: &Status) -> &'static str {
    match status.state.as_str() {
        "running" if status.ready && status.healthy => "●",
        "running" | "starting" | "stopping" | "paused" | "waiting" => "◐",
        "unknown" => "?",
        "backing-off" | "failed" => "✗",
        _ => "○",
    }
}

/// How well a program is that runs.
pub fn health(status: &Status) -> &'static str {
    match (status.state.as_str(), status.ready, status.healthy) {
        ("running", _, false) => "unhealthy",
        ("running", false, _) => "not ready",
        ("running", ..) => "ok",
        _ => "–",
    }
}

/// Something that needs attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What it is, in a word or two.
    pub what: &'static str,
    /// Why it is so.
    pub cause: String,
    /// What to do, and the command that does it.
    pub steps: Vec<(&'static str, String)>,
}

/// What ails a service; nothing where nobody needs to look.
pub fn troubles(known: &Known) -> Vec<Trouble> {
    let status = &known.status;
    let because = |otherwise: &str| match status.why.as_deref().map(plain) {
        // The state stands beside it.
        Some(why) if !why.trim().is_empty() => {
            why.strip_prefix(&format!("{}: ", status.state)).unwrap_or(&why).to_owned()
        }
        _ => otherwise.to_owned(),
    };
    let look = ("See what it printed last", command(known, "logs", "-n 50"));
    let again = |words| (words, command(known, "restart", ""));
    let mut troubles = Vec::new();
    let state = match status.state.as_str() {
        "failed" => Some(Trouble {
            what: "failed",
            cause: because("the supervisor gave up on it"),
            steps: vec![look, ("Start it when that is mended", command(known, "start", ""))],
        }),
        "backing-off" => Some(Trouble {
            what: "backing off",
            cause: match status.next_start.as_deref().and_then(Moment::of) {
                Some(next) => format!("{}; it is started again at {}", because("it ended"), next.shown),
                None => because("it ended, and is started again after a while"),
            },
            steps: vec![look, again("Start it at once when that is mended")],
        }),
        "running" if !status.healthy => Some(Trouble {
            what: "unhealthy",
            cause: because("a health check fails"),
            steps: vec![("See which checks failed", command(known, "events", "")), again("Start it anew")],
        }),
        "running" if !status.ready => Some(Trouble {
            what: "not ready",
            cause: because("it has not shown that it is ready"),
            steps: vec![look, again("Start it anew")],
        }),
        "running" | "starting" | "stopping" | "paused" | "waiting" | "stopped" => None,
        _ => Some(Trouble {
            what: "unknown",
            cause: because("nothing can be told of it"),
            steps: vec![("Ask again, as whoever may see it", command(known, "status", ""))],
        }),
    };
    troubles.extend(state);
    troubles.extend(status.logs.trouble.as_deref().map(|trouble| Trouble {
        what: "output is not kept",
        cause: plain(trouble),
        steps: vec![("See how much was lost, and make room", command(known, "status", ""))],
    }));
    troubles
}

/// What is known of it in detail: labels and words.
pub fn facts(known: &Known) -> Vec<(&'static str, String)> {
    let status = &known.status;
    let time = |time: &str| Moment::of(time).map_or_else(|| plain(time), |moment| moment.shown);
    let mut facts = Vec::new();
    let mut fact = |label, words: Option<String>| facts.extend(words.map(|words| (label, words)));
    // Of a trouble the cause is told with it.
    fact("Why", status.why.as_deref().filter(|_| troubles(known).is_empty()).map(plain));
    fact("Says", status.text.as_deref().map(plain));
    fact("In this state since", Some(&*status.since).filter(|since| !since.is_empty()).map(time));
    fact("Up since", status.started.as_deref().map(time));
    fact("Next start", status.next_start.as_deref().map(time));
    fact("Process", status.pid.map(|pid| pid.to_string()));
    fact("Restarts", Some(format!("{} (failures in a row: {})", status.restarts, status.failures)));
    fact("Last end", status.last_exit.map(|exit| exit.to_string()));
    fact("Run by", known.project.as_ref().map(|folder| plain(&format!("abide up in {}", folder.display()))));
    fact("Scope", known.scope.map(str::to_owned));
    fact("Debug", status.debug.then(|| "on".to_owned()));
    let lost = status.logs.lost_bytes;
    fact("Output lost", (lost > 0).then(|| format!("{lost} bytes")));
    let suppressed = status.logs.suppressed_lines;
    fact("Output suppressed", (suppressed > 0).then(|| format!("{suppressed} lines beyond the rate limit")));
    facts
}

#[cfg(test)]
mod tests {
    use abide_host::Home;
    use abide_os::paths::Layout;

    use super::*;

    fn known(state: &str, ready: bool, healthy: bool) -> Known {
        let home = Home::Project(Layout::project(std::path::Path::new("/srv")));
        let mut known = Known::nothing(&"web".parse().unwrap(), &home, "it ended with code 3".into());
        (known.status.state, known.status.ready, known.status.healthy) = (state.into(), ready, healthy);
        known
    }

    #[test]
    fn every_trouble_has_a_cause_and_a_next_step() {
        for (state, ready, healthy, what) in [
            ("failed", false, true, "failed"),
            ("backing-off", false, true, "backing off"),
            ("running", true, false, "unhealthy"),
            ("running", false, true, "not ready"),
            ("unknown", false, true, "unknown"),
        ] {
            let mut known = known(state, ready, healthy);
            known.status.why = Some(format!("{state}: it ended with code 3"));
            assert_eq!(Condition::of(&known.status), Condition::Trouble, "{state}");
            let troubles = troubles(&known);
            assert_eq!(troubles.len(), 1, "{state}");
            assert_eq!(troubles[0].what, what);
            assert!(troubles[0].cause.starts_with("it ended with code 3"), "{:?}", troubles[0]);
            assert!(
                troubles[0].steps.iter().all(|(_, step)| step.starts_with("abide ")),
                "{:?}",
                troubles[0]
            );
        }
    }

    #[test]
    fn what_needs_nobody_is_no_trouble() {
        for (state, condition) in [
            ("running", Condition::Fine),
            ("starting", Condition::Between),
            ("stopping", Condition::Between),
            ("paused", Condition::Between),
            ("waiting", Condition::Between),
            ("stopped", Condition::Stopped),
        ] {
            let known = known(state, true, true);
            assert_eq!(troubles(&known), [], "{state}");
            assert_eq!(Condition::of(&known.status), condition, "{state}");
        }
    }

    #[test]
    fn capture_in_trouble_is_told_beside_the_state() {
        let mut known = known("running", true, false);
        known.status.logs.trouble = Some("the disk is \x1b[31mfull".into());
        let what: Vec<_> = troubles(&known).into_iter().map(|trouble| trouble.what).collect();
        assert_eq!(what, ["unhealthy", "output is not kept"]);
        assert_eq!(troubles(&known)[1].cause, "the disk is full");
        known.status.healthy = true;
        assert_eq!(Condition::of(&known.status), Condition::Trouble);
    }
}
