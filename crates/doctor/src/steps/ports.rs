//! The ports that the program is said to listen on.

use crate::finding::{Finding, Step};
use crate::scene::{Port, Reached, Scene};
use crate::words;

const STEP: Step = Step::Ports;

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    for port in &scene.ports {
        if let Some(finding) = one(scene, port) {
            found.push(finding);
        }
    }
}

pub(super) fn seen(scene: &Scene) -> String {
    let told: Vec<String> = scene
        .ports
        .iter()
        .map(|port| match (&port.listener, &port.reached) {
            (Some(_), Some(Reached::Connected(after))) => {
                format!("{} answers in {}", port.number, words::span(*after))
            }
            (Some(_), _) => format!("{} is listened on", port.number),
            (None, _) => format!("{} is free", port.number),
        })
        .collect();
    told.join(", ")
}

fn one(scene: &Scene, port: &Port) -> Option<Finding> {
    let number = port.number;
    let named = format!("{} names port {number}", port.from);
    match (&port.listener, port.is_own) {
        (Some(listener), Some(false)) => Some(
            Finding::error("port-taken", STEP, 96, format!("port {number} is in use by {listener}"))
                .seen(named)
                .maybe_seen(
                    listener.service.as_ref().map(|other| format!("it belongs to the service {other}")),
                )
                .next(match listener.pid {
                    Some(pid) => format!("ps -fp {pid}   (stop it, or give one of the two another port)"),
                    None => format!("sudo ss -ltnp 'sport = :{number}'"),
                }),
        ),
        (None, _) if scene.runs() || scene.state() == "starting" => {
            let finding = match scene.state() {
                "starting" => Finding::warning(
                    "port-not-listening",
                    STEP,
                    55,
                    format!("nobody listens on port {number} yet"),
                ),
                _ => Finding::error(
                    "port-not-listening",
                    STEP,
                    82,
                    format!("the program runs, and nobody listens on port {number}"),
                ),
            };
            let finding = finding
                .seen(named)
                .maybe_seen(scene.known.status.pid.map(|pid| format!("the program is process {pid}")));
            Some(
                finding
                    .next(format!("{}   (does it say which port it took?)", scene.abide("logs")))
                    .next("ss -ltnp   (on which ports does it listen?)"),
            )
        }
        (Some(_), _) => unreached(scene, port),
        _ => None,
    }
}

/// Somebody listens, and yet no connection comes about.
fn unreached(scene: &Scene, port: &Port) -> Option<Finding> {
    let number = port.number;
    let told = match port.reached.as_ref()? {
        Reached::Connected(_) | Reached::Unresolved(_) => return None,
        Reached::Refused => "a connection is refused".to_owned(),
        Reached::TimedOut(after) => format!("a connection gets no answer in {}", words::span(*after)),
        Reached::Failed(why) => format!("a connection fails: {why}"),
    };
    let rules: Vec<_> = scene.firewall.rules.iter().filter(|rule| rule.port == number).collect();
    if let Some(first) = rules.first() {
        let title = format!("a firewall rule keeps connections from port {number}");
        let mut finding = Finding::error("port-blocked", STEP, 94, title).seen(told);
        finding.evidence.extend(rules.iter().take(3).map(|rule| format!("{}: {}", rule.tool, rule.text)));
        return Some(finding.next(match first.tool {
            "nft" => "sudo nft -a list ruleset   (find the rule's handle, then `nft delete rule …`)",
            _ => "sudo iptables -S   (then `iptables -D …` with the rule)",
        }));
    }
    Some(
        Finding::error(
            "port-silent",
            STEP,
            78,
            format!("port {number} is listened on, and takes no connection"),
        )
        .seen(told)
        .maybe_seen(
            scene
                .firewall
                .unread
                .as_ref()
                .map(|why| format!("whether a firewall blocks it could not be read: {why}")),
        )
        .next("is the program stuck? `abide doctor` shows its threads where one is busy")
        .next(format!("ss -ltn 'sport = :{number}'   (a full Recv-Q: it accepts no connections)")),
    )
}
