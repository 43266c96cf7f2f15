//! The memory that pipes are read into.

use std::{io, ptr};

/// How much one read takes at most.
pub(super) const SIZE: usize = 512 << 10;

/// Kept while nothing comes.
const FIRST: usize = 4 << 10;

/// Memory from the system, given back while nothing comes.
pub(super) struct Buffer {
    start: ptr::NonNull<u8>,
    /// More than the first page may be in memory.
    used: bool,
}

// SAFETY: the memory belongs to this value alone.
unsafe impl Send for Buffer {}

impl Buffer {
    pub fn new() -> io::Result<Self> {
        // SAFETY: asks for new memory, at no place in particular.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                SIZE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANON,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = ptr::NonNull::new(start.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, used: false })
    }

    /// All of it, to be read into.
    pub fn space(&mut self) -> &mut [u8] {
        // SAFETY: the memory is mapped for as long as this value lives, and borrowed with it.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), SIZE) }
    }

    /// The first `length` bytes, which were read.
    pub fn filled(&mut self, length: usize) -> &[u8] {
        self.used |= length > FIRST;
        let space = self.space();
        let length = length.min(space.len());
        &space[..length]
    }

    /// Whether there is something to give back.
    pub fn is_used(&self) -> bool {
        self.used
    }

    pub fn give_back(&mut self) {
        if std::mem::take(&mut self.used) {
            // SAFETY: lies inside the mapping. What is given back reads as zero or as before, and nobody reads it.
            unsafe {
                libc::madvise(self.start.as_ptr().add(FIRST).cast(), SIZE - FIRST, libc::MADV_DONTNEED)
            };
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nobody borrows it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), SIZE) };
    }
}
