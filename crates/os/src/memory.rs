//! Memory that was needed to begin and is not needed to go on: a supervisor lives for months, and there may be hundreds.

#[cfg(target_os = "linux")]
use crate::linux::memory as imp;

/// Has all threads share one heap, which for a few threads that allocate little is smaller and no slower. To be called
/// before the second thread is started.
pub fn share_heap() {
    #[cfg(target_os = "linux")]
    imp::share_heap();
}

/// Gives back to the system what is free of the heap, and what calls that have returned used of the stack. To be called
/// from few calls deep, when a long wait begins.
pub fn give_back() {
    #[cfg(target_os = "linux")]
    imp::give_back();
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn what_is_in_use_stays_as_it_is() {
        let heap: Vec<u64> = (0..100_000).collect();
        let stack = black_box([7_u8; 64 << 10]);
        drop(black_box(vec![1_u8; 4 << 20]));
        share_heap();
        give_back();
        assert!(heap.iter().copied().eq(0..100_000));
        assert!(stack.iter().all(|byte| *byte == 7));
    }
}
