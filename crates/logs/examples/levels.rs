//! How many lines a second [`Level::of`] judges and [`Joiner`] joins: `cargo run --profile measure --example levels`.

use std::{hint::black_box, time::Instant};

use abide_logs::{JoinRule, Joiner, Level, Line};

const KINDS: [(&str, &str); 7] = [
    (
        "text, level in front",
        "2026-11-22 22:19:28,123 INFO  [main] com.example.orders.Service - order 4711 was taken ",
    ),
    (
        "text without a level",
        "order 4711 was taken by the service and given to the shop, which has to be told later on ",
    ),
    (
        "coloured",
        "\x1b[2m2026-11-22T22:19:28.123456Z\x1b[0m \x1b[32m INFO\x1b[0m \x1b[2morders\x1b[0m\x1b[2m:\x1b[0m order 4711 ",
    ),
    (
        "access log",
        "127.0.0.1 - - [22/Nov/2026:22:19:28 +0000] \"GET /orders/4711 HTTP/1.1\" 200 1234 \"-\" \"curl/8.0\" ",
    ),
    (
        "logfmt",
        "time=2026-11-22T22:19:28.123Z level=INFO source=main.go:12 msg=\"order taken\" order=4711 shop=17 ",
    ),
    (
        "json, level in front",
        "{\"level\":\"info\",\"time\":1795386000,\"pid\":42,\"hostname\":\"host\",\"msg\":\"order 4711 was taken\"}",
    ),
    (
        "json, level at the end",
        "{\"time\":1795386000,\"pid\":42,\"hostname\":\"host\",\"msg\":\"order 4711 was taken\",\"level\":\"info\"}",
    ),
];

fn main() {
    const ROUNDS: u32 = 5_000_000;
    for (kind, line) in KINDS {
        let line = format!("{line:x<100}");
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            black_box(Level::of(black_box(line.as_bytes())));
        }
        let seconds = begun.elapsed().as_secs_f64();
        let level = Level::of(line.as_bytes()).map_or("none", Level::name);
        println!("{kind:24} {level:5} {:6.1} M lines/s", f64::from(ROUNDS) / seconds / 1e6);
    }
    let mut joiner = Joiner::new(&JoinRule::StackTraces);
    let begun = Instant::now();
    let mut lines = KINDS.map(|(_, text)| Line { bytes: format!("{text:x<100}").into(), ..Line::default() });
    lines[3].bytes.insert(0, b'\t');
    for line in lines.iter().cycle().take(ROUNDS as usize) {
        joiner.push(black_box(line));
        while let Some(entry) = joiner.pop() {
            black_box(entry);
        }
    }
    println!("joining {:30.1} M lines/s", f64::from(ROUNDS) / begun.elapsed().as_secs_f64() / 1e6);
}
