//! How far a batch came that is sent record by record.

use std::sync::Arc;

use crate::sink::{Batch, Record, Service, Uid};

/// The last record that was sent of a batch that was not taken as a whole: when the batch is sent again, it goes on behind
/// that.
#[derive(Debug, Default)]
pub(super) struct Progress {
    last: Option<(Arc<Service>, Uid)>,
}

impl Progress {
    /// How many records of a batch have been sent before.
    pub(super) fn of(&mut self, batch: &Batch) -> usize {
        let Some((service, uid)) = self.last.take() else { return 0 };
        let is_last = |record: Record<'_>| record.uid == uid && *record.service == service;
        batch.iter().position(is_last).map_or(0, |at| at + 1)
    }

    /// So many records of a batch have been sent, then it failed.
    pub(super) fn keep(&mut self, batch: &Batch, sent: usize) {
        let last = sent.checked_sub(1).and_then(|at| batch.get(at));
        self.last = last.map(|record| (record.service.clone(), record.uid));
    }
}

#[cfg(test)]
mod tests {
    use abide_logs::Stream;

    use super::*;

    #[test]
    fn what_was_sent_is_not_sent_again() {
        let mut batch = Batch::new(Arc::default());
        let service: Arc<Service> = Arc::default();
        for offset in 0..5 {
            let uid = Uid { origin: 'o', file: 1, offset };
            batch.push_output(&service, Stream::Stdout, 1, None, b"a", uid);
        }
        let mut progress = Progress::default();
        assert_eq!(progress.of(&batch), 0);
        progress.keep(&batch, 3);
        assert_eq!(progress.of(&batch), 3);
        assert_eq!(progress.of(&batch), 0);
        progress.keep(&batch, 3);
        assert_eq!(progress.of(&batch.part(3..5)), 0);
        progress.keep(&batch, 0);
        assert_eq!(progress.of(&batch), 0);
    }
}
