//! What answers mean, whether TLS refuses what it should, and what is sent to log in: against a server of our own, since real
//! ones do not answer so when asked.

use std::io::Read;
use std::time::Duration;

use abide_forward::sink::{SendError, Sent};
use abide_machine::Report;
use prost::Message;

use crate::certificates::Certificates;
use crate::receiver::Receiver;
use crate::sample::{self, later, taken};
use crate::wire::Export;

pub fn all(report: &mut Report) {
    report.check("OTLP: success, part of it, try again when, never again", otlp);
    report.check("Loki: success, blocked, too fast, never again; tenant", loki);
    report.check("compressed bodies say so", compressed);
    report.check("tokens and passwords are sent, read again when refused, and never shown", login);
    report.check("TLS: trusted, unknown authority, another name, no certificate, no TLS at all", tls);
}

fn sink(kind: &str, port: u16, more: &str) -> String {
    format!("kind = \"{kind}\"\nurl = \"http://127.0.0.1:{port}\"\n{more}")
}

fn otlp() -> Result<(), String> {
    let server = Receiver::start(None)?;
    let mut sink = sample::open(&sink("otlp", server.port, ""))?;
    let batch = sample::single("a");
    let mut after = |answer: &str| {
        server.answer(answer);
        sink.send(&batch)
    };
    taken(after("200 OK\n\n\u{a}\0"))?;
    match after("200 OK\n\n\u{a}\u{9}\u{8}\u{1}\u{12}\u{5}stale") {
        Ok(Sent { rejected: 1, why: Some(why) }) if why == "stale" => {}
        other => return Err(format!("part: {other:?}")),
    }
    match after("429 Too Many Requests\nRetry-After: 7") {
        Err(SendError::Retry { after: Some(wait), .. }) if wait == Duration::from_secs(7) => {}
        other => return Err(format!("429: {other:?}")),
    }
    match after("503 Unavailable\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT") {
        Err(SendError::Retry { after: Some(Duration::ZERO), .. }) => {}
        other => return Err(format!("503: {other:?}")),
    }
    for status in ["502 Bad Gateway", "504 Gateway Timeout", "401 Unauthorized", "404 Not Found"] {
        later(after(status), &["status"])?;
    }
    later(
        after("308 Permanent Redirect\nLocation: https://new.example/v1/logs?k=s3cret"),
        &["https://new.example/v1/logs:"],
    )?;
    match after("400 Bad Request\n\n\u{8}\u{3}\u{12}\u{3}odd") {
        Err(SendError::Reject { why }) if why.ends_with("status 400: odd") => {}
        other => return Err(format!("400: {other:?}")),
    }
    match after("413 Too Large") {
        Err(SendError::Reject { .. }) => Ok(()),
        other => Err(format!("413: {other:?}")),
    }
}

fn loki() -> Result<(), String> {
    let server = Receiver::start(None)?;
    let mut sink = sample::open(&sink("loki", server.port, "tenant = \"blue\""))?;
    let batch = sample::single("a");
    let mut after = |answer: &str| {
        server.answer(answer);
        sink.send(&batch)
    };
    taken(after("204 No Content"))?;
    let asked = server.last();
    if asked.header("x-scope-orgid") != Some("blue") || !asked.head.starts_with("POST /loki/api/v1/push ") {
        return Err(format!("it asked {}", asked.head));
    }
    match after("260 Blocked") {
        Ok(Sent { rejected: 1, why: Some(_) }) => {}
        other => return Err(format!("260: {other:?}")),
    }
    later(after("429 Too Many Requests"), &["429"])?;
    later(after("500 Internal Server Error\n\nempty ring"), &["empty ring"])?;
    match after("400 Bad Request\n\nentry too far behind") {
        Err(SendError::Reject { why }) if why.contains("too far behind") => Ok(()),
        other => Err(format!("400: {other:?}")),
    }
}

fn compressed() -> Result<(), String> {
    let server = Receiver::start(None)?;
    taken(sample::open(&sink("otlp", server.port, "compress = \"gzip\""))?.send(&sample::single("hello")))?;
    let asked = server.last();
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&asked.body[..])
        .read_to_end(&mut plain)
        .map_err(|error| error.to_string())?;
    let export = Export::decode(&plain[..]).map_err(|error| error.to_string())?;
    if asked.header("content-encoding") != Some("gzip") || export.resources.len() != 1 {
        return Err(format!("it asked {}", asked.head));
    }
    taken(sample::open(&sink("otlp", server.port, "compress = \"zstd\""))?.send(&sample::single("hello")))?;
    let asked = server.last();
    if asked.header("content-encoding") == Some("zstd") && asked.body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Ok(())
    } else {
        Err(format!("it asked {}", asked.head))
    }
}

fn login() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("secret");
    let write = |text: &str| std::fs::write(&file, text).map_err(|error| error.to_string());
    let server = Receiver::start(None)?;
    write("old-s3cret\n")?;
    let more = format!("token-file = \"{}\"", file.display());
    let mut sink_with_token = sample::open(&sink("otlp", server.port, &more))?;
    server.answer("401 Unauthorized");
    match sink_with_token.send(&sample::single("a")) {
        Err(SendError::Retry { why, .. }) if why.contains("token-file") && !why.contains("s3cret") => {}
        other => return Err(format!("401: {other:?}")),
    }
    write("new-s3cret\n")?;
    taken(sink_with_token.send(&sample::single("a")))?;
    if server.last().header("authorization") != Some("Bearer new-s3cret") {
        return Err(format!("it asked {}", server.last().head));
    }
    let more = format!("user = \"me\"\npassword-file = \"{}\"", file.display());
    taken(sample::open(&sink("loki", server.port, &more))?.send(&sample::single("a")))?;
    // me:new-s3cret
    if server.last().header("authorization") != Some("Basic bWU6bmV3LXMzY3JldA==") {
        return Err(format!("it asked {}", server.last().head));
    }
    write("")?;
    match sample::open(&sink("otlp", server.port, &format!("token-file = \"{}\"", file.display()))) {
        Err(why) if why.contains("is empty") => Ok(()),
        other => Err(format!("an empty secret: {:?}", other.err())),
    }
}

fn tls() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let made = Certificates::make(folder.path())?;
    let with = |port: u16, tls: &str| {
        let settings = format!("kind = \"otlp\"\nurl = \"https://127.0.0.1:{port}\"\ntls = {{ {tls} }}");
        sample::open(&settings.replace("DIR", &folder.path().display().to_string()))
    };
    let (trusted, batch) = ("ca = \"DIR/ca.pem\"", sample::single("a"));
    let server = Receiver::start(Some(made.server("server", false)?))?;
    taken(with(server.port, trusted)?.send(&batch))?;
    later(with(server.port, "ca = \"DIR/other.pem\"")?.send(&batch), &["not trusted here", "tls.ca"])?;
    let stranger = Receiver::start(Some(made.server("stranger", false)?))?;
    later(with(stranger.port, trusted)?.send(&batch), &["certificate is for another name"])?;
    let mutual = Receiver::start(Some(made.server("server", true)?))?;
    later(with(mutual.port, trusted)?.send(&batch), &["tls.cert and tls.key"])?;
    let own = format!("{trusted}, cert = \"DIR/client.pem\", key = \"DIR/client.key\"");
    taken(with(mutual.port, &own)?.send(&batch))?;
    let plain = Receiver::start(None)?;
    later(with(plain.port, trusted)?.send(&batch), &["TLS"])?;
    let wrong = own.replace("client.key", "server.key");
    match with(mutual.port, &wrong) {
        Err(why) if why.contains("do not go together") => {}
        other => return Err(format!("another's key: {:?}", other.err())),
    }
    match with(mutual.port, "ca = \"DIR/client.key\"") {
        Err(why) if why.contains("no certificate in it") => {}
        other => return Err(format!("a key as authority: {:?}", other.err())),
    }
    Ok(())
}
