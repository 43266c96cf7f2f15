//! Someone holds a file of the log: a reader, an editor. Rotation and deletion go on where the operating system lets
//! them, and wait where it does not; no line is lost either way.

#![allow(clippy::unwrap_used)]

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use abide_logs::{Capture, Reader, Settings, Start, Stream, Streams};

fn at(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(ms)
}

fn settings(keep: usize) -> Settings {
    Settings { size: 1000, keep, ..Settings::default() }
}

/// Prints lines `from..to`, each of 20 bytes.
fn print(capture: &Capture, from: u64, to: u64) {
    for number in from..to {
        capture.write(Stream::Stdout, format!("the line {number:010}\n").as_bytes(), at(number));
    }
}

/// The numbers of the lines that are there.
fn numbers(dir: &Path) -> Vec<u64> {
    let lines = Reader::open(dir).unwrap().lines(Start::Oldest, Streams::Only(Stream::Stdout)).unwrap();
    lines.map(|line| String::from_utf8(line.unwrap().bytes).unwrap()[9..].parse().unwrap()).collect()
}

fn all(to: u64) -> Vec<u64> {
    (0..to).collect()
}

fn rotated(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.to_string_lossy().ends_with(".log")
                && !path.ends_with("stdout.log")
                && !path.ends_with("stderr.log")
        })
        .collect();
    paths.sort();
    paths
}

#[test]
fn a_reader_of_the_file_hinders_no_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &settings(1000)).unwrap();
    let mut held = Vec::new();
    for round in 0..20 {
        print(&capture, round * 30, (round + 1) * 30);
        held.push(File::open(dir.path().join("stdout.log")).unwrap());
    }
    assert_eq!(capture.stats().trouble, None);
    assert_eq!(rotated(dir.path()).len(), 11);
    assert_eq!(numbers(dir.path()), all(600));
    // What each of them holds is still one of the files, whole.
    for file in &mut held {
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("the line ") && text.ends_with('\n'));
    }
}

#[test]
fn a_reader_of_old_files_hinders_no_deletion() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &settings(2)).unwrap();
    let mut held = Vec::new();
    for round in 0..20 {
        print(&capture, round * 50, (round + 1) * 50);
        held.extend(rotated(dir.path()).iter().filter_map(|path| File::open(path).ok()));
    }
    assert_eq!(capture.stats().trouble, None);
    drop(held);
    assert_eq!(rotated(dir.path()).len(), 2);
    assert_eq!(*numbers(dir.path()).last().unwrap(), 999);
}

#[test]
fn a_log_is_followed_while_its_files_go() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::open(dir.path(), &settings(1)).unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    let mut printed = 0;
    let mut found: Vec<u64> = Vec::new();
    // Each look comes after every rotation, so that each file is held when it goes.
    let follow = reader.follow(Start::Oldest, Streams::Both, || {
        print(&capture, printed, printed + 45);
        printed += 45;
        printed < 2000
    });
    for line in follow.unwrap() {
        found.push(String::from_utf8(line.unwrap().bytes).unwrap()[9..].parse().unwrap());
    }
    assert_eq!(found, all(found.len() as u64));
    assert!(found.len() > 1900, "{}", found.len());
    assert_eq!(capture.stats().trouble, None);
}

#[cfg(windows)]
mod without_sharing_deletion {
    use std::{fs::OpenOptions, os::windows::fs::OpenOptionsExt};

    use abide_logs::Compression;

    use super::*;

    const FILE_SHARE_READ: u32 = 1;
    const FILE_SHARE_WRITE: u32 = 2;

    /// As editors open files: others may read and write it, but neither rename nor remove it.
    fn edit(path: &Path) -> File {
        OpenOptions::new().read(true).share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE).open(path).unwrap()
    }

    #[test]
    fn an_editor_of_the_file_delays_its_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let capture = Capture::open(dir.path(), &settings(1000)).unwrap();
        print(&capture, 0, 10);
        let editor = edit(&dir.path().join("stdout.log"));
        print(&capture, 10, 200);
        // The limit was passed, and the file goes on.
        assert_eq!(rotated(dir.path()), [] as [PathBuf; 0]);
        assert_eq!(numbers(dir.path()), all(200));
        let trouble = capture.stats().trouble.unwrap();
        assert!(trouble.contains("cannot rotate") && trouble.contains("stdout.log"), "{trouble}");
        assert!(capture.rotate().is_err());
        print(&capture, 200, 250);
        assert_eq!(numbers(dir.path()), all(250));

        drop(editor);
        capture.rotate().unwrap();
        assert_eq!(rotated(dir.path()).len(), 1);
        assert_eq!(capture.stats().trouble, None);
        print(&capture, 250, 400);
        assert_eq!(rotated(dir.path()).len(), 3);
        assert_eq!(numbers(dir.path()), all(400));
        assert_eq!(capture.stats().lost_lines, 0);
    }

    #[test]
    fn a_delayed_rotation_comes_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let capture = Capture::open(dir.path(), &settings(1000)).unwrap();
        print(&capture, 0, 10);
        let editor = edit(&dir.path().join("stdout.log"));
        print(&capture, 10, 100);
        assert!(capture.stats().trouble.is_some());
        drop(editor);
        // A mebibyte more, and it is tried again.
        print(&capture, 100, 60_000);
        assert!(rotated(dir.path()).len() > 1);
        assert_eq!(capture.stats().trouble, None);
        assert_eq!(numbers(dir.path()), all(60_000));
    }

    #[test]
    fn an_editor_of_an_old_file_delays_its_deletion() {
        let dir = tempfile::tempdir().unwrap();
        let capture = Capture::open(dir.path(), &settings(2)).unwrap();
        print(&capture, 0, 60);
        let old = rotated(dir.path());
        assert_eq!(old.len(), 1);
        let editor = edit(&old[0]);
        print(&capture, 60, 500);
        // All others went.
        assert!(old[0].exists());
        assert_eq!(rotated(dir.path()).len(), 3);
        let trouble = capture.stats().trouble.unwrap();
        assert!(trouble.contains("cannot remove old log files"), "{trouble}");

        drop(editor);
        print(&capture, 500, 600);
        assert!(!old[0].exists());
        assert_eq!(rotated(dir.path()).len(), 2);
        assert_eq!(capture.stats().trouble, None);
        assert_eq!(*numbers(dir.path()).last().unwrap(), 599);
    }

    #[test]
    fn an_editor_of_an_old_file_delays_its_compression() {
        for compress in [Compression::Zstd, Compression::Gzip].into_iter().filter(|form| form.is_supported())
        {
            let dir = tempfile::tempdir().unwrap();
            let capture =
                Capture::open(dir.path(), &Settings { compress, size: 0, ..settings(1000) }).unwrap();
            print(&capture, 0, 10);
            let path = dir.path().join("stdout.log");
            // The file is rotated by hand, for an editor that holds it would not let it be.
            drop(capture);
            let old = dir.path().join("stdout.000001.log");
            fs::rename(path, &old).unwrap();
            let editor = edit(&old);
            let capture =
                Capture::open(dir.path(), &Settings { compress, size: 0, ..settings(1000) }).unwrap();
            print(&capture, 10, 20);
            until("the compression fails", || capture.stats().trouble.is_some());
            assert!(old.exists());
            assert_eq!(numbers(dir.path()), all(20));

            drop(editor);
            capture.rotate().unwrap();
            until("both are compressed", || rotated(dir.path()).is_empty());
            until("all is well", || capture.stats().trouble.is_none());
            assert_eq!(numbers(dir.path()), all(20));
        }
    }

    #[test]
    fn an_editor_that_lets_nobody_write_delays_what_is_printed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stdout.log");
        let capture = Capture::open(dir.path(), &settings(0)).unwrap();
        print(&capture, 0, 10);
        // While the file is written nobody can keep others from writing it.
        let open = || OpenOptions::new().read(true).share_mode(FILE_SHARE_READ).open(&path);
        assert!(open().is_err());
        drop(capture);
        let editor = open().unwrap();
        let capture = Capture::open(dir.path(), &settings(0)).unwrap();
        print(&capture, 10, 20);
        assert!(capture.stats().trouble.unwrap().contains("cannot write"));
        assert_eq!(numbers(dir.path()), all(10));
        drop(editor);
        print(&capture, 20, 30);
        assert_eq!(capture.stats().trouble, None);
        assert_eq!(numbers(dir.path()), all(30));
        assert_eq!(capture.stats().lost_lines, 0);
    }

    fn until(what: &str, done: impl Fn() -> bool) {
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while !done() {
            assert!(std::time::Instant::now() < deadline, "waited in vain until {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
