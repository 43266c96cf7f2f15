//! The hosts that the program speaks to, as far as its environment names them.

use crate::finding::{Finding, Step};
use crate::scene::{Peer, Reached, Scene};
use crate::words;

const STEP: Step = Step::Peers;

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    found.extend(scene.peers.iter().filter_map(|peer| one(scene, peer)));
}

pub(super) fn seen(scene: &Scene) -> String {
    let good = |peer: &Peer| match &peer.reached {
        Reached::Connected(after) => Some(format!("{} in {}", address(peer), words::span(*after))),
        _ => None,
    };
    scene.peers.iter().filter_map(good).collect::<Vec<_>>().join(", ")
}

fn address(peer: &Peer) -> String {
    if peer.host.contains(':') {
        format!("[{}]:{}", peer.host, peer.port)
    } else {
        format!("{}:{}", peer.host, peer.port)
    }
}

fn one(scene: &Scene, peer: &Peer) -> Option<Finding> {
    let address = address(peer);
    let named = format!("{} names it", peer.from);
    // A program that does well needs it at another time, or not at all.
    let (make, share): (fn(_, _, _, String) -> Finding, u8) =
        if scene.ails() { (Finding::error, 1) } else { (Finding::warning, 2) };
    Some(match &peer.reached {
        Reached::Connected(_) => return None,
        Reached::Unresolved(why) => {
            make("dns", STEP, 87 / share, format!("the name {} is not known", peer.host))
                .seen(named)
                .seen(why)
                .next(format!("getent hosts {}", peer.host))
                .next("is the name right, and does /etc/resolv.conf name a server that answers?")
        }
        Reached::Refused => {
            make("peer-refused", STEP, 86 / share, format!("{address} refuses the connection"))
                .seen(named)
                .seen("connection refused: the host is there, and nobody listens on that port")
                .next(format!("start what should listen on {address}, or correct the address"))
        }
        Reached::TimedOut(after) => make(
            "peer-timeout",
            STEP,
            80 / share,
            format!("{address} does not answer within {}", words::span(*after)),
        )
        .seen(named)
        .next("is the host up, and does a firewall between let the port through?")
        .next(format!("nc -vz {} {}", peer.host, peer.port)),
        Reached::Failed(why) => {
            make("peer-timeout", STEP, 78 / share, format!("{address} cannot be reached"))
                .seen(named)
                .seen(why)
                .next(format!("ip route get {}", peer.host))
        }
    })
}
