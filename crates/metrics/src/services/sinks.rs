//! What is told of the places that logs are sent to.

use super::readings::SinkReading;
use crate::model::Family;

pub(super) fn families(sinks: &[SinkReading]) -> Vec<Family> {
    let mut queue =
        Family::gauge("abide_export_queue_bytes", "Bytes of logs that wait to be sent.").unit("bytes");
    let mut age = Family::gauge(
        "abide_export_queue_oldest_age_seconds",
        "How long the oldest record that waits to be sent has waited.",
    )
    .unit("seconds");
    let mut sent = Family::counter("abide_export_sent_records", "Records that the sink has taken.");
    let mut dropped = Family::counter("abide_export_dropped_records", "Records that were given up.");
    let mut requests = Family::counter(
        "abide_export_requests",
        "Requests to the sink, by the code of the answer; error for none.",
    );
    let number = |value: Option<u64>| value.map(|value| value as f64);
    for sink in sinks {
        let of = ("sink", sink.name.as_str());
        queue.push([of], number(sink.queue_bytes));
        age.push([of], sink.oldest_age);
        sent.push([of], number(sink.sent));
        dropped.push([of], number(sink.dropped));
        for (code, count) in &sink.requests {
            requests.push([of, ("code", code)], *count as f64);
        }
    }
    vec![queue, age, sent, dropped, requests]
}
