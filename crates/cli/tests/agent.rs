//! `abide agent` with the real binary, beside a real `abide up`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use support::http::{Answer, talk};
use support::{Folder, LONG, Running};

/// Services of a folder that run, and an agent that sees them.
struct Host {
    folder: Folder,
    _up: Running,
    agent: Option<Running>,
    port: u16,
}

const CHATTY: &str = "i=0; while :; do i=$((i+1)); echo \"level=warn line $i\"; echo \"level=debug hidden $i\"; sleep 0.05; done";

impl Host {
    fn new() -> Self {
        let folder = Folder::new();
        folder.shell("web", "echo begun; exec sleep 600", "");
        folder.shell("talk", CHATTY, "");
        let up = folder.up(&["--plain", "--no-output"]);
        folder.wait_ready("web");
        folder.wait_ready("talk");
        let agent = Some(agent(&folder));
        let port = port(&folder);
        Self { folder, _up: up, agent, port }
    }

    fn socket(&self) -> UnixStream {
        // A socket's name is short: the folder of a test is not always.
        let short = tempfile::Builder::new().prefix("a").tempdir_in("/tmp").unwrap();
        let link = short.path().join("s");
        std::os::unix::fs::symlink(self.folder.path().join(".abide/run/.agent/agent.sock"), &link).unwrap();
        let stream = UnixStream::connect(link).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    /// Asks at the endpoint.
    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        talk(self.socket(), "localhost", method, path, &[], body)
    }

    /// Asks over TCP.
    fn tcp(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        talk(stream, "localhost", method, path, headers, body)
    }

    fn token(&self, name: &str, role: &str) -> String {
        let said =
            self.folder.abide(&["agent", "token", "create", name, "--role", role, "--dir", "."]).ended(0);
        said.stdout.trim().to_owned()
    }

    /// The events of a stream at the endpoint.
    fn follow(&self, path: &str) -> Events {
        let mut stream = self.socket();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
            .unwrap();
        Events(BufReader::new(stream))
    }
}

fn agent(folder: &Folder) -> Running {
    let mut command = folder.command(&["agent", "run", "--dir", ".", "--http", "127.0.0.1:0"]);
    Running::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Waits until the agent answers, and tells its port.
fn port(folder: &Folder) -> u16 {
    let said = folder.wait_for(&["agent", "status", "--json", "--dir", "."], |said| said.code == Some(0));
    let http = said.json()["http"].as_str().unwrap().to_owned();
    http.rsplit(':').next().unwrap().parse().unwrap()
}

/// Server-sent events.
struct Events(BufReader<UnixStream>);

impl Events {
    /// The next one that is wanted, of this kind.
    #[track_caller]
    fn next(&mut self, kind: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + LONG;
        let mut line = String::new();
        let mut is_kind = false;
        while Instant::now() < until {
            line.clear();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
            if let Some(told) = line.strip_prefix("event: ") {
                is_kind = told.trim() == kind;
            } else if let Some(data) = line.strip_prefix("data: ")
                && is_kind
            {
                let value: Value = serde_json::from_str(data).unwrap();
                if is_wanted(&value) {
                    return value;
                }
            }
        }
        panic!("no such {kind} in time");
    }
}

#[test]
fn services_are_told_as_they_are_and_as_they_change() {
    let host = Host::new();
    let all = host.ask("GET", "/v1/services", "").is(200).json();
    let names: Vec<_> = all.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["talk", "web"]);
    let web = host.ask("GET", "/v1/services/web", "").is(200).json();
    assert_eq!(
        (&web["schema"], &web["state"], &web["ready"]),
        (&json!("abide.status/1"), &json!("running"), &json!(true))
    );

    let mut events = host.follow("/v1/services");
    let first = events.next("service", |service| service["name"] == "web");
    let pid = first["pid"].as_u64().unwrap();
    assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
    let next = events.next("service", |service| {
        service["name"] == "web" && service["state"] == "running" && service["pid"] != first["pid"]
    });
    assert_eq!(next["restarts"], 1);
}

#[test]
fn orders_are_done_and_written_down() {
    let host = Host::new();
    let stopped = host.ask("POST", "/v1/services/web/stop", "").is(200).json();
    assert_eq!(
        (&stopped["text"], &stopped["status"]["state"]),
        (&json!("web is stopped"), &json!("stopped"))
    );
    assert_eq!(host.folder.wait("web", |status| status["state"] == "stopped")["pid"], Value::Null);
    let refused = host.ask("POST", "/v1/services/web/pause", "").is(409).json();
    assert!(refused["error"].as_str().is_some_and(|error| !error.is_empty()), "{refused}");
    host.ask("POST", "/v1/services/web/start", "{\"timeout\": \"20s\"}").is(200);
    host.ask("POST", "/v1/services/web/debug", "{\"on\": true}");
    for (path, body, status) in [
        ("/v1/services/webb/stop", "", 404),
        ("/v1/services/web/explode", "", 404),
        ("/v1/services/web/stop", "{\"timeout\": 5}", 400),
        ("/v1/services/web/stop", "{\"on\": true}", 400),
        ("/v1/services/web/stop", "{\"when\": 1}", 400),
        ("/v1/services/web/stop", "{\"timeout\": \"2h\"}", 400),
        ("/v1/services/web/debug", "", 400),
        ("/v1/services/..%2fetc/stop", "", 400),
    ] {
        let answer = host.ask("POST", path, body).is(status).json();
        assert_eq!(answer["schema"], "abide.error/1", "{path}");
    }
    assert!(
        host.ask("POST", "/v1/services/webb/stop", "").json()["hint"].as_str().unwrap().contains("`web`")
    );

    let audit = host.folder.abide(&["agent", "audit", "--json", "--dir", "."]).ended(0);
    let first: Value = serde_json::from_str(audit.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((&first["what"], &first["status"]), (&json!("POST /v1/services/web/stop"), &json!(200)));
    assert_eq!((&first["from"], &first["outcome"]), (&json!("local"), &json!("web is stopped")));
    assert!(first["who"].as_str().unwrap().starts_with("uid "), "{first}");
    assert!(audit.stdout.contains("/v1/services/webb/stop"), "what was refused is written down too");
}

#[test]
fn logs_and_events_are_read_and_followed() {
    let host = Host::new();
    let mut lines = host.follow("/v1/services/talk/logs?lines=0&level=info");
    let line = lines.next("line", |line| line["text"].as_str().unwrap().contains("line "));
    assert_eq!(
        (&line["level"], &line["stream"], &line["service"]),
        (&json!("warn"), &json!("stdout"), &json!("talk"))
    );
    lines.next("line", |line| line["text"].as_str().unwrap().ends_with("line 20"));
    let known = host.ask("GET", "/v1/services/talk/logs?lines=5&level=warn", "").is(200).json();
    let known = known.as_array().unwrap();
    assert_eq!(known.len(), 5);
    assert!(known.iter().all(|line| line["text"].as_str().unwrap().contains("level=warn")));
    let found = host.ask("GET", "/v1/services/talk/logs?grep=line%201$", "").is(200).json();
    assert_eq!(found[0]["text"], "level=warn line 1");
    host.ask("GET", "/v1/services/talk/logs?lines=999999", "").is(400);
    host.ask("GET", "/v1/services/talk/logs?nonsense=1", "").is(400);

    let mut events = host.follow("/v1/services/web/events");
    events.next("event", |event| event["text"].as_str().unwrap().contains("started as process"));
    host.ask("POST", "/v1/services/web/restart", "").is(200);
    events.next("event", |event| event["text"].as_str().unwrap().contains("stopp"));
    events.next("event", |event| event["text"].as_str().unwrap().contains("started as process"));
    let events = host.ask("GET", "/v1/services/web/events?lines=1", "").is(200).json();
    assert_eq!(events.as_array().unwrap().len(), 1);
}

#[test]
fn over_tcp_a_token_says_who_may_what() {
    let host = Host::new();
    let path = "/v1/services/web/restart";
    let bare = host.tcp("GET", "/v1/services", &[], "").is(401);
    assert!(bare.head.to_lowercase().contains("www-authenticate: bearer"), "{bare:?}");
    assert!(bare.json()["hint"].as_str().unwrap().contains("token create"));

    let viewer = format!("Bearer {}", host.token("look", "viewer"));
    let operator = format!("Bearer {}", host.token("work", "operator"));
    host.tcp("GET", "/v1/services", &[("Authorization", &viewer)], "").is(200);
    let refused = host.tcp("POST", path, &[("Authorization", &viewer)], "").is(403).json();
    assert!(refused["error"].as_str().unwrap().contains("role operator"), "{refused}");
    host.tcp("POST", path, &[("Authorization", &operator)], "").is(200);

    // What pages of other sites could send.
    let good = [("Authorization", operator.as_str())];
    let with = |name, value| [good[0], (name, value)];
    host.tcp("POST", path, &with("Origin", "http://evil.example"), "").is(403);
    host.tcp("GET", "/v1/services", &with("Host", "evil.example"), "").is(403);
    let own = format!("127.0.0.1:{}", host.port);
    let page = format!("http://{own}");
    host.tcp("GET", "/v1/services", &[good[0], ("Host", &own), ("Origin", &page)], "").is(200);

    // A token that is none any more.
    host.folder.abide(&["agent", "token", "remove", "work", "--dir", "."]).ended(0);
    host.tcp("GET", "/v1/services", &good, "").is(401);
    let listed = host.folder.abide(&["agent", "token", "list", "--json", "--dir", "."]).ended(0).json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["name"]), (1, &json!("look")));

    // Who guesses is made to wait, and who knows is not.
    let codes: Vec<u16> = (0..30)
        .map(|_| host.tcp("GET", "/v1/services", &[("Authorization", "Bearer x")], "").status)
        .collect();
    assert!(codes.contains(&429), "{codes:?}");
    host.tcp("GET", "/v1/services", &[("Authorization", &viewer)], "").is(200);
    let audit = host.folder.abide(&["agent", "audit", "--dir", "."]).ended(0).stdout;
    assert!(
        audit.contains("work (127.0.0.1:") && audit.contains("POST /v1/services/web/restart  200"),
        "{audit}"
    );
}

#[test]
fn what_it_keeps_is_for_its_owner_alone() {
    let host = Host::new();
    let token = host.token("a", "admin");
    let own = host.folder.path().join(".abide/state/.agent");
    for name in ["tokens.json", "audit.ndjson", "lock"] {
        let mode = std::fs::metadata(own.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
        assert!(!String::from_utf8_lossy(&std::fs::read(own.join(name)).unwrap()).contains(&token), "{name}");
    }
    let socket = host.folder.path().join(".abide/run/.agent/agent.sock");
    assert_eq!(std::fs::metadata(socket).unwrap().permissions().mode() & 0o777, 0o600);
    // Its folders are no services.
    let all = host.folder.abide(&["status", "--json", "--dir", "."]).ended(0).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[test]
fn a_second_agent_and_foreign_listeners_are_refused() {
    let host = Host::new();
    let said = host.folder.abide(&["agent", "run", "--dir", "."]);
    said.error(1, &["another agent", "hint: `abide agent status`"]);
    let folder = Folder::new();
    let taken = format!("127.0.0.1:{}", host.port);
    folder
        .abide(&["agent", "run", "--dir", ".", "--http", &taken])
        .error(1, &["cannot listen on", "127.0.0.1:0"]);
    folder
        .abide(&["agent", "run", "--dir", ".", "--http", "0.0.0.0:80"])
        .error(2, &["not encrypted", "127.0.0.1:80"]);
    folder.abide(&["agent", "status", "--dir", "."]).error(3, &["no agent runs here"]);
}

#[test]
fn killing_it_changes_nothing_for_the_services() {
    let mut host = Host::new();
    let before = host.folder.wait_ready("web");
    for _ in 0..10 {
        let agent = host.agent.take().unwrap();
        agent.signal("KILL");
        assert_eq!(agent.ended().code, None);
        host.agent = Some(self::agent(&host.folder));
        host.port = port(&host.folder);
    }
    let after = host.ask("GET", "/v1/services/web", "").is(200).json();
    for key in ["pid", "started", "restarts", "since"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    let agent = host.agent.take().unwrap();
    agent.signal("TERM");
    agent.ended().ended(0);
    assert!(!host.folder.path().join(".abide/run/.agent/agent.sock").exists());
}

#[test]
fn a_status_that_is_torn_hides_no_other_service() {
    let host = Host::new();
    let mut changes = host.follow("/v1/services");
    changes.next("service", |service| service["name"] == "web");
    std::fs::create_dir_all(host.folder.path().join(".abide/state/odd")).unwrap();
    std::fs::write(host.folder.path().join(".abide/state/odd/status.json"), "{\"schema\":").unwrap();
    changes.next("service", |service| service["name"] == "odd" && service["state"] == "unknown");
    host.ask("GET", "/v1/services/odd", "").is(409);
    assert_eq!(host.ask("GET", "/v1/services", "").is(200).json().as_array().unwrap().len(), 3);
    std::fs::remove_dir_all(host.folder.path().join(".abide/state/odd")).unwrap();
    changes.next("gone", |gone| gone["name"] == "odd");
}

#[test]
fn metrics_are_told_in_the_form_that_is_asked_for() {
    let host = Host::new();
    let plain = host.ask("GET", "/metrics", "").is(200);
    assert!(plain.head.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{}", plain.head);
    for line in [
        "abide_service_state{service=\"web\",state=\"running\"} 1",
        "abide_service_state{service=\"web\",state=\"failed\"} 0",
        "abide_service_ready{service=\"talk\"} 1",
    ] {
        assert!(plain.body.lines().any(|told| told == line), "no {line} in:\n{}", plain.body);
    }
    let value = |text: &str, name: &str| -> Option<f64> {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.rsplit(' ').next()?.parse().ok()
    };
    if cfg!(target_os = "linux") {
        let processes = value(&plain.body, "abide_service_processes{service=\"talk\"}").unwrap();
        assert!(processes >= 1.0, "{processes}");
        let cpu = "abide_service_cpu_seconds_total{service=\"talk\",mode=\"user\"}";
        let before = value(&plain.body, cpu).unwrap();
        // It goes up as the program works: lines tell that it has.
        host.follow("/v1/services/talk/logs?lines=0").next("line", |line| line["text"] != "");
        assert!(value(&host.ask("GET", "/metrics", "").body, cpu).unwrap() >= before);
    }
    let mut stream = host.socket();
    let accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3";
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(
        text.to_lowercase().contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{text}"
    );
    assert!(text.contains("# EOF"), "{text}");
    assert_eq!(host.ask("GET", "/v1/targets", "").is(200).json(), json!([]));
    host.tcp("GET", "/metrics", &[], "").is(401);
}
