//! The C library's allocator, for a process with many short-lived threads.

/// Blocks from this size on are mapped by themselves and go back to the system when they are freed.
/// It is where the allocator begins; left alone it moves up to the largest block ever freed, and
/// every later block of that size stays with the process.
#[cfg(target_env = "gnu")]
const MAPPED_FROM_BYTES: libc::c_int = 128 * 1024;

/// Free memory at the end of the heap that is kept rather than given back: what one turn of work
/// takes and leaves, so that the end does not move with each.
#[cfg(target_env = "gnu")]
const KEPT_FREE_BYTES: libc::c_int = 1024 * 1024;

/// Has all threads allocate from one arena. By default each of eight arenas a core takes whichever
/// threads come its way; with a thread a run, each grows to what the largest of them needed and
/// keeps it in pieces, so that a process whose live memory is flat goes on growing.
///
/// Threads keep small blocks of their own, so they seldom meet at the one lock.
///
/// Does nothing where the C library has no arenas.
pub fn allocate_from_one_arena() {
    #[cfg(target_env = "gnu")]
    for (option, value) in [
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES),
        (libc::M_TRIM_THRESHOLD, KEPT_FREE_BYTES),
    ] {
        // SAFETY: integers only; the allocator takes its own lock. A refused option leaves the
        // default, which is larger and just as correct.
        unsafe { libc::mallopt(option, value) };
    }
}
