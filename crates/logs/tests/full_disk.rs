//! A full disk: what comes waits in memory, what does not fit there is counted, and all goes on by itself.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use abide_logs::{Capture, Line, Reader, Settings, Start, Stream, Streams, WhenFull};

fn at(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(ms)
}

/// A small file system in memory, which needs a Linux and the right to mount.
struct Disk {
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Disk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(dir.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { path: dir.path().to_owned(), _dir: dir });
        }
        eprintln!("not run: a small file system cannot be mounted here");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}

fn lines(dir: &Path) -> Vec<String> {
    let lines = Reader::open(dir).unwrap().lines(Start::Oldest, Streams::Both).unwrap();
    lines.map(|line: Result<Line, _>| String::from_utf8(line.unwrap().bytes).unwrap()).collect()
}

fn settings(when_full: WhenFull) -> Settings {
    Settings { size: 0, when_full, buffer: 64 << 10, ..Settings::default() }
}

fn poll(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

/// Writes lines until the disk is full and then so many more; frees the disk and writes a last line.
fn fill_and_free(disk: &Disk, capture: &Capture, more: u64) -> Vec<String> {
    let ballast = disk.path.join("ballast");
    fs::write(&ballast, vec![0; 150 << 10]).unwrap();
    let mut written = Vec::new();
    let mut write = |capture: &Capture| {
        let number = written.len() as u64;
        let stream = if number.is_multiple_of(5) { Stream::Stderr } else { Stream::Stdout };
        let line = format!("line {number:>94}");
        capture.write(stream, format!("{line}\n").as_bytes(), at(number * 20));
        written.push(line);
    };
    while capture.stats().failing_since.is_none() {
        write(capture);
        poll("it does not write", || {
            capture.stats().held_bytes == 0 || capture.stats().failing_since.is_some()
        });
    }
    let trouble = capture.stats().trouble.unwrap();
    assert!(trouble.starts_with("cannot write /") && trouble.contains(".log: "), "{trouble}");
    for _ in 0..more {
        write(capture);
    }
    assert!(capture.stats().held_bytes > 0);
    fs::remove_file(&ballast).unwrap();
    write(capture);
    poll("it does not recover", || capture.stats().held_bytes == 0 && capture.stats().trouble.is_none());
    written
}

#[test]
fn what_fits_into_memory_is_written_when_there_is_room_again() {
    for when_full in [WhenFull::Block, WhenFull::DropOldest] {
        let Some(disk) = Disk::mount() else { return };
        let capture = Capture::open(&disk.path, &settings(when_full)).unwrap();
        let written = fill_and_free(&disk, &capture, 100);
        assert_eq!(capture.stats().lost_bytes, 0);
        drop(capture);
        assert_eq!(lines(&disk.path), written);
    }
}

#[test]
fn what_does_not_fit_is_counted_where_it_is_missing() {
    for when_full in [WhenFull::Block, WhenFull::DropOldest] {
        let Some(disk) = Disk::mount() else { return };
        let capture = Capture::open(&disk.path, &settings(when_full)).unwrap();
        let written = fill_and_free(&disk, &capture, 2000);
        let stats = capture.stats();
        assert!(stats.lost_lines > 1000 && stats.lost_lines < 2000, "{stats:?}");
        drop(capture);
        let lines = lines(&disk.path);
        let (gaps, kept): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.starts_with("[abide: "));
        let lost = |gap: &String| gap.split(' ').nth(1).unwrap().parse::<u64>().unwrap();
        assert_eq!(gaps.iter().map(lost).sum::<u64>(), stats.lost_lines);
        // Of a line that was half written when the disk was full, the beginning stands before the gap.
        let whole: Vec<_> = kept.iter().filter(|line| line.len() == written[0].len()).collect();
        assert!(kept.len() - whole.len() <= 2);
        assert_eq!(whole.len() as u64 + stats.lost_lines, written.len() as u64);
        assert_eq!(whole.last(), Some(&written.last().unwrap()));
    }
}

#[test]
fn a_capture_starts_on_a_full_disk() {
    let Some(disk) = Disk::mount() else { return };
    let ballast = disk.path.join("ballast");
    let _ = fs::write(&ballast, vec![0; 1 << 20]);
    let capture = Capture::open(&disk.path, &settings(WhenFull::Block)).unwrap();
    capture.write(Stream::Stdout, b"first\n", at(0));
    capture.end(Stream::Stdout, at(1));
    assert!(capture.stats().failing_since.is_some());
    fs::remove_file(&ballast).unwrap();
    capture.flush(at(2));
    assert_eq!(capture.stats().trouble, None);
    assert_eq!(lines(&disk.path), ["first"]);
}
