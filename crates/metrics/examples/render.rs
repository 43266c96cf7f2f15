//! What the crate's example host tells, for tests with the real Prometheus.
//!
//! ```text
//! render prometheus | openmetrics   the metrics, as one of the texts
//! render queries                    every query of the dashboards, one a line, with Grafana's variables filled in
//! render serve                      answers /metrics as asked for, /old as 0.0.4, /sd with both; prints its address, and
//!                                   ends with its standard input
//! ```
#![allow(clippy::unwrap_used, reason = "a test's helper")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use abide_metrics::encode::{Format, encode};
use abide_metrics::{dashboards, negotiate, sd, services};

fn metrics(format: Format) -> String {
    encode(&services::snapshot(&services::example()), format)
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("prometheus") => print!("{}", metrics(Format::Prometheus)),
        Some("openmetrics") => print!("{}", metrics(Format::OpenMetrics)),
        Some("queries") => {
            for query in dashboards::all().iter().flat_map(dashboards::Dashboard::queries) {
                let query = query.replace("$__rate_interval", "1m").replace("$service", "orders");
                println!("{}", query.replace("$host", ".*"));
            }
        }
        Some("serve") => serve(),
        _ => {
            eprintln!("render: one of prometheus, openmetrics, queries, serve");
            std::process::exit(2);
        }
    }
}

fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    println!("{address}");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, address));
        }
    });
    // Ends with whoever started it.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn answer(mut stream: TcpStream, address: SocketAddr) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let path = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let accept = lines.iter().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("accept").then_some(value)
    });
    let (kind, body) = match path {
        "/metrics" => {
            let answer = negotiate::negotiate(accept);
            eprintln!("{} for {}", answer.content_type, lines.join(" | "));
            (answer.content_type, metrics(answer.format))
        }
        "/old" => (negotiate::negotiate([]).content_type, metrics(Format::Prometheus)),
        _ => {
            let group = |path: &str, name: &str| sd::TargetGroup {
                targets: vec![address.to_string()],
                labels: [
                    ("__metrics_path__".to_owned(), path.to_owned()),
                    ("text".to_owned(), name.to_owned()),
                ]
                .into(),
            };
            (sd::CONTENT_TYPE.to_owned(), sd::document(&[group("/metrics", "asked"), group("/old", "old")]))
        }
    };
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}
