//! Stands in for what abide-logs is about to offer.
use abide_logs::{Mark, Reader, Stream};
use std::path::Path;

pub trait Beside {
    fn beside(self, folder: &Path) -> Self;
}
impl Beside for Reader {
    fn beside(self, _folder: &Path) -> Self {
        self
    }
}
pub trait Past {
    fn past(self, stream: Stream, file: u64) -> Mark;
}
impl Past for Mark {
    fn past(self, stream: Stream, file: u64) -> Mark {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        value[stream.name()] = serde_json::json!({"file": file + 1, "offset": 0});
        serde_json::from_value(value).unwrap_or(self)
    }
}
