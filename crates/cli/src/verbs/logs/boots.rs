//! `--boot`: from one boot of the machine to the next.

use std::time::SystemTime;

use abide_os::boot;

use crate::exit::Exit;
use crate::failure::Failure;

/// From when to when the machine ran that was booted `back` boots ago; without an end for the boot of now.
pub fn boot(back: u32) -> Result<(SystemTime, Option<SystemTime>), Failure> {
    let now =
        boot::started().map_err(|error| Failure::io("when the machine was booted is not known", &error))?;
    if back == 0 {
        return Ok((now, None));
    }
    let unknown = |why: String| {
        Failure::new(Exit::Failed, format!("when the machine was booted before is not known: {why}"))
            .hint("`--since` and `--until` take any time")
    };
    let mut boots = boot::earlier().map_err(|error| unknown(error.to_string()))?;
    boots.push(now);
    let at = boots.len().checked_sub(back as usize + 1);
    let at = at.ok_or_else(|| unknown(format!("its record begins {} boots ago", boots.len() - 1)))?;
    Ok((boots[at], boots.get(at + 1).copied()))
}
