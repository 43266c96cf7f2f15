//! Where a syslog server is.

use super::super::OpenError;

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Udp,
    Tcp,
    Tls,
    /// Datagrams to a socket of this machine.
    Unix,
}

/// `udp://`, `tcp://` or `tls://HOST[:PORT]`, or `unix:///PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub way: Way,
    /// The name or the address, without brackets; or the path.
    pub host: String,
    pub port: u16,
    /// As it is written.
    pub shown: String,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        let wrong =
            |why: &str| OpenError(format!("url: {url}: {why}; write it like tls://logs.example:6514"));
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it has no `://`"))?;
        let (way, usual) = match scheme.to_ascii_lowercase().as_str() {
            "udp" => (Way::Udp, 514),
            "tcp" => (Way::Tcp, 601),
            "tls" => (Way::Tls, 6514),
            "unix" => {
                return Ok(Self { way: Way::Unix, host: rest.into(), port: 0, shown: url.into() });
            }
            _ => return Err(wrong("syslog goes by udp, tcp, tls or unix")),
        };
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or_else(|| wrong("its `[` has no `]`"))?;
                (host, if after.is_empty() { None } else { Some(after.strip_prefix(':').unwrap_or(after)) })
            }
            None => match rest.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().map_err(|_| wrong("its port is no number from 1 to 65535"))?,
            None => usual,
        };
        if host.is_empty() || host.contains(['/', ':']) && !url.contains('[') || port == 0 {
            return Err(wrong("it is no address"));
        }
        Ok(Self { way, host: host.into(), port, shown: url.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (url, way, host, port) in [
            ("udp://logs", Way::Udp, "logs", 514),
            ("tcp://10.0.0.1:10514/", Way::Tcp, "10.0.0.1", 10_514),
            ("TLS://[::1]", Way::Tls, "::1", 6514),
            ("tls://[fe80::1]:7000", Way::Tls, "fe80::1", 7000),
            ("unix:///dev/log", Way::Unix, "/dev/log", 0),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!((address.way, address.host.as_str(), address.port), (way, host, port), "{url}");
        }
        for url in [
            "logs:514",
            "http://logs",
            "tcp://:9",
            "tcp://a:b",
            "tcp://[::1",
            "tcp://a:0",
            "tcp://::1:9",
            "udp://",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
