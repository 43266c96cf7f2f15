//! What all Unix systems share. Linux extras are in `linux`.

pub(crate) mod fs;
