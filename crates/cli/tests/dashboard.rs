//! The dashboard of `abide agent` with the real binary, beside a real `abide up`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::io::Write;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Instant;

use support::http::{Answer, talk};
use support::{Folder, LONG, Running};

/// What no page may take for its own.
const HOSTILE: &str = "<script>alert(1)</script>";
/// The same as a page may show it.
const HARMLESS: &str = "&#60;script&#62;alert(1)&#60;/script&#62;";

/// Services of a folder that run, and an agent that shows them.
struct Host {
    folder: Folder,
    _up: Running,
    _agent: Running,
    port: u16,
}

impl Host {
    fn new() -> Self {
        let folder = Folder::new();
        let description = format!("description = \"{HOSTILE}\"");
        let script = format!("echo '{HOSTILE}'; printf 'a\\033[31mb\\n'; exec sleep 600");
        folder.shell("web", &script, &description);
        folder.shell("doomed", "echo 'no more room' >&2; exit 3", "[restart]\nwhen = \"never\"");
        let up = folder.up(&["--plain", "--no-output"]);
        folder.wait_ready("web");
        folder.wait("doomed", |status| status["state"] == "failed");
        let mut command = folder.command(&["agent", "run", "--dir", ".", "--http", "127.0.0.1:0"]);
        let agent = Running::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        let said =
            folder.wait_for(&["agent", "status", "--json", "--dir", "."], |said| said.code == Some(0)).json();
        let port = said["http"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        Self { folder, _up: up, _agent: agent, port }
    }

    fn own(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        talk(stream, &self.own(), method, path, headers, body)
    }

    fn token(&self, name: &str, role: &str) -> String {
        let said =
            self.folder.abide(&["agent", "token", "create", name, "--role", role, "--dir", "."]).ended(0);
        said.stdout.trim().to_owned()
    }

    /// Signs in as a form of the page for it does in a browser.
    fn sign_in(&self, token: &str) -> Answer {
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Origin", "null"),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        self.ask("POST", "/login", &headers, &format!("token={token}"))
    }

    /// What a browser sends from then on.
    fn cookie(&self, name: &str, role: &str) -> String {
        let answer = self.sign_in(&self.token(name, role)).is(303);
        answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }

    fn look(&self, path: &str, cookie: &str) -> Answer {
        self.ask("GET", path, &[("Cookie", cookie)], "")
    }

    /// The page as soon as it shows this.
    #[track_caller]
    fn shows(&self, path: &str, cookie: &str, words: &str) -> Answer {
        let until = Instant::now() + LONG;
        loop {
            let answer = self.look(path, cookie).is(200);
            if answer.body.contains(words) {
                return answer;
            }
            assert!(Instant::now() < until, "no {words:?} in:\n{}", answer.body);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[test]
fn who_has_not_signed_in_is_led_to_where_that_is_done() {
    let host = Host::new();
    for path in ["/", "/services/web", "/services/nothing"] {
        let answer = host.ask("GET", path, &[], "").is(303);
        assert_eq!(answer.header("location"), Some("/login"), "{path}");
        assert!(!answer.body.contains("doomed"));
    }
    let login = host.ask("GET", "/login", &[], "").is(200);
    login.holds(&["<form method=\"post\" action=\"/login\">", "abide agent token create"]);
    assert!(!login.body.contains("doomed"));
    // Programs are told as before.
    let refused = host.ask("GET", "/v1/services", &[], "").is(401);
    assert!(refused.body.starts_with("{\"schema\":\"abide.error/1\""), "{refused:?}");
    host.ask("GET", "/nothing", &[], "").is(401);
    host.ask("GET", "/", &[("Host", "evil.example")], "").is(403);
    host.ask("GET", "/login", &[("Host", "evil.example")], "").is(403);
}

#[test]
fn a_token_signs_in_and_nothing_else_does() {
    let host = Host::new();
    let wrong = host.sign_in("abide_wrong").is(401);
    assert_eq!(wrong.header("set-cookie"), None);
    wrong.holds(&["role=\"alert\"", "unknown or has expired"]);
    assert!(!wrong.body.contains("abide_wrong"), "no page shows a token");

    let token = host.token("me", "viewer");
    let right = host.sign_in(&token).is(303);
    assert_eq!(right.header("location"), Some("/"));
    let cookie = right.header("set-cookie").unwrap();
    assert_eq!(cookie, format!("abide-token={token}; HttpOnly; SameSite=Strict; Path=/"));
    let cookie = format!("abide-token={token}");
    let first = host.look("/", &cookie).is(200);
    first.holds(&["me <span class=\"faint\">(viewer)</span>", "Sign out"]);
    assert!(!first.body.contains(&token));
    host.look("/v1/services", &cookie).is(200);

    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let body = format!("token={token}");
    for elsewhere in [
        &[form][..],
        &[form, ("Sec-Fetch-Site", "cross-site")],
        &[form, ("Sec-Fetch-Site", "same-site")],
        &[form, ("Origin", "http://evil.example")],
        &[form, ("Origin", "null")],
    ] {
        let answer = host.ask("POST", "/login", elsewhere, &body).is(403);
        assert_eq!(answer.header("set-cookie"), None, "{elsewhere:?}");
        host.ask("POST", "/logout", elsewhere, "").is(403);
    }
    host.ask("POST", "/login", &[form, ("Sec-Fetch-Site", "same-origin")], "tok=1").is(400);

    let out = host.ask("POST", "/logout", &[("Sec-Fetch-Site", "same-origin"), ("Cookie", &cookie)], "");
    let out = out.is(303);
    assert_eq!(out.header("location"), Some("/login"));
    assert!(out.header("set-cookie").unwrap().starts_with("abide-token=; Max-Age=0;"), "{out:?}");

    host.folder.abide(&["agent", "token", "remove", "me", "--dir", "."]).ended(0);
    host.look("/", &cookie).is(303);
    let audit = host.folder.abide(&["agent", "audit", "--dir", "."]).ended(0).stdout;
    assert!(audit.contains("POST /login  401") && audit.contains("signed in as viewer"), "{audit}");

    let codes: Vec<u16> = (0..30).map(|_| host.sign_in("guess").status).collect();
    assert!(codes.contains(&429), "who guesses is made to wait: {codes:?}");
    let late = host.look("/", &cookie).is(429);
    assert!(late.header("retry-after").is_some(), "{late:?}");
    late.holds(&["too many requests", "href=\"/login\""]);
    host.sign_in(&host.token("other", "viewer")).is(303);
}

#[test]
fn the_first_page_shows_what_needs_attention_first() {
    let host = Host::new();
    let cookie = host.cookie("look", "viewer");
    let page = host.look("/", &cookie).is(200);
    page.holds(&[
        "<strong>1</strong> ok",
        "<strong>1</strong> in trouble",
        "<strong>0</strong> stopped",
        "Needs attention",
        "<strong>failed</strong>: ",
        "code 3",
        "abide logs doomed -n 50 --dir ",
        "abide start doomed --dir ",
        "no more room",
    ]);
    let row = |name: &str| page.body.find(&format!("data-service=\"{name}\"")).unwrap();
    assert!(row("doomed") < row("web"), "what failed stands first");
    let state = host.folder.wait_ready("web");
    page.holds(&[&format!("datetime=\"{}\"", state["started"].as_str().unwrap())]);

    // The command that it tells is one.
    let step = page.body.split("<code>").find(|code| code.starts_with("abide logs doomed")).unwrap();
    let words: Vec<&str> = step.split("</code>").next().unwrap().split(' ').skip(1).collect();
    let said = host.folder.abide(&words).ended(0);
    assert!(said.stdout.contains("no more room"), "{said:?}");

    // What changes is shown.
    host.folder.abide(&["stop", "web", "--dir", "."]).ended(0);
    host.shows("/", &cookie, "<strong>1</strong> stopped");
    host.shows("/services/web", &cookie, "stopped");
}

#[test]
fn words_of_programs_stay_words() {
    let host = Host::new();
    let cookie = host.cookie("look", "viewer");
    // What a supervisor wrote of what happened may hold anything as well.
    let state = host.folder.path().join(".abide/state/web/events.ndjson");
    let mut events = std::fs::OpenOptions::new().append(true).open(state).unwrap();
    let event = serde_json::json!({
        "schema": "abide.event/1", "time": "2026-01-01T00:00:00Z", "service": "web",
        "text": format!("event {HOSTILE}\u{202e}"), "record": {},
    });
    writeln!(events, "{event}").unwrap();
    let page = host.shows("/services/web", &cookie, "event &#60;");
    page.holds(&[&format!("event {HARMLESS}"), &format!("<span class=\"description\">{HARMLESS}</span>")]);
    page.holds(&[&format!("<span class=\"text\">{HARMLESS}</span>"), "<span class=\"text\">ab</span>"]);
    let first = host.look("/", &cookie).is(200);
    first.holds(&[&format!("<span class=\"description\">{HARMLESS}</span>")]);
    let bad = host.look("/services/%3Cscript%3Ealert(1)%3C%2Fscript%3E", &cookie).is(400);
    let lost = host.look("/services/webb", &cookie).is(404);
    lost.holds(&["did you mean `web`?"]);
    for page in [&page, &first, &bad, &lost] {
        assert!(!page.body.contains("<script>") && !page.body.contains('\u{1b}'), "{}", page.body);
        assert!(!page.body.contains('\u{202e}'), "{}", page.body);
    }
}

#[test]
fn every_page_is_sent_with_what_keeps_it_safe() {
    let host = Host::new();
    let cookie = host.cookie("look", "viewer");
    for (path, cookie, status) in [
        ("/", &*cookie, 200),
        ("/services/web", &cookie, 200),
        ("/services/nothing", &cookie, 404),
        ("/login", "", 200),
        ("/", "", 303),
        ("/assets/style.css", "", 200),
        ("/assets/script.js", "", 200),
        ("/logout", &cookie, 405),
    ] {
        let answer = host.look(path, cookie).is(status);
        assert_eq!(
            answer.header("content-security-policy"),
            Some(
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                 form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            ),
            "{path}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        // The policy would refuse them.
        assert!(!answer.body.contains(" style=\"") && !answer.body.contains(" onclick="), "{path}");
    }
}

#[test]
fn buttons_are_for_those_who_may_and_orders_come_from_its_own_pages() {
    let host = Host::new();
    let (viewer, operator) = (host.cookie("look", "viewer"), host.cookie("work", "operator"));
    let seen = host.look("/services/web", &viewer).is(200);
    assert!(!seen.body.contains("data-order"), "{}", seen.body);
    seen.holds(&["is viewer, which may look", "abide restart web --dir "]);
    let page = host.look("/services/web", &operator).is(200);
    page.holds(&[
        "data-order=\"start\"",
        "data-order=\"stop\"",
        "data-order=\"restart\"",
        "data-order=\"reload\"",
    ]);
    page.holds(&["data-order=\"debug\" data-on=\"true\"", "abide debug web on --dir "]);

    let path = "/v1/services/web/restart";
    let page = format!("http://{}", host.own());
    let order = |cookie: &str, more: &[(&str, &str)]| {
        let mut headers = vec![("Cookie", cookie)];
        headers.extend(more);
        host.ask("POST", path, &headers, "")
    };
    let own = [("Sec-Fetch-Site", "same-origin"), ("Origin", page.as_str())];
    assert!(order(&viewer, &own).is(403).body.contains("role operator"));
    for elsewhere in [
        &[][..],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "none")],
        &[("Origin", "http://127.0.0.1:1")],
        &[("Origin", "null")],
    ] {
        let refused = order(&operator, elsewhere).is(403);
        assert!(refused.body.contains("page of"), "{elsewhere:?}: {refused:?}");
    }
    let pid = host.folder.wait_ready("web")["pid"].clone();
    order(&operator, &own).is(200);
    assert_ne!(host.folder.wait_ready("web")["pid"], pid);
    order(&operator, &[("Origin", page.as_str())]).is(200);
    host.ask("POST", "/v1/services/web/debug", &[("Cookie", &operator), own[0]], "{\"on\": true}").is(200);
    host.shows("/services/web", &operator, "<dt>Debug</dt><dd>on</dd>");
}
