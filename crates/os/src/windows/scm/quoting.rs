//! Command lines as Windows itself reads them: what is registered goes through the calls that the SCM and programs use.

use std::ptr;

use proptest::prelude::*;
use windows_sys::Win32::Foundation::LocalFree;

use crate::manager::scm::direct::image_path;
use crate::quote::command_line;
use crate::windows::sys::{text_at, wide};

#[link(name = "shell32", kind = "raw-dylib")]
unsafe extern "system" {
    fn CommandLineToArgvW(line: *const u16, count: *mut i32) -> *mut *mut u16;
}

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn ExpandEnvironmentStringsW(text: *const u16, expanded: *mut u16, size: u32) -> u32;
}

/// The words of a command line, in units: a text may have lone surrogates.
fn split(line: &[u16]) -> Vec<Vec<u16>> {
    let line: Vec<u16> = line.iter().copied().chain([0]).collect();
    let mut count = 0;
    // SAFETY: the line ends with a NUL; the system allocates the words, which are freed when they are copied.
    unsafe {
        let words = CommandLineToArgvW(line.as_ptr(), &raw mut count);
        assert!(!words.is_null(), "{}", std::io::Error::last_os_error());
        let all = (0..usize::try_from(count).unwrap()).map(|index| {
            let word = *words.add(index);
            let length = (0..).take_while(|at| *word.add(*at) != 0).count();
            std::slice::from_raw_parts(word, length).to_vec()
        });
        let all = all.collect();
        LocalFree(words.cast());
        all
    }
}

/// What the SCM makes of a registered command line before it starts it.
fn expanded(line: &str) -> String {
    let line = wide(line).unwrap();
    // SAFETY: the line ends with a NUL, and the buffer has the size that was asked for.
    unsafe {
        let size = ExpandEnvironmentStringsW(line.as_ptr(), ptr::null_mut(), 0);
        let mut buffer = vec![0; size as usize];
        assert_ne!(ExpandEnvironmentStringsW(line.as_ptr(), buffer.as_mut_ptr(), size), 0);
        text_at(buffer.as_ptr())
    }
}

fn read_back(command: &[String]) -> Vec<String> {
    let line = image_path(command).unwrap();
    let line: Vec<u16> = expanded(&line).encode_utf16().collect();
    split(&line).iter().map(|word| String::from_utf16(word).unwrap()).collect()
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

#[test]
fn awkward_arguments_come_through() {
    let arguments = [
        "",
        " ",
        "a b",
        "\"",
        "\\",
        "\\\\",
        "a\\\"b\\\\",
        "ends with \\",
        "%PATH%",
        "%PATH%%PATH%",
        "100%",
        "%",
        "%%",
        "%SystemRoot%\\x y\\",
        "a%\"%PATH%\"%b",
        "$HOME",
        "${x}",
        "'single'",
        "line\nbreak",
        "tab\there",
        "é 日本 🦀",
        "^&|<>",
        "/slash",
        "--x=\"y z\"",
        "%\\",
        "\\%\\\"%",
    ];
    let mut command = vec![r"C:\a b\100% sure\c.exe".to_owned()];
    command.extend(arguments.map(str::to_owned));
    assert_eq!(read_back(&command), command);
}

fn argument() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(vec![
        "\\",
        "\"",
        " ",
        "%",
        "%PATH%",
        "%SystemRoot%",
        "$",
        "\t",
        "\n",
        "'",
        "^",
        "&",
        "a",
        "b\\\\",
        "é",
        "日",
        "🦀",
        "/",
    ]);
    prop_oneof![
        4 => prop::collection::vec(awkward, 0..12).prop_map(|parts| parts.concat()),
        1 => "[^\u{0}]{0,12}",
    ]
}

proptest! {
    #[test]
    fn every_registered_argument_is_read_back(arguments in prop::collection::vec(argument(), 0..6)) {
        let mut command = vec![r"C:\a b\c.exe".to_owned()];
        command.extend(arguments);
        prop_assert_eq!(read_back(&command), command);
    }

    #[test]
    fn every_argument_of_a_program_is_read_back_unit_for_unit(
        arguments in prop::collection::vec(prop::collection::vec(prop_oneof![
            4 => prop::sample::select(units("\\\"\\\" %^&|<>!\t\nab~é")),
            1 => 1..=u16::MAX,
        ], 0..24), 0..6)
    ) {
        let program = units(r"C:\a b\c.exe");
        let line = command_line(&program, arguments.iter().map(Vec::as_slice)).unwrap();
        let words = split(&line);
        prop_assert_eq!(&words[0], &program);
        prop_assert_eq!(&words[1..], &arguments[..]);
    }
}
