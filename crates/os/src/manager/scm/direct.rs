//! A program that is a service itself (`program.supervised = false`): the SCM starts it, and speaks to it, without a
//! supervisor between.
//!
//! The SCM replaces `%NAME%` in a registered command line by the variable of that name, and knows no escape for it. So
//! every `%` of an argument stands outside of quotation marks and what follows it inside: the text between two of them
//! then begins with a quotation mark, which no variable does, and the program's run-time takes the marks away.
//!
//! What the SCM can't set at all (a working directory) the program is told in its environment.

use abide_spec::{CodeRules, Spec, StopAction, When, expand};

use super::entry::windows_text;
use crate::manager::capability::lost;
use crate::manager::{Context, Finding, Kind};
use crate::paths::within;
use crate::quote::{QuoteError, command_text, is_batch};

/// The variable by which a program learns the name of its service, and by which a service is known to be ours.
const SERVICE: &str = "ABIDE_SERVICE";

/// The variable that names the folder a program shall work in, which it enters itself: what is linked with us does so (see `windows/service_main`).
pub(crate) const WORKING_DIR: &str = "ABIDE_WORKING_DIR";

/// The variable that names the folder a program may write.
const STATE: &str = "STATE_DIRECTORY";

/// The longest command line that Windows starts, its closing NUL apart.
const LONGEST: usize = 32_766;

/// Why a command can't be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImagePathError {
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// There is no escape for it, and a path can't be taken apart.
    #[error(
        "the program's path has two percent signs in it, between which the service control manager may see the name \
         of a variable"
    )]
    PercentInProgram,
    #[error("there is no command")]
    Empty,
}

/// The command line that the SCM starts, which gives the program exactly these arguments.
pub(crate) fn image_path(command: &[String]) -> Result<String, ImagePathError> {
    let (program, arguments) = command.split_first().ok_or(ImagePathError::Empty)?;
    let program = program.replace('/', "\\");
    if program.matches('%').count() > 1 {
        return Err(ImagePathError::PercentInProgram);
    }
    let mut line = command_text(&program, &[])?;
    for argument in arguments {
        line.push(' ');
        if argument.contains('%') {
            let parts: Vec<String> = argument.split('%').map(quoted).collect::<Result<_, _>>()?;
            line.push_str(&parts.join("%"));
        } else {
            line.push_str(&written(argument)?);
        }
    }
    let length = line.encode_utf16().count();
    if length > LONGEST {
        return Err(QuoteError::TooLong { length, most: LONGEST }.into());
    }
    Ok(line)
}

/// One argument as it stands in a command line.
fn written(argument: &str) -> Result<String, QuoteError> {
    let line = command_text("p", &[argument])?;
    Ok(line.strip_prefix("\"p\" ").unwrap_or(&line).to_owned())
}

/// The same, in quotation marks in any case.
fn quoted(part: &str) -> Result<String, QuoteError> {
    let text = written(part)?;
    Ok(if text.starts_with('"') {
        text
    } else {
        // Without blanks and quotation marks in it: only backslashes at its end would touch the closing mark.
        let slashes = text.len() - text.trim_end_matches('\\').len();
        format!("\"{text}{}\"", "\\".repeat(slashes))
    })
}

/// The folder that is the program's own.
pub(crate) fn data_folder(spec: &Spec, context: &Context) -> std::path::PathBuf {
    within(&context.layout.state_of(&spec.name), "data")
}

/// What the program gets besides the variables of its account: its own, and what it is told.
pub(crate) fn environment(spec: &Spec, context: &Context) -> Result<Vec<String>, expand::ExpandError> {
    let own = expand::environment(|_| None, &[], &spec.program.env)?;
    let data = windows_text(&data_folder(spec, context));
    let folder = spec.program.working_dir.as_deref().map_or_else(|| data.clone(), windows_text);
    let told = [(SERVICE, spec.name.as_str()), (WORKING_DIR, folder.as_str()), (STATE, data.as_str())];
    let is_told = |name: &str| told.iter().any(|(other, _)| name.eq_ignore_ascii_case(other));
    let own =
        own.iter().filter(|(name, _)| !is_told(name)).map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(own.chain(told).map(|(name, value)| format!("{name}={value}")).collect())
}

/// Whether a program was told that it is the service of that name.
pub(crate) fn is_told(environment: &[String], name: &str) -> bool {
    environment
        .iter()
        .filter_map(|entry| entry.split_once('='))
        .any(|(variable, value)| variable.eq_ignore_ascii_case(SERVICE) && value.eq_ignore_ascii_case(name))
}

/// What the SCM can't make of a program that it starts itself, beyond what no service manager can.
pub(crate) fn findings(spec: &Spec, context: &Context) -> Vec<Finding> {
    const SUPERVISE: &str = "leaving `program.supervised` out";
    let mut found = Vec::new();
    let mut lose = |field: &str, why: &str, nearest: &str| {
        found.push(lost(spec, field, Kind::Scm, why, nearest));
    };
    let restart = &spec.restart;
    if spec.program.env_file.is_some() {
        lose(
            "program.env-file",
            "reads no files of variables",
            "`program.env`, or reading it in the program",
        );
    }
    if restart.when == When::Always {
        lose(
            "restart.when",
            "does not start a program again that stopped in good order",
            "`restart.when = \"on-failure\"`, which is also what an accepted `always` becomes",
        );
    }
    if restart.codes != CodeRules::default() {
        lose("restart.codes", "tells no exit codes apart but 0 and all others", SUPERVISE);
    }
    if restart.success_codes != [0] {
        lose("restart.success-codes", "knows no success but 0", "telling it 0 when the program ends well");
    }
    let acts = |action: &StopAction| matches!(action, StopAction::Event(_) | StopAction::Command(_));
    if spec.stop.steps.iter().any(|step| step.applies_to(Kind::Scm.family()) && acts(&step.action)) {
        lose(
            "stop.steps",
            "stops a program that it starts itself by its stop control alone",
            "stopping in the program, which the control reaches",
        );
    }
    for (field, used) in [
        ("limits.memory", spec.limits.memory.is_some()),
        ("limits.cpu", spec.limits.cpu.is_some()),
        ("limits.processes", spec.limits.processes.is_some()),
    ] {
        if used {
            lose(field, "bounds no program by itself", SUPERVISE);
        }
    }
    if restart.when != When::Never {
        found.push(Finding::note(
            "restart",
            "the SCM itself starts the program again: after the delays given, without jitter, and it \
             forgets failures after `reset-after` without any",
        ));
    }
    if spec.program.working_dir.is_some() {
        found.push(Finding::note(
            "program.working-dir",
            format!(
                "the SCM sets none; the program is told it in {WORKING_DIR}, as the `abide` library expects"
            ),
        ));
    }
    if !spec.program.env.is_empty() {
        found.push(
            Finding::warning(
                "program.env",
                "these stand in the registry, where every user of the machine can read them",
            )
            .with_hint("keep secrets in a file that the program's account alone can read"),
        );
    }
    if let Err(error) = image_path(&spec.program.command) {
        found.push(Finding::error("program.command", error.to_string()));
    }
    if spec.program.command.first().is_some_and(|program| is_batch(program.as_ref())) {
        found.push(
            Finding::error("program.command", "a batch file does not speak to the SCM").with_hint(SUPERVISE),
        );
    }
    if let Err(error) = environment(spec, context) {
        found.push(Finding::error("program.env", error.to_string()).with_hint(
            "variables of the machine are not known before the SCM starts the program; write the value out",
        ));
    }
    found
}
