//! syslog over UDP, TCP and TLS, against rsyslog.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use abide_machine::{Report, wait_for};
use serde_json::Value;

use crate::certificates::Certificates;
use crate::component::{Component, SOON, port, tool};
use crate::sample::{self, Line, later, same, taken};

pub fn all(report: &mut Report) {
    let tree = match tool("rsyslog") {
        Ok(tree) => PathBuf::from(tree),
        Err(why) => return report.not_here("rsyslog", &why),
    };
    report.check("all that a program prints arrives over TCP", || arrives(&tree, "tcp"));
    report.check("over TLS", || arrives(&tree, "tls"));
    report.check("over UDP", || arrives(&tree, "udp"));
    report.check("TLS: an authority that is not trusted is refused, in words", || refused(&tree));
    report.check("a server that is killed is told, and gets the batch when it is back", || outage(&tree));
}

struct Server {
    component: Component,
    port: u16,
    file: PathBuf,
}

fn server(tree: &Path, folder: &Path, port: u16, way: &str) -> Result<Server, String> {
    let (file, config) = (folder.join("came"), folder.join("rsyslog.conf"));
    let module = if way == "udp" { "imudp" } else { "imtcp" };
    let folder_text = folder.display();
    let tls = match way {
        "tls" => format!(
            "global(DefaultNetstreamDriverCAFile=\"{folder_text}/ca.pem\" \
             DefaultNetstreamDriverCertFile=\"{folder_text}/server.pem\" \
             DefaultNetstreamDriverKeyFile=\"{folder_text}/server.key\")\n"
        ),
        _ => String::new(),
    };
    let driver = match way {
        "tls" => " StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"anon\"",
        _ => "",
    };
    // UDP has no way to tell that it listens; a TCP port beside it does.
    let beside = super::component::port();
    let also = if way == "udp" {
        format!("module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{beside}\")\n")
    } else {
        String::new()
    };
    let text = format!(
        "global(workDirectory=\"{folder_text}\" parser.escapeControlCharactersOnReceive=\"off\")\n{tls}\
         module(load=\"{module}\"{driver})\n\
         template(name=\"all\" type=\"list\") {{\n\
           property(name=\"jsonmesg\")\n constant(value=\"\\n\")\n}}\n\
         ruleset(name=\"keep\") {{ action(type=\"omfile\" file=\"{}\" template=\"all\") }}\n\
         input(type=\"{module}\" address=\"127.0.0.1\" port=\"{port}\" ruleset=\"keep\")\n{also}",
        file.display()
    );
    fs::write(&config, text).map_err(|error| error.to_string())?;
    let libraries = tree.join("usr/lib/x86_64-linux-gnu");
    let mut command = Command::new(tree.join("usr/sbin/rsyslogd"));
    command.arg("-n").arg("-f").arg(&config).arg("-i").arg(folder.join("pid"));
    command.arg("-M").arg(libraries.join("rsyslog")).env("LD_LIBRARY_PATH", libraries);
    let listens = if way == "udp" { beside } else { port };
    Ok(Server { component: Component::start(&mut command, &[listens])?, port, file })
}

impl Server {
    fn came(&self) -> Vec<Value> {
        // What is not UTF-8 stands there as it is.
        let bytes = fs::read(&self.file).unwrap_or_default();
        let lines = bytes.split(|byte| *byte == b'\n');
        lines.filter_map(|line| serde_json::from_str(&String::from_utf8_lossy(line)).ok()).collect()
    }

    fn sink(&self, way: &str, folder: &Path) -> String {
        let tls = if way == "tls" {
            format!("\ntls = {{ ca = \"{}/ca.pem\" }}", folder.display())
        } else {
            String::new()
        };
        format!("kind = \"syslog\"\nurl = \"{way}://127.0.0.1:{}\"\nfacility = \"local3\"{tls}", self.port)
    }
}

/// The line as it is to be found: rsyslog writes NUL in its own way, whatever it is told.
fn kept(line: &Line) -> String {
    String::from_utf8_lossy(&line.body).replace('\0', "#000")
}

fn arrives(tree: &Path, way: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    Certificates::make(folder.path())?;
    let server = server(tree, folder.path(), port(), way)?;
    let mut lines = sample::lines(sample::now());
    if way == "udp" {
        // Datagrams get lost, and more so the more there are.
        lines.retain(|line| line.body.len() < 10_000);
    }
    taken(sample::open(&server.sink(way, folder.path()))?.send(&sample::batch(&lines, true)))?;
    let is_last = |row: &Value| row["msg"].as_str().is_some_and(|text| text.trim_start() == sample::EVENT);
    if !wait_for(SOON, || server.came().iter().any(is_last)) {
        return Err(format!(
            "the last did not come: {:?}; {}",
            server.came().last(),
            server.component.printed()
        ));
    }
    let came = server.came();
    let mut rows = came.iter();
    for line in &lines {
        let mut body = String::new();
        loop {
            let row = rows.next().ok_or("there is less than was sent")?;
            let text = |key: &str| row[key].as_str().unwrap_or_default();
            let about = text("structured-data");
            body += text("msg");
            let severity = match line.level {
                Some(abide_logs::Level::Fatal) => "2",
                Some(abide_logs::Level::Error) => "3",
                Some(abide_logs::Level::Warn) => "4",
                Some(abide_logs::Level::Debug | abide_logs::Level::Trace) => "7",
                _ => "6",
            };
            let right = text("app-name").trim() == sample::SERVICE
                && text("hostname") == sample::HOST
                && text("syslogfacility") == "19"
                && text("syslogseverity") == severity
                && text("msgid") == line.stream.name()
                && about.contains("[abide@32473 uid=\"o");
            if !right {
                return Err(format!("a line came as {row:.600}"));
            }
            match about.split_once("part=\"").and_then(|(_, part)| part.split_once('"')?.0.split_once('/')) {
                Some((at, parts)) if at != parts => {}
                _ => break,
            }
        }
        same("the line", body.as_bytes(), kept(line).as_bytes())?;
    }
    Ok(())
}

fn refused(tree: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    Certificates::make(folder.path())?;
    let server = server(tree, folder.path(), port(), "tls")?;
    let settings = server.sink("tls", folder.path()).replace("ca.pem", "other.pem");
    later(sample::open(&settings)?.send(&sample::single("a")), &["authority that is not trusted", "tls.ca"])?;
    let plain = server.sink("tcp", folder.path());
    // Without TLS nothing may be taken for granted there either.
    match sample::open(&plain)?.send(&sample::single("plain")) {
        _ if server.came().is_empty() => Ok(()),
        other => Err(format!("{other:?}, and {:?} came", server.came())),
    }
}

fn outage(tree: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let first = server(tree, folder.path(), port(), "tcp")?;
    let (port, settings) = (first.port, first.sink("tcp", folder.path()));
    let mut sink = sample::open(&settings)?;
    taken(sink.send(&sample::single("before")))?;
    first.component.kill();
    later(sink.send(&sample::single("after")), &["tcp://127.0.0.1"])?;
    let second = server(tree, folder.path(), port, "tcp")?;
    taken(sink.send(&sample::single("after")))?;
    let is_it = |row: &Value| row["msg"].as_str().is_some_and(|text| text.trim() == "after");
    if wait_for(SOON, || second.came().iter().any(is_it)) { Ok(()) } else { Err("it did not come".into()) }
}
