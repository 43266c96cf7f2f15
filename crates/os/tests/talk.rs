//! How a supervisor talks: control endpoint, notifications, signals, the link to systemd.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests end this way")]

mod support;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::time::{Duration, Instant};

use abide_os::endpoint::{Endpoint, connect};
use abide_os::events::{Happening, Loop, OsSignal, Signals};
use abide_os::link::{self, ManagerKind};
use abide_os::notify::NotifySocket;
use abide_spec::Exit;
use support::*;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn next(events: &mut Loop<u32>) -> Happening<u32> {
    events.wait(Some(Instant::now() + PATIENCE)).unwrap()
}

fn converse(events: &mut Loop<u32>, path: &Path) {
    let client_path = path.to_owned();
    let client = std::thread::spawn(move || {
        let mut connection = connect(&client_path, PATIENCE).unwrap();
        assert!(connection.peer_is_allowed());
        connection.write_all(b"{\"verb\":\"status\"}\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    });
    let Happening::Connection { mut connection, .. } = next(events) else { panic!("no connection") };
    assert!(connection.peer_is_allowed());
    connection.set_timeout(PATIENCE).unwrap();
    let mut request = [0; 64];
    let length = connection.read(&mut request).unwrap();
    assert_eq!(&request[..length], b"{\"verb\":\"status\"}\n");
    connection.write_all(b"{\"ok\":true}").unwrap();
    connection.flush().unwrap();
    drop(connection);
    assert_eq!(client.join().unwrap(), "{\"ok\":true}");
}

#[test]
fn an_endpoint_is_private_and_goes_with_its_owner() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    for name in ["run/orders/control.sock".to_owned(), format!("{}/control.sock", "long/".repeat(40))] {
        let path = folder.path().join(name);
        let mut events = new_loop();
        let endpoint = Endpoint::bind(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        let error = Endpoint::bind(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert_eq!(error.to_string(), format!("another process listens on {}", path.display()));
        let id = events.listen(endpoint).unwrap();
        // The attempt to bind was a connection too.
        assert!(matches!(next(&mut events), Happening::Connection { endpoint, .. } if endpoint == id));
        converse(&mut events, &path);
        events.close(id);
        assert!(!path.exists());
        assert_eq!(connect(&path, PATIENCE).unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[test]
fn a_stale_socket_is_replaced_and_nothing_else() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert_eq!(connect(&path, PATIENCE).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let mut events = new_loop();
    events.listen(Endpoint::bind(&path).unwrap()).unwrap();
    converse(&mut events, &path);
    drop(events);
    assert!(!path.exists());
    fs::write(&path, "precious").unwrap();
    assert_eq!(Endpoint::bind(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_silent_partner_is_not_waited_for() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let _endpoint = Endpoint::bind(&path).unwrap();
    let mut connection = connect(&path, Duration::from_millis(20)).unwrap();
    let error = connection.read(&mut [0; 1]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    // Nobody accepts: at some time the queue is full.
    let mut waiting = Vec::new();
    let begun = Instant::now();
    let error = loop {
        match connect(&path, Duration::from_millis(20)) {
            Ok(connection) => waiting.push(connection),
            Err(error) => break error,
        }
        assert!(waiting.len() < 10_000);
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(begun.elapsed() < PATIENCE);
}

#[test]
fn running_out_of_descriptors_wakes_nobody_for_ever() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let mut events = new_loop();
    events.listen(Endpoint::bind(&path).unwrap()).unwrap();
    let client = connect(&path, PATIENCE).unwrap();
    let before = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let used = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u64>().ok())
        .max()
        .unwrap();
    let tight = rustix::process::Rlimit {
        current: Some(used.min(before.current.unwrap_or(used))),
        maximum: before.maximum,
    };
    let mut filler = Vec::new();
    rustix::process::setrlimit(rustix::process::Resource::Nofile, tight).unwrap();
    while let Ok(file) = fs::File::open("/dev/null") {
        filler.push(file);
    }
    let happening = events.wait(Some(Instant::now() + Duration::from_millis(50)));
    rustix::process::setrlimit(rustix::process::Resource::Nofile, before).unwrap();
    drop(filler);
    assert!(matches!(happening.unwrap(), Happening::Due));
    drop(client);
    converse(&mut events, &path);
}

#[test]
fn notifications_name_their_sender() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    for name in ["notify.sock".to_owned(), format!("{}/notify.sock", "x".repeat(120))] {
        let path = folder.path().join(name);
        let mut events = new_loop();
        let socket = NotifySocket::bind(&path).unwrap();
        let address = socket.address().to_owned();
        if address == path {
            assert_eq!(mode(&path), 0o600);
        }
        let id = events.listen_notify(socket).unwrap();

        let script = "import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
a = os.environ['NOTIFY_SOCKET']
s.sendto(b'READY=1\\nSTATUS=up \\xff', '\\0' + a[1:] if a[0] == '@' else a)";
        let mut launch = launch("/usr/bin/env", &["python3", "-c", script]);
        launch.notify = Some(address.clone());
        let mut spawned = start(&launch, &mut events);
        let mut got = None;
        let pid = spawned.tree.pid();
        let mut ended = false;
        while !ended || got.is_none() {
            match next(&mut events) {
                Happening::Notify { socket, pid, text } => {
                    assert_eq!(socket, id);
                    got = Some((pid.unwrap(), text));
                }
                Happening::Exited { exit, .. } => {
                    assert_eq!(exit, Exit::Code(0));
                    ended = true;
                }
                Happening::Due => panic!("no notification"),
                _ => {}
            }
        }
        assert_eq!(got.unwrap(), (pid, "READY=1\nSTATUS=up \u{fffd}".to_owned()));

        // A stranger is known as one: here the test itself.
        let stranger = UnixDatagram::unbound().unwrap();
        send(&stranger, b"READY=1", &address);
        let Happening::Notify { pid, text, .. } = next(&mut events) else { panic!("no notification") };
        assert_eq!((pid, text.as_str()), (Some(std::process::id()), "READY=1"));
        assert!(!spawned.tree.contains(std::process::id()));

        // More than is wanted is cut, and nothing is no text.
        send(&stranger, &[b'x'; 10_000], &address);
        let Happening::Notify { text, .. } = next(&mut events) else { panic!("no notification") };
        assert_eq!(text.len(), 4096);
        send(&stranger, b"", &address);
        let Happening::Notify { text, .. } = next(&mut events) else { panic!("no notification") };
        assert_eq!(text, "");
        events.close_notify(id);
        assert!(!path.exists());
    }
}

fn send(from: &UnixDatagram, bytes: &[u8], to: &Path) {
    use std::os::linux::net::SocketAddrExt;
    match to.to_str().unwrap().strip_prefix('@') {
        Some(name) => {
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
            from.send_to_addr(bytes, &address).unwrap();
        }
        None => {
            from.send_to(bytes, to).unwrap();
        }
    }
}

#[test]
fn a_program_of_another_user_may_notify() {
    let _alone = alone();
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let identity = abide_os::process::Identity::User { name: "nobody".into(), groups: vec![] };
    let mut events = new_loop();
    let socket = NotifySocket::bind(&folder.path().join("run/notify.sock")).unwrap();
    socket.allow(&identity).unwrap();
    let script = "import os, socket
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])";
    let mut launch = launch("/usr/bin/python3", &["-c", script]);
    launch.identity = identity;
    launch.notify = Some(socket.address().to_owned());
    events.listen_notify(socket).unwrap();
    let spawned = start(&launch, &mut events);
    loop {
        match next(&mut events) {
            Happening::Notify { pid, text, .. } => {
                assert_eq!((pid, text.as_str()), (Some(spawned.tree.pid()), "READY=1"));
                break;
            }
            Happening::Due => panic!("no notification"),
            _ => {}
        }
    }
}

#[test]
fn signals_become_happenings() {
    let _alone = alone();
    let mut events = Loop::<u32>::new(Signals::Handle).unwrap();
    let all = [
        ("TERM", OsSignal::Terminate),
        ("INT", OsSignal::Interrupt),
        ("HUP", OsSignal::Hangup),
        ("USR1", OsSignal::User1),
        ("USR2", OsSignal::User2),
        ("QUIT", OsSignal::Quit),
    ];
    for (name, expected) in all {
        let script = format!("kill -{name} {}", std::process::id());
        let mut spawned = start(&sh(&script), &mut events);
        let (mut signal, mut exit) = (None, None);
        while signal.is_none() || exit.is_none() {
            match next(&mut events) {
                Happening::Signal(it) => signal = Some(it),
                Happening::Exited { exit: it, .. } => exit = Some(it),
                Happening::Due => panic!("{name} did not come"),
                _ => {}
            }
        }
        assert_eq!((signal, exit), (Some(expected), Some(Exit::Code(0))));
        assert!(spawned.tree.is_gone());
    }
    // A pipe that nobody reads is an error, not the end.
    let (reader, mut writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// Not a test by itself: what `the_link_speaks_to_systemd` runs as a service.
#[test]
#[ignore = "run by another test"]
fn service() {
    let code = link::host(ManagerKind::Systemd, "orders", |link| {
        assert_eq!(link.watchdog_every(), Some(Duration::from_secs(15)));
        link.starting(Duration::from_secs(90));
        link.text("waiting\nREADY=1");
        link.ready();
        link.reloading();
        link.watchdog();
        link.stopping(Duration::from_secs(10));
        link.stopped(Exit::Code(3));
        link.stopped(Exit::Signal(9));
        7
    });
    assert_eq!(code, 7);
}

#[test]
fn the_link_speaks_to_systemd() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let exe = std::env::current_exe().unwrap();
    for abstract_name in [false, true] {
        let mut events = new_loop();
        let path =
            if abstract_name { folder.path().join("y".repeat(120)) } else { folder.path().join("manager") };
        let socket = NotifySocket::bind(&path).unwrap();
        let mut launch = launch(exe.to_str().unwrap(), &["--exact", "service", "--ignored"]);
        launch.env.push(("WATCHDOG_USEC".into(), "30000000".into()));
        launch.notify = Some(socket.address().to_owned());
        events.listen_notify(socket).unwrap();
        let spawned = start(&launch, &mut events);
        let mut told = Vec::new();
        while told.len() < 8 {
            match next(&mut events) {
                Happening::Notify { text, .. } => told.push(text),
                Happening::Exited { exit, .. } => assert_eq!(exit, Exit::Code(0)),
                Happening::Due => panic!("only {told:?}"),
                _ => {}
            }
        }
        drop(spawned);
        let reloading = told.remove(3);
        assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
        let expected = [
            "EXTEND_TIMEOUT_USEC=90000000\n",
            "STATUS=waiting READY=1\n",
            "READY=1\n",
            "WATCHDOG=1\n",
            "STOPPING=1\nEXTEND_TIMEOUT_USEC=10000000\n",
            "STOPPING=1\nEXIT_STATUS=3\n",
            "STOPPING=1\n",
        ];
        assert_eq!(told, expected);
    }
}

#[test]
fn without_a_manager_nobody_is_told() {
    let code = link::host(ManagerKind::Foreground, "orders", |link| {
        assert_eq!(link.watchdog_every(), None);
        link.orders_to(Box::new(|_| {}));
        link.ready();
        link.stopped(Exit::Code(0));
        5
    });
    assert_eq!(code, 5);
}
