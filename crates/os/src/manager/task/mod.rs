//! The user's own services on Windows (`--user`): a hidden task that the Task Scheduler starts when the user logs on.
//! It needs no rights of an administrator, neither to be registered nor to run, and shows no window.
//!
//! The task starts `abide-supervisor`, which is as ever the one that heals the program. What shall be there is worked
//! out here, on any system; telling the Task Scheduler is in `windows/task`.

use abide_spec::{RunAs, Spec, StartMode};

#[cfg(test)]
mod tests;

#[cfg(windows)]
pub(crate) use crate::windows::task::Task;

use super::capability::{self, lost};
use super::scm::windows_text;
use super::{Access, Artifact, Context, Finding, Kind, MARKER, Target};
use crate::paths::within;
use crate::quote::command_text;

/// What stands for the user in a plan that is made on another machine.
const SOMEBODY: &str = "%USERNAME%";

/// How long after the logon a delayed service starts.
const DELAY: &str = "PT1M";

/// The extension of the files with the tasks as they are registered.
pub(crate) const EXTENSION: &str = "xml";

/// The path of a service's task. All tasks of a machine share one folder that every user can write, so the user is a
/// part of the name.
pub(crate) fn path(service: &str, user: &str) -> String {
    format!(r"\Abide-{service}-{user}")
}

/// Everything for the Task Scheduler, in a plan that is made elsewhere.
#[must_use]
pub(crate) fn render(spec: &Spec, context: &Context) -> Vec<Artifact> {
    render_for(spec, context, SOMEBODY)
}

/// Everything for the Task Scheduler: the task of a user, who is given by the text form of a SID.
pub(crate) fn render_for(spec: &Spec, context: &Context, user: &str) -> Vec<Artifact> {
    let path = within(&context.layout.units, &format!("{}.{EXTENSION}", spec.name));
    let path = windows_text(&path).into();
    vec![Artifact {
        target: Target::File { path, access: Access::Private },
        content: definition(spec, context, user),
    }]
}

/// The task. Without an encoding in its head: the file has one, and the text that the Task Scheduler is given another.
fn definition(spec: &Spec, context: &Context, user: &str) -> String {
    let word = |yes: bool| if yes { "true" } else { "false" };
    let mode = spec.start.mode;
    let at_logon = matches!(mode, StartMode::Auto | StartMode::Delayed);
    let delay =
        if mode == StartMode::Delayed { format!("\n      <Delay>{DELAY}</Delay>") } else { String::new() };
    let shown = match (&spec.display_name, &spec.description) {
        (Some(name), Some(description)) => format!("{name}: {description}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => format!("{} (Abide)", spec.name),
    };
    let supervisor = command_text(&windows_text(&context.supervisor), &[]).unwrap_or_default();
    format!(
        r#"<?xml version="1.0"?>
<!-- {MARKER} -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Source>Abide</Source>
    <Description>{description}</Description>
    <URI>{uri}</URI>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>{at_logon}</Enabled>
      <UserId>{user}</UserId>{delay}
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="User">
      <UserId>{user}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <IdleSettings>
      <StopOnIdleEnd>false</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>{enabled}</Enabled>
    <Hidden>true</Hidden>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <WakeToRun>false</WakeToRun>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>255</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="User">
    <Exec>
      <Command>{supervisor}</Command>
      <Arguments>run --manager task --user {name}</Arguments>
      <WorkingDirectory>{folder}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"#,
        description = escaped(&shown),
        uri = escaped(&path(spec.name.as_str(), user)),
        at_logon = word(at_logon),
        user = escaped(user),
        enabled = word(mode != StartMode::Disabled),
        supervisor = escaped(&supervisor),
        name = spec.name,
        folder = escaped(&windows_text(&context.layout.lib)),
    )
}

/// A text between two tags. XML has no way to write most control characters; a blank stands for each.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// What a logon task can't make of this spec, and what is worth knowing about it.
#[must_use]
pub(crate) fn findings(spec: &Spec, _: &Context) -> Vec<Finding> {
    let mut found = capability::findings(Kind::Task, spec);
    if !spec.program.supervised {
        found.push(
            Finding::error("program.supervised", "the Task Scheduler can't ask a program to stop")
                .with_hint("leave `program.supervised` out, or install it for the machine, without --user"),
        );
    }
    if !spec.start.after.is_empty() {
        found.push(lost(
            spec,
            "start.after",
            Kind::Task,
            "starts everything at the logon and knows no order",
            "a program that tries again until what it needs is there (`restart.when = \"on-failure\"`)",
        ));
    }
    if spec.account.run_as != RunAs::LeastPrivilege {
        found.push(lost(
            spec,
            "account.run-as",
            Kind::Task,
            "runs a user's own services as that user",
            "a service of the machine, installed without --user",
        ));
    }
    found.push(Finding::note(
        None,
        "it starts when you log on and ends, without its stop steps, when you log off; a service of the machine \
         (without --user) outlives that",
    ));
    found
}
