//! `abide forward`: carries what services print to where logs are kept.

mod check;
mod install;
mod run;
mod status;
mod test;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use abide_forward::config::Config;
use abide_forward::engine::Places;
use abide_forward::sink::Host;
use abide_os::paths::Layout;

use crate::args::{Common, Forward, ForwardAct};
use crate::exit::Exit;
use crate::failure::{self, Failure};
use crate::printer::Printer;
use crate::services::{self, absolute};
use crate::specs;

/// Does what `abide forward` was told to do.
pub fn run(args: &Forward, common: &Common, printer: &Printer) -> Result<Exit, Failure> {
    let scene = Scene::of(args, common)?;
    match &args.act {
        ForwardAct::Run => run::run(&scene, printer),
        ForwardAct::Check(how) => check::run(&scene, how.json, printer),
        ForwardAct::Status(how) => status::run(&scene, how.json, printer),
        ForwardAct::Test(args) => test::run(&scene, &args.sink, printer),
        ForwardAct::Install(args) => install::install(&scene, args, common, printer),
        ForwardAct::Uninstall(args) => install::uninstall(&scene, *args, common, printer),
    }
}

/// Whose services are forwarded, and by which configuration.
struct Scene {
    layout: Layout,
    file: PathBuf,
    /// The forwarder's own folder, if it is not the usual one.
    own: Option<PathBuf>,
}

impl Scene {
    fn of(args: &Forward, common: &Common) -> Result<Self, Failure> {
        let layout = match &common.dir {
            Some(dir) => Layout::project(&absolute(dir)?),
            None => services::layout(common.scope())?,
        };
        let beside = layout.specs.parent().unwrap_or(&layout.specs).join("forward.toml");
        let file = args.config.as_deref().map_or(Ok(beside), absolute)?;
        let own = args.state.as_deref().map(absolute).transpose()?;
        Ok(Self { layout, file, own })
    }

    fn places(&self) -> Places {
        let places = Places::of(&self.layout);
        match &self.own {
            Some(own) => places.with_own(own.clone()),
            None => places,
        }
    }

    /// The file as it is shown.
    fn shown(&self) -> PathBuf {
        specs::shown(&self.file)
    }

    /// Reads and checks the configuration.
    fn config(&self) -> Result<Config, Failure> {
        let bytes = std::fs::read(&self.file).map_err(|error| self.unreadable(&error))?;
        let config = Config::from_bytes(&bytes).map_err(|errors| {
            let text = String::from_utf8_lossy(&bytes);
            Failure::framed(Exit::BadSpec, errors.render(&self.shown(), &text, true).trim_end())
        })?;
        if config.sinks.is_empty() {
            let error = format!("{} has no [[sink]]: there is nothing to forward to", self.shown().display());
            return Err(Failure::new(Exit::BadSpec, error).hint(example()));
        }
        Ok(config)
    }

    fn unreadable(&self, error: &std::io::Error) -> Failure {
        let failure = Failure::io(format!("{} cannot be read", self.shown().display()), error);
        match error.kind() {
            std::io::ErrorKind::NotFound => Failure { exit: Exit::BadSpec, ..failure }.hint(example()),
            std::io::ErrorKind::PermissionDenied => failure.hint(failure::as_administrator()),
            _ => failure,
        }
    }
}

/// What to write into the file to begin with.
fn example() -> &'static str {
    "write into it, for one:\n      [[sink]]\n      name = \"collector\"\n      kind = \"otlp\"\n      url = \"http://127.0.0.1:4318\""
}

/// This machine, with what the configuration adds.
fn host(config: &Config) -> Arc<Host> {
    Arc::new(Host {
        name: abide_os::host::name().unwrap_or_else(|_| "localhost".into()),
        id: abide_os::host::id(),
        os: abide_os::host::os_type(),
        resource: config.resource.clone(),
    })
}

/// A file that should be there for others to read.
fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
