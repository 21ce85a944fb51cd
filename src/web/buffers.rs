//! Buffers that answers are read into, and read into again: chunks that the browser makes are garbage, of which it lets
//! hundreds of MiB lie before it collects them.

use std::cell::RefCell;

use js_sys::{ArrayBuffer, Uint8Array};

/// As much as a slow network brings at once.
pub const SMALL: u32 = 64 * 1024;
/// Each read and each write costs a turn of the page's thread and of the disk's, and leaves garbage in both, of which the
/// browser lets tens of MiB lie: a fast network is read by few of them.
pub const LARGE: u32 = 1024 * 1024;
/// So many bytes lie ready of each: what a disk is behind a fast network.
const MOST: u32 = 16 << 20;

thread_local! {
    static SPARE: RefCell<[Vec<ArrayBuffer>; 2]> = RefCell::default();
}

/// One of these sizes.
pub fn take(size: u32) -> Uint8Array {
    let spare = SPARE.with_borrow_mut(|[small, large]| if size == SMALL { small.pop() } else { large.pop() });
    spare.map_or_else(|| Uint8Array::new_with_length(size), |buffer| Uint8Array::new(&buffer))
}

/// Nobody reads it any more.
pub fn give_back(buffer: ArrayBuffer) {
    let size = buffer.byte_length();
    SPARE.with_borrow_mut(|[small, large]| {
        // A buffer of the browser's own is of any size; one that was moved away has none.
        let spare = match size {
            SMALL => small,
            LARGE => large,
            _ => return,
        };
        if (spare.len() as u32) < MOST / size {
            spare.push(buffer);
        }
    });
}

/// For a while, nothing is read.
pub fn clear() {
    SPARE.take();
}
