//! `abide agent`: the host's view, served over HTTP.

mod audit;
mod install;
mod run;
mod status;
mod token;

use std::net::SocketAddr;

use abide_agent::{Places, Settings};
use abide_os::paths::Layout;

use crate::args::{Agent, AgentAct, Common};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::printer::Printer;
use crate::services::{self, absolute};

/// Does what `abide agent` was told to do.
pub fn run(args: &Agent, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let scene = Scene::of(common)?;
    match &args.act {
        AgentAct::Run(args) => run::run(&scene, args.http, printer),
        AgentAct::Status(how) => status::run(&scene, how.json, printer),
        AgentAct::Audit(how) => audit::run(&scene, how.json, printer),
        AgentAct::Token(args) => token::run(&scene, &args.act, printer),
        AgentAct::Install(args) => install::install(&scene, args, printer),
        AgentAct::Uninstall => install::uninstall(&scene, printer),
    }
}

/// Whose services an agent sees, and where it keeps what is its own.
struct Scene {
    common: Common,
    layout: Layout,
    places: Places,
}

impl Scene {
    fn of(common: &Common) -> Result<Self, Failure> {
        let layout = match &common.dir {
            Some(dir) => Layout::project(&absolute(dir)?),
            None => services::layout(common.scope())?,
        };
        Ok(Self { common: common.clone(), places: Places::of(&layout), layout })
    }

    fn settings(&self, http: Option<SocketAddr>) -> Result<Settings, Failure> {
        let mut whose = self.common.whose();
        whose.dir = whose.dir.as_deref().map(absolute).transpose()?;
        Ok(Settings { whose, places: self.places.clone(), http: local(http)? })
    }
}

/// Addresses of this machine alone: what is said there is not encrypted.
fn local(http: Option<SocketAddr>) -> Result<Option<SocketAddr>, Failure> {
    match http {
        Some(address) if !address.ip().is_loopback() => {
            let error = format!(
                "`--http {address}`: others could listen to what is said there, and it is not encrypted"
            );
            Err(Failure::new(Exit::Usage, error)
                .hint(format!("use 127.0.0.1:{}, and a reverse proxy with TLS for others", address.port())))
        }
        other => Ok(other),
    }
}

impl From<abide_agent::AgentError> for Failure {
    fn from(error: abide_agent::AgentError) -> Self {
        use abide_agent::AgentError;
        let told = error.to_string();
        match error {
            AgentError::Busy { .. } => Self::new(Exit::Failed, told)
                .hint("`abide agent status` tells where it can be reached, `abide stop abide-agent` stops the installed one"),
            AgentError::Place { source, .. } | AgentError::Endpoint { source, .. }
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                Self::new(Exit::Permission, told).hint(failure::as_administrator())
            }
            AgentError::Tcp { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                Self::new(Exit::Failed, told).hint("another program listens there; `--http 127.0.0.1:0` takes any free port")
            }
            AgentError::Tokens { path, .. } => Self::new(Exit::Failed, told).hint(format!(
                "`abide agent token create` makes new ones when {} is removed",
                path.display()
            )),
            _ => Self::new(Exit::Failed, told),
        }
    }
}
