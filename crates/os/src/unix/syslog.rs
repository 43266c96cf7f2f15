//! Unix side of [`crate::syslog`]: datagrams.

use std::os::unix::net::UnixDatagram;

/// Where the journal listens.
const JOURNAL: &str = "/run/systemd/journal/socket";

/// Where syslog listens: Linux, macOS, the BSDs.
const SYSLOG: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/// The facility `daemon` of syslog(3).
const DAEMON: u8 = 3;

pub(crate) fn stderr_is_journal() -> bool {
    let told = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let Ok(stat) = rustix::fs::fstat(std::io::stderr()) else { return false };
    told == format!("{}:{}", stat.st_dev, stat.st_ino)
}

#[derive(Debug)]
pub(crate) struct Syslog {
    socket: UnixDatagram,
    name: String,
    is_journal: bool,
}

impl Syslog {
    fn connect(address: &str, name: &str, is_journal: bool) -> Option<Self> {
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        socket.connect(address).ok()?;
        // A name with a space or a colon would end early.
        let name = name.chars().map(|c| if c.is_ascii_graphic() && c != ':' { c } else { '_' }).collect();
        Some(Self { socket, name, is_journal })
    }

    pub(crate) fn journal(name: &str) -> Option<Self> {
        Self::connect(JOURNAL, name, true)
    }

    pub(crate) fn open(name: &str) -> Option<Self> {
        SYSLOG.iter().find_map(|address| Self::connect(address, name, false))
    }

    pub(crate) fn send(&self, priority: u8, text: &str, fields: &[(String, String)]) -> bool {
        if self.is_journal {
            let message = journal_message(&self.name, priority, text, fields);
            return self.socket.send(&message).is_ok();
        }
        // One message is one line there.
        text.lines().filter(|line| !line.is_empty()).all(|line| {
            let (code, pid) = (DAEMON * 8 + priority, std::process::id());
            self.socket.send(format!("<{code}>{}[{pid}]: {line}", self.name).as_bytes()).is_ok()
        })
    }
}

/// The journal's native form: `KEY=value` lines; a value with line breaks after its length.
fn journal_message(name: &str, priority: u8, text: &str, fields: &[(String, String)]) -> Vec<u8> {
    let mut message = format!("PRIORITY={priority}\nSYSLOG_IDENTIFIER={name}\n").into_bytes();
    let texts = std::iter::once(("MESSAGE", text));
    let fields = fields.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    for (key, value) in texts.chain(fields) {
        message.extend(key.as_bytes());
        if value.contains('\n') {
            message.push(b'\n');
            message.extend((value.len() as u64).to_le_bytes());
        } else {
            message.push(b'=');
        }
        message.extend(value.as_bytes());
        message.push(b'\n');
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_line_breaks_cannot_become_fields() {
        let fields = [("USER".to_owned(), "me".to_owned())];
        let message = journal_message("orders", 4, "one\nUSER=root", &fields);
        let mut expected = b"PRIORITY=4\nSYSLOG_IDENTIFIER=orders\nMESSAGE\n".to_vec();
        expected.extend(13_u64.to_le_bytes());
        expected.extend(b"one\nUSER=root\nUSER=me\n");
        assert_eq!(message, expected);
    }

    #[test]
    fn syslog_gets_a_line_a_datagram_with_facility_name_and_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let server = UnixDatagram::bind(&path).unwrap();
        let log = Syslog::connect(path.to_str().unwrap(), "my orders", false).unwrap();
        assert!(log.send(6, "one\n\ntwo", &[]));
        let mut buffer = [0; 200];
        for expected in ["one", "two"] {
            let length = server.recv(&mut buffer).unwrap();
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            assert_eq!(text, format!("<30>my_orders[{}]: {expected}", std::process::id()));
        }
        drop(server);
        assert!(!log.send(6, "nobody hears this", &[]));
    }

    #[test]
    fn nobody_listening_is_no_log() {
        assert!(Syslog::connect("/nowhere/at/all", "a", true).is_none());
    }
}
