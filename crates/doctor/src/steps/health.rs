//! How the program answers the questions of its spec.

use abide_lifecycle::Record;

use crate::finding::{Finding, Step};
use crate::scene::{Answer, Health, Scene};
use crate::words;

const STEP: Step = Step::Health;

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    let before = found.len();
    for health in &scene.health {
        found.extend(one(scene, health));
    }
    // What the supervisor saw, unless the same was just seen here.
    let status = &scene.known.status;
    if status.state == "running" && !status.healthy && found.len() == before {
        let told =
            scene.recent().iter().rev().find(|event| matches!(event.record, Some(Record::Unhealthy { .. })));
        found.push(
            Finding::error("health-failing", STEP, 54, "its health checks fail")
                .maybe_seen(told.map(|event| event.text.clone()))
                .next(scene.abide("events"))
                .next(scene.abide("logs")),
        );
    }
}

pub(super) fn seen(scene: &Scene) -> String {
    let told = |health: &Health| match &health.answer {
        Answer::Status(status, after) => {
            Some(format!("{} {status} in {}", health.question, words::span(*after)))
        }
        Answer::Good(after) => Some(format!("{} ok in {}", health.question, words::span(*after))),
        _ => None,
    };
    scene.health.iter().filter_map(told).collect::<Vec<_>>().join(", ")
}

fn one(scene: &Scene, health: &Health) -> Option<Finding> {
    // Whoever does not run cannot answer, and that is told elsewhere.
    if !scene.runs() && scene.state() != "starting" {
        return None;
    }
    let question = &health.question;
    let timeout = health.timeout;
    let named = format!("asked as `{}` of its spec says: {question}", health.from);
    Some(match &health.answer {
        Answer::Status(status @ 500..=599, after) => Finding::error(
            "health-error",
            STEP,
            84,
            format!("it answers {question} with {status}: the program fails inside"),
        )
        .seen(named)
        .seen(format!("{status} after {}", words::span(*after)))
        .next(match status {
            502 | 504 => format!(
                "curl -sv {}   (it passes on what another server says: which one is down?)",
                url(question)
            ),
            _ => format!("curl -sv {}", url(question)),
        })
        .next(scene.abide("logs")),
        Answer::Status(status @ 400..=499, _) => {
            Finding::error("health-refused", STEP, 76, format!("it answers {question} with {status}"))
                .seen(named)
                .next(match status {
                    401 | 403 => "let the health check in without a login, or ask another path".to_owned(),
                    404 => "is the path of the health check right?".to_owned(),
                    _ => format!("curl -sv {}", url(question)),
                })
        }
        Answer::Status(_, after) | Answer::Good(after) if *after * 2 > timeout => Finding::warning(
            "health-slow",
            STEP,
            50,
            format!("it takes {} to answer {question}", words::span(*after)),
        )
        .seen(named)
        .seen(format!("more than {} counts as no answer", words::span(timeout)))
        .next(
            "is it busy, or does it wait for something? look at its processor time and at what it speaks to",
        ),
        Answer::TimedOut(after) => Finding::error(
            "health-timeout",
            STEP,
            83,
            format!("it does not answer {question} within {}", words::span(*after)),
        )
        .seen(named)
        .next(scene.abide("logs"))
        .next("it is stuck, or waits for something that does not answer: see its threads and its peers"),
        // The step before tells of the port.
        Answer::Unreached(why) => {
            if is_told_by_port(scene, health) {
                return None;
            }
            Finding::error("health-failing", STEP, 74, format!("{question} cannot be asked"))
                .seen(named)
                .seen(why)
                .next(scene.abide("logs"))
        }
        Answer::Broken(why) => {
            Finding::error("health-broken", STEP, 72, format!("the answer to {question} is none"))
                .seen(named)
                .seen(why)
                .next(
                    "is it the right port? another program, or another protocol such as https, may be there",
                )
        }
        Answer::Stale(why) => Finding::error("heartbeat-old", STEP, 80, "its heartbeat is missing or old")
            .seen(named)
            .seen(why)
            .next("it is stuck, or cannot write the file any more")
            .next(scene.abide("logs")),
        Answer::Status(..) | Answer::Good(_) => return None,
    })
}

fn url(question: &str) -> &str {
    question.strip_prefix("http ").unwrap_or(question)
}

fn is_told_by_port(scene: &Scene, health: &Health) -> bool {
    scene.ports.iter().any(|port| health.address.ends_with(&format!(":{}", port.number)))
}
