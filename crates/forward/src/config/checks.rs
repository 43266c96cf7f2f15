//! What the types cannot tell of a configuration.

use super::{Config, Kind, SinkConfig};

/// Something wrong, with the key it is about: `tls.cert`, or nothing for the sink as a whole.
pub(super) struct Issue {
    pub sink: Option<usize>,
    pub key: &'static str,
    pub message: String,
    pub hint: Option<String>,
}

/// Headers that hold secrets.
const SECRET_HEADERS: [&str; 5] =
    ["authorization", "proxy-authorization", "cookie", "x-clickhouse-key", "x-api-key"];

/// All that is wrong.
pub(super) fn issues(config: &Config) -> Vec<Issue> {
    let mut found = Vec::new();
    for (index, sink) in config.sinks.iter().enumerate() {
        let mut add = |key, message: String, hint: &str| {
            let hint = (!hint.is_empty()).then(|| hint.to_owned());
            found.push(Issue { sink: Some(index), key, message, hint });
        };
        // File systems that know no difference between `A` and `a` would give both one queue.
        let same = |other: &SinkConfig| other.name.as_str().eq_ignore_ascii_case(sink.name.as_str());
        if config.sinks[..index].iter().any(same) {
            add(
                "name",
                format!("the name `{}` stands twice", sink.name),
                "each sink has a queue of its own, under its name",
            );
        }
        url(sink, &mut add);
        belonging(sink, &mut add);
        amounts(sink, &mut add);
    }
    found
}

fn url(sink: &SinkConfig, add: &mut impl FnMut(&'static str, String, &str)) {
    let (schemes, example): (&[&str], &str) = match sink.kind {
        Kind::Otlp => (&["http://", "https://"], "http://127.0.0.1:4318"),
        Kind::Loki => (&["http://", "https://"], "http://127.0.0.1:3100"),
        Kind::Clickhouse => (&["http://", "https://"], "http://127.0.0.1:8123"),
        Kind::Syslog => (&["udp://", "tcp://", "tls://", "unix://"], "tls://logs.example:6514"),
        Kind::Journald => (&["unix://"], "unix:///run/systemd/journal/socket"),
        Kind::Eventlog => (&[], ""),
    };
    let hint = format!("write url = \"{example}\"");
    match &sink.url {
        None if sink.kind.is_http() || sink.kind == Kind::Syslog => {
            add("", format!("sink `{}` of kind {} needs a `url`", sink.name, sink.kind), &hint);
        }
        Some(_) if schemes.is_empty() => {
            let message = format!("`url` does not go with {}, which is this machine's", sink.kind);
            add("url", message, "leave it out");
        }
        Some(url) => match schemes.iter().find_map(|scheme| url.strip_prefix(scheme)) {
            None => {
                add("url", format!("the url of {} begins with {}", sink.kind, schemes.join(" or ")), &hint)
            }
            Some(rest) if rest.is_empty() || rest.contains(char::is_whitespace) => {
                add("url", "the url names no address".into(), &hint);
            }
            Some(rest) if rest.split('/').next().is_some_and(|host| host.contains('@')) => add(
                "url",
                "a url with a name or a password in it is shown to everyone".into(),
                "use `user` and `password-file`, or `token-file`",
            ),
            Some(_) => {}
        },
        None => {}
    }
}

/// Keys that mean something to some kinds alone.
fn belonging(sink: &SinkConfig, add: &mut impl FnMut(&'static str, String, &str)) {
    let http = sink.kind.is_http();
    let kind = sink.kind;
    let only: [(&'static str, bool, bool, &str); 12] = [
        ("headers", !sink.headers.is_empty(), http, "sinks over HTTP"),
        ("token-file", sink.token_file.is_some(), http, "sinks over HTTP"),
        ("user", sink.user.is_some(), http, "sinks over HTTP"),
        ("password-file", sink.password_file.is_some(), http, "sinks over HTTP"),
        ("compress", sink.compress != super::Compress::Auto, http, "sinks over HTTP"),
        ("labels", !sink.labels.is_empty(), kind == Kind::Loki, "Loki"),
        ("tenant", sink.tenant.is_some(), kind == Kind::Loki, "Loki"),
        ("database", sink.database.is_some(), kind == Kind::Clickhouse, "ClickHouse"),
        ("table", sink.table.is_some(), kind == Kind::Clickhouse, "ClickHouse"),
        ("create-table", sink.create_table, kind == Kind::Clickhouse, "ClickHouse"),
        ("facility", sink.facility.is_some(), kind == Kind::Syslog, "syslog"),
        (
            "tls",
            sink.tls != super::Tls::default(),
            http || kind == Kind::Syslog,
            "sinks over HTTP, and syslog",
        ),
    ];
    for (key, is_set, goes, with) in only {
        if is_set && !goes {
            add(key, format!("`{key}` goes with {with} only, not with {kind}"), "leave it out");
        }
    }
    if sink.password_file.is_some() && sink.user.is_none() {
        add("password-file", "`password-file` needs `user`".into(), "add the name to log in with");
    }
    if sink.token_file.is_some() && sink.user.is_some() {
        add("token-file", "`token-file` and `user` are two ways to log in".into(), "leave one out");
    }
    if sink.tls.cert.is_some() != sink.tls.key.is_some() {
        add("tls", "`tls.cert` and `tls.key` go together".into(), "add the other one");
    }
    let plain = sink.url.as_deref().is_some_and(|url| {
        !url.to_ascii_lowercase().starts_with("https://") && !url.to_ascii_lowercase().starts_with("tls://")
    });
    if sink.tls != super::Tls::default() && plain && (http || kind == Kind::Syslog) {
        add("tls", "`tls` is set, and the url is not one of TLS".into(), "begin it with https:// or tls://");
    }
    if let Some(header) =
        sink.headers.keys().find(|name| SECRET_HEADERS.iter().any(|secret| name.eq_ignore_ascii_case(secret)))
    {
        add(
            "headers",
            format!("the header `{header}` is a secret, and this file is not"),
            "use `token-file`, or `user` and `password-file`",
        );
    }
    let is_word =
        |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !text.is_empty();
    for (key, name) in [("database", &sink.database), ("table", &sink.table)] {
        if name.as_deref().is_some_and(|name| !is_word(name)) {
            add(key, format!("`{key}` is a name of letters, digits and `_`"), "");
        }
    }
}

fn amounts(sink: &SinkConfig, add: &mut impl FnMut(&'static str, String, &str)) {
    if sink.streams.is_empty() && !sink.takes_events() {
        add(
            "streams",
            "neither a stream nor events go to this sink".into(),
            "add events = true, or a stream",
        );
    }
    if sink.services.is_empty() {
        add("services", "no service goes to this sink".into(), "write [\"*\"] for all of them");
    }
    if sink.batch.records == Some(0) {
        add("batch.records", "a batch has at least 1 record".into(), "");
    }
    if sink.batch.bytes.is_some_and(|bytes| bytes.bytes() < 1024) {
        add("batch.bytes", "a batch has at least 1KiB".into(), "");
    }
    if sink.batch.every.is_some_and(|every| every.get() > std::time::Duration::from_secs(600)) {
        add("batch.every", "a record waits for others at most 10m".into(), "");
    }
    if sink.timeout.is_zero() || sink.timeout.get() > std::time::Duration::from_secs(600) {
        add("timeout", "an answer may take from 1ms to 10m".into(), "");
    }
    if sink.retry.initial.is_zero() || sink.retry.initial > sink.retry.max {
        add("retry", "`retry.initial` is more than 0 and at most `retry.max`".into(), "");
    }
}
