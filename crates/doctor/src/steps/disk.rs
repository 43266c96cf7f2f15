//! Room on the disks, and whether output can be kept.

use crate::finding::{Finding, Step};
use crate::scene::{Disk, Scene};
use crate::words;

const STEP: Step = Step::Disk;
const MIB: u64 = 1 << 20;

/// Less than this is as good as nothing.
const FULL: u64 = 16 * MIB;
/// Less than this, and than a twentieth of all, is little.
const LITTLE: u64 = 512 * MIB;
/// Fewer files than this are as good as none.
const FEW: u64 = 64;

pub(super) fn find(scene: &Scene, found: &mut Vec<Finding>) {
    found.extend(of(&scene.disks));
    let logs = &scene.known.status.logs;
    if let Some(trouble) = &logs.trouble {
        let folder = scene.disks.iter().find(|disk| disk.what == "logs");
        found.push(
            Finding::error("logs-troubled", STEP, 65, "what the program prints cannot be kept")
                .seen(trouble)
                .next(folder.map_or("df -h".into(), |disk| format!("df -h {}", disk.folder.display()))),
        );
    } else if logs.lost_bytes > 0 {
        found.push(
            Finding::warning("logs-lost", STEP, 20, "output was lost, because the disk did not keep up")
                .seen(format!("{} lines, {}", logs.lost_lines, words::bytes(logs.lost_bytes)))
                .next("let the program wait with `logs.when-full = \"block\"`, or print less: `logs.level`"),
        );
    }
}

/// The least room, in a few words.
pub(crate) fn seen(disks: &[Disk]) -> String {
    let Some(least) = disks.iter().min_by_key(|disk| disk.free) else { return String::new() };
    format!("{} free for its {}", words::bytes(least.free), least.what)
}

/// What is wrong with disks.
pub(crate) fn of(disks: &[Disk]) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for disk in disks {
        let folder = disk.folder.display();
        let room = format!("{folder}: {} of {} free", words::bytes(disk.free), words::bytes(disk.total));
        let next = format!("du -xh --max-depth=2 {folder} | sort -h | tail");
        if disk.free < FULL {
            let title = format!("the disk for {} is full", disk.what);
            found.push(Finding::error("disk-full", STEP, 88, title).seen(room).next(next));
        } else if disk.free < LITTLE && disk.free < disk.total / 20 {
            let title = format!("the disk for {} is nearly full", disk.what);
            found.push(Finding::warning("disk-full", STEP, 40, title).seen(room).next(next));
        }
        if disk.files > 0 && disk.files_free < FEW {
            let title = format!("the disk for {} can hold no more files", disk.what);
            found.push(
                Finding::error("inodes-full", STEP, 88, title)
                    .seen(format!("{folder}: {} of {} inodes free", disk.files_free, disk.files))
                    .next(format!("du -x --inodes --max-depth=2 {folder} | sort -n | tail")),
            );
        }
    }
    // One disk holds many folders.
    found.dedup_by(|next, before| next.id == before.id && next.evidence == before.evidence);
    found
}
