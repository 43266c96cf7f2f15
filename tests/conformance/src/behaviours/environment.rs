//! What the program is given: arguments, variables, folder, input.

use crate::behaviour::{Behaviour, Need, Outcome, now};
use crate::context::Context;
use crate::ensure;
use crate::service::quoted;

pub const LIST: &[Behaviour] = &[
    now(
        "arguments-byte-for-byte",
        "arguments arrive as written: spaces, quotes, %, $, backslashes, newlines, Unicode",
        &[],
        arguments,
    ),
    now("environment-values", "values of variables arrive as written", &[], values),
    now("environment-file", "variables come from a file, and the spec's own win", &[], file),
    now(
        "environment-expansion",
        "`${NAME}` is replaced in values, `$$` is a dollar, the rest stays",
        &[],
        expansion,
    ),
    now(
        "inherit-nothing",
        "with `inherit-env = \"none\"` nothing of the outside reaches the program",
        &[],
        inherit_none,
    ),
    now(
        "inherit-some",
        "with a list in `inherit-env` only those variables come from outside",
        &[],
        inherit_some,
    ),
    now("working-folder", "the program runs in the folder of the spec", &[], folder),
    now("standard-input-is-empty", "the program reads the end of its input at once", &[], input),
    now("no-window", "no window is shown", &[Need::Console], window),
];

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn arguments(c: &Context) -> Outcome {
    let odd = [
        "",
        " ",
        "two words",
        "tab\there",
        "new\nline",
        "\"",
        "a\"b",
        "'",
        "it's",
        "\\",
        "end\\",
        "\\\\server\\share\\",
        "a\\\"b",
        "end\\\\\"",
        "%",
        "%%",
        "%PATH%",
        "%n%i",
        "$",
        "$HOME",
        "${HOME}",
        "$(id)",
        "`id`",
        "!x!",
        "^",
        "&",
        "|",
        ";",
        "<",
        ">",
        "*",
        "?",
        "~",
        "#",
        "--",
        "-x=y z",
        "ä ö ü",
        "日本語",
        "🌍",
        "é",
        "\u{200b}",
        "\u{7f}",
        "{a,b}",
        "=",
        "a=b",
    ];
    let service = c.service(&[&["args"], &odd[..]].concat());
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "args end")?;
    for (index, argument) in odd.iter().enumerate() {
        let line = format!("arg {index}={}\n", hex(argument));
        ensure!(printed.contains(&line), "{argument:?} did not arrive as {}:\n{printed}", line.trim());
    }
    ensure!(printed.matches("arg ").count() == odd.len(), "there are more or fewer arguments:\n{printed}");
    Ok(())
}

fn values(c: &Context) -> Outcome {
    let values = [
        ("PLAIN", "value"),
        ("SPACES", "  a  b  "),
        ("QUOTES", "\"a\" 'b'"),
        ("PERCENT", "100% %PATH% %n"),
        ("BACKSLASH", "C:\\dir\\"),
        ("LINES", "a\nb"),
        ("UNICODE", "ä日🌍"),
        ("EQUALS", "a=b=c"),
        ("SHELL", "`x` ; & | <>"),
    ];
    let table: Vec<String> =
        values.iter().map(|(name, value)| format!("{name} = {}", quoted(value))).collect();
    let steps: Vec<&str> =
        values.iter().flat_map(|(name, _)| ["env", name]).chain(["say", "that is all"]).collect();
    let service = c.service(&steps).program(&format!("env = {{ {} }}", table.join(", ")));
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "that is all")?;
    for (name, value) in values {
        let line = format!("env {name}={}\n", hex(value));
        ensure!(printed.contains(&line), "{name}={value:?} did not arrive as {}:\n{printed}", line.trim());
    }
    Ok(())
}

fn file(c: &Context) -> Outcome {
    let file =
        c.write("settings.env", "# a comment\nFROM_FILE=in the file\n\nBOTH=file\nQUOTED=\"with quotes\"\n")?;
    let service = c
        .service(&["env", "FROM_FILE", "env", "BOTH", "env", "QUOTED", "say", "that is all"])
        .program("env = { BOTH = \"spec\" }")
        .program(&format!("env-file = {}", quoted(&file)));
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "that is all")?;
    ensure!(
        printed.contains(&format!("env FROM_FILE={}\n", hex("in the file"))),
        "the file's variable is missing:\n{printed}"
    );
    ensure!(
        printed.contains(&format!("env BOTH={}\n", hex("spec"))),
        "the spec does not win over the file:\n{printed}"
    );
    ensure!(
        printed.contains(&format!("env QUOTED={}\n", hex("with quotes"))),
        "quotes are not taken off:\n{printed}"
    );
    Ok(())
}

fn expansion(c: &Context) -> Outcome {
    let service = c
        .service(&["env", "GREETING", "env", "PRICE", "env", "SINGLE", "env", "PERCENT", "args", "${WHO}"])
        .program("env = { WHO = \"world\", GREETING = \"hello ${WHO}\", PRICE = \"5$$\", SINGLE = \"$x $\", PERCENT = \"%WHO%\" }");
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "args end")?;
    for (name, value) in
        [("GREETING", "hello world"), ("PRICE", "5$"), ("SINGLE", "$x $"), ("PERCENT", "%WHO%")]
    {
        ensure!(
            printed.contains(&format!("env {name}={}\n", hex(value))),
            "{name} is not {value:?}:\n{printed}"
        );
    }
    ensure!(printed.contains(&format!("arg 0={}\n", hex("${WHO}"))), "an argument was expanded:\n{printed}");
    Ok(())
}

fn inherit_none(c: &Context) -> Outcome {
    let service = c
        .service(&["names", "say", "that is all"])
        .program("inherit-env = \"none\"\nenv = { ONLY_THIS = \"1\" }");
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "that is all")?;
    let names = names(&printed);
    ensure!(names.contains(&"ONLY_THIS"), "the spec's variable is missing: {names:?}");
    // What Abide itself says to the program, and what Windows and Wine cannot start a process without.
    let allowed = ["ONLY_THIS", "ABIDE_", "STATE_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_"];
    let essential = ["SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATHEXT", "COMSPEC", "WINE", "TEMP", "TMP"];
    let strange: Vec<_> = names
        .iter()
        .filter(|name| !allowed.iter().any(|prefix| name.starts_with(prefix)))
        .filter(|name| {
            let upper = name.to_uppercase();
            !(c.backend.windows()
                && (upper.is_empty()
                    || upper.starts_with('=')
                    || essential.iter().any(|prefix| upper.starts_with(prefix))))
        })
        .collect();
    ensure!(strange.is_empty(), "these came from outside: {strange:?}");
    Ok(())
}

fn names(printed: &str) -> Vec<&str> {
    printed.lines().find_map(|line| line.strip_prefix("names ")).unwrap_or_default().split(' ').collect()
}

fn inherit_some(c: &Context) -> Outcome {
    let service = c.service(&["names", "say", "that is all"]).program("inherit-env = [\"PATH\"]");
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "that is all")?;
    let names = names(&printed);
    ensure!(names.iter().any(|name| name.eq_ignore_ascii_case("PATH")), "PATH is missing: {names:?}");
    for name in ["HOME", "LANG", "INVOCATION_ID", "USERPROFILE", "ProgramData"] {
        ensure!(!names.contains(&name), "{name} came from outside: {names:?}");
    }
    Ok(())
}

fn folder(c: &Context) -> Outcome {
    let service =
        c.service(&["cwd", "say", "that is all"]).program(&format!("working-dir = {}", quoted(&c.folder)));
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "that is all")?;
    let wanted = if c.backend.foreground() {
        std::fs::canonicalize(&c.folder).map_or_else(|_| c.folder.clone(), |path| path.display().to_string())
    } else {
        c.folder.clone()
    };
    let simple = |text: &str| text.trim_start_matches(r"\\?\").to_lowercase();
    let found = printed.lines().find_map(|line| line.strip_prefix("cwd ")).unwrap_or_default();
    ensure!(simple(found) == simple(&wanted), "the program runs in {found}, not in {wanted}");
    Ok(())
}

fn input(c: &Context) -> Outcome {
    let service = c.service(&["stdin", "say", "that is all"]);
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "that is all")?;
    ensure!(printed.contains("stdin ended after 0 bytes"), "the input is not empty: {printed}");
    Ok(())
}

fn window(c: &Context) -> Outcome {
    let service = c.service(&["window", "say", "that is all"]);
    c.run(&service)?;
    let printed = c.wait_printed(&service.name, "that is all")?;
    ensure!(printed.contains("window none"), "{printed}");
    Ok(())
}
