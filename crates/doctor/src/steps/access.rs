//! What stands between the account and what the program needs: files, folders, accounts, denials.

use abide_os::manager::{self, Level};

use super::manager::spec_file;
use crate::finding::{Finding, Step};
use crate::scene::Scene;

const STEP: Step = Step::Access;

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    for one in &scene.preflight {
        let Some((id, title)) = id(one) else { continue };
        let likelihood = if scene.runs() { 30 } else { 93 };
        let finding = match one.level {
            // A program that runs has been executed: what is wrong now shows at the next start.
            Level::Error if scene.runs() && !scene.ails() => Finding::warning(id, STEP, likelihood, title),
            Level::Error => Finding::error(id, STEP, likelihood, title),
            Level::Warning => Finding::warning(id, STEP, 20, title),
            Level::Note => continue,
        };
        found.push(told(finding, one, scene));
    }
    for folder in &scene.folders {
        let Some(how) = &folder.open else { continue };
        found.push(
            Finding::warning("folder-open", STEP, 15, format!("everybody can write to {}", folder.what))
                .seen(format!("{}: {how}", folder.path.display()))
                .next(format!("chmod o-w {}", folder.path.display())),
        );
    }
    denials(scene, found);
}

pub(super) fn seen(scene: &Scene) -> String {
    if scene.valid_spec().is_none() {
        return String::new();
    }
    "program, folders and account are there and in reach".into()
}

/// Adds what the check said to a finding.
pub(super) fn told(finding: Finding, one: &manager::Finding, scene: &Scene) -> Finding {
    let field = one.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
    let finding = finding.seen(format!("{field}{}", one.text));
    match &one.hint {
        Some(hint) => finding.next(hint),
        None => finding.next(format!("abide check {}", spec_file(scene))),
    }
}

/// Which fault a check of `abide plan` tells of; nothing for one that is about another step.
pub(super) fn id(one: &manager::Finding) -> Option<(&'static str, &'static str)> {
    let field = one.field.as_deref()?;
    let is_missing = one.text.contains("does not exist") || one.text.contains("was not found");
    Some(match field {
        "program.working-dir" => ("working-dir", "its working directory cannot be used"),
        "program.env-file" => ("env-file", "its env-file cannot be used"),
        "account.run-as" | "account.groups"
            if one.text.starts_with("there is no") || one.text.starts_with("cannot look") =>
        {
            ("account", "its account is not there")
        }
        "security.read" | "security.write" => {
            ("path-unreachable", "a path that its spec names cannot be used")
        }
        _ if field.starts_with("program.command") && is_missing => {
            ("program-missing", "the program, or what runs it, is not there")
        }
        _ if field.starts_with("program.command") => {
            ("program-unreachable", "its account may not use the program")
        }
        _ if field.contains(".exec[") || field.contains(".command[") => {
            ("path-unreachable", "a command that its spec names cannot be used")
        }
        _ => return None,
    })
}

fn denials(scene: &Scene, found: &mut Vec<Finding>) {
    let Some(newest) = scene.kernel.denials.last() else { return };
    let title = format!("{} denied the program something", newest.system);
    let finding = if scene.ails() {
        Finding::error("denied", STEP, 84, title)
    } else {
        Finding::warning("denied", STEP, 35, title)
    };
    let mut finding = match newest.system {
        "SELinux" => finding
            .next("ausearch -m AVC -ts recent | audit2why")
            .next("restorecon -Rv FOLDER   (if a file has the wrong label)"),
        _ => finding.next("aa-status").next("aa-logprof   (adds to the profile what was denied)"),
    };
    for denial in scene.kernel.denials.iter().rev().take(5) {
        let who = match (&denial.program, denial.pid) {
            (Some(program), Some(pid)) => format!("{program} (process {pid}): "),
            _ => String::new(),
        };
        finding = finding.seen(format!("{who}{}", denial.what));
    }
    found.push(finding);
}
