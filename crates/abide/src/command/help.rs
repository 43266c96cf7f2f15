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
    let (own, behind) = match &service.usage {
        Some(usage) => (format!(" {usage}"), " [-- ARGUMENTS]"),
        None => (String::new(), ""),
    };
    format!(
        "\
{shown}{description}

Usage:
  {program}{own}
      run, here in the foreground or as whatever started it expects; Ctrl-C stops it
  {program} COMMAND [OPTIONS]

Commands:
  install{behind}
             install the service, or bring it up to date, and start it
  uninstall  stop it and remove it
  start      start it and wait until it is ready
  stop       stop it and wait until it is gone
  restart    both
  status     tell what it does
  run{own}
             as without a command
  help       this

Options:
  --user     the user's own service, not the machine's; needs no special rights
  --plan     with install: show what would be changed, change nothing
  --no-start with install: do not start it
  --json     with status: for scripts

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
            assert!(text.contains(&format!("  {word}")) || text.contains(&format!("[{word}")), "{word}\n{text}");
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
