//! Words that others split again: of POSIX shell scripts ([`sh`]), and Windows command lines.
//!
//! On Windows a program gets one text and splits it itself, so each argument is written in the way that
//! the C run-time (and every run-time that follows it) reads back byte for byte. Batch files are read by `cmd.exe`,
//! which has rules of its own.
//!
//! Pure, over UTF-16 units, and compiled on every system: plans for Windows are made, and these rules are tested,
//! anywhere.

use std::path::Path;

mod sh;

pub use sh::{sh, sh_words};

/// The longest command line that `CreateProcess` takes, its closing NUL included.
const LONGEST: usize = 32_767;

/// The longest command line that `cmd.exe` takes.
const LONGEST_BATCH: usize = 8_191;

/// Why a command can't be written as a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// No Windows command line can carry a NUL.
    #[error("an argument has a NUL character in it, which no command line can carry")]
    Nul,
    /// The path of a program has a `"` in it: no Windows path can.
    #[error("the program's path has a quotation mark in it, which no Windows path can have")]
    QuoteInProgram,
    /// `cmd.exe` ends a command at the end of a line.
    #[error(
        "an argument of a batch file has a line break in it, where cmd.exe would end the command; \
         name the program that the batch file starts instead"
    )]
    LineBreak,
    /// The whole is too long.
    #[error("the command line has {length} characters, more than the {most} that Windows takes")]
    TooLong {
        /// Its length in UTF-16 units.
        length: usize,
        /// The most that is taken.
        most: usize,
    },
}

/// The command line of an executable: program and arguments, each readable in one way only. Not NUL-terminated.
pub fn command_line<'a>(
    program: &[u16],
    args: impl IntoIterator<Item = &'a [u16]>,
) -> Result<Vec<u16>, QuoteError> {
    let mut line = Vec::new();
    push_program(&mut line, program)?;
    for arg in args {
        line.push(unit(' '));
        push_argument(&mut line, arg)?;
    }
    within(line, LONGEST - 1)
}

/// The command line that makes `cmd.exe` (its path in `shell`) run a batch file with these arguments.
///
/// Registry commands are not run (`/d`), extensions are on, `!` means nothing, and neither `%NAME%`, `&`, `|`, `^`
/// nor a quotation mark in an argument can start anything: what can't be carried is refused.
pub fn batch_line<'a>(
    shell: &[u16],
    script: &[u16],
    args: impl IntoIterator<Item = &'a [u16]>,
) -> Result<Vec<u16>, QuoteError> {
    let mut line = Vec::new();
    push_program(&mut line, shell)?;
    // With /s the outer quotation marks alone are taken off, whatever stands between them.
    line.extend(" /d /e:on /v:off /s /c \"".encode_utf16());
    if script.contains(&unit('"')) {
        return Err(QuoteError::QuoteInProgram);
    }
    push_batch_argument(&mut line, script)?;
    for arg in args {
        line.push(unit(' '));
        push_batch_argument(&mut line, arg)?;
    }
    line.push(unit('"'));
    within(line, LONGEST_BATCH)
}

/// Whether a program is run by `cmd.exe`, by its extension.
#[must_use]
pub fn is_batch(program: &Path) -> bool {
    program.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("bat") || ext.eq_ignore_ascii_case("cmd"))
}

/// The same as [`command_line`] for text: how an image path is registered.
pub fn command_text(program: &str, args: &[&str]) -> Result<String, QuoteError> {
    let program: Vec<u16> = program.encode_utf16().collect();
    let args: Vec<Vec<u16>> = args.iter().map(|arg| arg.encode_utf16().collect()).collect();
    let line = command_line(&program, args.iter().map(Vec::as_slice))?;
    // Whole texts went in and only ASCII was put between their units, so nothing is lost here.
    Ok(String::from_utf16_lossy(&line))
}

/// The first word of a command line as Windows reads it: up to the closing quotation mark, or to the first blank.
#[must_use]
pub fn program_of(line: &str) -> &str {
    let line = line.trim_start_matches([' ', '\t']);
    match line.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or(rest),
        None => line.split([' ', '\t']).next().unwrap_or(line),
    }
}

const fn unit(ascii: char) -> u16 {
    ascii as u16
}

fn within(line: Vec<u16>, most: usize) -> Result<Vec<u16>, QuoteError> {
    if line.len() > most {
        return Err(QuoteError::TooLong { length: line.len(), most });
    }
    Ok(line)
}

/// The first word is read without escapes, so it is always quoted and can't hold a quotation mark.
fn push_program(line: &mut Vec<u16>, program: &[u16]) -> Result<(), QuoteError> {
    if program.contains(&0) {
        return Err(QuoteError::Nul);
    }
    if program.contains(&unit('"')) {
        return Err(QuoteError::QuoteInProgram);
    }
    line.push(unit('"'));
    line.extend_from_slice(program);
    line.push(unit('"'));
    Ok(())
}

fn push_argument(line: &mut Vec<u16>, arg: &[u16]) -> Result<(), QuoteError> {
    if arg.contains(&0) {
        return Err(QuoteError::Nul);
    }
    let plain = !arg.is_empty() && !arg.iter().any(|&u| u <= unit(' ') || u == unit('"'));
    if plain {
        line.extend_from_slice(arg);
        return Ok(());
    }
    push_quoted(line, arg, Reader::Runtime);
    Ok(())
}

fn push_batch_argument(line: &mut Vec<u16>, arg: &[u16]) -> Result<(), QuoteError> {
    if arg.contains(&0) {
        return Err(QuoteError::Nul);
    }
    if arg.iter().any(|&u| u == unit('\r') || u == unit('\n')) {
        return Err(QuoteError::LineBreak);
    }
    push_quoted(line, arg, Reader::Shell);
    Ok(())
}

/// Who reads an argument first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// The C run-time of the program.
    Runtime,
    /// `cmd.exe`, and then perhaps the run-time of what the batch file starts.
    Shell,
}

fn push_quoted(line: &mut Vec<u16>, arg: &[u16], reader: Reader) {
    let mut backslashes = 0;
    line.push(unit('"'));
    for &u in arg {
        if u == unit('"') {
            // 2n+1 backslashes and a quotation mark are read as n backslashes and a literal mark; n were written.
            line.extend(std::iter::repeat_n(unit('\\'), backslashes));
            // cmd.exe knows no such escape: there a doubled mark stays inside the quotes, and run-times read it as
            // one literal mark too.
            line.push(if reader == Reader::Shell { unit('"') } else { unit('\\') });
        }
        if u == unit('%') && reader == Reader::Shell {
            // `%cd:~,%` is an empty part of a variable that is always there. Put behind each percent sign it takes
            // away the sign that could have named a variable, and leaves the one before it as it is.
            line.extend("%%cd:~,".encode_utf16());
        }
        backslashes = if u == unit('\\') { backslashes + 1 } else { 0 };
        line.push(u);
    }
    line.extend(std::iter::repeat_n(unit('\\'), backslashes));
    line.push(unit('"'));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn line(program: &str, args: &[&str]) -> String {
        command_text(program, args).unwrap()
    }

    fn batch(args: &[&str]) -> Result<String, QuoteError> {
        let args: Vec<_> = args.iter().map(|arg| units(arg)).collect();
        batch_line(&units(r"C:\W\cmd.exe"), &units(r"C:\a b\run.cmd"), args.iter().map(Vec::as_slice))
            .map(|line| String::from_utf16(&line).unwrap())
    }

    /// Splits as the C run-time does (the rules since 2008), the first word apart.
    fn split(line: &[u16]) -> Vec<Vec<u16>> {
        let (quote, slash) = (unit('"'), unit('\\'));
        let mut words = Vec::new();
        let end = 1 + line[1..].iter().position(|&u| u == quote).unwrap();
        words.push(line[1..end].to_vec());
        let mut rest = line[end + 1..].iter().copied().peekable();
        loop {
            while rest.next_if(|&u| u == unit(' ') || u == unit('\t')).is_some() {}
            if rest.peek().is_none() {
                return words;
            }
            let (mut word, mut quoted) = (Vec::new(), false);
            loop {
                let mut slashes = 0;
                while rest.next_if_eq(&slash).is_some() {
                    slashes += 1;
                }
                if rest.peek() == Some(&quote) {
                    word.extend(std::iter::repeat_n(slash, slashes / 2));
                    if slashes % 2 == 1 {
                        word.push(quote);
                        rest.next();
                    } else {
                        rest.next();
                        if quoted && rest.next_if_eq(&quote).is_some() {
                            word.push(quote);
                        } else {
                            quoted = !quoted;
                        }
                    }
                    continue;
                }
                word.extend(std::iter::repeat_n(slash, slashes));
                match rest.peek() {
                    None => break,
                    Some(&u) if !quoted && (u == unit(' ') || u == unit('\t')) => break,
                    Some(&u) => {
                        word.push(u);
                        rest.next();
                    }
                }
            }
            words.push(word);
        }
    }

    #[test]
    fn words_are_quoted_only_where_they_must_be_and_the_program_always() {
        assert_eq!(line(r"C:\a\b.exe", &["run", "--x=1", r"D:\"]), r#""C:\a\b.exe" run --x=1 D:\"#);
        assert_eq!(line(r"C:\P F\b.exe", &["", "a b", r"c d\"]), r#""C:\P F\b.exe" "" "a b" "c d\\""#);
        assert_eq!(line("b", &[r#"say "hi""#, r#"\""#]), r#""b" "say \"hi\"" "\\\"""#);
    }

    #[test]
    fn what_no_command_line_carries_is_refused() {
        assert_eq!(command_text("a", &["\0"]), Err(QuoteError::Nul));
        assert_eq!(command_text("a\"b", &[]), Err(QuoteError::QuoteInProgram));
        let long = "x".repeat(40_000);
        assert!(matches!(command_text("a", &[&long]), Err(QuoteError::TooLong { most: 32_766, .. })));
        assert_eq!(batch(&["a\nb"]), Err(QuoteError::LineBreak));
        assert_eq!(batch(&["a\0b"]), Err(QuoteError::Nul));
        assert!(matches!(batch(&[&"x".repeat(9_000)]), Err(QuoteError::TooLong { most: 8_191, .. })));
    }

    #[test]
    fn a_batch_file_gets_its_arguments_quoted_and_disarmed() {
        let head = r#""C:\W\cmd.exe" /d /e:on /v:off /s /c ""C:\a b\run.cmd""#;
        assert_eq!(batch(&["a&b", "100%"]).unwrap(), format!(r#"{head} "a&b" "100%%cd:~,%"""#));
        assert_eq!(batch(&[r#"" & calc & ""#]).unwrap(), format!(r#"{head} """ & calc & """""#));
    }

    #[test]
    fn the_program_of_a_registered_command_line_is_found() {
        assert_eq!(program_of(r#""C:\P F\b.exe" run x"#), r"C:\P F\b.exe");
        assert_eq!(program_of(r"C:\b.exe run"), r"C:\b.exe");
        assert_eq!(program_of(""), "");
    }

    #[test]
    fn batch_files_are_known_by_their_extension() {
        assert!(is_batch(Path::new("x/A.BAT")) && is_batch(Path::new("a.cmd")));
        assert!(!is_batch(Path::new("bat")) && !is_batch(Path::new("a.exe")));
    }

    /// Units as awkward arguments have them, lone surrogates included.
    fn argument() -> impl Strategy<Value = Vec<u16>> {
        let awkward = prop::sample::select(units("\\\"\\\" %^&|<>!\t\nab~é"));
        prop::collection::vec(prop_oneof![4 => awkward, 1 => 1..=u16::MAX], 0..24)
    }

    proptest! {
        #[test]
        fn every_argument_is_read_back_unit_for_unit(args in prop::collection::vec(argument(), 0..6)) {
            let program = units(r"C:\a b\c.exe");
            let line = command_line(&program, args.iter().map(Vec::as_slice)).unwrap();
            let words = split(&line);
            prop_assert_eq!(&words[0], &program);
            prop_assert_eq!(&words[1..], &args[..]);
        }

        #[test]
        fn nothing_in_a_batch_argument_stands_outside_quotes_or_names_a_variable(arg in argument()) {
            let head = batch(&[]).unwrap().len();
            let Ok(line) = batch_line(&units(r"C:\W\cmd.exe"), &units(r"C:\a b\run.cmd"), [arg.as_slice()])
            else {
                return Ok(());
            };
            let inner = &line[head..line.len() - 1];
            let mut quoted = false;
            for &u in inner {
                if u == unit('"') {
                    quoted = !quoted;
                } else {
                    prop_assert!(quoted, "{:?}", String::from_utf16_lossy(&line));
                }
            }
            prop_assert!(!quoted);
            // After cmd.exe has taken its empty variables away, the program's run-time reads the argument back.
            let text = String::from_utf16_lossy(inner).replace("%cd:~,%", "");
            if String::from_utf16(&arg).is_ok() {
                let mut whole = units("\"p\" ");
                whole.extend(text.encode_utf16());
                prop_assert_eq!(&split(&whole)[1], &arg);
            }
        }
    }
}
