//! The examples install, run, stop and uninstall themselves on a machine with a service manager.

use std::net::TcpListener;

use abide_machine::{Kind, wait_for};

use crate::foreground::{get, words};
use crate::place::Place;
use crate::program::SOON;
use crate::{EXAMPLES, Options, Report};

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
    let install: &[&str] =
        if example == "web" { &["install", "--", "--port", &text] } else { &["install"] };
    if !report.check(&name("installs itself and runs"), || {
        place.says(example, install, 0, "is installed and running")?;
        place.says(example, &["status"], 0, "running, process")
    }) {
        return;
    }
    report.check(&name("works, and logs where services log"), || {
        if example == "web" {
            answers(place, port)?;
        }
        place.logs(example, works)
    });
    report.check(&name("is not touched by an install that changes nothing"), || {
        let before = place.pid(example)?;
        place.says(example, install, 0, "is installed and running")?;
        let after = place.pid(example)?;
        if before == after { Ok(()) } else { Err(format!("process {before} became {after}")) }
    });
    if example == "pausable" {
        report.check(&name("pauses, goes on, reads its settings again"), || pauses(place));
    }
    report.check(&name("restarts"), || {
        let before = place.pid(example)?;
        place.says(example, &["restart"], 0, "is running")?;
        let after = place.pid(example)?;
        if before == after { Err(format!("it is still process {after}")) } else { Ok(()) }
    });
    if kind == Kind::Wine {
        report.not_here(&name("is started again when it was killed"), "Wine's service manager carries out no failure actions");
    } else {
        report.check(&name("is started again when it was killed"), || killed(place, example));
    }
    report.check(&name("stops in good order"), || {
        place.says(example, &["stop"], 0, "is stopped")?;
        place.says(example, &["status"], 3, "stopped")?;
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

fn pauses(place: &Place) -> Result<(), String> {
    if !wait_for(SOON, || place.count().is_some_and(|count| count > 1)) {
        return Err("it does not count".into());
    }
    place.tell("pausable", "TSTP", "2")?;
    place.logs("pausable", "resting")?;
    if place.kind == Kind::Wine {
        place.becomes("pausable", "paused")?;
    }
    let before = place.count();
    place.tell("pausable", "HUP", "6")?;
    place.logs("pausable", "settings read again")?;
    // By now it would have counted on.
    std::thread::sleep(std::time::Duration::from_millis(600));
    if place.count() != before {
        return Err("it goes on counting while it rests".into());
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

/// It comes back with the machine.
fn boots(place: &Place, report: &mut Report) {
    report.check(&format!("{}: ticker comes back with the machine", place.kind), || {
        place.says("ticker", &["install"], 0, "is installed and running")?;
        place.restart()?;
        place.becomes("ticker", "running")
    });
}
