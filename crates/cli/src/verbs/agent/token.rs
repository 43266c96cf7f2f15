//! `abide agent token`: who may speak to the agent over TCP.

use std::time::SystemTime;

use abide_agent::tokens::{NotMade, Role, Tokens};
use serde::Serialize;

use super::Scene;
use crate::args::{TokenAct, TokenCreate};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::printer::{FAINT, GOOD, Printer};
use crate::shown;

/// A token, for machines. The token itself is told when it is made, and never again.
#[derive(Serialize)]
struct Shown<'a> {
    schema: &'static str,
    name: &'a str,
    role: Role,
    created: &'a str,
    expires: Option<&'a str>,
    expired: bool,
}

/// Does what was told; a running agent knows at its next request.
pub fn run(scene: &Scene, act: &TokenAct, printer: &Printer) -> Result<Exit, Failure> {
    let mut tokens = Tokens::read(&scene.places.tokens())?;
    match act {
        TokenAct::Create(args) => create(scene, &mut tokens, args, printer),
        TokenAct::List(how) => list(&tokens, how.json, printer),
        TokenAct::Remove(args) => {
            if tokens.known.remove(&args.name).is_none() {
                let failure = Failure::new(Exit::Failed, format!("there is no token named `{}`", args.name));
                let near = abide_spec::nearest(&args.name, tokens.known.keys().map(String::as_str));
                return Err(match near {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure.hint("`abide agent token list` lists what there is"),
                });
            }
            write(scene, &tokens)?;
            printer.result(format!("{GOOD}{}{GOOD:#} is no token any more", args.name))?;
            Ok(Exit::Ok)
        }
    }
}

fn create(
    scene: &Scene,
    tokens: &mut Tokens,
    args: &TokenCreate,
    printer: &Printer,
) -> Result<Exit, Failure> {
    let now = SystemTime::now();
    let expires = args.expires.map(|expires| now + expires.get());
    let token = tokens.make(&args.name, args.role, now, expires).map_err(|error| {
        let told = error.to_string();
        match error {
            NotMade::Name(_) => Failure::new(Exit::Usage, told),
            NotMade::Taken(name) => Failure::new(Exit::Failed, told)
                .hint(format!("`abide agent token remove {name}` makes room for another")),
            NotMade::Chance(_) => Failure::new(Exit::Failed, told),
        }
    })?;
    write(scene, tokens)?;
    printer.note(format!("{} is {}; this is the token, which is shown this once:", args.name, args.role));
    printer.data(token)?;
    Ok(Exit::Ok)
}

fn list(tokens: &Tokens, json: bool, printer: &Printer) -> Result<Exit, Failure> {
    let now = SystemTime::now();
    let shown: Vec<_> = tokens
        .known
        .iter()
        .map(|(name, known)| Shown {
            schema: "abide.agent-token/1",
            name,
            role: known.role,
            created: &known.created,
            expires: known.expires.as_deref(),
            expired: known.has_expired(now),
        })
        .collect();
    if json {
        printer.json(&shown)?;
        return Ok(Exit::Ok);
    }
    if shown.is_empty() {
        printer.note("no tokens yet; `abide agent token create NAME --role ROLE` makes one");
    }
    for token in shown {
        let until = match (token.expires, token.expired) {
            (Some(expires), true) => format!(", expired {}", shown::local(expires)),
            (Some(expires), false) => format!(", until {}", shown::local(expires)),
            (None, _) => String::new(),
        };
        let created = shown::local(token.created);
        printer.data(format!("{}  {}{until}  {FAINT}made {created}{FAINT:#}", token.name, token.role))?;
    }
    Ok(Exit::Ok)
}

fn write(scene: &Scene, tokens: &Tokens) -> Result<(), Failure> {
    let path = scene.places.tokens();
    let refused = |error| {
        let failure = Failure::io(format!("{} cannot be written", path.display()), &error);
        if failure.exit == Exit::Permission { failure.hint(failure::as_administrator()) } else { failure }
    };
    abide_os::fs::private_dir(&scene.places.state).map_err(refused)?;
    tokens.write(&path).map_err(refused)
}
