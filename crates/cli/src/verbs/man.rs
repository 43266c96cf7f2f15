//! `abide man`: the manual pages, made from the command line's own types.

use clap::Command;

use crate::args::{self, Man};
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::printer::Printer;

/// Writes `abide.1` and a page for each verb.
pub fn run(args: &Man, printer: &Printer) -> Result<Exit, Failure> {
    let refuse =
        |error| Failure::io(format!("the pages cannot be written to {}", args.dir.display()), &error);
    std::fs::create_dir_all(&args.dir).map_err(refuse)?;
    let mut command = args::command().disable_help_subcommand(true);
    command.build();
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    for page in std::iter::once(&command).chain(verbs) {
        let name = format!("{}.1", page.get_display_name().unwrap_or(page.get_name()));
        std::fs::write(args.dir.join(name), render(page).map_err(refuse)?).map_err(refuse)?;
    }
    printer.note(format!("the pages are in {}", args.dir.display()));
    Ok(Exit::Ok)
}

/// One page: examples stand as they are written, and the exit codes have their section.
fn render(command: &Command) -> std::io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    let page = String::from_utf8_lossy(&page);
    let mut text = String::new();
    let mut examples = false;
    for line in page.lines() {
        if examples && line.starts_with(".SH") {
            text.push_str(".fi\n");
            examples = false;
        }
        match line {
            ".SH EXTRA" => text.push_str(".SH EXAMPLES\n.nf\n"),
            "Examples:" => examples = true,
            line => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    if examples {
        text.push_str(".fi\n");
    }
    text.push_str(&format!(".SH \"EXIT STATUS\"\n.nf\n{}.fi\n", exit::table()));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_its_examples_and_the_exit_codes() {
        let mut command = args::command();
        command.build();
        let page = render(command.find_subcommand("logs").unwrap()).unwrap();
        for part in [".TH", ".SH EXAMPLES\n.nf\n  abide logs web", ".SH \"EXIT STATUS\"", "permission denied"]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert_eq!(page.matches(".nf\n").count(), page.matches(".fi\n").count());
        assert!(!page.contains('\x1b'), "{page}");
    }
}
