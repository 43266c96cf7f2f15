//! Who listens on a TCP port of this machine.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;

use crate::process::INSTANCE_VARIABLE;

/// A process that listens on a port. What can't be told (no rights, no `/proc`) is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) pid: Option<u32>,
    pub(crate) program: Option<String>,
    /// The cgroup path of the process, by which its service can be told.
    pub(crate) group: Option<String>,
    /// The service whose supervisor started it, by the mark that its environment carries.
    pub(crate) service: Option<String>,
}

impl std::fmt::Display for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.program, self.pid) {
            (Some(program), Some(pid)) => write!(f, "{program} (process {pid})"),
            (None, Some(pid)) => write!(f, "process {pid}"),
            _ => f.write_str("another program"),
        }
    }
}

impl Listener {
    /// Whether the process belongs to a systemd unit, or to the service of that name.
    pub(crate) fn is_of_unit(&self, unit: &str) -> bool {
        self.service.as_deref() == Some(unit)
            || self.group.as_ref().is_some_and(|group| {
                group.lines().any(|line| line.split(['/', ':']).any(|part| part == unit))
            })
    }
}

/// The process that listens on a TCP port, if any does.
pub(crate) fn listener(port: u16) -> Option<Listener> {
    let tables: Vec<String> =
        ["/proc/net/tcp", "/proc/net/tcp6"].iter().filter_map(|path| fs::read_to_string(path).ok()).collect();
    if tables.is_empty() {
        return is_taken(port).then(Listener::default);
    }
    let inode = tables.iter().find_map(|table| listening_inode(table, port))?;
    Some(owner(Path::new("/proc"), inode))
}

/// The inode of the socket that listens on a port, from the text of `/proc/net/tcp` or `tcp6`.
fn listening_inode(table: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let (_, local) = fields.nth(1)?.rsplit_once(':')?;
        let listens = fields.nth(1)? == LISTEN && u16::from_str_radix(local, 16).ok()? == port;
        listens.then(|| fields.nth(5)?.parse().ok())?
    })
}

fn owner(proc: &Path, inode: u64) -> Listener {
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    for (pid, folder) in
        processes.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
    {
        let mut files = fs::read_dir(folder.join("fd")).into_iter().flatten().flatten();
        if files
            .any(|file| fs::read_link(file.path()).is_ok_and(|link| link.to_str() == Some(wanted.as_str())))
        {
            return Listener {
                pid: Some(pid),
                program: fs::read_to_string(folder.join("comm")).ok().map(|name| name.trim_end().to_owned()),
                group: fs::read_to_string(folder.join("cgroup")).ok(),
                service: fs::read(folder.join("environ")).ok().and_then(|text| service_of(&text)),
            };
        }
    }
    Listener::default()
}

/// The service in the mark of an environment: `ABIDE_INSTANCE=NAME.random`.
fn service_of(environ: &[u8]) -> Option<String> {
    let mark = environ
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(INSTANCE_VARIABLE.as_bytes())?.strip_prefix(b"="))?;
    let (name, _random) = std::str::from_utf8(mark).ok()?.rsplit_once('.')?;
    Some(name.to_owned())
}

/// Whether binding the port fails because someone has it; for systems that don't list their sockets.
fn is_taken(port: u16) -> bool {
    let addresses =
        [SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))];
    addresses.iter().any(|address| {
        TcpListener::bind(address).is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_and_named() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert!(listener(port).is_some());
        // A child that another test has just forked has the socket too, until it executes its program.
        let soon = |so: &dyn Fn() -> bool| {
            let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
            while !so() && std::time::Instant::now() < until {
                std::thread::yield_now();
            }
            so()
        };
        if cfg!(target_os = "linux") {
            let own = std::process::id();
            let is_own =
                |found: &Listener| found.pid == Some(own) && found.to_string().contains(&own.to_string());
            assert!(soon(&|| listener(port).as_ref().is_some_and(is_own)), "{:?}", listener(port));
        }
        drop(socket);
        assert!(soon(&|| listener(port).is_none()), "{:?}", listener(port));
    }

    #[test]
    fn only_listening_sockets_of_that_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:2329 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 11 1\n   \
            1: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12 1\n";
        assert_eq!(listening_inode(table, 9000), Some(12));
        assert_eq!(listening_inode(table, 9001), None);
        assert_eq!(listening_inode("", 9001), None);
        assert_eq!(listening_inode("h\n x y\n: : :\n", 0), None);
    }

    #[test]
    fn a_process_is_told_by_the_mark_of_its_service() {
        assert_eq!(service_of(b"A=1\0ABIDE_INSTANCE=my.app.00ff\0B=2"), Some("my.app".into()));
        assert_eq!(service_of(b"ABIDE_INSTANCE_ID=x.y\0"), None);
        assert_eq!(service_of(b""), None);
    }

    #[test]
    fn a_process_is_told_by_the_unit_it_is_in() {
        let of = |group: &str| Listener { group: Some(group.into()), ..Listener::default() };
        assert!(of("0::/system.slice/orders.service\n").is_of_unit("orders.service"));
        assert!(of("0::/system.slice/orders.service/program\n").is_of_unit("orders.service"));
        assert!(!of("0::/system.slice/my-orders.service\n").is_of_unit("orders.service"));
    }
}
