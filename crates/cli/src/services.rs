//! Which services the command line means: those of the machine, of the user, or of an `abide up`.

use std::path::{Path, PathBuf};

use abide_os::manager::{Scope, ServiceManager};
use abide_os::paths::Layout;

pub use abide_host::home::{Home, absent, everywhere, known, manager, without_supervisor};

use crate::failure::Failure;

/// Where what is installed lies.
pub fn layout(scope: Scope) -> Result<Layout, Failure> {
    Ok(abide_host::home::layout(scope)?)
}

/// The service manager, if this process may change services with it: asked before anything else is looked at.
pub fn changing_manager(scope: Scope) -> Result<Box<dyn ServiceManager>, Failure> {
    let manager = manager(scope)?;
    manager.may_change()?;
    Ok(manager)
}

/// `path` from the root.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    Ok(abide_host::home::absolute(path)?)
}
