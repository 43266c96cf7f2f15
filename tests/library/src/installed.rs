//! The examples install, run, stop and uninstall themselves on a machine with a service manager.

use std::net::TcpListener;
use std::time::Duration;

use abide_machine::{Kind, Report, wait_for};

use crate::foreground::{get, words};
use crate::place::Place;
use crate::program::SOON;
use crate::{EXAMPLES, Options};

pub fn on(kind: Kind, options: &Options, report: &mut Report) {
    let mut booted = None;
    if !report.check(&format!("{kind}: the machine boots"), || {
        booted = Some(Place::boot(kind, options)?);
        Ok(())
    }) {
        return;
    }
    let Some(place) = booted else { return };
    for example in EXAMPLES {
        one(&place, example, report);
        // Whatever became of it, the next one begins on a clean machine.
        let _ = place.example(example, &["uninstall"]);
    }
    if kind == Kind::Systemd {
        report.check("systemd: ticker is a service of a user alone, too", || of_user(&place));
    }
    boots(&place, report);
    let _ = place.example("ticker", &["uninstall"]);
}

/// The port of the server. A container has a network of its own; Wine has not.
fn port(kind: Kind) -> Result<u16, String> {
    if kind != Kind::Wine {
        return Ok(9000);
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

fn one(place: &Place, example: &str, report: &mut Report) {
    let kind = place.kind;
    let (works, last) = words(example);
    let name = |what: &str| format!("{kind}: {example} {what}");

    report.check(&name("says that it is not installed"), || {
        place.says(example, &["status"], 4, "not installed")?;
        place.says(example, &["start"], 5, "install it first")
    });
    report.check(&name("shows what an install would change, and changes nothing"), || {
        place.says(example, &["install", "--plan"], 0, "create ")?;
        place.says(example, &["status"], 4, "not installed")
    });
    let port = match port(kind) {
        Ok(port) => port,
        Err(why) => {
            report.check(&name("has a port"), || Err(why));
            return;
        }
    };
    let text = port.to_string();
    let install: &[&str] = if example == "web" { &["install", "--", "--port", &text] } else { &["install"] };
    if !report.check(&name("installs itself and runs"), || {
        place.says(example, install, 0, "is installed and running")?;
        place.says(example, &["status"], 0, "running, process")
    }) {
        return;
    }
    match example {
        "web" => drop(report.check(&name("answers"), || answers(place, port))),
        "pausable" => drop(report.check(&name("counts in its own folder"), || counts(place))),
        _ => {}
    }
    let logs = name("logs where services log");
    if kind == Kind::Wine {
        report.not_here(&logs, "Wine's Event Log keeps nothing");
    } else {
        report.check(&logs, || place.logs(example, works));
    }
    report.check(&name("is not touched by an install that changes nothing"), || {
        let before = place.pid(example)?;
        place.says(example, install, 0, "is installed and running")?;
        let after = place.pid(example)?;
        if before == after { Ok(()) } else { Err(format!("process {before} became {after}")) }
    });
    if example == "pausable" {
        report.check(&name("pauses, goes on, reads its settings again"), || pauses(place));
    }
    if kind != Kind::Wine {
        report.check(&name("is known to the `abide` command"), || known(place, example));
    }
    report.check(&name("restarts"), || {
        let before = place.pid(example)?;
        place.says(example, &["restart"], 0, "is running")?;
        let after = place.pid(example)?;
        if before == after { Err(format!("it is still process {after}")) } else { Ok(()) }
    });
    if kind == Kind::Wine {
        report.not_here(
            &name("is started again when it was killed"),
            "Wine's service manager carries out no failure actions",
        );
    } else {
        report.check(&name("is started again when it was killed"), || killed(place, example));
    }
    report.check(&name("stops in good order"), || {
        place.says(example, &["stop"], 0, "is stopped")?;
        place.says(example, &["status"], 3, "stopped")?;
        let exit = place.status(example)?["exit"].clone();
        if !(exit.is_null() || exit["code"] == 0) {
            return Err(format!("it ended with {exit}"));
        }
        place.logs(example, last)
    });
    report.check(&name("starts again"), || {
        place.says(example, &["start"], 0, "is running")?;
        place.becomes(example, "running")
    });
    report.check(&name("uninstalls itself"), || {
        place.says(example, &["uninstall"], 0, "is uninstalled")?;
        place.says(example, &["status"], 4, "not installed")
    });
}

fn answers(place: &Place, port: u16) -> Result<(), String> {
    let ask = || match place.kind {
        Kind::Wine => get(port),
        _ => place.ask("curl", &["-s", &format!("http://127.0.0.1:{port}/")]).map(|output| output.text()),
    };
    let mut last = Ok(String::new());
    let so = wait_for(SOON, || {
        last = ask();
        last.as_ref().is_ok_and(|answer| answer.ends_with("hello\n"))
    });
    if so { Ok(()) } else { Err(format!("it answers {last:?}")) }
}

fn counts(place: &Place) -> Result<(), String> {
    let counts = wait_for(SOON, || place.count().is_some_and(|count| count > 1));
    if counts { Ok(()) } else { Err("there is no count".into()) }
}

fn pauses(place: &Place) -> Result<(), String> {
    place.tell("pausable", "TSTP", "2")?;
    place.logs("pausable", "resting")?;
    if place.kind == Kind::Wine {
        place.becomes("pausable", "paused")?;
    }
    // The step that it was in may still have to be written.
    let mut before = None;
    let rests = wait_for(SOON, || {
        before = place.count();
        std::thread::sleep(Duration::from_millis(600));
        place.count() == before
    });
    if !rests {
        return Err("it goes on counting while it rests".into());
    }
    place.tell("pausable", "HUP", "6")?;
    place.logs("pausable", "settings read again")?;
    if place.count() != before {
        return Err("it counts on after it has read its settings again".into());
    }
    place.tell("pausable", "CONT", "3")?;
    place.becomes("pausable", "running")?;
    if wait_for(SOON, || place.count() > before) { Ok(()) } else { Err("it does not count on".into()) }
}

fn killed(place: &Place, example: &str) -> Result<(), String> {
    let before = place.pid(example)?;
    place.tell(example, "KILL", "")?;
    let again = wait_for(SOON, || {
        place.status(example).is_ok_and(|status| {
            status["state"] == "running" && status["pid"].as_u64().is_some_and(|pid| pid != before)
        })
    });
    if again { Ok(()) } else { Err(format!("it stays away: {:?}", place.status(example))) }
}

fn known(place: &Place, example: &str) -> Result<(), String> {
    let output = place.ask("/usr/local/bin/abide", &["status", example, "--json"])?;
    if output.ok() && output.text().contains("running") { Ok(()) } else { Err(output.all()) }
}

fn of_user(place: &Place) -> Result<(), String> {
    let says = |arguments: &[&str], code: i32, text: &str| {
        let output = place.ask_as("walker", "ticker", arguments)?;
        let so = output.code == Some(code) && output.all().contains(text);
        if so { Ok(()) } else { Err(format!("{arguments:?} ended with {:?}: {}", output.code, output.all())) }
    };
    says(&["install"], 4, "sudo")?;
    says(&["install", "--user"], 0, "is installed and running")?;
    says(&["status", "--user"], 0, "running")?;
    says(&["status"], 4, "not installed")?;
    says(&["uninstall", "--user"], 0, "is uninstalled")?;
    says(&["status", "--user"], 4, "not installed")
}

/// It comes back with the machine.
fn boots(place: &Place, report: &mut Report) {
    report.check(&format!("{}: ticker comes back with the machine", place.kind), || {
        place.says("ticker", &["install"], 0, "is installed and running")?;
        place.restart()?;
        place.becomes("ticker", "running")
    });
}
