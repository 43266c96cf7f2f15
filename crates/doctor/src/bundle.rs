//! What was seen of a service, packed for somebody else: without secrets, for nobody else to read until its owner hands it
//! over, and never in the place of another file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use abide_host::Home;
use abide_logs::{Reader, Streams};
use abide_os::fs::Access;
use abide_os::manager::{self, Desired};
use abide_supervisor::timestamp::rfc3339;

use crate::finding::Finding;
use crate::look::secrets;
use crate::redact::{self, Redactor};
use crate::scene::{Scene, SpecSeen};

/// So many of the last lines of output go with it.
const LINES: usize = 5000;
/// So many of the last events.
const EVENTS: usize = 1000;

/// How an archive is compressed, by the end of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `.tar.zst`
    Zstd,
    /// `.tar.gz`
    Gzip,
}

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The name of the file does not say how it is to be compressed.
    #[error("{} tells no form; name it NAME.tar.zst or NAME.tar.gz", .0.display())]
    Form(PathBuf),
    /// There is a file of that name.
    #[error("{} is there already, and is not overwritten; name another file, or remove it", .0.display())]
    Exists(PathBuf),
    /// It could not be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Form {
    /// The form that the name of a file tells.
    ///
    /// # Errors
    /// Fails for names that end otherwise.
    pub fn of(path: &Path) -> Result<Self, BundleError> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        match &*name {
            name if name.ends_with(".tar.zst") || name.ends_with(".tzst") => Ok(Self::Zstd),
            name if name.ends_with(".tar.gz") || name.ends_with(".tgz") => Ok(Self::Gzip),
            _ => Err(BundleError::Form(path.to_owned())),
        }
    }
}

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Its name in the archive.
    pub name: String,
    /// Its text, without secrets.
    pub text: String,
}

/// What goes into the archive of a service. `versions` tells of the `abide` that packs.
///
/// Every text passes through one [`Redactor`] here, whatever it is.
#[must_use]
pub fn pack(scene: &Scene, findings: &[Finding], home: &Home, versions: &serde_json::Value) -> Vec<Packed> {
    let spec = scene.valid_spec();
    let redactor = Redactor::new(spec, spec.map(secrets).unwrap_or_default());
    let mut packed = vec![Packed { name: "README.txt".into(), text: readme(scene) }];
    let json = |value: serde_json::Result<serde_json::Value>| {
        let mut value = value.unwrap_or_default();
        redactor.apply_within(&mut value);
        serde_json::to_string_pretty(&value).unwrap_or_default()
    };
    let [findings, versions, known] =
        [serde_json::to_value(findings), serde_json::to_value(versions), serde_json::to_value(&scene.known)]
            .map(json);
    // JSON has lost its secrets by now, and has to stay JSON.
    for (name, text) in [("findings.json", findings), ("versions.json", versions), ("status.json", known)] {
        packed.push(Packed { name: name.to_owned(), text });
    }
    let mut add = |name: &str, text: String| {
        packed.push(Packed { name: name.to_owned(), text: redactor.apply(&text) });
    };
    match &scene.spec {
        SpecSeen::Valid { spec, .. } => add("spec.toml", redactor.apply_to(spec).to_toml()),
        // What is not valid cannot be told apart into what is secret and what is not.
        SpecSeen::Invalid { errors, .. } => add("spec-errors.txt", errors.join("\n")),
        SpecSeen::Unreadable { why, .. } => add("spec-errors.txt", why.clone()),
        SpecSeen::Absent => {}
    }
    let skip = scene.events.len().saturating_sub(EVENTS);
    let events = scene.events.iter().skip(skip).map(|event| {
        let time = event.time.map(rfc3339).unwrap_or_default();
        format!("{time}  {}\n", event.text)
    });
    add("events.txt", events.collect());
    add("output.log", output(&home.place(&scene.name).logs));
    for (name, text) in units(scene, home, &redactor) {
        add(&name, text);
    }
    if !scene.blind.is_empty() {
        add("not-seen.txt", scene.blind.join("\n"));
    }
    packed
}

fn readme(scene: &Scene) -> String {
    format!(
        "What `abide doctor {} --bundle` saw at {}.\n\n\
         Values of environment variables, and whatever looks like a secret, stand here as {}. Look through it before you\n\
         hand it on: what a program prints may hold what nobody can tell to be secret.\n",
        scene.name,
        rfc3339(scene.now),
        redact::MASK
    )
}

/// The last lines of output, each with its time and stream.
fn output(logs: &Path) -> String {
    let Ok(lines) = Reader::open(logs).and_then(|reader| reader.tail(LINES, Streams::Both)) else {
        return String::new();
    };
    let shown = lines.flatten().map(|line| {
        let time = line.time.map(rfc3339).unwrap_or_default();
        format!("{time} {} {}\n", line.stream.name(), String::from_utf8_lossy(&line.bytes))
    });
    shown.collect()
}

/// What the service manager is given: made anew of the spec without its secrets, for what stands on the machine may hold
/// them in a form that nobody knows again.
fn units(scene: &Scene, home: &Home, redactor: &Redactor) -> Vec<(String, String)> {
    let (Some(spec), Some(scope)) = (scene.valid_spec(), home.scope()) else { return Vec::new() };
    let supervisor = std::env::current_exe().ok();
    let desired = Desired::new(redactor.apply_to(spec), None, supervisor);
    let Ok(plan) = manager::preview(manager::detect(), scope, &desired) else { return Vec::new() };
    let name = |target: String| {
        let plain: String = target
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
            .collect();
        format!("unit/{}", plain.trim_start_matches(['_', '.']))
    };
    plan.artifacts.into_iter().map(|artifact| (name(artifact.target.to_string()), artifact.content)).collect()
}

/// Writes an archive of these files, in a folder named after it.
///
/// # Errors
/// Fails when there is a file of that name, when its name tells no form, and when it cannot be written; then nothing is
/// left of it.
pub fn write(path: &Path, files: &[Packed], now: SystemTime) -> Result<(), BundleError> {
    let form = Form::of(path)?;
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => BundleError::Exists(path.to_owned()),
        _ => BundleError::Write { path: path.to_owned(), source },
    };
    let file = abide_os::fs::create_new(path, Access::Private).map_err(failed)?;
    let written = fill(&file, form, &folder(path), files, now);
    if let Err(source) = written {
        drop(file);
        // What failed is told; half an archive is of no use.
        let _ = std::fs::remove_file(path);
        return Err(BundleError::Write { path: path.to_owned(), source });
    }
    Ok(())
}

/// `orders` of `/tmp/orders.tar.zst`.
fn folder(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.split(".t").next().unwrap_or_default();
    if name.is_empty() { "abide-doctor".into() } else { name.to_owned() }
}

fn fill(file: &File, form: Form, folder: &str, files: &[Packed], now: SystemTime) -> io::Result<()> {
    let to = BufWriter::new(file);
    match form {
        Form::Zstd => {
            let mut encoder = zstd::Encoder::new(to, 0)?;
            append(&mut encoder, folder, files, now)?;
            encoder.finish()?.flush()?;
        }
        Form::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(to, flate2::Compression::default());
            append(&mut encoder, folder, files, now)?;
            encoder.finish()?.flush()?;
        }
    }
    file.sync_all()
}

fn append(to: &mut impl Write, folder: &str, files: &[Packed], now: SystemTime) -> io::Result<()> {
    let mut archive = tar::Builder::new(to);
    for packed in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(packed.text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
        archive.append_data(&mut header, format!("{folder}/{}", packed.name), packed.text.as_bytes())?;
    }
    archive.finish()
}
