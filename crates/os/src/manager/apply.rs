//! Doing things in order so that either all of them are done or none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::ManagerError;
use super::{Progress, Watcher};
use crate::fs::{Access, atomic_write, private_dir, public_dir, remove_file};

/// One step of an apply. [`Step::undo`] is called after a run that succeeded and after one that failed halfway.
pub(crate) trait Step {
    /// What it does, to be put after "cannot": "write file /etc/…".
    fn describe(&self) -> String;
    /// Does it. `say` takes what is worth showing meanwhile.
    fn run(&mut self, say: &mut dyn FnMut(&str)) -> Result<(), StepError>;
    /// Takes it back, as far as it came.
    fn undo(&mut self) -> Result<(), String>;
    /// All steps succeeded: what was kept for undoing can go.
    fn settle(&mut self) {}
}

/// Why a step failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepError {
    pub(crate) why: String,
    pub(crate) hint: Option<String>,
}

impl StepError {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None }
    }

    /// An error about a path, with what to do about the common ones.
    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some(format!("make room on the file system of {}, then apply again", path.display()))
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                Some(format!("the file system of {} can only be read; make it writable", path.display()))
            }
            io::ErrorKind::PermissionDenied => Some("run it with the rights to change services".into()),
            _ => None,
        };
        Self { why: error.to_string(), hint }
    }
}

/// Runs all steps in order. When one fails, it and those before it are taken back in reverse order.
pub(crate) fn run(steps: &mut [Box<dyn Step + '_>], watcher: &mut Watcher<'_>) -> Result<(), ManagerError> {
    let of = steps.len();
    for index in 0..of {
        let text = steps[index].describe();
        watcher(Progress::Step { number: index + 1, of, text: &text });
        let outcome = steps[index].run(&mut |said| watcher(Progress::Status(said)));
        if let Err(StepError { why, hint }) = outcome {
            let mut left = Vec::new();
            for step in steps[..=index].iter_mut().rev() {
                if let Err(trouble) = step.undo() {
                    left.push(format!("{}: {trouble}", step.describe()));
                }
            }
            return Err(ManagerError::RolledBack { step: text, why, hint, left });
        }
    }
    for step in steps {
        step.settle();
    }
    Ok(())
}

/// Makes sure that a folder is there; takes back exactly the folders it made.
pub(crate) struct MakeDir {
    path: PathBuf,
    private: bool,
    made: Vec<PathBuf>,
}

impl MakeDir {
    pub(crate) fn new(path: &Path, private: bool) -> Self {
        Self { path: path.to_path_buf(), private, made: Vec::new() }
    }
}

impl Step for MakeDir {
    fn describe(&self) -> String {
        format!("make folder {}", self.path.display())
    }

    fn run(&mut self, _: &mut dyn FnMut(&str)) -> Result<(), StepError> {
        self.made = self.path.ancestors().take_while(|path| !path.exists()).map(Path::to_path_buf).collect();
        let make = if self.private { private_dir } else { public_dir };
        make(&self.path).map_err(|error| StepError::io(&self.path, &error))
    }

    fn undo(&mut self) -> Result<(), String> {
        for path in self.made.drain(..) {
            match fs::remove_dir(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }
}

/// Writes a file whole, or removes it; the file that was there before is kept under another name until everything
/// is settled, so that taking it back needs no space.
pub(crate) struct PutFile<'a> {
    path: PathBuf,
    content: Option<(Vec<u8>, Access)>,
    kept: Option<PathBuf>,
    touched: bool,
    /// Asked before the file is taken away again: whether someone else counts on it by now.
    shared: Option<Box<dyn Fn() -> bool + 'a>>,
}

impl<'a> PutFile<'a> {
    pub(crate) fn write(path: &Path, bytes: Vec<u8>, access: Access) -> Self {
        Self {
            path: path.to_path_buf(),
            content: Some((bytes, access)),
            kept: None,
            touched: false,
            shared: None,
        }
    }

    pub(crate) fn remove(path: &Path) -> Self {
        Self { path: path.to_path_buf(), content: None, kept: None, touched: false, shared: None }
    }

    /// The same for a file that others may come to use while this goes on; it stays if they do.
    pub(crate) fn shared(self, in_use: impl Fn() -> bool + 'a) -> Self {
        Self { shared: Some(Box::new(in_use)), ..self }
    }

    fn keep(&mut self) -> io::Result<()> {
        let Some(name) = self.path.file_name() else { return Ok(()) };
        let mut aside = std::ffi::OsString::from(".");
        aside.push(name);
        aside.push(crate::fs::KEPT);
        let aside = self.path.with_file_name(aside);
        remove_file(&aside)?;
        match fs::hard_link(&self.path, &aside) {
            Ok(()) => self.kept = Some(aside),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // File systems without hard links: a copy, which keeps the permissions as well.
            Err(_) => {
                if let Err(error) = fs::copy(&self.path, &aside) {
                    let _ = fs::remove_file(&aside);
                    return Err(error);
                }
                self.kept = Some(aside);
            }
        }
        Ok(())
    }
}

impl Step for PutFile<'_> {
    fn describe(&self) -> String {
        let verb = if self.content.is_some() { "write" } else { "remove" };
        format!("{verb} file {}", self.path.display())
    }

    fn run(&mut self, _: &mut dyn FnMut(&str)) -> Result<(), StepError> {
        let fail = |path: &Path, error: &io::Error| StepError::io(path, error);
        self.keep().map_err(|error| fail(&self.path, &error))?;
        match &self.content {
            Some((bytes, access)) => atomic_write(&self.path, bytes, *access),
            None => remove_file(&self.path).map(drop),
        }
        .map_err(|error| fail(&self.path, &error))?;
        self.touched = true;
        Ok(())
    }

    fn undo(&mut self) -> Result<(), String> {
        let outcome = match (self.kept.take(), self.touched) {
            (Some(kept), true) => fs::rename(&kept, &self.path),
            (Some(kept), false) => fs::remove_file(&kept),
            (None, true) if self.shared.as_ref().is_some_and(|in_use| in_use()) => Ok(()),
            (None, true) => remove_file(&self.path).map(drop),
            (None, false) => Ok(()),
        };
        self.touched = false;
        outcome.map_err(|error| error.to_string())
    }

    fn settle(&mut self) {
        if let Some(kept) = self.kept.take() {
            let _ = fs::remove_file(kept);
        }
    }
}

type Run<'a> = Box<dyn FnMut(&mut dyn FnMut(&str)) -> Result<(), StepError> + 'a>;
type Undo<'a> = Box<dyn FnMut() -> Result<(), String> + 'a>;

/// A step made of two closures: a call of the service manager and its opposite.
pub(crate) struct Act<'a> {
    text: String,
    run: Run<'a>,
    undo: Undo<'a>,
}

impl<'a> Act<'a> {
    pub(crate) fn new(
        text: impl Into<String>,
        run: impl FnMut(&mut dyn FnMut(&str)) -> Result<(), StepError> + 'a,
        undo: impl FnMut() -> Result<(), String> + 'a,
    ) -> Self {
        Self { text: text.into(), run: Box::new(run), undo: Box::new(undo) }
    }
}

impl Step for Act<'_> {
    fn describe(&self) -> String {
        self.text.clone()
    }

    fn run(&mut self, say: &mut dyn FnMut(&str)) -> Result<(), StepError> {
        (self.run)(say)
    }

    fn undo(&mut self) -> Result<(), String> {
        (self.undo)()
    }
}

/// Makes one step fail, before or after its work, to see that everything is taken back.
#[cfg(test)]
pub(crate) fn break_step(steps: &mut [Box<dyn Step + '_>], index: usize, after: bool) {
    if index < steps.len() {
        let step = std::mem::replace(&mut steps[index], Box::new(MakeDir::new(Path::new("/"), false)));
        steps[index] = Box::new(Broken { step, after });
    }
}

#[cfg(test)]
struct Broken<'a> {
    step: Box<dyn Step + 'a>,
    after: bool,
}

#[cfg(test)]
impl Step for Broken<'_> {
    fn describe(&self) -> String {
        self.step.describe()
    }

    fn run(&mut self, say: &mut dyn FnMut(&str)) -> Result<(), StepError> {
        if self.after {
            self.step.run(say)?;
        }
        Err(StepError::io(Path::new("/"), &io::ErrorKind::StorageFull.into()))
    }

    fn undo(&mut self) -> Result<(), String> {
        self.step.undo()
    }
}
