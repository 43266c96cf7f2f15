//! What types can do without saying so: a change of that breaks programs too.

fn is_shared<T: Send + Sync + 'static>() {}

#[test]
fn everything_can_go_to_other_threads() {
    is_shared::<abide::Context>();
    is_shared::<abide::Error>();
    is_shared::<abide::Layer>();
    is_shared::<abide::Logger>();
    is_shared::<abide::Plan>();
    is_shared::<abide::Service>();
    is_shared::<abide::Status>();
    is_shared::<abide::StopToken>();
}
