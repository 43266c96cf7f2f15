//! Programs: started, heard, stopped, killed, suspended.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use abide_os::events::{Happening, Loop, Signals};
use abide_os::pipes::{Chunk, Collector};
use abide_os::process::{
    ActError, Identity, Launch, OutputMode, SpawnError, Stage, Tree, is_alive, start_token,
};
use abide_spec::{ConsoleEvent, Exit, KillScope, Limits, Signal, Size, StopAction};

use crate::roles::ROLE;

pub const TESTS: &[(&str, fn())] = &[
    ("arguments arrive as they are", arguments),
    ("a batch file gets its arguments as they are", batch_arguments),
    ("the environment is what was given, and the mark", environment),
    ("standard input is null and no window shows", input),
    ("exit codes come back whole", exit_codes),
    ("what can't be started says why", refusals),
    ("Ctrl-C reaches the program and nobody else", ctrl_c),
    ("a program without the wanted kind of event is told apart", no_window),
    ("killing the tree ends what the program started", kill_tree),
    ("killing the program leaves the rest to the tree", kill_program),
    ("a child that holds the pipes delays nothing", held_pipes),
    ("a child that keeps writing is cut off at the deadline", chatter),
    ("a tree that is dropped is ended", dropped),
    ("a suspended program goes on where it was", suspend),
    ("limits hold", limits),
    ("messages and due moments wake the loop", waking),
];

/// Long enough for a slow machine, and never waited for when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

fn launch(args: &[&str]) -> Launch {
    Launch {
        program: std::env::current_exe().unwrap(),
        args: [ROLE].iter().chain(args).map(OsString::from).collect(),
        env: std::env::vars_os().collect(),
        working_dir: None,
        identity: Identity::Inherit,
        limits: Limits::default(),
        instance: "test.1".into(),
        output: OutputMode::Pipes,
        notify: None,
    }
}

/// What one stream wrote, and how it ended.
#[derive(Default, Clone, Debug)]
struct Heard {
    text: String,
    bytes: usize,
    end: Option<bool>,
}

struct Bench {
    events: Loop<()>,
    collector: Collector,
    heard: Arc<Mutex<BTreeMap<u64, Heard>>>,
}

impl Bench {
    fn new() -> Self {
        let events = Loop::new(Signals::Leave).unwrap();
        let heard: Arc<Mutex<BTreeMap<u64, Heard>>> = Arc::default();
        let (ears, remote) = (Arc::clone(&heard), events.remote());
        let collector = Collector::start(Box::new(move |id, chunk| {
            let mut heard = ears.lock().unwrap();
            let heard = heard.entry(id).or_default();
            match chunk {
                Chunk::Data(data) => {
                    heard.bytes += data.len();
                    if heard.text.len() < 100_000 {
                        heard.text.push_str(&String::from_utf8_lossy(data));
                    }
                }
                Chunk::End { complete } => heard.end = Some(complete),
            }
            remote.send(());
        }))
        .unwrap();
        Self { events, collector, heard }
    }

    fn start(&mut self, launch: &Launch) -> Tree {
        let spawned = Tree::spawn(launch, &mut self.events).unwrap();
        let (out, err) = spawned.output.unwrap();
        self.collector.add(1, out).unwrap();
        self.collector.add(2, err).unwrap();
        spawned.tree
    }

    fn heard(&self, id: u64) -> Heard {
        self.heard.lock().unwrap().get(&id).cloned().unwrap_or_default()
    }

    /// Waits until what was heard on standard output is so.
    fn until(&mut self, is_so: impl Fn(&Heard) -> bool) -> Heard {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = self.heard(1);
            if is_so(&heard) {
                return heard;
            }
            match self.events.wait(Some(deadline)).unwrap() {
                Happening::Due => {
                    panic!("heard only {:?}; on standard error {:?}", self.heard(1), self.heard(2))
                }
                Happening::Exited { .. } => panic!("it ended; heard {:?} {:?}", self.heard(1), self.heard(2)),
                _ => {}
            }
        }
    }

    fn exit(&mut self) -> Exit {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.events.wait(Some(deadline)).unwrap() {
                Happening::Exited { exit, .. } => return exit,
                Happening::Due => panic!("it did not end; heard {:?} {:?}", self.heard(1), self.heard(2)),
                _ => {}
            }
        }
    }

    fn until_gone(&mut self, tree: &mut Tree) {
        let deadline = Instant::now() + PATIENCE;
        while !tree.is_gone() {
            if let Happening::Due = self.events.wait(Some(deadline)).unwrap() {
                panic!("still there: {:?}", tree.members());
            }
        }
    }

    /// Everything the program wrote until it ended.
    fn whole(mut self, launch: &Launch) -> (Exit, String) {
        let mut tree = self.start(launch);
        let exit = self.exit();
        self.until_gone(&mut tree);
        let heard = Arc::clone(&self.heard);
        self.collector.stop();
        drop(tree);
        let heard = heard.lock().unwrap();
        assert_eq!(heard[&1].end, Some(true));
        (exit, heard[&1].text.clone() + &heard[&2].text)
    }
}

fn is_wine() -> bool {
    use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
    // SAFETY: both names end with NULs, and ntdll is always loaded.
    unsafe {
        GetProcAddress(GetModuleHandleW(windows_sys::w!("ntdll.dll")), c"wine_get_version".as_ptr().cast())
    }
    .is_some()
}

fn awkward() -> Vec<&'static str> {
    vec![
        "",
        "a b",
        r"c:\d e\",
        r#"say "hi""#,
        r#"\"\\"#,
        "100%",
        "%PATH%",
        "a&b|c>d",
        "^caret!",
        "é ✓ 🌍",
        "*",
        "-",
    ]
}

fn arguments() {
    let mut args = vec!["arguments"];
    args.extend(awkward());
    args.push("two\nlines");
    let (exit, text) = Bench::new().whole(&launch(&args));
    let expected: String = args[1..].iter().map(|arg| format!("{arg:?}\n")).collect();
    assert_eq!((exit, text), (Exit::Code(0), expected));
}

fn batch_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("a script.cmd");
    let own = std::env::current_exe().unwrap();
    std::fs::write(&script, format!("@\"{}\" %*\r\n@exit /b %errorlevel%\r\n", own.display())).unwrap();
    let mut wanted = launch(&["arguments"]);
    wanted.program = script;
    let mut args = awkward();
    // Wine's cmd.exe reads percent signs in a way of its own.
    args.retain(|arg| !arg.contains('%') || !is_wine());
    wanted.args.extend(args.iter().map(OsString::from));
    let (exit, text) = Bench::new().whole(&wanted);
    let expected: String = args.iter().map(|arg| format!("{arg:?}\n")).collect();
    assert_eq!((exit, text), (Exit::Code(0), expected));

    wanted.args.push("two\nlines".into());
    let refused = refused(&wanted);
    assert_eq!(refused.stage, Stage::Arguments);
    assert!(refused.to_string().contains("line break"), "{refused}");
}

fn environment() {
    let mut wanted = launch(&["environment"]);
    let given = [
        ("b", "2"),
        ("A", "1"),
        ("=odd", "x"),
        ("PATH", ""),
        ("ü", "é ✓"),
        ("b", "3"),
        ("ABIDE_INSTANCE", "of another"),
    ];
    wanted.env = given.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let (exit, text) = Bench::new().whole(&wanted);
    assert_eq!(exit, Exit::Code(0));
    for line in ["\"A\"=\"1\"", "\"b\"=\"3\"", "\"ü\"=\"é ✓\"", "\"ABIDE_INSTANCE\"=\"test.1\""] {
        assert!(text.lines().any(|given| given == line), "{line} is not in\n{text}");
    }
    assert!(text.to_lowercase().contains("\"systemroot\"="), "{text}");
}

fn input() {
    let (exit, text) = Bench::new().whole(&launch(&["input"]));
    assert_eq!((exit, text.as_str()), (Exit::Code(0), "Ok(0)\nwindow false\n"));
}

fn exit_codes() {
    for code in [0, 1, 259, -1_073_741_819, i32::MAX] {
        let (exit, _) = Bench::new().whole(&launch(&["exit", &code.to_string()]));
        assert_eq!(exit, Exit::Code(code));
    }
}

fn refused(launch: &Launch) -> SpawnError {
    let mut events = Loop::<()>::new(Signals::Leave).unwrap();
    Tree::spawn(launch, &mut events).expect_err("it should not start")
}

fn refusals() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("a.py");
    std::fs::write(&text, "print(1)").unwrap();
    let cases: [(PathBuf, Option<PathBuf>, Stage, &str); 5] = [
        ("relative.exe".into(), None, Stage::Arguments, "not absolute"),
        (folder.path().join("no.exe"), None, Stage::Exec, "no such file"),
        (folder.path().to_path_buf(), None, Stage::Exec, "folder"),
        (text, None, Stage::Exec, "python.exe"),
        (
            std::env::current_exe().unwrap(),
            Some(folder.path().join("no")),
            Stage::WorkingDir,
            "working directory",
        ),
    ];
    for (program, working_dir, stage, words) in cases {
        let wanted = Launch { program, working_dir, ..launch(&["exit", "0"]) };
        let error = refused(&wanted);
        assert_eq!(error.stage, stage, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

fn ctrl_c() {
    let mut bench = Bench::new();
    let quiet = Launch { output: OutputMode::Null, ..launch(&["listen"]) };
    let mut neighbour = Tree::spawn(&quiet, &mut bench.events).unwrap().tree;
    let mut tree = bench.start(&launch(&["listen"]));
    bench.until(|heard| heard.text.contains("listening"));
    tree.act(&StopAction::Event(ConsoleEvent::CtrlC)).unwrap();
    assert_eq!(bench.exit(), Exit::Code(40));
    bench.until(|heard| heard.text.contains("event 0"));
    assert!(!neighbour.is_gone() && neighbour.members().len() == 1);
    assert!(matches!(tree.act(&StopAction::Event(ConsoleEvent::CtrlC)), Err(ActError::Ended)));
    // The nearest likeness of a signal, for a spec that accepts it.
    neighbour.signal(&Signal::INT).unwrap();
    assert_eq!(bench.exit(), Exit::Code(40));
}

fn no_window() {
    let mut bench = Bench::new();
    let mut tree = bench.start(&launch(&["sleep"]));
    let error = tree.act(&StopAction::Event(ConsoleEvent::CloseWindow)).unwrap_err();
    assert!(error.to_string().contains("no window"), "{error}");
    let error = tree.act(&StopAction::Signal(Signal::HUP)).unwrap_err();
    assert!(error.to_string().contains("no signals"), "{error}");
    let error = tree.act(&StopAction::Command(vec!["x".into()])).unwrap_err();
    assert!(matches!(error, ActError::Unsupported { .. }));
}

fn child_of(heard: &Heard) -> u32 {
    heard.text.lines().find_map(|line| line.rsplit(' ').next()?.parse().ok()).unwrap()
}

fn kill_tree() {
    let mut bench = Bench::new();
    let mut tree = bench.start(&launch(&["parent"]));
    let heard = bench.until(|heard| heard.text.contains("parent of") && heard.text.contains("sleeping"));
    let child = child_of(&heard);
    let token = start_token(child).unwrap();
    assert!(is_alive(child, &token) && is_alive(tree.pid(), &tree.started_at()));
    let members = tree.members();
    assert_eq!((members[0], members.len()), (tree.pid(), 2));
    assert!(tree.contains(child) && !tree.contains(std::process::id()));
    tree.act(&StopAction::Kill(KillScope::Tree)).unwrap();
    assert_eq!(bench.exit(), Exit::Code(1));
    bench.until_gone(&mut tree);
    assert!(!is_alive(child, &token) && !is_alive(tree.pid(), &tree.started_at()));
    assert!(tree.members().is_empty());
    tree.kill().unwrap();
}

fn kill_program() {
    let mut bench = Bench::new();
    let mut tree = bench.start(&launch(&["parent"]));
    bench.until(|heard| heard.text.contains("sleeping"));
    tree.act(&StopAction::Kill(KillScope::Program)).unwrap();
    assert_eq!(bench.exit(), Exit::Code(1));
    tree.kill_program().unwrap();
    assert!(!tree.is_gone() && tree.members().len() == 1);
    tree.kill().unwrap();
    bench.until_gone(&mut tree);
}

fn held_pipes() {
    let mut bench = Bench::new();
    let mut tree = bench.start(&launch(&["leave"]));
    assert_eq!(bench.exit(), Exit::Code(3));
    assert!(!tree.is_gone());
    bench.collector.drain(1, Instant::now() + PATIENCE);
    bench.collector.drain(2, Instant::now() + PATIENCE);
    let heard = bench.until(|heard| heard.end.is_some());
    assert_eq!(heard.end, Some(false));
    assert!(heard.text.contains("left"), "{heard:?}");
    tree.kill().unwrap();
    bench.until_gone(&mut tree);
}

fn chatter() {
    let mut bench = Bench::new();
    let mut tree = bench.start(&launch(&["chatter"]));
    bench.until(|heard| heard.bytes > 200_000);
    let began = Instant::now();
    bench.collector.drain(1, began + Duration::from_millis(100));
    let heard = bench.until(|heard| heard.end.is_some());
    assert!(began.elapsed() < PATIENCE / 2);
    assert_eq!(heard.end, Some(false));
    tree.kill().unwrap();
}

fn dropped() {
    let mut bench = Bench::new();
    let tree = bench.start(&launch(&["parent"]));
    let heard = bench.until(|heard| heard.text.contains("parent of") && heard.text.contains("sleeping"));
    let child = child_of(&heard);
    let token = start_token(child).unwrap();
    drop(tree);
    let deadline = Instant::now() + PATIENCE;
    while is_alive(child, &token) {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
}

fn suspend() {
    let mut bench = Bench::new();
    let mut tree = bench.start(&launch(&["chatter"]));
    bench.until(|heard| heard.bytes > 100_000);
    tree.suspend().unwrap();
    tree.suspend().unwrap();
    // What was in the pipe still arrives; then nothing does.
    let mut before = bench.heard(1).bytes;
    while let Happening::Message(()) =
        bench.events.wait(Some(Instant::now() + Duration::from_millis(200))).unwrap()
    {
        before = bench.heard(1).bytes;
    }
    assert_eq!(bench.heard(1).bytes, before);
    tree.resume().unwrap();
    bench.until(|heard| heard.bytes > before + 200_000);
    tree.kill().unwrap();
    assert_eq!(bench.exit(), Exit::Code(1));
}

fn limits() {
    let mut wanted = launch(&["eat"]);
    wanted.limits = Limits { memory: Some(Size::mib(48)), ..Limits::default() };
    let (exit, text) = Bench::new().whole(&wanted);
    assert_eq!(exit, Exit::Code(9));
    // Wine takes the limit and does not hold it.
    assert!(text.contains("no more than") || is_wine(), "{text}");

    // Not offered everywhere, and never a reason not to start.
    wanted = launch(&["exit", "0"]);
    wanted.limits = Limits { cpu: Some(0.5), ..Limits::default() };
    assert_eq!(Bench::new().whole(&wanted).0, Exit::Code(0));
}

fn waking() {
    let mut events = Loop::<u32>::new(Signals::Handle).unwrap();
    assert!(Loop::<u32>::new(Signals::Handle).is_err());
    let began = Instant::now();
    assert!(matches!(events.wait(Some(began + Duration::from_millis(30))).unwrap(), Happening::Due));
    assert!(began.elapsed() >= Duration::from_millis(30));
    let remote = events.remote();
    let thread = std::thread::spawn(move || (0..1000).for_each(|number| remote.send(number)));
    for expected in 0..1000 {
        match events.wait(Some(Instant::now() + PATIENCE)).unwrap() {
            Happening::Message(number) => assert_eq!(number, expected),
            other => panic!("{other:?}"),
        }
    }
    thread.join().unwrap();
}
