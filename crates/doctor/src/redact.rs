//! Takes secrets out of texts that go to somebody else.
//!
//! First what is known to be one: every value of the environment that the spec and its env-file give. Then what the spec's
//! own `logs.redact` matches. Then what looks like one, by the forms that keys, tokens and passwords have. It errs on the
//! side of taking out too much.

use std::collections::BTreeSet;

use abide_spec::{Pattern, Spec};
use regex_lite::Regex;

/// What stands where something was taken out.
pub const MASK: &str = "***";

/// Shorter values are no secrets, and taking each `1` and `on` out would leave nothing to read.
const SHORTEST: usize = 4;

/// Forms of secrets; what the first group of one matches is kept. `NAME` stands for [`NAMED`].
const FORMS: [&str; 19] = [
    // `"api_key": "…"`, `password = '…'`
    r#"(NAME["']?\s*[=:]\s*")(?:\\.|[^"\\])+"#,
    r#"(NAME["']?\s*[=:]\s*')(?:\\.|[^'\\])+"#,
    // The same inside of another text in quotes.
    r#"(NAME\\*["']?\s*[=:]\s*\\+["'])[^"'\\]+"#,
    // `password=…`
    r#"(NAME["']?\s*[=:]\s*)[^\s"'\\,;&]+"#,
    // `--token …`
    r#"(-[a-z0-9_.-]*NAME\s+)[^\s"'-][^\s"']*"#,
    r#"(-[a-z0-9_.-]*NAME\s+["'])[^"']+"#,
    // `Authorization: Bearer …`, `Proxy-Authorization: Basic …`
    r"(?i)((?:proxy-)?authorization\s*[:=]\s*)[^\r\n]+",
    r"(?i)((?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}",
    // `Set-Cookie: …`
    r"(?i)((?:set-)?cookie\s*:\s*)[^\r\n]+",
    // `scheme://user:secret@host`
    r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@]+@",
    // JSON Web Tokens
    r"()eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.?[A-Za-z0-9_-]*",
    // Tokens of the agent
    r"()abide_[A-Za-z0-9_-]{20,}",
    // Keys of Amazon, GitHub, GitLab, Slack, Stripe, Google, OpenAI and the like
    r"()(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"()gh[pousr]_[A-Za-z0-9]{20,}",
    r"()(?:github_pat|glpat|xox[abprs])[-_][A-Za-z0-9_-]{10,}",
    r"()(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}",
    r"()AIza[A-Za-z0-9_-]{30,}",
    // Long runs of hexadecimal digits or base64, which only keys and hashes are
    r"()\b[0-9a-fA-F]{32,}\b",
    r"()[A-Za-z0-9+/]{60,}={0,2}",
];

/// How secrets are named.
const NAMED: &str = "(?i:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|auth|pwd|dsn|\
     connection[-_]?string|session|cookie)(?i:[a-z0-9_.-]*)";

/// Takes secrets out.
#[derive(Debug)]
pub struct Redactor {
    known: Vec<String>,
    own: Vec<Pattern>,
    forms: Vec<Regex>,
}

impl Redactor {
    /// Knows the secrets of a service: the values of its environment, by the spec and by `environment` (expanded, and from
    /// its env-file), arguments that follow `--password` and the like, and its own expressions.
    #[must_use]
    pub fn new(spec: Option<&Spec>, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut known = BTreeSet::new();
        let mut learn = |name: &str, value: &str| {
            if names_secret(name) || !is_common(value) {
                known.extend(forms_of(value));
            }
        };
        for (name, value) in environment {
            learn(&name, &value);
        }
        let mut own = Vec::new();
        if let Some(spec) = spec {
            let switched = spec.debug.iter().flat_map(|debug| [&debug.on, &debug.off]);
            let switched = switched.filter_map(|act| match act {
                abide_spec::Act::Env(env) => Some(env),
                _ => None,
            });
            for (name, value) in switched.chain([&spec.program.env]).flatten() {
                learn(name, value);
                // As a program sees it: `$$` is one dollar sign.
                learn(name, &value.replace("$$", "$"));
            }
            for at in secret_arguments(&spec.program.command) {
                spec.program.command.get(at).into_iter().for_each(|value| learn("secret", value));
            }
            own.extend(spec.logs.redact.iter().filter_map(|pattern| pattern.parse().ok()));
        }
        let mut known: Vec<String> =
            known.into_iter().filter(|value| value.chars().count() >= SHORTEST).collect();
        // The longest first: one may hold another.
        known.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let forms = FORMS.iter().filter_map(|form| Regex::new(&form.replace("NAME", NAMED)).ok());
        Self { known, own, forms: forms.collect() }
    }

    /// The text without its secrets.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let mut lines = Vec::new();
        let mut in_key = false;
        let mut text = text.to_owned();
        for value in &self.known {
            text = text.replace(value.as_str(), MASK);
        }
        for line in text.split('\n') {
            // Between `-----BEGIN PRIVATE KEY-----` and its end nothing is for others.
            if line.contains("-----BEGIN") && line.contains("PRIVATE KEY") {
                in_key = true;
            }
            let ends = line.contains("-----END");
            lines.push(if in_key { MASK.to_owned() } else { self.line(line) });
            in_key &= !ends;
        }
        lines.join("\n")
    }

    /// The same for each text of a value that is to be JSON, which so stays JSON.
    pub fn apply_within(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = self.apply(text),
            serde_json::Value::Array(values) => values.iter_mut().for_each(|value| self.apply_within(value)),
            serde_json::Value::Object(fields) => {
                fields.values_mut().for_each(|value| self.apply_within(value))
            }
            _ => {}
        }
    }

    /// The spec with every value of its environment masked, and without secrets in its command; names are kept, for they
    /// tell what the program was given.
    #[must_use]
    pub fn apply_to(&self, spec: &Spec) -> Spec {
        let mut shown = masked(spec);
        shown.program.command.iter_mut().for_each(|argument| *argument = self.apply(argument));
        shown
    }

    fn line(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for pattern in &self.own {
            line = without(&line, pattern);
        }
        for form in &self.forms {
            line = form.replace_all(&line, format!("${{1}}{MASK}")).into_owned();
        }
        line
    }
}

/// Words that the name of a secret has in it.
const NAMES: [&str; 9] = ["pass", "secret", "token", "key", "auth", "pwd", "cred", "dsn", "salt"];

fn names_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    NAMES.iter().any(|part| lower.contains(part))
}

/// Values that say nothing: without them a log could not be read any more.
fn is_common(value: &str) -> bool {
    const WORDS: [&str; 17] = [
        "true",
        "false",
        "none",
        "null",
        "trace",
        "debug",
        "info",
        "warn",
        "warning",
        "error",
        "production",
        "development",
        "staging",
        "test",
        "localhost",
        "127.0.0.1",
        "0.0.0.0",
    ];
    let is_short_number = value.len() <= 5 && value.bytes().all(|byte| byte.is_ascii_digit());
    is_short_number || WORDS.contains(&value.to_ascii_lowercase().as_str())
}

/// The forms in which a value may stand in a text: as it is, as JSON, TOML and others write it, each of its lines, and the
/// password of a URL by itself.
fn forms_of(value: &str) -> Vec<String> {
    let value = value.trim();
    let mut forms = vec![value.to_owned(), value.escape_debug().to_string()];
    if let Ok(text) = serde_json::to_string(value) {
        forms.push(text.trim_matches('"').to_owned());
    }
    if value.contains('\n') {
        forms.extend(value.lines().map(|line| line.trim().to_owned()).filter(|line| line.len() >= 8));
    }
    let user = value.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(user, _)| user);
    if let Some((_, password)) = user.and_then(|user| user.split_once(':')) {
        forms.push(password.to_owned());
        forms.push(percent_decoded(password));
    }
    forms
}

fn percent_decoded(text: &str) -> String {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn without(line: &str, pattern: &Pattern) -> String {
    let (mut out, mut at) = (String::with_capacity(line.len()), 0);
    while let Some(found) = pattern.find_at(line, at) {
        out.push_str(line.get(at..found.start).unwrap_or_default());
        if found.is_empty() {
            let Some(next) = line.get(found.end..).and_then(|rest| rest.chars().next()) else {
                return out;
            };
            out.push(next);
            at = found.end + next.len_utf8();
        } else {
            out.push_str(MASK);
            at = found.end;
        }
    }
    out.push_str(line.get(at..).unwrap_or_default());
    out
}

/// Which arguments follow an option that names a secret: `--db-password opensesame`.
fn secret_arguments(command: &[String]) -> Vec<usize> {
    let names = |option: &str| option.starts_with('-') && !option.contains('=') && names_secret(option);
    let after = command.iter().enumerate().filter(|(_, option)| names(option)).map(|(at, _)| at + 1);
    after.filter(|at| command.get(*at).is_some_and(|value| !value.starts_with('-'))).collect()
}

fn masked(spec: &Spec) -> Spec {
    let mut shown = spec.clone();
    shown.program.env.values_mut().for_each(|value| *value = MASK.into());
    for at in secret_arguments(&spec.program.command) {
        if let Some(value) = shown.program.command.get_mut(at) {
            *value = MASK.into();
        }
    }
    if let Some(debug) = &mut shown.debug {
        for switch in [&mut debug.on, &mut debug.off] {
            match switch {
                abide_spec::Act::Env(env) => env.values_mut().for_each(|value| *value = MASK.into()),
                abide_spec::Act::Http(request) => {
                    if let Some(body) = &mut request.body {
                        *body = MASK.into();
                    }
                }
                _ => {}
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_taken_out() {
        let redactor = Redactor::new(None, []);
        for (text, secret) in [
            ("password=hunter2horse", "hunter2horse"),
            ("connecting with Password: 'correct horse' now", "correct horse"),
            (r#"{"api_key": "abc123def456", "x": 1}"#, "abc123def456"),
            ("Authorization: Bearer abc.def.ghi123456", "abc.def.ghi123456"),
            ("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
            ("sent Bearer 0123456789abcdef", "0123456789abcdef"),
            ("postgres://orders:s3cr3t@db:5432/x failed", "s3cr3t"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk", "eyJzdWIiOiIxIn0"),
            ("key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
            ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abcdefghijklmnop"),
            ("abide_Q2hhbmNlIGlzIGFsbCB0aGF0IGl0IGlzLCBubyBtb3Jl", "Q2hhbmNlIGlzIGFsbCB0aGF0"),
            ("sk-proj-abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz"),
            ("--db-password opensesame --port 1", "opensesame"),
            ("Set-Cookie: sid=38afes7a8; Path=/", "38afes7a8"),
            ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nx\n-----END RSA PRIVATE KEY-----\nafter", "MIIEow"),
        ] {
            let shown = redactor.apply(text);
            assert!(!shown.contains(secret) && shown.contains(MASK), "{text} became {shown}");
        }
        assert!(
            redactor
                .apply("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\nafter")
                .ends_with("after")
        );
        let told = r#"{"seen": "ERROR password=\"hunter2\" and api_key='x y z'", "token": "abc\"def"}"#;
        let shown = redactor.apply(told);
        assert!(!["hunter2", "x y z", "abc", "def"].iter().any(|it| shown.contains(it)), "{shown}");
        let mut json = serde_json::json!({ "a": ["password=abcdef"], "n": 1 });
        redactor.apply_within(&mut json);
        assert_eq!(json, serde_json::json!({ "a": ["password=***"], "n": 1 }));
        for text in [
            "the token expired, and the password is wrong",
            "listening on http://127.0.0.1:9000",
            "GET /orders 200 in 3ms",
            "panic: boom\n\ngoroutine 1 [running]:",
        ] {
            assert_eq!(redactor.apply(text), text);
        }
    }

    #[test]
    fn values_of_the_environment_and_the_specs_own_patterns_are_taken_out() {
        let spec = Spec::parse(
            "name = \"a\"\n[program]\ncommand = [\"/bin/true\"]\nenv = { A = \"plain-value\", B = \"1\", C = \"pa$$word\" }\n[logs]\nredact = ['card \\d+']\n",
        )
        .unwrap();
        let environment = [
            ("F", "from file"),
            ("PORT", "9000"),
            ("DB", "x://u:p%40ss@db/"),
            ("PEM", "first-line\nsecond-line"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let redactor = Redactor::new(Some(&spec), environment);
        let shown = redactor.apply("plain-value 1 from file pa$word card 4711 x p@ss 9000 second-line");
        assert_eq!(shown, "*** 1 *** *** *** x *** 9000 ***");
        assert_eq!(super::masked(&spec).program.env["A"], MASK);
        assert!(!super::masked(&spec).to_toml().contains("plain-value"));
        let told = Spec::minimal(
            "a".parse().unwrap(),
            ["/bin/x", "--db-password", "opensesame", "--token", "-v"].map(str::to_owned).into(),
        );
        assert_eq!(super::masked(&told).program.command[2..], ["***", "--token", "-v"]);
        assert_eq!(Redactor::new(Some(&told), []).apply("got opensesame"), "got ***");
    }
}
