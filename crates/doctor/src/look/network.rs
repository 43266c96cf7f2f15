//! Ports, health and peers: everything that waits for an answer, asked at once.

use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use abide_os::diagnosis::{self, Listener};
use abide_os::probe::{self, ProbeError};
use abide_spec::{Probe, Spec};

use super::{Options, spec as specs, within};
use crate::net;
use crate::scene::{Answer, Firewall, Health, Peer, Port, Reached, Rule, Scene};

/// So many hosts are tried, and no more.
const MOST_PEERS: usize = 32;
/// No question is waited for longer, whatever the spec says.
const LONGEST: Duration = Duration::from_secs(10);

/// Questions that are under way.
pub(super) struct Asked {
    health: Vec<Pending<Health>>,
    peers: Vec<Pending<Peer>>,
    ports: Vec<(u16, String, Option<Pending<Reached>>)>,
    until: Instant,
}

struct Pending<T> {
    answer: Receiver<T>,
    /// What is so if none comes.
    otherwise: T,
}

impl<T> Pending<T> {
    fn get(self, until: Instant) -> T {
        self.answer.recv_timeout(until.saturating_duration_since(Instant::now())).unwrap_or(self.otherwise)
    }
}

fn pending<T: Send + 'static>(otherwise: T, f: impl FnOnce() -> T + Send + 'static) -> Pending<T> {
    let (told, answer) = mpsc::channel();
    // Without a thread there is no answer, and that is what is told then.
    let _ = std::thread::Builder::new().name("ask".into()).spawn(move || {
        let _ = told.send(f());
    });
    Pending { answer, otherwise }
}

/// Asks everything that the spec names.
pub(super) fn ask(spec: &Spec, scene: &Scene, options: &Options) -> Asked {
    let runs = scene.runs() || scene.state() == "starting";
    let health = if runs {
        questions(spec).map(|(from, probe, timeout, age)| question(from, probe, timeout, age)).collect()
    } else {
        Vec::new()
    };
    let ports = ports(spec, runs, options.patience);
    let own: Vec<u16> = ports.iter().map(|(port, ..)| *port).collect();
    let peers = peers(spec, &own).into_iter().map(|peer| {
        let patience = options.patience;
        let (from, host, port) = peer.clone();
        let silent = Reached::TimedOut(patience);
        let otherwise = Peer { from: peer.0, host: peer.1, port: peer.2, reached: silent };
        pending(otherwise, move || {
            let reached = reach(&host, port, patience);
            Peer { from, host, port, reached }
        })
    });
    let longest = questions(spec).map(|(_, _, timeout, _)| timeout).max().unwrap_or_default();
    let until = Instant::now() + longest.max(options.patience * 2).min(LONGEST) + Duration::from_millis(500);
    Asked { health, peers: peers.collect(), ports, until }
}

impl Asked {
    /// Waits for the answers.
    pub(super) fn answered(self, scene: &mut Scene) {
        let until = self.until;
        scene.health = self.health.into_iter().map(|pending| pending.get(until)).collect();
        scene.peers = self.peers.into_iter().map(|pending| pending.get(until)).collect();
        let tree = scene.known.status.pid.map(diagnosis::tree).unwrap_or_default();
        scene.ports = self
            .ports
            .into_iter()
            .map(|(number, from, reached)| {
                let reached = reached.map(|pending| pending.get(until));
                let listener = diagnosis::listener(number);
                let is_own = listener.as_ref().and_then(|one| is_own(one, scene, &tree));
                Port { number, from, listener, is_own, reached }
            })
            .collect();
        let is_blocked =
            |port: &Port| matches!(port.reached, Some(Reached::TimedOut(_) | Reached::Failed(_)));
        let blocked: Vec<u16> =
            scene.ports.iter().filter(|port| is_blocked(port)).map(|port| port.number).collect();
        if !blocked.is_empty() {
            scene.firewall = firewall(&blocked);
        }
    }
}

/// Whether a listener is a process of the service.
fn is_own(listener: &Listener, scene: &Scene, tree: &[u32]) -> Option<bool> {
    let marked = listener.service.as_ref().map(|name| name == scene.name.as_str());
    match listener.pid {
        Some(pid) if tree.contains(&pid) => Some(true),
        Some(_) => Some(marked.unwrap_or(false)),
        // Nobody but somebody else can have it while the program does not run.
        None if scene.known.status.pid.is_none() => Some(false),
        None => None,
    }
}

type Question<'a> = (String, &'a Probe, Duration, Duration);

/// The questions of a spec: where they stand, what is asked, how long an answer may take, how old a heartbeat may be.
fn questions(spec: &Spec) -> impl Iterator<Item = Question<'_>> {
    let ready = spec.start.ready.iter().map(|ready| {
        ("start.ready".to_owned(), &ready.probe, ready.timeout.0.min(LONGEST / 2), Duration::MAX)
    });
    let health = spec.health.iter().enumerate().map(|(index, health)| {
        (format!("health[{index}]"), &health.probe, health.timeout.0, health.heartbeat_age().0)
    });
    let is_asked = |probe: &Probe| matches!(probe, Probe::Http(_) | Probe::Tcp(_) | Probe::File(_));
    // A command would do something.
    ready.chain(health).filter(move |(_, probe, ..)| is_asked(probe))
}

fn question(from: String, probe: &Probe, timeout: Duration, age: Duration) -> Pending<Health> {
    let address = match probe {
        Probe::Http(url) => format!("{}:{}", url.host(), url.port()),
        Probe::Tcp(address) => address.to_string(),
        _ => String::new(),
    };
    let timeout = timeout.min(LONGEST);
    let health =
        Health { from, question: probe.to_string(), address, timeout, answer: Answer::TimedOut(timeout) };
    let (probe, asked) = (probe.clone(), health.clone());
    pending(health, move || {
        let begun = Instant::now();
        let answer = match &probe {
            Probe::Http(url) => {
                probe::http(url.as_str(), timeout).map(|status| Answer::Status(status, begun.elapsed()))
            }
            Probe::Tcp(address) => {
                probe::tcp(&address.to_string(), timeout).map(|()| Answer::Good(begun.elapsed()))
            }
            Probe::File(path) => probe::heartbeat(path, age).map(|()| Answer::Good(begun.elapsed())),
            _ => Ok(Answer::Good(Duration::ZERO)),
        };
        Health { answer: answer.unwrap_or_else(|error| unanswered(&error)), ..asked }
    })
}

fn unanswered(error: &ProbeError) -> Answer {
    match error {
        ProbeError::TimedOut { after, .. } => Answer::TimedOut(*after),
        ProbeError::Target { .. } | ProbeError::Connect { .. } => Answer::Unreached(error.to_string()),
        ProbeError::Answer { .. } | ProbeError::NotHttp { .. } => Answer::Broken(error.to_string()),
        ProbeError::Heartbeat { .. } => Answer::Stale(error.to_string()),
    }
}

/// The ports that a spec says its program listens on, each once, with a connection to it where it says which address.
fn ports(spec: &Spec, runs: bool, patience: Duration) -> Vec<(u16, String, Option<Pending<Reached>>)> {
    let mut found: Vec<(u16, String, Option<String>)> = Vec::new();
    let mut add =
        |port: u16, from: String, host: Option<String>| match found.iter_mut().find(|it| it.0 == port) {
            Some(known) => known.2 = known.2.take().or(host),
            None => found.push((port, from, host)),
        };
    if let Some(register) = &spec.register {
        add(register.port, "register.port".into(), register.address.clone());
    }
    for (from, probe, ..) in questions(spec) {
        match probe {
            Probe::Http(url) if net::is_here(url.host()) => add(url.port(), from, Some(url.host().into())),
            Probe::Tcp(address) if net::is_here(address.host()) => {
                add(address.port(), from, Some(address.host().into()))
            }
            _ => {}
        }
    }
    let connect =
        |host: String, port: u16| pending(Reached::TimedOut(patience), move || reach(&host, port, patience));
    found
        .into_iter()
        .map(|(port, from, host)| (port, from, host.filter(|_| runs).map(|host| connect(host, port))))
        .collect()
}

/// The hosts that the environment and the probes of a spec name, each once, but for its own ports.
fn peers(spec: &Spec, own: &[u16]) -> Vec<(String, String, u16)> {
    let mut found: Vec<(String, String, u16)> = Vec::new();
    let mut add = |from: String, host: String, port: u16| {
        let is_own = net::is_here(&host) && own.contains(&port);
        let is_new = found.iter().all(|(_, known, at)| (known, *at) != (&host, port));
        if !is_own && is_new && found.len() < MOST_PEERS {
            found.push((from, host, port));
        }
    };
    for (name, value) in specs::environment(spec) {
        let from = if spec.program.env.contains_key(&name) { "program.env" } else { "program.env-file" };
        for (host, port) in net::hosts(&value) {
            add(format!("{from} {name}"), host, port);
        }
    }
    for (from, probe, ..) in questions(spec) {
        match probe {
            Probe::Http(url) if !net::is_here(url.host()) => add(from, url.host().into(), url.port()),
            Probe::Tcp(address) if !net::is_here(address.host()) => {
                add(from, address.host().into(), address.port())
            }
            _ => {}
        }
    }
    found
}

/// Connects, and closes the connection again.
fn reach(host: &str, port: u16, patience: Duration) -> Reached {
    let begun = Instant::now();
    let own = host.to_owned();
    let Some(looked_up) =
        within(patience, move || (own.as_str(), port).to_socket_addrs().map(Vec::from_iter))
    else {
        return Reached::Unresolved(format!("no answer from DNS in {}", crate::words::span(patience)));
    };
    let addresses = match looked_up {
        Ok(addresses) if addresses.is_empty() => return Reached::Unresolved("it has no address".into()),
        Ok(addresses) => addresses,
        Err(error) => return Reached::Unresolved(error.to_string()),
    };
    let mut last = Reached::TimedOut(patience);
    let share = patience / u32::try_from(addresses.len()).unwrap_or(1).max(1);
    for address in addresses {
        match TcpStream::connect_timeout(&address, share.max(Duration::from_millis(100))) {
            // A port that nobody listens on can be connected with itself.
            Ok(stream) if stream.local_addr().ok() == stream.peer_addr().ok() => last = Reached::Refused,
            Ok(_) => return Reached::Connected(begun.elapsed()),
            Err(error) => {
                last = match error.kind() {
                    std::io::ErrorKind::ConnectionRefused => Reached::Refused,
                    std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => {
                        Reached::TimedOut(patience)
                    }
                    _ => Reached::Failed(error.to_string()),
                }
            }
        }
    }
    last
}

/// The rules that keep packets from these ports, where the firewall may be read.
fn firewall(ports: &[u16]) -> Firewall {
    if cfg!(windows) {
        let unread = "the Windows firewall is not read: `Get-NetFirewallRule -Enabled True -Action Block`";
        return Firewall { rules: Vec::new(), unread: Some(unread.into()) };
    }
    let mut found = Firewall::default();
    let mut unread = Vec::new();
    let mut take = |tool: &'static str, arguments: &[&str], rules: fn(&str, u16) -> Vec<String>| match say(
        tool, arguments,
    ) {
        Ok(text) => {
            for port in ports {
                let of_port = rules(&text, *port).into_iter();
                found.rules.extend(of_port.map(|text| Rule { port: *port, tool, text }));
            }
        }
        Err(why) => unread.push(format!("{tool}: {why}")),
    };
    take("nft", &["list", "ruleset"], net::nft_rules);
    take("iptables", &["-S"], net::iptables_rules);
    // One of the two is enough.
    if unread.len() == 2 {
        found.unread = Some(unread.join("; "));
    }
    found
}

/// What a tool prints that only looks.
fn say(tool: &'static str, arguments: &[&str]) -> Result<String, String> {
    let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
    let said = within(Duration::from_secs(3), move || {
        Command::new(tool).args(arguments).stdin(Stdio::null()).output()
    });
    let output = said.ok_or("it does not answer")?.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(complaint.lines().next().unwrap_or("it failed").to_owned())
}
