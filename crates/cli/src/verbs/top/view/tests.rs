use std::time::{Duration, Instant};

use abide_host::Order;
use abide_logs::Level;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::printer::GOOD;
use crate::verbs::status::Fact;
use crate::verbs::top::model::Tab;
use crate::verbs::top::model::tests::{id_of, model, seen};
use crate::verbs::top::news::{Happened, LogLine, News};
use crate::verbs::top::past::Sample;

/// What stands on a screen of that size, without what is blank at the ends of lines.
fn screen(model: &Model, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    // 2026-12-01T00:02:00Z
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_083_320);
    terminal.draw(|frame| draw(frame, model, Look { colour: false, now })).unwrap();
    let buffer = terminal.backend().buffer();
    assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    let rows = buffer.content.chunks(usize::from(width));
    rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned()).collect()
}

#[track_caller]
fn assert_screen(model: &Model, (width, height): (u16, u16), expected: &str) {
    let shown = screen(model, width, height).join("\n");
    let expected = expected.trim_start_matches('\n').trim_end_matches(' ');
    assert_eq!(shown.trim_end_matches('\n'), expected.trim_end_matches('\n'), "shown:\n{shown}");
}

fn shop() -> Model {
    let mut model = model(&[("db", "running"), ("mail", "backing-off"), ("old", "stopped")]);
    let mut web = seen("web", "running");
    web.known.status.pid = Some(77);
    web.known.status.started = Some("2026-12-01T00:00:00Z".into());
    web.known.status.restarts = 2;
    web.facts = vec![
        Fact { label: "State", marked: ("running".into(), GOOD), rest: " (ready)".into() },
        Fact { label: "Process", marked: Default::default(), rest: "77, under supervisor 70".into() },
    ];
    model.take(News::Service(Box::new(web)));
    let begin = Instant::now();
    for (at, cpu) in [(0, 0), (2, 500), (4, 2500), (6, 2500)] {
        let sample = Sample {
            at: begin + Duration::from_secs(at),
            cpu: Duration::from_millis(cpu),
            memory: (12 << 20) + at * 1024 * 1024,
        };
        model.take(News::Samples(vec![(id_of("web"), Some(sample)), (id_of("mail"), None)]));
    }
    model.choose(3);
    let line = |text: &str, level| LogLine { text: text.into(), level, goes_on: false };
    model.take(News::Lines(
        id_of("web"),
        vec![
            line("listening on 9000", None),
            line("WARN slow answer", Some(Level::Warn)),
            line(
                "ERROR no answer from db, which is a line that is longer than narrow terminals are",
                Some(Level::Error),
            ),
        ],
    ));
    let happened = |time: &str, text: &str| Happened { time: time.into(), text: text.into() };
    let events = vec![
        happened("2026-12-01 00:00:00 UTC", "started as process 77"),
        happened("2026-12-01 00:00:01 UTC", "ready after 1s"),
    ];
    model.take(News::Events(id_of("web"), Ok(events)));
    model
}

#[test]
fn the_usual_terminal() {
    assert_screen(
        &shop(),
        (80, 24),
        r#"
abide top  4 services  1 failing
    NAME  STATE        HEALTH  UP     RESTARTS  CPU%  MEM    WHY
 ✗  mail  backing-off  -       -      0         -     -      exited with code 3
 ●  db    running      ok      -      0         -     -
 ○  old   stopped      -       -      0         -     -      exited with code 3
▸●  web   running      ok      2m 0s  2         0.0   18.0M
── web ──[logs] events  detail  graph ──────────────────────────────────────────
listening on 9000
WARN slow answer
ERROR no answer from db, which is a line that is longer than narrow terminals a…













q quit  ? help  Tab turns  s start/stop  r restart  p pause  d debug  / filter
"#,
    );
}

#[test]
fn a_large_terminal() {
    assert_screen(
        &shop(),
        (120, 40),
        r#"
abide top  4 services  1 failing
    NAME  STATE        HEALTH  UP     RESTARTS  CPU%  MEM          WHY
 ✗  mail  backing-off  -       -      0         -     -            exited with code 3
 ●  db    running      ok      -      0         -     -
 ○  old   stopped      -       -      0         -     -            exited with code 3
▸●  web   running      ok      2m 0s  2         0.0   18.0M  ▁▃█▁
── web ──[logs] events  detail  graph ──────────────────────────────────────────────────────────────────────────────────
listening on 9000
WARN slow answer
ERROR no answer from db, which is a line that is longer than narrow terminals are





























q quit  ? help  Tab turns  s start/stop  r restart  p pause  d debug  / filter
"#,
    );
}

#[test]
fn a_small_terminal() {
    assert_screen(
        &shop(),
        (40, 10),
        r#"
abide top  4 services  1 failing
    NAME  STATE        WHY
 ●  db    running
 ○  old   stopped      exited with code…
▸●  web   running
── web ──[logs] events  detail  graph ──
listening on 9000
WARN slow answer
ERROR no answer from db, which is a lin…
q quit  ? help  Tab turns  s start/stop…
"#,
    );
}

#[test]
fn the_tab_events() {
    let mut model = shop();
    model.tab = Tab::Events;
    assert_screen(
        &model,
        (80, 12),
        r#"
abide top  4 services  1 failing
    NAME  STATE        HEALTH  UP     RESTARTS  CPU%  MEM    WHY
 ✗  mail  backing-off  -       -      0         -     -      exited with code 3
 ●  db    running      ok      -      0         -     -
 ○  old   stopped      -       -      0         -     -      exited with code 3
▸●  web   running      ok      2m 0s  2         0.0   18.0M
── web ── logs [events] detail  graph ──────────────────────────────────────────
2026-12-01 00:00:00 UTC  started as process 77
2026-12-01 00:00:01 UTC  ready after 1s


q quit  ? help  Tab turns  s start/stop  r restart  p pause  d debug  / filter
"#,
    );
}

#[test]
fn the_tab_detail() {
    let mut model = shop();
    model.tab = Tab::Detail;
    assert_screen(
        &model,
        (80, 12),
        r#"
abide top  4 services  1 failing
    NAME  STATE        HEALTH  UP     RESTARTS  CPU%  MEM    WHY
 ✗  mail  backing-off  -       -      0         -     -      exited with code 3
 ●  db    running      ok      -      0         -     -
 ○  old   stopped      -       -      0         -     -      exited with code 3
▸●  web   running      ok      2m 0s  2         0.0   18.0M
── web ── logs  events [detail] graph ──────────────────────────────────────────
     State: running (ready)
   Process: 77, under supervisor 70


q quit  ? help  Tab turns  s start/stop  r restart  p pause  d debug  / filter
"#,
    );
}

#[test]
fn the_tab_graph() {
    let mut model = shop();
    model.tab = Tab::Graph;
    assert_screen(
        &model,
        (80, 14),
        r#"
abide top  4 services  1 failing
    NAME  STATE        HEALTH  UP     RESTARTS  CPU%  MEM    WHY
 ✗  mail  backing-off  -       -      0         -     -      exited with code 3
 ●  db    running      ok      -      0         -     -
 ○  old   stopped      -       -      0         -     -      exited with code 3
▸●  web   running      ok      2m 0s  2         0.0   18.0M
── web ── logs  events  detail [graph]──────────────────────────────────────────
CPU 0.0 %, at most 100.0 %               memory 18.0 MiB, at most 18.0 MiB
                                     █                                        ▃█
                                     █                                      ▂▇██
                                     █                                      ████
                                    ▂█                                      ████
                                    ██                                      ████
q quit  ? help  Tab turns  s start/stop  r restart  p pause  d debug  / filter
"#,
    );
}

#[test]
fn no_size_and_no_state_breaks_it() {
    let mut typing = shop();
    (typing.typing, typing.filter) = (true, "日本\u{202e}".into());
    let mut asked = shop();
    asked.question = Some((id_of("web"), Order::Stop));
    let mut failed = shop();
    failed.tell("an error ".repeat(30), Some("do this".into()), true);
    let mut help = shop();
    help.help = true;
    let mut none = model(&[]);
    none.blind = Some("changes are not told any more".into());
    let mut many = model(&[]);
    let all: Vec<String> = (0..99).map(|n| format!("service-{n:02}")).collect();
    many.take(News::Services(all.iter().map(|name| seen(name, "running")).collect(), None));
    many.choose(98);
    for mut model in [shop(), typing, asked, failed, help, none, many, Model::new("x".into())] {
        for (width, height) in [(1, 1), (2, 2), (3, 4), (10, 5), (20, 6), (40, 7), (200, 3), (300, 100)] {
            for tab in Tab::ALL {
                model.tab = tab;
                screen(&model, width, height);
            }
        }
    }
}

#[test]
fn bytes_in_units() {
    for (number, told) in [
        (0, "0.0 KiB"),
        (1536, "1.5 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (18 << 20, "18.0 MiB"),
        (3 << 40, "3.0 TiB"),
        (u64::MAX, "16384.0 PiB"),
    ] {
        assert_eq!(bytes(number), told);
    }
}

#[test]
fn words_are_broken_where_they_must() {
    assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
    assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
    assert_eq!(wrapped("日本語", 1), ["日", "本", "語"]);
    assert_eq!(wrapped("", 0), [""]);
}
