//! Addresses in the values of an environment, and rules in the words of firewalls.

/// The schemes whose port is known without its being told.
const PORTS: [(&str, u16); 24] = [
    ("http", 80),
    ("https", 443),
    ("ws", 80),
    ("wss", 443),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("mysql", 3306),
    ("mariadb", 3306),
    ("sqlserver", 1433),
    ("mongodb", 27017),
    ("redis", 6379),
    ("rediss", 6379),
    ("valkey", 6379),
    ("memcached", 11211),
    ("amqp", 5672),
    ("amqps", 5671),
    ("nats", 4222),
    ("mqtt", 1883),
    ("mqtts", 8883),
    ("ldap", 389),
    ("ldaps", 636),
    ("smtp", 25),
    ("smtps", 465),
    ("clickhouse", 9000),
];

/// The hosts and ports of a value that is a URL: `postgres://user:secret@db:5432/orders`, `jdbc:mysql://a:1,b:2/x`. None
/// of what else stands in it is given away.
pub(crate) fn hosts(value: &str) -> Vec<(String, u16)> {
    let value = value.trim();
    let value = value.strip_prefix("jdbc:").unwrap_or(value);
    let Some((scheme, rest)) = value.split_once("://") else { return Vec::new() };
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    // The addresses of `mongodb+srv` and the like are found in other ways, files have none.
    if !is_scheme(scheme) || scheme.ends_with("+srv") || scheme == "file" || scheme.starts_with("unix") {
        return Vec::new();
    }
    let scheme = scheme.split('+').next().unwrap_or(scheme).to_ascii_lowercase();
    let usual = PORTS.iter().find(|(name, _)| *name == scheme).map(|(_, port)| *port);
    let end = rest.find(['/', '?', '#', ';']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    hosts.split(',').filter_map(|host| host_and_port(host, usual)).collect()
}

fn host_and_port(text: &str, usual: Option<u16>) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => {
            let (host, rest) = inner.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let plain = |c: char| c.is_alphanumeric() || "-._:%".contains(c);
    if host.is_empty() || !host.chars().all(plain) {
        return None;
    }
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => usual?,
    };
    (port != 0).then(|| (host.to_owned(), port))
}

/// Whether a host is this machine.
pub(crate) fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// The rules of `nft list ruleset` that keep packets from a port.
pub(crate) fn nft_rules(ruleset: &str, port: u16) -> Vec<String> {
    let denies = |words: &[&str]| words.iter().any(|word| matches!(*word, "drop" | "reject"));
    let mut is_output = false;
    let mut found = Vec::new();
    for line in ruleset.lines() {
        let line = line.trim();
        if line.starts_with("type ") {
            is_output = line.contains("hook output");
        }
        let Some((_, after)) = line.split_once("dport ") else { continue };
        let words: Vec<&str> = line.split_whitespace().collect();
        // Comments come last, in quotes.
        let negated = after.trim_start().starts_with("!=");
        if is_output || negated || !denies(&words) {
            continue;
        }
        let set = match after.trim_start().strip_prefix('{') {
            Some(set) => set.split('}').next().unwrap_or_default(),
            None => after.split_whitespace().next().unwrap_or_default(),
        };
        if set.split(',').any(|part| holds(part.trim(), '-', port)) {
            found.push(line.to_owned());
        }
    }
    found
}

/// The rules of `iptables -S` that keep packets from a port.
pub(crate) fn iptables_rules(rules: &str, port: u16) -> Vec<String> {
    let denies = |line: &str| line.contains("-j DROP") || line.contains("-j REJECT");
    let names = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.windows(3).any(|three| {
            let [before, option, value] = three else { return false };
            *before != "!"
                && matches!(*option, "--dport" | "--dports" | "--destination-port" | "--destination-ports")
                && value.split(',').any(|part| holds(part, ':', port))
        })
    };
    let lines =
        rules.lines().map(str::trim).filter(|line| line.starts_with("-A ") && !line.starts_with("-A OUTPUT"));
    lines.filter(|line| denies(line) && names(line)).map(str::to_owned).collect()
}

/// Whether `9000` or `8000-9000` holds a port.
fn holds(part: &str, between: char, port: u16) -> bool {
    match part.split_once(between) {
        Some((low, high)) => {
            let (low, high) = (low.trim().parse().unwrap_or(u16::MAX), high.trim().parse().unwrap_or(0));
            (low..=high).contains(&port)
        }
        None => part.parse() == Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_without_what_is_secret() {
        for (value, told) in [
            ("postgres://orders:s3cret@db.example:5433/orders?sslmode=off", vec![("db.example", 5433)]),
            ("redis://cache", vec![("cache", 6379)]),
            ("postgresql+asyncpg://u:p%40x@127.0.0.1/x", vec![("127.0.0.1", 5432)]),
            ("jdbc:mysql://a:1,b:2/x", vec![("a", 1), ("b", 2)]),
            ("http://[::1]:8080/", vec![("::1", 8080)]),
            ("amqp://guest:a@b@mq//", vec![("mq", 5672)]),
            ("https://api.example.com/v1", vec![("api.example.com", 443)]),
            ("mongodb+srv://u:p@cluster/x", vec![]),
            ("file:///etc/x", vec![]),
            ("unknown://host/", vec![]),
            ("not a url", vec![]),
            ("://x:1", vec![]),
            ("http://:80/", vec![]),
            ("http://a:99999/", vec![]),
            ("http://a b:80/", vec![]),
        ] {
            let wanted: Vec<_> =
                told.into_iter().map(|(host, port): (&str, u16)| (host.to_owned(), port)).collect();
            assert_eq!(hosts(value), wanted, "{value}");
        }
        assert!(is_here("localhost") && is_here("::1") && is_here("127.0.0.5") && !is_here("db"));
    }

    #[test]
    fn nft_rules_that_deny_are_found() {
        let ruleset = "table inet filter {\n chain input {\n  type filter hook input priority 0; policy accept;\n  tcp dport 22 accept\n  tcp dport 9000 drop\n  tcp dport { 80, 8000-8100 } counter packets 0 bytes 0 reject\n  tcp dport != 9000 drop\n }\n chain output {\n  type filter hook output priority 0;\n  tcp dport 9001 drop\n }\n}";
        assert_eq!(nft_rules(ruleset, 9000), ["tcp dport 9000 drop"]);
        assert_eq!(nft_rules(ruleset, 8050).len(), 1);
        assert_eq!(nft_rules(ruleset, 22), Vec::<String>::new());
        assert_eq!(nft_rules(ruleset, 9001), Vec::<String>::new());
        assert_eq!(nft_rules("dport", 1), Vec::<String>::new());
    }

    #[test]
    fn iptables_rules_that_deny_are_found() {
        let rules = "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 9000 -j DROP\n-A INPUT -p tcp -m multiport --dports 80,8000:8100 -j REJECT --reject-with icmp-port-unreachable\n-A INPUT -p tcp ! --dport 7 -j DROP\n-A OUTPUT -p tcp --dport 9001 -j DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT";
        assert_eq!(iptables_rules(rules, 9000).len(), 1);
        assert_eq!(iptables_rules(rules, 8050).len(), 1);
        for port in [7, 22, 9001] {
            assert_eq!(iptables_rules(rules, port), Vec::<String>::new(), "{port}");
        }
    }
}
