//! What Linux has beyond other Unixes.

pub(crate) mod boot;
pub(crate) mod cgroup;
pub(crate) mod clone;
pub(crate) mod diagnosis;
pub(crate) mod kin;
pub(crate) mod leftovers;
pub(crate) mod memory;
pub(crate) mod procfs;
pub(crate) mod usage;
pub(crate) mod watch;
pub(crate) mod watches;
