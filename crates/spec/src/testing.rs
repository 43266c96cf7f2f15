//! Arbitrary valid specs, for property tests of this and other crates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::{collection, option};

use crate::*;

/// Any spec that [`Spec::validate`] accepts.
pub fn any_spec() -> BoxedStrategy<Spec> {
    let about = (any_name(), option::of(any_line()), option::of(any_line()), any_accept());
    let run = (any_program(), any_start(), any_account(), any_restart(), collection::vec(any_health(), 0..3));
    let act = (any_stop(), option::of(any_reload()), option::of(any_debug()));
    let rest = (any_logs(), any_limits(), any_security(), option::of(any_register()));
    (about, run, act, rest)
        .prop_map(|(about, run, act, rest)| {
            let (name, display_name, description, accept) = about;
            let (program, mut start, account, restart, health) = run;
            let (stop, reload, debug) = act;
            let (logs, limits, security, register) = rest;
            start.after.retain(|after| after.strip_suffix(".service").unwrap_or(after) != name.as_str());
            Spec {
                name,
                display_name,
                description,
                accept,
                program,
                start,
                account,
                restart,
                health,
                stop,
                reload,
                debug,
                logs,
                limits,
                security,
                register,
            }
        })
        .boxed()
}

/// Any name of a service.
pub fn any_name() -> BoxedStrategy<Name> {
    "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
        .prop_filter_map("reserved on Windows", |text| Name::new(&text).ok())
        .boxed()
}

/// Any duration that is not zero.
pub fn any_duration() -> BoxedStrategy<Duration> {
    prop_oneof![
        (1u64..100_000).prop_map(Duration::from_millis),
        (1u64..100_000).prop_map(Duration::from_secs),
        (1u64..u64::from(u32::MAX)).prop_map(|nanos| Duration(std::time::Duration::from_nanos(nanos))),
    ]
    .boxed()
}

/// Any text that can be an argument: everything but NUL.
pub fn any_text() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-z/-]{1,12}",
        any::<String>().prop_map(|text| text.replace('\0', " ")),
        // What quoting gets wrong most often.
        r#"[ "'%$\\\n\t{}#=;é日]{1,8}"#,
    ]
    .boxed()
}

/// Any command: a program and arguments.
pub fn any_command() -> BoxedStrategy<Vec<String>> {
    let program = any_text().prop_filter("a program has a name", |text| !text.trim().is_empty());
    (program, collection::vec(any_text(), 0..4))
        .prop_map(|(program, mut arguments)| {
            arguments.insert(0, program);
            arguments
        })
        .boxed()
}

fn any_line() -> BoxedStrategy<String> {
    prop_oneof!["[a-z]{1,10}", any::<String>()]
        .prop_map(|text| text.replace(char::is_control, " "))
        .prop_filter("a line says something", |text| !text.trim().is_empty() && text.chars().count() <= 256)
        .boxed()
}

fn any_path() -> BoxedStrategy<PathBuf> {
    any_text().prop_filter("a path is not empty", |text| !text.is_empty()).prop_map(PathBuf::from).boxed()
}

fn any_env() -> BoxedStrategy<BTreeMap<String, String>> {
    collection::btree_map("[A-Z][A-Z0-9_]{0,6}( [a-z.]{1,3})?", any_text(), 0..4).boxed()
}

/// A list without doubles.
fn any_set(entry: impl Strategy<Value = String> + 'static) -> BoxedStrategy<Vec<String>> {
    collection::btree_set(entry, 0..4).prop_map(|set: BTreeSet<String>| set.into_iter().collect()).boxed()
}

fn any_accept() -> BoxedStrategy<Vec<String>> {
    any_set(prop_oneof![
        Just("limits.cpu".to_owned()),
        Just("limits".to_owned()),
        Just("stop.steps.event".to_owned())
    ])
    .boxed()
}

fn any_signal() -> BoxedStrategy<Signal> {
    prop_oneof![Just("TERM"), Just("HUP"), Just("USR1"), Just("INT"), Just("RTMIN"), Just("RTMIN+7")]
        .prop_filter_map("a signal", |name| name.parse().ok())
        .boxed()
}

fn any_program() -> BoxedStrategy<Program> {
    let inherit = prop_oneof![
        Just(InheritEnv::All),
        Just(InheritEnv::None),
        any_set("[A-Z]{1,4}".boxed()).prop_map(InheritEnv::Only),
    ];
    (any_command(), option::of(any_path()), any_env(), option::of(any_path()), inherit, any::<bool>())
        .prop_map(|(command, working_dir, env, env_file, inherit_env, supervised)| Program {
            command,
            working_dir,
            env,
            env_file,
            inherit_env,
            supervised,
        })
        .boxed()
}

fn any_url() -> BoxedStrategy<HttpUrl> {
    let host = prop_oneof!["[a-z]{1,8}", Just("[::1]".to_owned()), Just("127.0.0.1".to_owned())];
    (host, option::of(1u16..), "(/[a-z0-9?=%]{0,6})?")
        .prop_filter_map("a URL", |(host, port, path)| {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("http://{host}{port}{path}").parse().ok()
        })
        .boxed()
}

fn any_address() -> BoxedStrategy<TcpAddress> {
    let host = prop_oneof!["[a-z]{1,8}", Just("[::1]".to_owned()), Just("127.0.0.1".to_owned())];
    (host, 1u16..).prop_filter_map("an address", |(host, port)| format!("{host}:{port}").parse().ok()).boxed()
}

fn any_probe() -> BoxedStrategy<Probe> {
    prop_oneof![
        any_url().prop_map(Probe::Http),
        any_address().prop_map(Probe::Tcp),
        any_command().prop_map(Probe::Exec),
        any_path().prop_map(Probe::File),
        Just(Probe::Notify),
    ]
    .boxed()
}

fn any_start() -> BoxedStrategy<Start> {
    let mode = prop_oneof![
        Just(StartMode::Auto),
        Just(StartMode::Delayed),
        Just(StartMode::Manual),
        Just(StartMode::Disabled)
    ];
    let text = any_line().prop_map(Probe::Log);
    let ready = (prop_oneof![any_probe(), text], any_duration(), any_duration())
        .prop_map(|(probe, timeout, every)| Ready { probe, timeout, every });
    let after = any_set("[a-z][a-z0-9@.-]{0,10}");
    (mode, after, option::of(ready)).prop_map(|(mode, after, ready)| Start { mode, after, ready }).boxed()
}

fn any_account() -> BoxedStrategy<Account> {
    let user = "[a-z_]{1,8}".prop_map(RunAs::User);
    let run_as = prop_oneof![
        Just(RunAs::LeastPrivilege),
        Just(RunAs::System),
        Just(RunAs::LocalService),
        Just(RunAs::NetworkService),
        user.prop_filter("an account with a word of its own", |it| RunAs::from(
            it.as_str().replace('_', "-")
        ) == *it
            || !it.as_str().contains("system")),
    ];
    (run_as, any_set("[a-z]{1,8}"), option::of(any_path()))
        .prop_map(|(run_as, groups, password)| {
            let password_file = password.filter(|_| matches!(run_as, RunAs::User(_)));
            Account { run_as, groups, password_file }
        })
        .boxed()
}

fn any_restart() -> BoxedStrategy<Restart> {
    let when = prop_oneof![Just(When::Always), Just(When::OnFailure), Just(When::Never)];
    let codes = (collection::vec(-9i32..100, 0..3), collection::vec(100i32..300, 0..3))
        .prop_map(|(always, never)| CodeRules { always, never });
    let signals = option::of(any_signal())
        .prop_map(|signal| SignalRules { always: signal.into_iter().collect(), never: Vec::new() });
    let delay = (any_duration(), any_duration(), 1.0f64..100.0, 0.0f64..=1.0)
        .prop_map(|(a, b, factor, jitter)| Delay { initial: a.min(b), factor, max: a.max(b), jitter });
    let give_up = option::of((1u32.., any_duration()).prop_map(|(after, within)| GiveUp { after, within }));
    let usual = Just(Restart::default());
    let any = (when, collection::vec(any::<i32>(), 0..3), codes, signals, delay, give_up, any_duration())
        .prop_map(|(when, success_codes, codes, signals, delay, give_up, reset_after)| Restart {
            when,
            success_codes,
            codes,
            signals,
            delay,
            give_up,
            reset_after,
        });
    prop_oneof![usual, any].boxed()
}

fn any_health() -> BoxedStrategy<Health> {
    let silence = any_duration().prop_map(Probe::LogSilence);
    let times = (any_duration(), any_duration(), any_duration(), option::of(any_duration()));
    let then = prop_oneof![Just(Then::Restart), Just(Then::Report)];
    (prop_oneof![any_probe(), silence], times, 1u32.., 1u32.., then)
        .prop_map(
            |(probe, (every, timeout, initial_delay, max_age), unhealthy_after, healthy_after, then)| {
                let max_age = max_age.filter(|_| matches!(probe, Probe::File(_)));
                Health { probe, every, timeout, unhealthy_after, healthy_after, initial_delay, max_age, then }
            },
        )
        .boxed()
}

fn any_stop() -> BoxedStrategy<Stop> {
    let event = prop_oneof![
        Just(ConsoleEvent::CtrlC),
        Just(ConsoleEvent::CtrlBreak),
        Just(ConsoleEvent::CloseWindow)
    ];
    let on = option::of(prop_oneof![Just(Family::Unix), Just(Family::Windows)]);
    let step = prop_oneof![
        (any_signal(), any_duration())
            .prop_map(|(signal, wait)| StopStep::new(StopAction::Signal(signal), wait)),
        (event, any_duration()).prop_map(|(event, wait)| StopStep::new(StopAction::Event(event), wait)),
        (any_command(), any_duration(), on).prop_map(|(command, wait, on)| StopStep {
            action: StopAction::Command(command),
            wait,
            on
        }),
        Just(StopStep::new(StopAction::Kill(KillScope::Program), Duration::ZERO)),
    ];
    (collection::vec(step, 0..4), any::<bool>())
        .prop_map(|(mut steps, kill)| {
            steps.iter_mut().for_each(|step| step.wait = step.wait.min(Duration::from_secs(86_400)));
            steps.extend(kill.then_some(StopStep::KILL_TREE));
            Stop { steps }
        })
        .boxed()
}

fn any_reload() -> BoxedStrategy<Reload> {
    prop_oneof![any_signal().prop_map(Reload::Signal), any_command().prop_map(Reload::Command)].boxed()
}

fn any_debug() -> BoxedStrategy<DebugSwitch> {
    let act = || {
        prop_oneof![
            any_signal().prop_map(Act::Signal),
            any_command().prop_map(Act::Command),
            any_env().prop_map(Act::Env),
            any_request().prop_map(Act::Http)
        ]
    };
    (act(), act()).prop_map(|(on, off)| DebugSwitch { on, off }).boxed()
}

fn any_request() -> BoxedStrategy<HttpRequest> {
    let kind = prop_oneof![
        Just(HttpRequest::CONTENT_TYPE.to_owned()),
        Just("application/json".to_owned()),
        "[a-z/; =]{1,8}"
    ];
    let method = prop_oneof![Just(Method::Put), Just(Method::Post), Just(Method::Get)];
    (any_url(), method, option::of(any_text()), kind, any_duration())
        .prop_map(|(url, method, body, content_type, timeout)| HttpRequest {
            url,
            method,
            body: body.filter(|_| method != Method::Get),
            content_type,
            timeout: timeout.min(Duration::from_secs(60)),
        })
        .boxed()
}

fn any_logs() -> BoxedStrategy<Logs> {
    let compress = prop_oneof![Just(Compress::None), Just(Compress::Zstd), Just(Compress::Gzip)];
    let every = option::of((1u64..1_000_000).prop_map(Duration::from_secs));
    let max_age = option::of((1u64..1_000_000).prop_map(Duration::from_secs));
    let rotate = (1024u64..1 << 50, every, 0u32..10_000, max_age, option::of(0u64..1 << 50), compress)
        .prop_map(|(size, every, keep, max_age, more, compress)| Rotate {
            size: Size(size),
            every,
            keep,
            max_age,
            max_size: more.map(|more| Size(size + more)),
            compress,
        });
    let when_full = prop_oneof![Just(WhenFull::Block), Just(WhenFull::DropOldest)];
    (rotate, when_full, 4096u64..1 << 30, any_filter(), any_form())
        .prop_map(|(rotate, when_full, buffer, (level, sample, rate_limit), form)| {
            let (redact, encoding, ansi, multiline) = form;
            Logs {
                rotate,
                when_full,
                buffer: Size(buffer),
                level,
                sample: sample.filter(|_| level.is_some()),
                rate_limit,
                redact,
                encoding,
                ansi,
                multiline,
            }
        })
        .boxed()
}

/// Which lines are kept.
fn any_filter() -> impl Strategy<Value = (Option<LogLevel>, Option<f64>, Option<RateLimit>)> {
    let level = prop_oneof![
        Just(LogLevel::Debug),
        Just(LogLevel::Info),
        Just(LogLevel::Warn),
        Just(LogLevel::Error),
        Just(LogLevel::Fatal)
    ];
    let limit = (1u32.., 1u64..86_400_000)
        .prop_map(|(lines, per)| RateLimit { lines, per: Duration::from_millis(per) });
    (option::of(level), option::of(0.0f64..=1.0), option::of(limit))
}

/// In which form lines are kept.
fn any_form() -> impl Strategy<Value = (Vec<String>, Encodings, Ansi, Option<Multiline>)> {
    let encoding = || {
        prop_oneof![
            Just(Encoding::Raw),
            Just(Encoding::Utf16Le),
            Just(Encoding::Utf16Be),
            Just(Encoding::Utf16)
        ]
    };
    let pattern = || {
        prop_oneof![
            "[a-z]{1,6}=\\\\S\\+",
            "[a-z \"']{1,8}",
            Just(r"(?i)bearer\s+[\w.-]+".to_owned()),
            Just(r"^\d{4}-".to_owned())
        ]
    };
    let encodings = (encoding(), encoding()).prop_map(|(stdout, stderr)| Encodings { stdout, stderr });
    let ansi = prop_oneof![Just(Ansi::Keep), Just(Ansi::Strip)];
    let multiline = option::of(pattern().prop_map(|start| Multiline { start }));
    (any_set(pattern()), encodings, ansi, multiline)
}

fn any_limits() -> BoxedStrategy<Limits> {
    let count = || option::of(1u64..i64::MAX as u64);
    (count(), option::of(0.01f64..1000.0), count(), count())
        .prop_map(|(memory, cpu, open_files, processes)| Limits {
            memory: memory.map(Size),
            cpu,
            open_files,
            processes,
        })
        .boxed()
}

fn any_security() -> BoxedStrategy<Security> {
    let profile = prop_oneof![Just(Profile::Strict), Just(Profile::Jit), Just(Profile::None)];
    let home = option::of(prop_oneof![Just(Home::Hidden), Just(Home::ReadOnly), Just(Home::Full)]);
    let network = option::of(prop_oneof![Just(Network::All), Just(Network::Local), Just(Network::None)]);
    let paths = || collection::vec(any_path(), 0..3);
    let capabilities =
        any_set(prop_oneof![Just("CAP_NET_BIND_SERVICE".to_owned()), Just("CAP_CHOWN".to_owned())]);
    let switches = any::<[Option<bool>; 7]>();
    (profile, paths(), paths(), home, network, switches, capabilities, any_set("@?[a-z][a-z0-9_-]{0,8}"))
        .prop_map(|(profile, write, read, home, network, switches, capabilities, system_calls)| {
            let [devices, write_execute, new_privileges, namespaces, realtime, processes, shared_temp] =
                switches;
            Security {
                profile,
                write,
                read,
                home,
                network,
                devices,
                write_execute,
                new_privileges,
                namespaces,
                realtime,
                processes,
                shared_temp,
                capabilities,
                system_calls,
            }
        })
        .boxed()
}

fn any_register() -> BoxedStrategy<Register> {
    let meta =
        collection::btree_map(any_line().prop_filter("short", |text| text.len() < 100), any_text(), 0..3);
    (1u16.., option::of("[a-z0-9.:]{1,12}"), any_set(any_line()), 1u16.., meta)
        .prop_map(|(port, address, tags, weight, meta)| Register { port, address, tags, weight, meta })
        .boxed()
}
