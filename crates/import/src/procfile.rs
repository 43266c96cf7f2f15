//! Procfiles: `NAME: COMMAND` a line.

use abide_spec::Spec;

use crate::Options;
use crate::draft;
use crate::error::Problem;
use crate::ledger::Ledger;
use crate::words::shell;

pub(crate) fn read(ledger: &Ledger, options: &Options) -> Result<Vec<Spec>, Problem> {
    let text = ledger.text();
    let mut specs = Vec::new();
    let mut at = 0;
    for whole in text.split_inclusive('\n') {
        let start = at;
        at += whole.len();
        let line = whole.trim_end();
        if line.trim_start().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let span = start..start + line.len();
        let Some((process, command)) = line.split_once(':') else {
            return Err(Problem::new(span, "this line has no `:`")
                .hint("each line of a Procfile is NAME: COMMAND; comments begin with #"));
        };
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if process.is_empty() || !process.chars().all(good) {
            let end = start + process.len();
            return Err(Problem::new(start..end, format!("`{process}` cannot be the name of a process"))
                .hint("names are made of A-Z a-z 0-9 _ and -"));
        }
        let offset = start + line.len() - command.trim_start().len();
        let command = command.trim_start();
        if command.is_empty() {
            return Err(Problem::new(span, format!("`{process}` has no command")));
        }
        let name_field = ledger.enter(Some(process), "name", process, start..start + process.len());
        let field = ledger.enter(Some(process), "command", command, offset..start + line.len());
        let Some(name) = draft::name_or(name_field, process, options.name.as_ref()) else { continue };
        let mut spec = Spec::minimal(name, Vec::new());
        if process == "release" {
            name_field.left("it is run once before a release, which is no service");
            field.left("run it by hand, or in the script that releases");
            continue;
        }
        self::command(&mut spec, field, command, offset)?;
        spec.restart.when = abide_spec::When::Always;
        ledger.default(
            Some(process),
            "(restart)",
            "restart.when",
            "platforms that run Procfiles start a process again however it ended",
        );
        draft::jit(ledger, &mut spec);
        specs.push(spec);
    }
    if specs.is_empty() && !ledger.has_problems() {
        return Err(
            Problem::new(0..0, "there is no process in it").hint("each line of a Procfile is NAME: COMMAND")
        );
    }
    ledger.note(
        "the processes ran in the folder of the Procfile, with the variables of its .env: set program.working-dir to \
         that folder and, where there is one, program.env-file to its .env",
    );
    let port = specs.iter().any(|spec| spec.program.command.iter().any(|word| word.contains("PORT")));
    if port {
        ledger
            .note("the platform set PORT: set it in program.env, and tell it to the fleet as register.port");
    }
    Ok(specs)
}

/// A command line of a shell: run as it is where no shell is needed.
pub(crate) fn command(
    spec: &mut Spec,
    field: crate::ledger::Field<'_>,
    line: &str,
    offset: usize,
) -> Result<(), Problem> {
    let words = shell::split(line)
        .map_err(|error| Problem::new(offset + error.at..offset + error.at + 1, error.message))?;
    if let Some((_, what)) = shell::shellism(line) {
        spec.program.command = through_shell(line);
        field.changed("program.command", format!("{what} stands in it, so /bin/sh runs it"));
        return Ok(());
    }
    // `PORT=80 ./server` sets the environment of the one command.
    let split = words.iter().position(|word| !shell::is_assignment(word)).unwrap_or(words.len());
    let (variables, command) = words.split_at(split);
    let command = match command {
        [exec, rest @ ..] if exec == "exec" && !rest.is_empty() => rest,
        command => command,
    };
    if command.is_empty() {
        return Err(Problem::new(offset..offset + line.len(), "this line sets variables and runs nothing"));
    }
    spec.program.command = command.to_vec();
    for (key, value) in variables.iter().filter_map(|word| word.split_once('=')) {
        spec.program.env.insert(key.to_owned(), abide_spec::expand::escape(value));
    }
    if variables.is_empty() {
        field.carried("program.command");
    } else {
        field.carried("program.command, program.env");
    }
    Ok(())
}

/// A line as a shell runs it; `exec` keeps the shell from standing between where there is one command.
pub(crate) fn through_shell(line: &str) -> Vec<String> {
    let single = !line.contains(['|', '&', ';', '\n', '(', '{']) || line.trim_start().starts_with("exec ");
    let first = line.split_whitespace().next().unwrap_or_default();
    let plain = single && !shell::is_assignment(first) && !BUILTINS.contains(&first) && first != "exec";
    let script = if plain { format!("exec {line}") } else { line.to_owned() };
    vec!["/bin/sh".into(), "-c".into(), script]
}

/// Words that a shell does itself.
const BUILTINS: [&str; 10] = ["cd", "source", ".", "export", "set", "if", "while", "for", "case", "trap"];
