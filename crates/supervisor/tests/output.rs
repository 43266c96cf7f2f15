//! What becomes of output on its way into the log, and how verbosity is switched, with real programs.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use abide_supervisor::control::{AskError, Refusal, Verb};
use common::{Supervised, poll};

#[test]
fn debug_switches_what_is_kept() {
    let it = Supervised::ready(
        "while :; do echo 'DEBUG tick'; echo 'WARN tock'; sleep 0.02; done",
        "[logs]\nlevel = \"warn\"\n",
    );
    it.until("filtered lines", |status| status.logs.filtered_lines > 5);
    assert!(!it.stdout().contains("DEBUG"), "{}", it.stdout());
    let done = it.ask(Verb::Debug { on: true }).unwrap();
    assert!(done.status.debug && done.text == "debug is on");
    poll(|| it.stdout().contains("DEBUG tick\nWARN tock\n").then_some(())).unwrap();
    it.ask(Verb::Debug { on: false }).unwrap();
    let before = it.stdout().matches("WARN").count();
    poll(|| (it.stdout().matches("WARN").count() > before + 10).then_some(())).unwrap();
    let lines: Vec<String> = it.stdout().lines().map(str::to_owned).collect();
    assert!(lines[lines.len() - 6..].iter().all(|line| line == "WARN tock"), "{lines:?}");
}

#[test]
fn suppressed_lines_are_counted_in_the_log_and_in_the_status() {
    let mut it = Supervised::script(
        "i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); echo line $i; done",
        "[logs]\nrate-limit = { lines = 10, per = \"1d\" }\n",
    );
    assert_eq!(it.exit(), Some(0));
    let first: String = (1..=10).map(|number| format!("line {number}\n")).collect();
    assert_eq!(it.stdout(), first + "[abide: 990 lines suppressed here]\n");
    let logs = it.status().unwrap().logs;
    assert_eq!((logs.suppressed_lines, logs.filtered_lines, logs.lost_lines), (990, 0, 0));
}

#[test]
fn a_service_that_goes_on_tells_what_was_suppressed() {
    let it = Supervised::ready(
        "i=0; while [ $i -lt 100 ]; do i=$((i + 1)); echo line $i; done; exec sleep 1000",
        "[logs]\nrate-limit = { lines = 1, per = \"1d\" }\n",
    );
    it.until("all of them", |status| status.logs.suppressed_lines == 99);
}

#[test]
fn secrets_and_escapes_never_reach_the_disk() {
    let mut it = Supervised::script(
        "printf 'one \\033[1mpass'; sleep 0.1; printf 'word=hunter2\\033[0m two\\nlast password=x'",
        "[logs]\nredact = ['password=\\S+']\nansi = \"strip\"\n",
    );
    assert_eq!(it.exit(), Some(0));
    assert_eq!(it.stdout(), "one *** two\nlast ***");
}

#[test]
fn utf_16_is_kept_as_utf_8_and_can_make_it_ready() {
    let it = Supervised::ready(
        "printf '\\377\\376u\\000p\\000\\r\\000\\n\\000'; exec sleep 1000",
        "[start]\nready = { log = \"up\" }\n[logs]\nencoding = { stdout = \"utf-16\" }\n",
    );
    poll(|| (it.stdout() == "up\r\n").then_some(())).unwrap();
}

/// A program's own switch: remembers the requests, and answers as their path says.
struct Switch {
    address: String,
    requests: Arc<Mutex<Vec<(String, String)>>>,
}

impl Switch {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let known = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let (head, body) = request(&stream);
                let path = head.split(' ').nth(1).unwrap().to_owned();
                known.lock().unwrap().push((head, body));
                match path.as_str() {
                    "/silent" => silent.push(stream),
                    "/nowhere" => (&stream).write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap(),
                    _ => (&stream).write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap(),
                }
            }
        });
        Self { address, requests }
    }

    /// The newest request.
    fn newest(&self) -> (String, String) {
        self.requests.lock().unwrap().last().unwrap().clone()
    }
}

fn request(stream: &TcpStream) -> (String, String) {
    let (mut lines, mut head) = (BufReader::new(stream), String::new());
    while !head.ends_with("\r\n\r\n") {
        assert!(lines.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let length =
        head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    lines.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn refusal(result: Result<abide_supervisor::control::Done, AskError>) -> Refusal {
    match result {
        Err(AskError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn debug_is_a_request_to_the_program() {
    let switch = Switch::new();
    let url = format!("http://{}", switch.address);
    let it = Supervised::ready(
        "exec sleep 1000",
        &format!(
            "[debug]\non = {{ http = {{ url = \"{url}/level?of=all\", method = \"POST\", body = '{{\"level\":\"DÉBUG\"}}', \
             content-type = \"application/json\" }} }}\noff = {{ http = {{ url = \"{url}/level\", body = \"info\" }} }}\n"
        ),
    );
    assert!(it.ask(Verb::Debug { on: true }).unwrap().status.debug);
    let (head, body) = switch.newest();
    assert!(head.starts_with("POST /level?of=all HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains("Content-Type: application/json\r\n")
            && head.contains(&format!("Host: {}\r\n", switch.address))
    );
    assert_eq!(body, "{\"level\":\"DÉBUG\"}");
    assert!(!it.ask(Verb::Debug { on: false }).unwrap().status.debug);
    let (head, body) = switch.newest();
    assert!(
        head.starts_with("PUT /level HTTP/1.1\r\n")
            && head.contains("Content-Type: text/plain; charset=utf-8\r\n"),
        "{head}"
    );
    assert_eq!(body, "info");
    it.until_event("debug was switched off");
}

#[test]
fn a_request_that_fails_says_so_and_what_to_do() {
    let switch = Switch::new();
    let url = format!("http://{}", switch.address);
    let it = Supervised::ready(
        "exec sleep 1000",
        &format!(
            "[logs]\nlevel = \"warn\"\n[debug]\non = {{ http = {{ url = \"{url}/nowhere\", method = \"GET\" }} }}\n\
             off = {{ http = {{ url = \"{url}/silent\", timeout = \"200ms\" }} }}\n"
        ),
    );
    let told = refusal(it.ask(Verb::Debug { on: true }));
    assert!(told.error.starts_with("it could not be told that debug is on: GET http://"), "{}", told.error);
    assert!(told.error.contains("answered 404: the program knows no such URL"), "{}", told.error);
    let hint = told.hint.unwrap();
    assert!(hint.contains("everything it writes is kept meanwhile") && hint.contains("`debug.on`"), "{hint}");
    assert!(
        switch.newest().0.starts_with("GET /nowhere HTTP/1.1\r\n") && !switch.newest().0.contains("Content-")
    );
    let told = refusal(it.ask(Verb::Debug { on: false }));
    assert!(
        told.error.contains("/silent: no answer from") && told.error.contains("within 200ms"),
        "{}",
        told.error
    );
    it.until_event("debug could not be switched off");
    // Supervision went on meanwhile.
    assert!(it.ask(Verb::Status).unwrap().status.ready);
}

#[test]
fn debug_waits_for_its_command() {
    let it = Supervised::ready(
        "exec sleep 1000",
        "[debug]\non = { command = [\"/bin/sh\", \"-c\", \"sleep 0.2; echo on > $STATE_DIRECTORY/verbose\"] }\n\
         off = { command = [\"/bin/sh\", \"-c\", \"exit 3\"] }\n",
    );
    it.ask(Verb::Debug { on: true }).unwrap();
    assert_eq!(std::fs::read_to_string(it.place().data().join("verbose")).unwrap(), "on\n");
    let told = refusal(it.ask(Verb::Debug { on: false }));
    assert!(told.error.contains("the debug command failed: it ended with code 3"), "{}", told.error);
}
