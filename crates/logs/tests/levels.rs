//! Levels of lines as programs really write them.

#![allow(clippy::unwrap_used)]

use abide_logs::Level::{self, Debug, Error, Fatal, Info, Trace, Warn};

fn all_are(expected: impl Into<Option<Level>>, lines: &[&str]) {
    let expected = expected.into();
    for line in lines {
        assert_eq!(Level::of(line.as_bytes()), expected, "{line:?}");
    }
}

#[test]
fn words_at_the_beginning() {
    all_are(Trace, &["TRACE enter", "TRACE: enter", "FINEST: x", "VERBOSE: x", "trce: Microsoft.Foo[1]"]);
    all_are(
        Debug,
        &["DEBUG x=1", "DEBUG: x", "debug: x", "DEBUG5:  parse", "dbug: Microsoft.AspNetCore[3]", "FINE: x"],
    );
    all_are(Info, &["INFO starting", "INFO:     Uvicorn running", "info: listening", "NOTICE: x"]);
    all_are(
        Warn,
        &["WARN low", "WARNING: low", "WARNING  low", "warning: unused variable", "Warning: low", "WRN low"],
    );
    all_are(
        Error,
        &[
            "ERROR: relation does not exist",
            "ERR no",
            "error: could not compile",
            "Error: boom",
            "error[E0425]: x",
        ],
    );
    all_are(
        Error,
        &[
            "SEVERE: x",
            "fail: Microsoft.Hosting[5]",
            "  ERROR indented",
            "\u{feff}ERROR behind a mark",
            "ERROR",
        ],
    );
    all_are(
        Fatal,
        &[
            "FATAL: role",
            "CRITICAL x",
            "CRITICAL:root:x",
            "PANIC: x",
            "fatal: not a git repository",
            "EMERG x",
        ],
    );
    all_are(Fatal, &["FATAL ERROR: out of memory", "panic: boom", "crit: Microsoft.X[0]"]);
}

#[test]
fn words_behind_a_time() {
    all_are(
        Info,
        &[
            "2026-11-22T22:19:28Z INFO abide: up",
            "2026-11-22 22:19:28,123 INFO up",
            "2026/11/22 22:19:28 INFO up",
            "22:19:28.123 INFO up",
            "1795386000.123 INFO up",
            "2026-11-22 22:19:28.123 UTC INFO up",
            "10:19PM INF up port=80",
            "Nov 22 22:19:28 INFO up",
            "22 Nov 2026 22:19:28 INFO up",
            "2026-11-22 22:19:28 +0100 INFO up",
        ],
    );
    all_are(
        Warn,
        &[
            // Python: asctime - name - levelname, and loguru.
            "2026-11-22 22:19:28,123 - my.module - WARNING - low",
            "2026-11-22 22:19:28,123 - root - WARNING - low",
            "2026-11-22 22:19:28.123 | WARNING  | app.main:run:12 - low",
            // NLog.
            "2026-11-22 22:19:28.1234|WARN|App.Program|low",
            // zap, in both of its spellings.
            "2026-11-22T22:19:28.123Z\tWARN\tmain.go:12\tlow",
            "2026-11-22T22:19:28.123+0100\twarn\tmain.go:12\tlow",
            "2026-11-22 22:19:28 warn: low",
            "2026-11-22 22:19:28,123 WARN  [main] c.e.App - low",
            "2026-11-22T22:19:28.123+01:00  WARN 12345 --- [main] com.example.App : low",
            "22:19:28.123 [main] WARN  c.e.App - low",
            "22-Nov-2026 22:19:28.123 WARNING [main] org.apache.catalina.startup low",
            "2026/11/22 22:19:28 main.go:23: WARN: low",
        ],
    );
}

#[test]
fn words_in_brackets() {
    all_are(
        Error,
        &[
            "[error] x",
            "[ERROR] x",
            "[Error]: x",
            "[ ERR ] x",
            "<error> x",
            "[22:19:28 ERR] Serilog",
            "2026-11-22 22:19:28.123 +00:00 [ERR] Serilog",
            "2026/11/22 22:19:28 [error] 1234#0: *1 open() failed",
            "[Sun Nov 22 22:19:28.902022 2026] [core:error] [pid 35708:tid 4328] [client ::1] missing",
            "[Sun Nov 22 22:19:28 2026] [error] [client 127.0.0.1] missing",
            "[2026-11-22 22:19:28 +0000] [1] [ERROR] gunicorn",
            "[2026-11-22T22:19:28,123][ERROR][o.e.n.Node] [node-1] stopped",
            "[2026-11-22 22:19:28,123] ERROR [KafkaServer id=0] x (kafka.server.KafkaServer)",
            "[2026-11-22 22:19:28,123: ERROR/MainProcess] celery",
            "[2026-11-22T22:19:28Z ERROR my_crate] env_logger",
            "[2026/11/22 22:19:28] [error] [engine] fluent-bit",
            "2026-11-22T22:19:28.123456Z 0 [ERROR] [MY-010068] [Server] x",
            "2026-11-22 22:19:28.123+00:00 [error] <0.123.0> rabbit",
            "22:19:28.123 [error] GenServer terminating",
            "[E 2026-11-22 22:19:28.123 server.py:1] jupyter",
            "[main] ERROR com.example.App - simple logger",
            "[2026-11-22 22:19:28] production.ERROR: laravel",
        ],
    );
    all_are(
        Info,
        &[
            "[INFO ] x",
            "[Note] x",
            "2026-11-22T22:19:28.1Z 0 [System] [MY-010116] x",
            "<info>  [1795386000.1] manager: x",
            "[Nest] 1234  - 11/22/2026, 10:19:28 PM     LOG [NestFactory] Starting",
        ],
    );
    all_are(
        Warn,
        &[
            "[ warn] x",
            "2026-11-22T22:19:28.1Z 0 [Warning] [MY-010068] x",
            "[ssl:warn] [pid 1] x",
            "[WARNING]  (1) : x",
        ],
    );
    all_are(Fatal, &["[ALERT]    (1) : haproxy", "[crit] x", "[emerg] x"]);
    all_are(Trace, &["[Sun Nov 22 22:19:28 2026] [rewrite:trace3] [pid 1] x"]);
}

#[test]
fn prefixes() {
    all_are(Fatal, &["<2>out of memory", "<0>x", "F1122 22:19:28.123456    1 main.go:1] x"]);
    all_are(
        Error,
        &[
            "<3>x",
            "<131>1 2026-11-22T22:19:28Z host app - - - x",
            "E1122 22:19:28.123456       1 reflector.go:1] x",
        ],
    );
    all_are(Warn, &["<4>low", "W1122 22:19:28.123456 1 x.cc:1] x"]);
    all_are(Info, &["<5>x", "<6>x", "<30>Nov 22 22:19:28 host app: x", "I1122 22:19:28.123456 1 x.cc:1] x"]);
    all_are(Debug, &["<7>x"]);
    all_are(None, &["<8x", "<>x", "<999>x", "E1122", "E1122 later", "Ee122 22:19:28"]);
    // Ruby, Android, logrus, Redis.
    all_are(
        Error,
        &[
            "E, [2026-11-22T22:19:28.123456 #1234] ERROR -- : x",
            "11-22 22:19:28.123  1234  1235 E Tag: x",
            "ERRO[0003] x",
        ],
    );
    all_are(Warn, &["WARN[0003] x", "1234:M 22 Nov 2026 22:19:28.123 # low"]);
    all_are(Info, &["INFO[0003] x", "1234:M 22 Nov 2026 22:19:28.123 * Ready to accept connections"]);
    all_are(Fatal, &["FATA[0003] x", "PANI[0003] x"]);
    all_are(Debug, &["DEBU[0003] x"]);
    // Lines that went through syslog, a container runtime or a composer.
    all_are(
        Error,
        &[
            "Nov 22 22:19:28 host app[123]: ERROR x",
            "Nov 22 22:19:28 host app: ERROR x",
            "Nov 22 22:19:28 app[12]: ERROR x",
        ],
    );
    all_are(
        Error,
        &[
            "2026-11-22T22:19:28.123456+01:00 host app[123]: ERROR x",
            "2026-11-22T22:19:28.123456789Z stderr F ERROR x",
        ],
    );
    all_are(Error, &["web-1  | ERROR x", "web | [error] x", "npm ERR! code 1"]);
    all_are(Warn, &["npm WARN deprecated x"]);
}

#[test]
fn postgres() {
    all_are(
        Error,
        &["2026-11-22 22:19:28.123 UTC [1234] ERROR:  relation \"x\" does not exist at character 15"],
    );
    all_are(Error, &["2026-11-22 22:19:28.123 CET [1234] joe@shop ERROR:  x"]);
    all_are(Info, &["2026-11-22 22:19:28.123 UTC [1] LOG:  database system is ready", "LOG:  x"]);
    all_are(Fatal, &["2026-11-22 22:19:28.123 UTC [1] FATAL:  password authentication failed", "PANIC:  x"]);
    all_are(None, &["2026-11-22 22:19:28.123 UTC [1] STATEMENT:  select error from x", "DETAIL:  x"]);
}

#[test]
fn colours() {
    all_are(
        Info,
        &[
            "\x1b[2m2026-11-22T22:19:28.123456Z\x1b[0m \x1b[32m INFO\x1b[0m \x1b[2mapp\x1b[0m\x1b[2m:\x1b[0m up",
            "\x1b[40m\x1b[32minfo\x1b[39m\x1b[22m\x1b[49m: Microsoft.Hosting.Lifetime[14]",
            "\x1b[32minfo\x1b[39m: winston",
            "\x1b[36mINFO\x1b[0m[0000] logrus",
            "[\x1b[32mINFO\x1b[0m] x",
            "\x1b[90m10:19PM\x1b[0m \x1b[32mINF\x1b[0m zerolog",
            "\x1b[0;32m[INFO]\x1b[m x",
            "[\x1b[90m2026-11-22T22:19:28Z\x1b[0m \x1b[32mINFO \x1b[0m app] env_logger",
        ],
    );
    all_are(Error, &["\x1b[31m\x1b[1mERROR\x1b[0m x", "\x1b[1m\x1b[31merror\x1b[0m: x"]);
    all_are(None, &["\x1b[31m", "\x1b", "\x1b[31mred words, no error\x1b[0m"]);
}

#[test]
fn logfmt() {
    all_are(
        Warn,
        &[
            "level=warn msg=low",
            "time=2026-11-22T22:19:28Z level=WARN msg=\"low on space\"",
            "ts=2026-11-22 caller=main.go:12 level=\"warning\" msg=\"an error\"",
            "msg=\"level=error is a \\\"word\\\"\" level=warn",
            "time=\"2026-11-22\" lvl=warn",
            "severity=WARN-1 msg=x",
            "2026-11-22T22:19:28Z level=warn msg=low",
            "Nov 22 22:19:28 host app[1]: level=warn msg=low",
            "msg=two words level=warn",
        ],
    );
    all_are(
        None,
        &[
            "msg=\"level=error\"",
            "key=value",
            "a=b levels=error",
            "msg=\"torn level=error",
            "=error",
            "a= level=",
        ],
    );
    all_are(None, &["the level=error is set here"]);
}

#[test]
fn json() {
    all_are(
        Error,
        &[
            r#"{"level":"error","msg":"x"}"#,
            r#"{ "msg" : "x", "level" : "ERROR" }"#,
            r#"{"a":{"level":"info"},"level":"error"}"#,
            r#"{"a":[{"level":"info"},"}"],"level":"error"}"#,
            r#"{"message":"\"level\":\"info\"","lvl":"eror","severity":"ERROR"}"#,
            r#"{"@timestamp":"2026-11-22","log.level":"error","message":"x"}"#,
            r#"{"level":50,"time":1795386000,"pid":1,"hostname":"h","msg":"x"}"#,
            r#"{"name":"app","hostname":"h","pid":1,"level":50,"msg":"x","v":0}"#,
            r#"{"version":"1.1","host":"h","short_message":"x","level":3}"#,
            r#"{"PRIORITY":"3","MESSAGE":"x"}"#,
            r#"{"SeverityNumber":17,"Body":"x"}"#,
            r#"{"t":{"$date":"2026-11-22"},"s":"E","c":"NETWORK","id":1,"msg":"x"}"#,
            r#"{"@t":"2026-11-22","@mt":"x","@l":"Error"}"#,
            r#"{"time":"2026-11-22","level":"ERROR+2","msg":"x"}"#,
            r#"2026-11-22T22:19:28Z stdout F {"level":"error"}"#,
            r#"web-1  | {"level":"error"}"#,
            "{\"level\":\"error\"\t,\"torn",
        ],
    );
    for (number, level) in
        [(10, Trace), (20, Debug), (30, Info), (40, Warn), (50, Error), (60, Fatal), (35, Info)]
    {
        all_are(level, &[&format!("{{\"level\":{number}}}")]);
    }
    all_are(
        None,
        &[
            r#"{"msg":"level: error","x":1}"#,
            r#"{"msg":"\"level\":\"error\""}"#,
            r#"{"nested":{"level":"error"}}"#,
            r#"{"level":null}"#,
            r#"{"level":"high"}"#,
            r#"{"level":900}"#,
            r#"{"level":"#,
            r#"{"level"#,
            r#"{"msg":"torn \"#,
            "{",
            "{}",
            r#"["level","error"]"#,
            r#"{"level" "error"}"#,
        ],
    );
    let long =
        format!("{{\"stack\":\"{}\",\"level\":\"error\"}}", "a \\\"level\\\":\\\"info\\\" ".repeat(1000));
    all_are(Error, &[&long]);
}

#[test]
fn stack_traces() {
    all_are(
        Error,
        &[
            "thread 'main' panicked at src/main.rs:2:5:",
            "thread 'main' (4242) panicked at src/main.rs:2:5:",
            "thread '<unnamed>' panicked at 'boom', src/main.rs:2:5",
            "Traceback (most recent call last):",
            "Exception in thread \"main\" java.lang.RuntimeException: boom",
            "java.lang.IllegalStateException: boom",
            "java.io.IOException",
            "TypeError: x is not a function",
            "ValueError: invalid literal",
            "System.InvalidOperationException: boom",
            "Unhandled exception. System.Exception: boom",
            "PHP Parse error: x",
        ],
    );
    all_are(
        Fatal,
        &[
            "panic: runtime error: index out of range",
            "fatal error: all goroutines are asleep - deadlock!",
            "PHP Fatal error:  x",
        ],
    );
    all_are(
        None,
        &[
            "    at main (/srv/app.js:3:9)",
            "\tat com.example.App.error(App.java:12)",
            "goroutine 1 [running]:",
            "main.main()",
            "\t/srv/error.go:4 +0x25",
            "  File \"error.py\", line 1, in <module>",
            "    raise ValueError(x)",
            "Caused by: java.lang.Error",
            "   0: rust_begin_unwind",
            "thread 'main' started",
        ],
    );
}

#[test]
fn words_in_sentences_are_no_levels() {
    all_are(
        None,
        &[
            "",
            " ",
            "no error found",
            "NO ERROR FOUND",
            "2026-11-22 22:19:28 no error found",
            "2026-11-22 22:19:28 found ERROR in it",
            "error in the middle",
            "Errors: 0",
            "ERRORS 0",
            "ERROR_COUNT 0",
            "ERRORLEVEL",
            "error",
            "info",
            "Information about us",
            "information",
            "the [error] was mended",
            "3 ERROR lines found",
            "5 errors",
            "Finished: ERROR count is 0",
            "fine, thank you",
            "FINE DAY",
            "NOTE that this is text",
            "WARNED",
            "debugger attached",
            "GET /error HTTP/1.1",
            "127.0.0.1 - - [22/Nov/2026:22:19:28 +0000] \"GET /ERROR HTTP/1.1\" 500 12",
            "\"ERROR\"",
            "(see ERROR below)",
            "<html>",
            "<p>ERROR</p>",
            "[error handler] installed",
            "[the error] x",
            "info about it",
            "warn me",
            "a | b",
            "=",
            "|||",
            "]]]",
            "ÄÖÜ ERROR",
            "I am",
            "E 1",
        ],
    );
    let late = format!("{} ERROR x", "2026-11-22 ".repeat(40));
    all_are(None, &[&late]);
}

#[test]
fn names_come_back() {
    for level in Level::ALL {
        assert_eq!(level.to_string().parse(), Ok(level));
    }
    assert_eq!("WARNING".parse(), Ok(Warn));
    let unknown = "loud".parse::<Level>().unwrap_err().to_string();
    assert_eq!(unknown, "`loud` is not a level; levels are trace, debug, info, warn, error and fatal");
    assert!(Trace < Debug && Debug < Info && Info < Warn && Warn < Error && Error < Fatal);
    assert_eq!(format!("{:>6}|{:<6}|", Warn, Info), "  warn|info  |");
}
