//! Buffers that answers are read into, and read into again: chunks that the browser makes are garbage, of which it lets
//! hundreds of MiB lie before it collects them.

use std::cell::RefCell;

use js_sys::{ArrayBuffer, Uint8Array};

/// As much as browsers hand out at once.
const SIZE: u32 = 64 * 1024;
/// So many lie ready: what a disk is behind a fast network.
const MOST: usize = 256;

thread_local! {
    static SPARE: RefCell<Vec<ArrayBuffer>> = RefCell::default();
}

pub fn take() -> Uint8Array {
    let spare = SPARE.with_borrow_mut(Vec::pop);
    spare.map_or_else(|| Uint8Array::new_with_length(SIZE), |buffer| Uint8Array::new(&buffer))
}

/// Nobody reads it any more.
pub fn give_back(buffer: ArrayBuffer) {
    SPARE.with_borrow_mut(|spare| {
        // A buffer of the browser's own is of any size; one that was moved away has none.
        if buffer.byte_length() == SIZE && spare.len() < MOST {
            spare.push(buffer);
        }
    });
}

/// For a while, nothing is read.
pub fn clear() {
    SPARE.take();
}
