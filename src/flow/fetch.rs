//! Asks for memory before it is needed. A packet's flow is mostly in no cache that is near, and waiting for it costs more
//! than what is then done with it.

const LINE: usize = 64;

/// Fetches all lines of a place.
#[inline]
pub fn prefetch_all<T>(place: &T) {
    for line in 0..size_of::<T>().div_ceil(LINE) {
        prefetch_line(std::ptr::from_ref(place).cast(), line);
    }
}

/// Tells the processor that a place will be wanted. No effect on meaning.
#[inline]
pub fn prefetch<T>(place: &T) {
    prefetch_line(std::ptr::from_ref(place).cast(), 0);
}

#[inline]
#[allow(unsafe_code)]
fn prefetch_line(place: *const i8, line: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing into the program and faults on no address; the address is never read through.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(place.wrapping_add(line * LINE));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (place, line);
}
