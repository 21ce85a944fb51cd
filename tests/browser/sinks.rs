//! Where downloads go: files that a worker writes, streams, Blobs; and what another page finds of them.

use std::rc::Rc;

use futures_util::future::join_all;
use js_sys::Uint8Array;
use presigned::{
    core::{
        checkpoint::{Checkpoint, DownloadPoint, Found, Recalled, Save},
        checksum::{Algorithm, Checksum},
        download::version::Version,
        error::Code,
        hashing::Hasher,
        stretches::Stretch,
    },
    drive::seams::{Sink, Store},
    web::{BrowserSink, BrowserStore, Bytes, Disks, StoreKind, Target},
};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{
    database::{self, keys},
    disk,
    server::{bytes, pause, read},
};

const MIB: u32 = 1 << 20;
/// Worth a file.
const SIZE: u32 = 18 * MIB;
const KEY: &str = "films/film.mp4";

fn store(disks: Disks) -> BrowserStore {
    BrowserStore::new(StoreKind::IndexedDb, "https://backend.test", disks)
}

fn sink(store: &BrowserStore, target: Target) -> BrowserSink {
    BrowserSink::new(target, true, store.disks.clone(), Some(Algorithm::Crc32c))
}

fn point() -> DownloadPoint {
    DownloadPoint {
        key: KEY.into(),
        size: SIZE.into(),
        version: Version { etag: Some("\"v1\"".into()), last_modified: None, generation: None },
        content_type: Some("video/mp4".into()),
        filename: Some("film.mp4".into()),
    }
}

fn sum(content: &Uint8Array) -> Checksum {
    let mut hasher = Hasher::new(Algorithm::Crc32c);
    hasher.add(&content.to_vec());
    hasher.finish()
}

fn mib(from: u32, to: u32) -> Stretch {
    Stretch { start: (from * MIB).into(), end: (to * MIB).into() }
}

/// In chunks as a network brings them, several on their way at once.
async fn write(sink: &BrowserSink, content: &Uint8Array, from: u32, to: u32) {
    sink.open(Some(SIZE.into())).await.unwrap();
    let starts = (from * MIB..to * MIB).step_by(MIB as usize / 2);
    let writes = starts.map(|at| sink.write(at.into(), Bytes(content.slice(at, at + MIB / 2))));
    assert!(join_all(writes).await.iter().all(Result::is_ok));
}

async fn finish(sink: &BrowserSink) -> Option<Checksum> {
    let sum = sink.seal(SIZE.into(), Some("video/mp4")).await.unwrap();
    sink.commit().await.unwrap();
    sum
}

async fn fresh() -> Uint8Array {
    database::wipe().await;
    disk::wipe().await;
    bytes(SIZE)
}

/// A download that has begun under number 1, and lacks the last five MiB and the eighth.
async fn begun(store: &BrowserStore, content: &Uint8Array, target: Target) -> BrowserSink {
    let sink = sink(store, target);
    assert_eq!(store.recall_download(1, KEY, &sink, true).await.unwrap(), Recalled::default());
    // The first bytes come before the record is written.
    write(&sink, content, 0, 4).await;
    store.save(1, Save::Begin(Checkpoint::Download(point()))).await.unwrap();
    write(&sink, content, 8, 13).await;
    write(&sink, content, 4, 7).await;
    sink
}

/// Waits until what was let go is closed.
async fn let_go(store: BrowserStore, sink: BrowserSink) {
    store.release(1);
    drop((store, sink));
    pause(100).await;
}

/// What is left of `begun` is found by another page, and the rest makes it whole.
async fn goes_on(store: &BrowserStore, content: &Uint8Array, target: Target) -> BrowserSink {
    let sink = sink(store, target);
    let recalled = store.recall_download(2, KEY, &sink, true).await.unwrap();
    let Some(Found::Download { point: found, mut have }) = recalled.found else { panic!("found") };
    assert_eq!(found, point());
    have.sort();
    assert_eq!(have, [mib(0, 7), mib(8, 13)]);
    // What is there already does no harm.
    write(&sink, content, 6, 9).await;
    write(&sink, content, 13, 18).await;
    assert_eq!(finish(&sink).await, Some(sum(content)), "nothing is read again");
    store.save(2, Save::Forget).await.unwrap();
    store.release(2);
    sink
}

#[wasm_bindgen_test]
async fn writes_come_in_any_order_and_some_twice() {
    let content = fresh().await;
    for (name, resume) in [("auto", true), ("films/a.mp4", true), ("picked.mp4", true), ("in-place.mp4", false)] {
        let target = match name {
            "auto" => Target::Auto,
            "films/a.mp4" => Target::Opfs(name.into()),
            _ => Target::File(disk::handle(name).await),
        };
        let disks = Rc::new(disk::disks());
        let sink = BrowserSink::new(target.clone(), resume, disks, Some(Algorithm::Crc32c));
        sink.prepare("0123456789abcdef").await.unwrap();
        write(&sink, &content, 9, 18).await;
        write(&sink, &content, 3, 10).await;
        sink.clear(&[]).await.unwrap();
        for (from, to) in [(9, 18), (0, 5), (3, 10), (17, 18)] {
            write(&sink, &content, from, to).await;
        }
        let sealed = sink.seal(SIZE.into(), Some("video/mp4")).await.unwrap();
        assert_eq!(sealed, Some(sum(&content)), "{target:?}");
        let named = disk::files().await.contains(&"films/a.mp4".to_owned());
        assert!(!named, "a final name before the end: {target:?}");
        sink.commit().await.unwrap();
        let whole = match target {
            Target::Auto => sink.take().expect("a Blob"),
            _ => disk::file(name).await,
        };
        assert!(read(&whole).await.to_vec() == content.to_vec(), "{target:?}");
        if target == Target::Auto {
            assert_eq!(whole.type_(), "video/mp4");
        }
        drop(sink);
        pause(100).await;
        disk::wipe().await;
    }
}

#[wasm_bindgen_test]
async fn another_page_goes_on_with_the_same_bytes() {
    let content = fresh().await;
    let first = store(disk::disks());
    let cut = begun(&first, &content, Target::Auto).await;
    let_go(first, cut).await;
    assert_eq!(disk::files().await.len(), 2, "the file and its journal");

    let second = store(disk::disks());
    let saved = second.saved().await.unwrap().remove(0);
    assert_eq!((saved.kind, saved.name.as_str(), saved.loaded), ("download", "film.mp4", (12 * MIB).into()));
    assert_eq!((saved.total, saved.content_type.as_deref()), (SIZE.into(), Some("video/mp4")));
    let other = sink(&second, Target::Auto);
    let none = second.recall_download(5, "films/other.mp4", &other, true).await.unwrap();
    assert_eq!(none.found, None, "another object");
    let none = second.recall_download(6, KEY, &sink(&second, Target::Auto), false).await.unwrap();
    assert_eq!(none.found, None, "not where the application wants none");
    let whole = goes_on(&second, &content, Target::Auto).await;
    assert!(read(&whole.take().unwrap()).await.to_vec() == content.to_vec());
    assert!(keys("transfers").await.is_empty());
    assert_eq!(disk::files().await.len(), 1, "the Blob's own");
}

#[wasm_bindgen_test]
async fn a_file_goes_where_it_was_to_go() {
    let content = fresh().await;
    let first = store(disk::disks());
    let cut = begun(&first, &content, Target::Opfs("films/new.mp4".into())).await;
    let_go(first, cut).await;
    disk::write("films/new.mp4", "an older one").await;
    let second = store(disk::disks());
    let saved = second.saved().await.unwrap().remove(0);
    assert_eq!(saved.path.as_deref(), Some("films/new.mp4"));
    drop(goes_on(&second, &content, Target::Opfs(saved.path.unwrap())).await);
    pause(100).await;
    assert_eq!(disk::files().await, ["films/new.mp4"]);
    assert!(read(&disk::file("films/new.mp4").await).await.to_vec() == content.to_vec());
}

#[wasm_bindgen_test]
async fn what_a_journal_says_of_something_else_is_not_believed() {
    let content = fresh().await;
    let first = store(disk::disks());
    let cut = begun(&first, &content, Target::Auto).await;
    let_go(first, cut).await;
    let files = disk::files().await;
    let journal = files.iter().find(|name| name.ends_with(".journal")).unwrap();
    let text = disk::text(journal).await;
    assert!(!text.contains("X-Amz") && text.contains("v1") && text.contains("backend.test"), "{text}");
    // Lines that were cut off, and such as nobody wrote.
    for spoilt in ["[0,", "[5,3]", "[-1,4]", "{}", "[20000000,30000000]"] {
        disk::write(journal, &format!("{text}{spoilt}\n")).await;
    }
    disk::write(journal, &text.replace("v1", "v2")).await;
    let second = store(disk::disks());
    let other = sink(&second, Target::Auto);
    let Some(Found::Download { have, .. }) = second.recall_download(2, KEY, &other, true).await.unwrap().found else {
        panic!("its record is there")
    };
    assert_eq!(have, [], "bytes of another version");

    // What comes from now on is found by the next page.
    write(&other, &content, 3, 9).await;
    second.release(2);
    drop((second, other));
    pause(100).await;
    let third = store(disk::disks());
    let other = sink(&third, Target::Auto);
    let Some(Found::Download { have, .. }) = third.recall_download(3, KEY, &other, true).await.unwrap().found else {
        panic!("its record is there still")
    };
    assert_eq!(have, [mib(3, 9)]);
}

#[wasm_bindgen_test]
async fn a_full_disk_is_told_and_what_was_written_stays() {
    let content = fresh().await;
    let first = store(disk::full());
    let own = sink(&first, Target::Auto);
    first.recall_download(1, KEY, &own, true).await.unwrap();
    own.open(Some(SIZE.into())).await.unwrap();
    first.save(1, Save::Begin(Checkpoint::Download(point()))).await.unwrap();
    write(&own, &content, 0, 5).await;
    let failed = own.write((5 * MIB).into(), Bytes(content.slice(5 * MIB, 7 * MIB))).await.unwrap_err();
    assert_eq!(failed.error.code, Code::StorageFull);
    let_go(first, own).await;

    let second = store(disk::disks());
    let other = sink(&second, Target::Auto);
    let Some(Found::Download { have, .. }) = second.recall_download(2, KEY, &other, true).await.unwrap().found else {
        panic!("found")
    };
    assert_eq!(have, [mib(0, 5)]);
}

#[wasm_bindgen_test]
async fn without_such_files_the_next_best_is_taken() {
    let content = fresh().await;
    for disks in [disk::poor(), disk::none()] {
        let store = store(disks);
        let own = sink(&store, Target::Auto);
        store.recall_download(1, KEY, &own, true).await.unwrap();
        own.open(Some(SIZE.into())).await.unwrap();
        let why = store.save(1, Save::Begin(Checkpoint::Download(point()))).await.unwrap_err();
        assert!(why.contains("can't be resumed"), "{why}");
        write(&own, &content, 0, 18).await;
        assert_eq!(finish(&own).await, None);
        assert!(read(&own.take().unwrap()).await.to_vec() == content.to_vec(), "a Blob");
        assert!(keys("transfers").await.is_empty());
        store.release(1);
    }
    let streamed = store(disk::poor());
    let own = sink(&streamed, Target::Opfs("films/b.mp4".into()));
    streamed.recall_download(1, KEY, &own, true).await.unwrap();
    write(&own, &content, 0, 18).await;
    assert!(!disk::files().await.contains(&"films/b.mp4".to_owned()), "a final name before the end");
    assert_eq!(finish(&own).await, Some(sum(&content)));
    assert!(read(&disk::file("films/b.mp4").await).await.to_vec() == content.to_vec());

    let none = store(disk::none());
    let own = sink(&none, Target::Opfs("films/c.mp4".into()));
    none.recall_download(1, KEY, &own, true).await.unwrap();
    let refused = own.open(Some(SIZE.into())).await.unwrap_err();
    assert_eq!(refused.error.code, Code::InvalidOption);
}

#[wasm_bindgen_test]
async fn a_second_download_of_the_same_is_not_remembered() {
    let content = fresh().await;
    let (one, other) = (store(disk::disks()), store(disk::disks()));
    let first = begun(&one, &content, Target::Auto).await;
    let second = sink(&other, Target::Auto);
    assert_eq!(other.recall_download(1, KEY, &second, true).await.unwrap(), Recalled::default());
    other.save(1, Save::Begin(Checkpoint::Download(point()))).await.unwrap();
    write(&second, &content, 0, 18).await;
    other.save(1, Save::Forget).await.unwrap();
    assert_eq!(keys("transfers").await.len(), 1);
    assert_eq!(finish(&second).await, Some(sum(&content)));
    drop(first);
}

#[wasm_bindgen_test]
async fn what_nobody_needs_is_deleted() {
    let content = fresh().await;
    disk::write("presigned/fedcba9876543210", "of a page that died").await;
    let own = store(disk::disks());
    let sink = begun(&own, &content, Target::Auto).await;
    assert!(!disk::files().await.iter().any(|name| name.contains("fedcba")), "{:?}", disk::files().await);
    own.save(1, Save::Forget).await.unwrap();
    let_go(own, sink).await;
    assert!(disk::files().await.is_empty(), "aborted: {:?}", disk::files().await);

    let own = store(disk::disks());
    let sink = begun(&own, &content, Target::Auto).await;
    let_go(own, sink).await;
    let own = store(disk::disks());
    let saved = own.saved().await.unwrap().remove(0);
    own.discard(&saved.id).await.unwrap();
    assert!(disk::files().await.is_empty(), "discarded");
}
