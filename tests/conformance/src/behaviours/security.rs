//! Who the program runs as, and who can see what.

use crate::backend::Kind;
use crate::behaviour::{Behaviour, Need, Outcome, now};
use crate::context::Context;
use crate::ensure;

pub const LIST: &[Behaviour] = &[
    now(
        "least-privilege",
        "without a word about it a service runs as an account of its own, not as root or LocalSystem",
        &[Need::Manager],
        account,
    ),
    now("account-system", "`run-as = \"system\"` gives root or LocalSystem", &[Need::Manager], system),
    now(
        "secrets-stay-hidden",
        "a value of the spec's environment shows in no command line, unit, key, status or event",
        &[],
        secrets,
    ),
    now(
        "spec-is-private",
        "the stored spec can be read by its owner alone",
        &[Need::UnixFiles, Need::Manager],
        private,
    ),
    now(
        "hardening-score",
        "the default unit scores 1.5 or lower in `systemd-analyze security`",
        &[Need::UnixFiles, Need::Manager],
        score,
    ),
    now(
        "control-is-private",
        "nobody but root and the owner can control a service",
        &[Need::UnixFiles],
        control,
    ),
];

fn account(c: &Context) -> Outcome {
    let service = c.service(&["who", "say", "that is all"]);
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "that is all")?;
    if c.backend.manager().is_some() {
        ensure!(
            printed.contains("who uid") && !printed.contains("who uid 0\n"),
            "the program runs as root: {printed}"
        );
    } else {
        // Wine runs everything as one user; what counts is the account that the service is registered with.
        let output = super::install::registered(c, &service.name)?;
        let wanted = format!("NT SERVICE\\{}", service.name);
        ensure!(
            output.to_lowercase().contains(&wanted.to_lowercase()),
            "not registered as {wanted}: {output}"
        );
    }
    Ok(())
}

fn system(c: &Context) -> Outcome {
    let service = c.service(&["who", "say", "that is all"]).with("[account]\nrun-as = \"system\"");
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "that is all")?;
    if c.backend.manager().is_some() {
        ensure!(printed.contains("who uid 0\n"), "the program does not run as root: {printed}");
    } else {
        let output = super::install::registered(c, &service.name)?;
        ensure!(output.contains("LocalSystem"), "not registered as LocalSystem: {output}");
    }
    Ok(())
}

fn secrets(c: &Context) -> Outcome {
    let secret = "s3cr3t-value-of-the-test";
    let service =
        c.service(&["say", "up", "graceful", "0"]).program(&format!("env = {{ PASSWORD = \"{secret}\" }}"));
    c.run(&service)?;
    c.wait_printed(&service.name, "up")?;
    let status = c.status(&service.name)?.to_string() + &c.abide(&["status", &service.name])?.all();
    ensure!(!status.contains(secret), "it is in the status");
    ensure!(!c.told(&service.name)?.contains(secret), "it is in the events");
    let lines = c.backend.processes(secret);
    ensure!(lines.is_empty(), "it is in a command line: {lines:?}");
    match c.backend.kind() {
        Kind::Container(manager) => {
            // Any file that others may read, but for the one that the test itself has written.
            let fixture = c.backend.fixture();
            let script = format!(
                r"find / -xdev \( -path /proc -o -path /sys -o -path /srv/conformance \) -prune -o -type f -perm -004 -newer {fixture} -print0 | xargs -0r grep -lF {secret}"
            );
            let found = c.backend.ask(&["sh", "-c", &script])?.text();
            ensure!(found.is_empty(), "everybody can read it in {found}");
            let definition = std::fs::read_to_string(c.backend.outside(&manager.definition(&service.name)));
            let definition = definition.map_err(|error| error.to_string())?;
            ensure!(!definition.contains(secret), "it is in the definition: {definition}");
            if manager.machine == abide_machine::Kind::Systemd {
                let shown = c.backend.ask(&["systemctl", "show", &service.name])?.all();
                ensure!(!shown.contains(secret), "`systemctl show` tells it");
            }
        }
        Kind::Scm => {
            let found = super::install::registered(c, &service.name)?;
            ensure!(found.contains("ImagePath"), "the key of the service is not found: {found}");
            ensure!(!found.contains(secret), "it is in the registry");
        }
        Kind::Foreground => {}
    }
    Ok(())
}

fn private(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    c.run(&service)?;
    let path = format!("/etc/abide/services/{}.toml", service.name);
    let mode = c.backend.ask(&["stat", "-c", "%a %U", &path])?;
    ensure!(mode.text().trim() == "600 root", "{path}: {}", mode.all());
    Ok(())
}

fn score(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    c.run(&service)?;
    let output = c
        .backend
        .ask(&["systemd-analyze", "security", "--no-pager", &format!("{}.service", service.name)])?
        .all();
    let score: Option<f32> = output
        .lines()
        .rev()
        .find_map(|line| line.split("exposure level for").nth(1))
        .and_then(|rest| rest.split(": ").nth(1))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok());
    ensure!(score.is_some_and(|score| score <= 1.5), "the score is {score:?}:\n{output}");
    Ok(())
}

fn control(c: &Context) -> Outcome {
    let service = c.service(&["graceful", "0"]);
    c.run(&service)?;
    let pid = c.pid(&service.name)?;
    let mut command = c.abide_command(&["stop", &service.name]);
    let abide = command.get_program().to_os_string();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    if c.backend.manager().is_some() {
        let inside: Vec<_> =
            arguments.iter().skip(3).map(|argument| argument.to_string_lossy().into_owned()).collect();
        command = c.backend.native("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).args(inside);
    } else {
        command = std::process::Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(abide).args(arguments);
    }
    let output =
        abide_machine::run(&mut command, crate::backend::VERB_LIMIT).map_err(|error| error.to_string())?;
    c.note(format!("as another user: {:?} {}", output.code, output.all()));
    ensure!(!output.ok(), "another user can stop the service");
    ensure!(c.pid(&service.name)? == pid, "another user has touched the service");
    Ok(())
}
