//! Bad input ends well: a message that says what is wrong, where, and what to do.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may")]

use abide_spec::*;

/// Lines that every spec has, so that what follows can be the only mistake. They are lines 1 and 2.
const HEAD: &str = "name = \"a\"\nprogram.command = [\"/x\"]\n";

fn errors(text: &str) -> Errors {
    match Spec::parse(text) {
        Ok(spec) => panic!("accepted: {text}\n{spec:#?}"),
        Err(errors) => errors,
    }
}

/// The only error of a spec: where, what and the hint.
fn only(text: &str) -> (usize, usize, String, String, String) {
    let found = errors(text);
    assert_eq!(found.0.len(), 1, "{}", found.render("a.toml".as_ref(), text, false));
    let error = found.0[0].clone();
    (error.line, error.column, error.path, error.message, error.hint.unwrap_or_default())
}

/// `after HEAD, line:column, path, part of the message, part of the hint`
#[track_caller]
fn bad(rest: &str, place: (usize, usize), path: &str, message: &str, hint: &str) {
    let (line, column, found_path, found_message, found_hint) = only(&format!("{HEAD}{rest}"));
    assert!(found_message.contains(message), "message of {rest:?}: {found_message}");
    assert!(found_hint.contains(hint), "hint of {rest:?}: {found_hint}");
    assert_eq!((line, column), place, "place in {rest:?}: {found_message}");
    assert_eq!(found_path, path, "path in {rest:?}: {found_message}");
}

#[test]
fn unknown_keys_are_told_with_what_was_meant() {
    bad(
        "descripton = \"x\"",
        (3, 1),
        "descripton",
        "unknown key `descripton` at the top of a spec",
        "did you mean `description`?",
    );
    bad(
        "[restart]\nwhenn = \"never\"",
        (4, 1),
        "restart.whenn",
        "unknown key `whenn` in [restart]",
        "`when`",
    );
    bad("[restart]\ngive_up = false", (4, 1), "restart.give_up", "unknown key", "`give-up`");
    bad(
        "[restart.delay]\nintial = \"1s\"",
        (4, 1),
        "restart.delay.intial",
        "in `restart.delay`",
        "`initial`",
    );
    bad("memory = \"1GiB\"", (3, 1), "memory", "at the top", "`memory` belongs to [limits]");
    bad(
        "[program.env]\nA = \"1\"\n[limits]\ndescription = \"x\"",
        (6, 1),
        "limits.description",
        "in [limits]",
        "belongs to the top",
    );
    bad(
        "frobnicate = 1",
        (3, 1),
        "frobnicate",
        "unknown key",
        "keys that can stand here: name, display-name",
    );
}

#[test]
fn unknown_probes_are_told_with_those_that_exist() {
    bad(
        "[[health]]\ngrpc = \"x:1\"",
        (4, 1),
        "health[0].grpc",
        "unknown key `grpc` in [[health]]",
        "http, tcp, exec, file, notify, log-silence",
    );
    bad(
        "[start.ready]\ngrpc = \"x:1\"",
        (4, 1),
        "start.ready.grpc",
        "in `start.ready`",
        "http, tcp, exec, file, notify, log",
    );
}

#[test]
fn wrong_words_are_told_with_what_was_meant() {
    bad(
        "[restart]\nwhen = \"on-failur\"",
        (4, 8),
        "restart.when",
        "`restart.when` cannot be \"on-failur\"",
        "did you mean \"on-failure\"?",
    );
    bad(
        "[start]\nmode = \"boot\"",
        (4, 8),
        "start.mode",
        "cannot be \"boot\"",
        "\"auto\", \"delayed\", \"manual\", \"disabled\"",
    );
    bad("program.inherit-env = \"some\"", (3, 23), "program.inherit-env", "cannot be \"some\"", "\"all\"");
    bad("reload.signal = \"SIGTREM\"", (3, 17), "reload.signal", "unknown signal `SIGTREM`", "");
    bad(
        "stop.steps = [{ event = \"ctrl-x\" }]",
        (3, 25),
        "stop.steps[0].event",
        "cannot be \"ctrl-x\"",
        "ctrl-c",
    );
}

#[test]
fn wrong_units_are_told_with_the_units() {
    let units = "units: ns, us, ms, s, m, h, d";
    bad("restart.reset-after = \"10 sec\"", (3, 23), "restart.reset-after", units, "write \"10s\"");
    bad("restart.reset-after = \"3 parsecs\"", (3, 23), "restart.reset-after", "unknown unit `parsecs`", "");
    bad("restart.reset-after = \"10\"", (3, 23), "restart.reset-after", "10 needs a unit", "");
    bad(
        "restart.reset-after = 10",
        (3, 23),
        "restart.reset-after",
        "must be a duration, such as \"10s\", not the number 10",
        "write \"10s\"",
    );
    bad("restart.reset-after = \"30s1m\"", (3, 23), "restart.reset-after", "largest first", "");
    bad("restart.reset-after = \"1.5s\"", (3, 23), "restart.reset-after", "`1.5s` is not a duration", "");
    bad("restart.reset-after = \"-1s\"", (3, 23), "restart.reset-after", "`-1s` is not a duration", "");
    bad("restart.reset-after = \"999999999d\"", (3, 23), "restart.reset-after", "longer than 100 years", "");
    bad("restart.reset-after = \"\"", (3, 23), "restart.reset-after", "cannot be empty", "");
    bad(
        "limits.memory = \"64 megabytes\"",
        (3, 17),
        "limits.memory",
        "units: B, KiB, MiB, GiB, TiB, KB, MB, GB, TB",
        "write \"64MiB\"",
    );
    bad(
        "limits.memory = 512",
        (3, 17),
        "limits.memory",
        "must be a size, such as \"64MiB\", not the number 512",
        "write \"512MiB\"",
    );
    bad("limits.memory = \"0\"", (3, 17), "limits.memory", "more than zero", "leave it out");
    bad("limits.memory = \"99999999TiB\"", (3, 17), "limits.memory", "at most 8 EiB", "");
}

#[test]
fn wrong_types_are_told_in_the_words_of_toml() {
    bad(
        "[limits]\nopen-files = \"many\"",
        (4, 14),
        "limits.open-files",
        "must be a whole number, 0 or more, not the text \"many\"",
        "",
    );
    bad(
        "[limits]\nopen-files = \"64\"",
        (4, 14),
        "limits.open-files",
        "not the text \"64\"",
        "write 64 without quotes",
    );
    bad("[limits]\nopen-files = -1", (4, 14), "limits.open-files", "not the number -1", "");
    bad("limits = 3", (3, 10), "limits", "`limits` must be a table, not the number 3", "");
    bad("start.after = \"db\"", (3, 15), "start.after", "must be a list in [ ]", "write [\"db\"]");
    bad(
        "start.after = [\"db\", 3]",
        (3, 22),
        "start.after[1]",
        "must be a text in quotes, not the number 3",
        "write \"3\"",
    );
    bad("health = { tcp = \"x:1\" }", (3, 10), "health", "must be a list in [ ], not a table", "");
    bad(
        "security.devices = \"true\"",
        (3, 20),
        "security.devices",
        "must be true or false",
        "write true without quotes",
    );
    bad("description = 1979-05-27", (3, 15), "description", "must be a text in quotes", "");
}

#[test]
fn commands_written_as_one_text_are_told_how_to_write_them() {
    let (line, column, _, message, hint) = only("name = \"a\"\nprogram.command = \"/srv/a --port 9000\"");
    assert_eq!((line, column), (2, 19));
    assert!(message.contains("must be a list in [ ]"), "{message}");
    assert_eq!(
        hint,
        "write [\"/srv/a\", \"--port\", \"9000\"]: the program and each argument as a string of its own"
    );
}

#[test]
fn empty_and_impossible_commands_are_refused() {
    let command = |it: &str| format!("name = \"a\"\n[program]\ncommand = {it}");
    assert!(only(&command("[]")).3.contains("command is empty"));
    assert!(only(&command("[\"\"]")).3.contains("the program of a command cannot be empty"));
    let (line, column, path, message, _) = only(&command("[\"/x\", \"a\\u0000b\"]"));
    assert_eq!((line, column, path.as_str()), (3, 18, "program.command[1]"));
    assert!(message.contains("NUL byte"), "{message}");
}

#[test]
fn missing_things_are_told_with_what_to_add() {
    let found = errors("");
    let told: Vec<&str> = found.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(told, ["`name` is missing", "`program` is missing"]);
    assert!(found.0[0].hint.as_deref().is_some_and(|hint| hint.contains("name = ")));
    let (_, _, path, message, hint) = only("name = \"a\"\n[program]\nenv = {}");
    assert_eq!((path.as_str(), message.as_str()), ("program.command", "[program] lacks `command`"));
    assert!(hint.contains("add command = ["), "{hint}");
    bad("[register]\ntags = []", (3, 1), "register.port", "[register] lacks `port`", "port = 9000");
    bad("debug.on = { signal = \"USR1\" }", (3, 1), "debug.off", "[debug] lacks `off`", "both");
}

#[test]
fn a_misspelt_key_is_not_also_missing() {
    assert_eq!(only("nam = \"a\"\nprogram.command = [\"x\"]").4, "did you mean `name`?");
    assert_eq!(only("name = \"a\"\nprogram.comand = [\"x\"]").4, "did you mean `command`?");
}

#[test]
fn names_that_cannot_be_files_everywhere_are_refused() {
    let long = "x".repeat(65);
    for (name, why) in [
        ("", "cannot be empty"),
        ("a/b", "'/'"),
        ("a\\\\b", "'\\\\'"),
        ("a\\u0000b", "'\\0'"),
        ("-a", "begin with a letter or digit"),
        ("a.", "ends with a dot"),
        ("CON", "device on Windows"),
        ("nul.txt", "device on Windows"),
        ("Com1", "device on Windows"),
        ("lpt9.log", "device on Windows"),
        ("größe", "'ö'"),
        (&long, "65 characters"),
    ] {
        let (line, column, path, message, _) = only(&format!("name = \"{name}\"\nprogram.command = [\"x\"]"));
        assert_eq!((line, column, path.as_str()), (1, 8, "name"), "{name}");
        assert!(message.contains(why), "{name}: {message}");
    }
    for name in ["a", "0", "orders-v2.eu_1", "com", "com10", "console", &"x".repeat(64)] {
        assert!(Name::new(name).is_ok(), "{name}");
    }
}

#[test]
fn probes_are_one_of_their_kinds() {
    bad(
        "start.ready = { timeout = \"1s\" }",
        (3, 15),
        "start.ready",
        "`ready` needs one of `http`, `tcp`",
        "",
    );
    bad(
        "start.ready = { tcp = \"x:1\", notify = true }",
        (3, 15),
        "start.ready",
        "found `tcp` and `notify`",
        "",
    );
    bad(
        "[[health]]\ntcp = \"x:1\"\n[[health]]\nevery = \"1s\"",
        (5, 1),
        "health[1]",
        "`health` needs one of",
        "",
    );
    bad("[[health]]\nnotify = true", (3, 1), "health[0]", "`notify` needs `every`", "");
    bad(
        "[[health]]\ntcp = \"x:1\"\nmax-age = \"1s\"",
        (3, 1),
        "health[0]",
        "`max-age` belongs to a `file` probe",
        "",
    );
    bad(
        "[[health]]\ntcp = \"x:1\"\nunhealthy-after = 0",
        (5, 19),
        "health[0].unhealthy-after",
        "at least 1",
        "",
    );
    bad("[[health]]\ntcp = \"x:1\"\nevery = \"0s\"", (5, 9), "health[0].every", "longer than zero", "");
    bad("start.ready = { log = \"\" }", (3, 23), "start.ready.log", "cannot be empty", "");
    bad("start.ready = { exec = [] }", (3, 24), "start.ready.exec", "command is empty", "");
}

#[test]
fn urls_and_addresses_are_checked() {
    let http = |url: &str| format!("start.ready = {{ http = \"{url}\" }}");
    let told = |url: &str, message: &str| bad(&http(url), (3, 24), "start.ready.http", message, "");
    told("https://x/", "[\"curl\", \"--fail\", \"--silent\", \"https://x/\"]");
    told("x:80/healthz", "not an http URL");
    told("http:///x", "names no host");
    told("http://u:p@x/", "user or password");
    told("http://x:0/", "1 to 65535");
    told("http://x/a b", "space");
    told("http://::1/", "[brackets]");
    bad("start.ready = { tcp = \"x\" }", (3, 23), "start.ready.tcp", "it has no port", "");
    bad("start.ready = { tcp = \"x:99999\" }", (3, 23), "start.ready.tcp", "1 to 65535", "");
    bad("start.ready = { tcp = \"::1:80\" }", (3, 23), "start.ready.tcp", "[brackets]", "");
    let url: HttpUrl = "http://[::1]:81?x#y".parse().unwrap();
    assert_eq!(
        (url.host(), url.port(), url.path(), url.authority().as_str()),
        ("::1", 81, "/?x", "[::1]:81")
    );
}

#[test]
fn numbers_out_of_range_are_told_with_the_range() {
    bad(
        "restart.delay = { factor = 0.5 }",
        (3, 28),
        "restart.delay.factor",
        "from 1 to 1000, not 0.5",
        "fixed delay",
    );
    bad("restart.delay = { factor = nan }", (3, 28), "restart.delay.factor", "not NaN", "");
    bad("restart.delay = { jitter = 1.1 }", (3, 28), "restart.delay.jitter", "from 0 to 1, not 1.1", "");
    bad(
        "restart.delay = { initial = \"2m\" }",
        (3, 17),
        "restart.delay.max",
        "`max` (1m) is shorter than `initial` (2m)",
        "",
    );
    bad("restart.give-up = { after = 0 }", (3, 29), "restart.give-up.after", "at least 1", "give-up = false");
    bad("restart.give-up = true", (3, 19), "restart.give-up", "or false for never", "");
    bad(
        "restart.codes = { always = [1], never = [2, 1] }",
        (3, 17),
        "restart.codes",
        "exit code 1 is in both",
        "",
    );
    bad(
        "restart.success-codes = [4294967296]",
        (3, 26),
        "restart.success-codes[0]",
        "does not fit into 32 bits",
        "",
    );
    bad("limits.cpu = 0", (3, 14), "limits.cpu", "more than 0", "leave it out");
    bad("limits.cpu = inf", (3, 14), "limits.cpu", "more than 0", "");
    bad("register.port = 0", (3, 17), "register.port", "from 1 to 65535, not 0", "");
    bad("register.port = 70000", (3, 17), "register.port", "from 1 to 65535, not the number 70000", "");
    bad("register = { port = 1, weight = 0 }", (3, 33), "register.weight", "from 1 to 65535", "");
    bad("logs.rotate = { size = \"10B\" }", (3, 24), "logs.rotate.size", "at least 1KiB", "");
    bad("logs.buffer = \"1TiB\"", (3, 15), "logs.buffer", "from 4KiB to 1GiB", "");
}

#[test]
fn steps_that_are_never_reached_are_refused() {
    let never = "this step is never reached";
    bad(
        "stop.steps = [{ kill = \"tree\" }, { signal = \"TERM\" }]",
        (3, 34),
        "stop.steps[1]",
        never,
        "to the end",
    );
    bad(
        "stop.steps = [{ kill = \"tree\", on = \"unix\" }, { signal = \"TERM\" }]",
        (3, 47),
        "stop.steps[1]",
        never,
        "",
    );
    bad(
        "stop.steps = [{ kill = \"tree\", wait = \"1s\" }]",
        (3, 15),
        "stop.steps[0]",
        "`wait` does not go with `kill`",
        "",
    );
    bad(
        "stop.steps = [{ signal = \"TERM\", on = \"windows\" }]",
        (3, 15),
        "stop.steps[0]",
        "Windows has no signals",
        "",
    );
    bad("stop.steps = [{ wait = \"1s\" }]", (3, 15), "stop.steps[0]", "a stop step needs one of", "");
    let other = format!(
        "{HEAD}stop.steps = [{{ kill = \"tree\", on = \"windows\" }}, {{ signal = \"TERM\" }}, {{ kill = \"program\" }}]"
    );
    assert!(Spec::parse(&other).is_ok());
}

#[test]
fn environments_that_cannot_be_are_refused() {
    bad(
        "program.env = { \"A=B\" = \"x\" }",
        (3, 17),
        "program.env.\"A=B\"",
        "cannot be the name",
        "neither `=` nor NUL",
    );
    bad("program.env = { A = \"x\\u0000\" }", (3, 21), "program.env.A", "NUL byte", "");
    bad(
        "program.env = { NOTIFY_SOCKET = \"x\" }",
        (3, 17),
        "program.env.NOTIFY_SOCKET",
        "set by Abide itself",
        "",
    );
    bad("program.inherit-env = [\"A\", \"A\"]", (3, 29), "program.inherit-env[1]", "twice", "");
    let (.., message, hint) = only(&format!("{HEAD}program.env = {{ PIN = 1234 }}"));
    assert!(!message.contains("1234") && !hint.contains("1234"), "a secret in {message} {hint}");
}

#[test]
fn the_rest_of_the_settings_is_checked() {
    bad("start.after = [\"db\", \"db\"]", (3, 22), "start.after[1]", "`db` is there twice", "remove one");
    bad("start.after = [\"a\"]", (3, 16), "start.after[0]", "cannot start after itself", "");
    bad("start.after = [\"a.service\"]", (3, 16), "start.after[0]", "cannot start after itself", "");
    bad("start.after = [\"a b\"]", (3, 16), "start.after[0]", "contains ' '", "");
    bad("accept = [\"limits.cpus\"]", (3, 11), "accept[0]", "not a setting", "did you mean `limits.cpu`?");
    bad("accept = [\"name\"]", (3, 11), "accept[0]", "not a setting whose loss", "");
    bad(
        "account.run-as = \"LocalSystem\"",
        (3, 18),
        "account.run-as",
        "not the name of a user",
        "run-as = \"system\"",
    );
    bad(
        "account.password-file = \"/p\"",
        (3, 25),
        "account.password-file",
        "`least-privilege` has no password",
        "",
    );
    bad("description = \"a\\nb\"", (3, 15), "description", "line break", "one line");
    bad(
        "security.capabilities = [\"NET_BIND_SERVICE\"]",
        (3, 26),
        "security.capabilities[0]",
        "not a capability",
        "CAP_NET_BIND_SERVICE",
    );
    bad("security.system-calls = [\"~mount\"]", (3, 26), "security.system-calls[0]", "not a system call", "");
    bad("program.working-dir = \"\"", (3, 23), "program.working-dir", "cannot be empty", "");
    bad("register = { port = 1, address = \"a b\" }", (3, 34), "register.address", "not the address", "");
}

#[test]
fn texts_that_are_not_toml_are_told_where() {
    let (line, column, _, message, hint) = only("name = orders\n");
    assert_eq!((line, column), (1, 8));
    assert!(message.contains("must be quoted") && hint.contains("quotes"), "{message} {hint}");
    let (line, .., hint) = only("name = \"a\"\nname = \"b\"\n");
    assert_eq!(line, 2);
    assert!(hint.contains("remove or merge one `name`"), "{hint}");
    let (line, column, .., hint) = only("name = \"a\"\nprogram.command = [\"C:\\srv\"]\n");
    assert_eq!((line, column > 19), (2, true));
    assert!(hint.contains("'single quotes'"), "{hint}");
}

#[test]
fn many_mistakes_are_told_at_once_in_order() {
    let text = "nam = \"a\"\n[program]\ncommand = []\nenvfile = \"x\"\n[restart]\nwhen = \"nevr\"\n[restart.delay]\ninitial = \"5 min\"\njitter = 7\n[[health]]\n[[health]]\ntcp = \"x\"\n";
    let found = errors(text);
    let lines: Vec<usize> = found.iter().map(|error| error.line).collect();
    assert_eq!(lines, [1, 3, 4, 6, 8, 9, 10, 12], "{}", found.render("a.toml".as_ref(), text, false));
}

#[test]
fn what_follows_from_a_mistake_is_not_another_one() {
    // Without `initial`, `max` might be shorter than the default; the element cut out might be the only one.
    only(&format!("{HEAD}restart.delay = {{ initial = \"1 ms\", max = \"100ms\" }}"));
    only("name = \"a\"\nprogram.command = [3]");
    only(&format!("{HEAD}start.ready = {{ http = \"https://x\" }}"));
}

#[test]
fn places_count_characters_and_survive_windows_line_ends() {
    let (line, column, ..) = only("name = \"a\"\r\nprogram.command = [\"日本é\", 3]\r\n");
    assert_eq!((line, column), (2, 27));
    assert_eq!(only("\u{feff}nam = \"a\"\nprogram.command = [\"x\"]").0, 1);
}

#[test]
fn errors_are_drawn_with_carets_and_a_hint() {
    let text = "name = \"a\"\n\n[program]\n\tcommand = [\"日本\", 12]\n";
    let found = errors(text);
    let drawn = found.render("orders.toml".as_ref(), text, false);
    let wanted = "error: `program.command[1]` must be a text in quotes, not the number 12
 --> orders.toml:4:19
 4 |  command = [\"日本\", 12]
   |                     ^^

hint: write \"12\"
";
    assert_eq!(drawn, wanted);
    assert!(found.render("orders.toml".as_ref(), text, true).contains("\x1b[1;31merror:\x1b[0m"));
    assert_eq!(
        found.to_string(),
        "line 4, column 19: `program.command[1]` must be a text in quotes, not the number 12 (write \"12\")"
    );
}

#[test]
fn a_spec_cannot_write_to_the_terminal() {
    let text = format!("{HEAD}start.mode = \"\\u001b[2J\\u202e\" # \u{202e}\n");
    let drawn = errors(&text).render("a.toml".as_ref(), &text, false);
    assert!(!drawn.contains(['\x1b', '\u{202e}']), "{drawn:?}");
    assert!(drawn.contains("\\u{1b}"), "{drawn}");
}

#[test]
fn very_long_lines_are_shown_in_part() {
    let text =
        format!("name = \"a\"\nprogram.command = [{} 3, {}]", "\"x\",".repeat(4000), "\"y\",".repeat(4000));
    let drawn = errors(&text).render("a.toml".as_ref(), &text, false);
    assert!(drawn.lines().all(|line| line.chars().count() < 200), "{drawn}");
    let lines: Vec<&str> = drawn.lines().collect();
    let caret = lines[3].chars().position(|c| c == '^').unwrap();
    assert_eq!(lines[2].chars().nth(caret), Some('3'));
}

#[test]
fn files_that_are_no_specs_are_refused_at_once() {
    let message = |bytes: &[u8]| {
        let error = Spec::from_bytes(bytes).unwrap_err().0.remove(0);
        error.message + " / " + &error.hint.unwrap_or_default()
    };
    assert!(message(b"name = \"a\"\nx = \"\xe9\"").contains("byte 0xE9 at offset 16 (line 2)"));
    assert!(message(b"\xff\xfen\0a\0").contains("UTF-16"));
    assert!(message(b"name = \"\xe2\x82").contains("offset 8"));
    assert!(message(&vec![b'#'; 10 << 20]).contains("spec is 10 MiB; at most 1 MiB is read"));
    assert!(message(&vec![b'#'; (1 << 20) + 1]).contains("1.0 MiB"));
}

#[test]
fn hostile_texts_are_read_in_reasonable_time() {
    let start = std::time::Instant::now();
    let many_keys: String = (0..20_000).map(|it| format!("k{it} = {it}\n")).collect();
    let deep = format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("name = \"{}\"", "x".repeat(1_000_000));
    let brackets = "[[health]]\n".repeat(20_000);
    let late = format!("{HEAD}{}[[health]]\n", "[[health]]\ntcp=\"x:1\"\n".repeat(20_000));
    let same = format!("{HEAD}start.after = [{}]", "\"x\",".repeat(200_000));
    let different: String = (0..80_000).map(|it| format!("\"x{it}\",")).collect();
    let different = format!("{HEAD}start.after = [{different} \"x\", \"x\"]");
    let steps = format!("{HEAD}stop.steps = [{}]", "{signal=\"HUP\"},".repeat(20_000));
    let codes = "1,".repeat(100_000);
    let codes = format!("{HEAD}restart.codes = {{ always = [{codes}], never = [{codes}] }}");
    for text in [many_keys, deep, long, brackets, late, same, different, steps, codes] {
        let found = errors(&text);
        assert!(found.0.len() <= 50);
        assert!(found.to_string().len() < 100_000);
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn windows_paths_in_double_quotes_are_noticed() {
    let (_, column, _, message, hint) = only("name = \"a\"\nprogram.command = [\"C:\\new\\tool.exe\"]");
    assert_eq!(column, 20);
    assert!(message.contains("line break or another control character"), "{message}");
    assert!(hint.contains("'single quotes'"), "{hint}");
    bad(
        "program.env-file = \"D:\\temp\"",
        (3, 20),
        "program.env-file",
        "control character",
        "'single quotes'",
    );
}

#[test]
fn what_is_done_with_lines_must_make_sense() {
    let logs = |rest: &str, column, path: &str, message: &str, hint: &str| {
        bad(&format!("logs.{rest}"), (3, column), &format!("logs.{path}"), message, hint);
    };
    logs("level = \"warning\"", 14, "level", "cannot be \"warning\"", "\"warn\"");
    logs("level = \"trace\"", 14, "level", "nothing is lower", "leave `level` out");
    logs("sample = 0.5", 15, "sample", "no `level` is set", "level = \"warn\"");
    for sample in ["1.5", "-0.1", "nan", "inf"] {
        bad(
            &format!("logs.level = \"warn\"\nlogs.sample = {sample}"),
            (4, 15),
            "logs.sample",
            "from 0 to 1",
            "each hundredth",
        );
    }
    logs("rate-limit = {}", 19, "rate-limit.lines", "lacks `lines`", "rate-limit = { lines = 1000");
    logs("rate-limit = { lines = 0 }", 29, "rate-limit.lines", "at least 1", "leave `rate-limit` out");
    logs(
        "rate-limit = { lines = 1, per = \"0s\" }",
        38,
        "rate-limit.per",
        "from 1ms to 1d, not 0s",
        "a second",
    );
    logs("rate-limit = { lines = 1, per = \"2d\" }", 38, "rate-limit.per", "not 2d", "");
    logs("encoding = { stdout = \"utf16\" }", 28, "encoding.stdout", "cannot be \"utf16\"", "\"utf-16\"");
    logs("encoding = { both = \"raw\" }", 19, "encoding.both", "unknown key", "stdout, stderr");
    logs("ansi = \"remove\"", 13, "ansi", "cannot be", "\"keep\", \"strip\"");
    logs("rotate = { max-age = \"1ms\" }", 27, "rotate.max-age", "at least 1s", "");
    logs("rotate = { max-size = \"1MiB\" }", 28, "rotate.max-size", "less than `size` (64MiB)", "keep = 0");
}

#[test]
fn expressions_that_cannot_be_are_shown_where_they_stand() {
    let redact = |expression: &str, column, index, message: &str, hint: &str| {
        let path = format!("logs.redact[{index}]");
        bad(&format!("logs.redact = ['x=\\d+', {expression}]"), (3, column), &path, message, hint);
    };
    redact("'pass(word'", 25, 1, "\"pass(word\" is not a regular expression", "'single quotes'");
    redact("'(?=x)'", 25, 1, "is not a regular expression", "lookaround");
    redact("'x*'", 25, 1, "it would be found everywhere", "`+` for `*`");
    redact("\"a\\nb\"", 25, 1, "contains a line break", "'single quotes'");
    redact("'x=\\d+'", 25, 1, "is there twice", "remove");
    redact("'(((a{99}){99}){99}){99}'", 25, 1, "is not a regular expression", "");
    redact(&format!("'{}'", "x".repeat(2000)), 25, 1, "it has 2000 bytes; at most 1024", "");
    bad("logs.redact = 'x'", (3, 15), "logs.redact", "a list in [ ]", "write [\"x\"]");
    bad("logs.multiline = {}", (3, 18), "logs.multiline.start", "lacks `start`", "what begins an entry");
    bad("logs.multiline.start = '['", (3, 24), "logs.multiline.start", "is not a regular expression", "");
    bad("logs.multiline.start = ''", (3, 24), "logs.multiline.start", "every line would begin", "");
    let many: Vec<String> = (0..101).map(|number| format!("'{number}x'")).collect();
    bad(
        &format!("logs.redact = [{}]", many.join(",")),
        (3, 15),
        "logs.redact",
        "101 expressions; at most 100",
        "`|`",
    );
}

#[test]
fn requests_that_cannot_be_are_told() {
    let debug = |request: &str, place, path: &str, message: &str, hint: &str| {
        let rest = format!("debug.off.signal = \"USR2\"\ndebug.on.http = {{ {request} }}");
        bad(&rest, place, &format!("debug.on.http{path}"), message, hint);
    };
    debug("method = \"PUT\"", (4, 17), ".url", "lacks `url`", "http://127.0.0.1:9000/loglevel");
    debug("url = \"https://x/\"", (4, 25), ".url", "is https", "");
    debug("url = \"http://x/\", method = \"put\"", (4, 47), ".method", "cannot be \"put\"", "\"PUT\"");
    debug("url = \"http://x/\", method = \"GET\", body = \"x\"", (4, 61), ".body", "has no body", "\"POST\"");
    debug("url = \"http://x/\", timeout = \"0s\"", (4, 48), ".timeout", "longer than zero", "");
    debug("url = \"http://x/\", timeout = \"2m\"", (4, 48), ".timeout", "at most 1m", "");
    debug(
        "url = \"http://x/\", content-type = \"a\\r\\nb\"",
        (4, 53),
        ".content-type",
        "not a kind of content",
        "",
    );
}
