//! What `--help` says.

use crate::Service;

/// The name by which the program was started.
pub(super) fn executable() -> String {
    let first = std::env::args_os().next().unwrap_or_default();
    let path = std::path::Path::new(&first);
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "program".to_owned())
}

pub(super) fn text(service: &Service) -> String {
    render(service, &executable())
}

fn render(service: &Service, program: &str) -> String {
    let shown = service.display_name.as_deref().unwrap_or(&service.name);
    let description = service.description.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
    let own = service.usage.as_deref().map(|usage| format!(" {usage}")).unwrap_or_default();
    let behind = if service.usage.is_some() { " [-- ARGUMENTS]" } else { "" };
    let commands = [
        (format!("install{behind}"), "install the service, or bring it up to date, and start it"),
        ("uninstall".into(), "stop it and remove it"),
        ("start".into(), "start it and wait until it is ready"),
        ("stop".into(), "stop it and wait until it is gone"),
        ("restart".into(), "both"),
        ("status".into(), "tell what it does"),
        (format!("run{own}"), "as without a command"),
        ("help".into(), "this"),
    ];
    let width = commands.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let lines: String =
        commands.iter().map(|(command, does)| format!("  {command:width$}  {does}\n")).collect();
    format!(
        "\
{shown}{description}

Usage:
  {program}{own}
      run: here in the foreground, or as whatever started it expects; Ctrl-C stops it
  {program} COMMAND [OPTIONS]

Commands:
{lines}
Options:
  --user      the user's own service, not the machine's; needs no special rights
  --plan      with install: show what would be changed, change nothing
  --no-start  with install: do not start it
  --json      with status: for scripts

Exit codes:
  0 done   1 failed   2 usage   4 permission denied   5 not installed   6 cannot be   75 timed out
  status: 0 running   3 not running   4 not installed or unknown
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::parse::WORDS;

    #[test]
    fn every_word_and_option_is_told() {
        let text = render(&Service::new("orders").description("Takes orders").usage("[--port N]"), "orders");
        for word in WORDS.into_iter().chain(["--user", "--plan", "--no-start", "--json", "-- ARGUMENTS"]) {
            assert!(
                text.contains(&format!("  {word}")) || text.contains(&format!("[{word}")),
                "{word}\n{text}"
            );
        }
        assert!(text.starts_with("orders: Takes orders\n"), "{text}");
        assert!(text.contains("orders [--port N]\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    }

    #[test]
    fn a_program_without_arguments_tells_none() {
        let text = render(&Service::new("orders"), "orders");
        assert!(!text.contains("ARGUMENTS") && text.starts_with("orders\n"), "{text}");
    }
}
