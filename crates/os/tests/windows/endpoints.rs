//! The control endpoint, and files.

use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use abide_os::endpoint::{Endpoint, connect};
use abide_os::events::{Happening, Loop, Signals};

pub const TESTS: &[(&str, fn())] = &[
    ("a caller is heard and answered", conversation),
    ("many callers come one after the other", many),
    ("an endpoint has one owner and nobody else", one_owner),
    ("a silent side is not waited for", silence),
    ("this process knows who it is", account),
];

const PATIENCE: Duration = Duration::from_secs(20);

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("abide-test-{}", std::process::id())).join(name).join("control.sock")
}

fn ask(path: PathBuf, text: String) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut caller = connect(&path, PATIENCE).unwrap();
        caller.write_all(text.as_bytes()).unwrap();
        caller.flush().unwrap();
        let mut answer = String::new();
        caller.read_to_string(&mut answer).unwrap();
        answer
    })
}

fn serve(events: &mut Loop<()>) {
    match events.wait(Some(Instant::now() + PATIENCE)).unwrap() {
        Happening::Connection { mut connection, .. } => {
            assert!(connection.peer_is_allowed());
            connection.set_timeout(PATIENCE).unwrap();
            let mut buffer = [0; 64];
            let length = connection.read(&mut buffer).unwrap();
            connection.write_all(b"you said ").unwrap();
            connection.write_all(&buffer[..length]).unwrap();
        }
        other => panic!("{other:?}"),
    }
}

fn conversation() {
    let path = path("conversation");
    assert_eq!(connect(&path, PATIENCE).unwrap_err().kind(), ErrorKind::NotFound);
    let mut events = Loop::new(Signals::Leave).unwrap();
    let id = events.listen(Endpoint::bind(&path).unwrap()).unwrap();
    let caller = ask(path.clone(), "hello".into());
    serve(&mut events);
    assert_eq!(caller.join().unwrap(), "you said hello");
    events.close(id);
    assert_eq!(connect(&path, PATIENCE).unwrap_err().kind(), ErrorKind::NotFound);
}

fn many() {
    let path = path("many");
    let mut events = Loop::new(Signals::Leave).unwrap();
    events.listen(Endpoint::bind(&path).unwrap()).unwrap();
    let callers: Vec<_> = (0..20).map(|number| ask(path.clone(), number.to_string())).collect();
    for _ in &callers {
        serve(&mut events);
    }
    for (number, caller) in callers.into_iter().enumerate() {
        assert_eq!(caller.join().unwrap(), format!("you said {number}"));
    }
}

fn one_owner() {
    let path = path("one");
    let first = Endpoint::bind(&path).unwrap();
    assert_eq!(Endpoint::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(first);
    drop(Endpoint::bind(&path).unwrap());
}

fn silence() {
    let path = path("silence");
    let mut events: Loop<()> = Loop::new(Signals::Leave).unwrap();
    events.listen(Endpoint::bind(&path).unwrap()).unwrap();
    let mut caller = connect(&path, Duration::from_millis(50)).unwrap();
    let began = Instant::now();
    assert_eq!(caller.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(began.elapsed() < PATIENCE / 2);
    // Too much for a side that does not read.
    let error = caller.write_all(&vec![1; 1 << 20]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

fn account() {
    assert!(!abide_os::account::current().unwrap().is_empty());
    // Whether or not it is: it is told without a failure.
    let _ = abide_os::account::is_privileged();
}
