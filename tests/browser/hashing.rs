//! A second read of a file, and of what was downloaded.

use std::{cell::RefCell, rc::Rc};

use presigned::{
    core::{
        checksum::{Algorithm, Checksum},
        hashing::Hasher as Oracle,
    },
    drive::seams::{Hasher, Sink},
    web::{BlobSource, BrowserSink, Bytes, Target, WorkerHasher},
};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{
    disk,
    server::{blob, bytes},
};

const SIZE: u32 = 9_000_001;

fn sum(bytes: &[u8], algorithm: Algorithm) -> Checksum {
    let mut oracle = Oracle::new(algorithm);
    oracle.add(bytes);
    oracle.finish()
}

/// Where no worker may be started, as a Content-Security-Policy can have it.
fn without_workers() -> (WorkerHasher, Rc<RefCell<Vec<String>>>) {
    let warnings = Rc::new(RefCell::new(Vec::new()));
    let told = warnings.clone();
    let warn = move |why: &str| told.borrow_mut().push(why.to_owned());
    (WorkerHasher::new(|| Err("no workers here".into()), warn), warnings)
}

#[wasm_bindgen_test]
async fn a_page_without_workers_hashes_by_itself_and_says_so_once() {
    let content = bytes(SIZE);
    let (hasher, warnings) = without_workers();
    let source = BlobSource::new(blob(&content));
    for algorithm in Algorithm::ALL {
        for (start, end) in [(0, SIZE), (5_000_000, SIZE), (3, 3)] {
            let own = hasher.of_source(&source, algorithm, start.into(), end.into()).await.unwrap();
            assert_eq!(own, sum(&content.slice(start, end).to_vec(), algorithm));
        }
    }
    assert_eq!(warnings.borrow().len(), 1);
}

#[wasm_bindgen_test]
async fn what_was_downloaded_is_hashed_where_it_was_put_together() {
    let content = bytes(SIZE);
    let sink = BrowserSink::new(Target::Blob, true, Rc::new(disk::none()), None);
    let half = u64::from(SIZE / 2);
    sink.write(half, Bytes(content.slice(SIZE / 2, SIZE))).await.unwrap();
    sink.write(0, Bytes(content.slice(0, SIZE / 2))).await.unwrap();
    sink.seal(SIZE.into(), None).await.unwrap();
    let (hasher, _) = without_workers();
    let own = hasher.of_sink(&sink, Algorithm::Crc64Nvme, 7, SIZE.into()).await.unwrap();
    assert_eq!(own, sum(&content.slice(7, SIZE).to_vec(), Algorithm::Crc64Nvme));
}
