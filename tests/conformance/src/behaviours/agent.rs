//! The agent as a service, asked over TCP by a holder of a token.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use abide_machine::wait_for;
use serde_json::Value;

use crate::behaviour::{Behaviour, Fault, Need, Outcome, now};
use crate::context::Context;
use crate::ensure;

pub const LIST: &[Behaviour] = &[now(
    "agent-service",
    "the agent is installed as a service, sees and orders others, heals, harms nobody by its death, and goes",
    &[Need::Manager],
    installed,
)];

/// How long an agent may take to be there on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an agent answers: the status, and the body.
type Answer = (u16, Value);

/// Whoever asks an agent.
struct Client {
    port: u16,
    token: String,
}

impl Client {
    fn ask(&self, method: &str, path: &str) -> Result<Answer, Fault> {
        let trouble = |error: std::io::Error| format!("{method} {path}: {error}");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(trouble)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(trouble)?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
             Content-Length: 0\r\n\r\n",
            self.token
        );
        stream.write_all(request.as_bytes()).map_err(trouble)?;
        let mut text = String::new();
        stream.read_to_string(&mut text).map_err(trouble)?;
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
        let body = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
        match (status, body) {
            (Some(status), Some(body)) => Ok((status, body)),
            _ => Err(format!("{method} {path} is answered by {text:?}").into()),
        }
    }

    fn good(&self, method: &str, path: &str) -> Result<Value, Fault> {
        let (status, body) = self.ask(method, path)?;
        ensure!(status == 200, "{method} {path} is answered by {status}: {body}");
        Ok(body)
    }
}

/// What a running agent says of itself.
fn health(c: &Context) -> Result<Value, Fault> {
    let mut told = Value::Null;
    let there = wait_for(PATIENCE, || {
        let text = c.abide(&["agent", "status", "--json"]).map(|output| output.text()).unwrap_or_default();
        told = serde_json::from_str(&text).unwrap_or_default();
        told["http"].is_string()
    });
    ensure!(there, "no agent answers");
    Ok(told)
}

fn client(c: &Context, token: &str) -> Result<Client, Fault> {
    let health = health(c)?;
    let port = health["http"].as_str().and_then(|http| http.rsplit(':').next()?.parse().ok());
    let port = port.ok_or_else(|| format!("the agent tells no port: {health}"))?;
    Ok(Client { port, token: token.to_owned() })
}

fn installed(c: &Context) -> Outcome {
    let service = c.service(&["say", "seen by the agent"]);
    let name = service.name.clone();
    c.run(&service)?;
    c.wait_printed(&name, "seen by the agent")?;
    let outcome = c.ok(&["agent", "install", "--http", "127.0.0.1:0"]).and_then(|_| {
        c.forget_later("abide-agent");
        c.wait_ready("abide-agent")?;
        used(c, &name)
    });
    if outcome.is_err() {
        for told in [&["status", "abide-agent"][..], &["logs", "abide-agent"], &["events", "abide-agent"]] {
            c.abide(told)?;
        }
    }
    let gone = c.abide(&["agent", "uninstall"])?;
    c.abide(&["agent", "token", "remove", "conformance"])?;
    outcome?;
    ensure!(gone.ok(), "`agent uninstall` ended with {:?}: {}", gone.code, gone.errors());
    ensure!(c.peek("abide-agent").is_none(), "it is still there: {:?}", c.peek("abide-agent"));
    Ok(())
}

fn used(c: &Context, name: &str) -> Outcome {
    let token = c.ok(&["agent", "token", "create", "conformance", "--role", "operator"])?.text();
    let agent = client(c, token.trim())?;
    let one = format!("/v1/services/{name}");

    let all = agent.good("GET", "/v1/services")?;
    let listed = all.as_array().is_some_and(|all| {
        all.iter().any(|service| service["name"] == name && service["state"] == "running")
    });
    ensure!(listed, "{name} is not among them: {all}");
    let status = agent.good("GET", &one)?;
    ensure!(status["enabled"] == "auto", "the service manager's side is missing: {status}");
    let logs = agent.good("GET", &format!("{one}/logs?grep=seen"))?;
    ensure!(logs[0]["text"] == "seen by the agent", "its log is not read: {logs}");
    let events = agent.good("GET", &format!("{one}/events"))?;
    ensure!(events.as_array().is_some_and(|events| !events.is_empty()), "no events: {events}");

    agent.good("POST", &format!("{one}/stop"))?;
    c.wait_state(name, "stopped")?;
    if c.backend.manager().is_some_and(|manager| ["openrc", "sysv"].contains(&manager.machine.name())) {
        // There it would be the agent's child, and end with it.
        let (status, told) = agent.ask("POST", &format!("{one}/start"))?;
        ensure!(status == 409 && told["kind"] == "not-by-the-agent", "it is answered by {status}: {told}");
        c.ok(&["start", name])?;
    } else {
        agent.good("POST", &format!("{one}/start"))?;
    }
    let pid = c.pid(name)?;
    let seen = wait_for(PATIENCE, || {
        agent.good("GET", "/v1/services").is_ok_and(|all| {
            all.as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name && one["pid"] == pid))
        })
    });
    ensure!(seen, "what changed is not seen");

    let before = c.pid("abide-agent")?;
    c.kill(before)?;
    c.wait_another("abide-agent", before)?;
    let again = client(c, &agent.token)?.good("GET", &one)?;
    ensure!(again["pid"] == pid, "{name} was touched by the death of the agent: {again}");
    let audit = c.ok(&["agent", "audit"])?.text();
    ensure!(audit.contains(&format!("POST {one}/stop")), "the record lacks what was done: {audit}");
    Ok(())
}
