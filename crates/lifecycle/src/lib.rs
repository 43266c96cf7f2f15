//! The supervision state machine: `(state, event, now)` in, `(state, actions)` out. No clock, no I/O, no threads.
