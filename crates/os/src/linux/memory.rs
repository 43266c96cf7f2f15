//! Linux side of [`crate::memory`].

/// Below the frame that gives back, this much is left to the call made meanwhile.
const MARGIN: usize = 1 << 10;

/// How deep beginning may have gone. Less than the gap that the kernel keeps free below a stack that grows (1 MiB), so
/// that nothing else can lie there.
const DEPTH: usize = 512 << 10;

pub(crate) fn share_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number inside the allocator.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: gives back pages in which nothing is allocated.
    unsafe {
        libc::malloc_trim(0);
    }
    give_back_stack();
}

#[inline(never)]
fn give_back_stack() {
    // SAFETY: calls without pointers.
    let (is_main, page) = unsafe { (libc::getpid() == libc::gettid(), libc::sysconf(libc::_SC_PAGESIZE)) };
    // The stacks of other threads are small, and end where something else may begin.
    let (true, Ok(page)) = (is_main, usize::try_from(page)) else { return };
    let here = 0_u8;
    let end = ((&raw const here).addr() - MARGIN) & !(page - 1);
    let start = (end - DEPTH) & !(page - 1);
    // SAFETY: all between is the main thread's stack below every frame in use, or mapped by nobody: the stack grows
    // downwards, and the kernel maps nothing else so close below it. What is given back reads as zero afterwards.
    unsafe {
        libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED);
    }
}
