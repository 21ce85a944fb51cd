//! What is remembered of unfinished transfers, and who may go on with them.

use js_sys::{Array, Object, Reflect, Uint8Array};
use presigned::{
    core::{
        checkpoint::{Checkpoint, Found, Identity, NotedPart, Recalled, Save, UploadPoint},
        checksum::{Algorithm, Checksum},
        error::{Code, Failure},
        protocol::UploadRequest,
    },
    drive::seams::Store,
    web::{BlobSource, BrowserStore, StoreKind},
};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{File, FilePropertyBag};

use super::{
    database::{self, held, keys, rewrite, values, without_database, without_room},
    disk,
    server::{blob, bytes, request},
};

/// A file in three parts, larger than what of it is read to recognise it.
const SIZE: u32 = 600_000;
const PART: u64 = 250_000;

fn store() -> BrowserStore {
    BrowserStore::new(StoreKind::IndexedDb, "https://backend.test", disk::none())
}

/// A file of that content, last changed long ago.
fn file(content: &Uint8Array) -> BlobSource {
    let options = FilePropertyBag::new();
    options.set_last_modified(1_000_000_000_000.0);
    let file = File::new_with_u8_array_sequence_and_options(&Array::of1(content), "film.mp4", &options).unwrap();
    BlobSource::new(file.into())
}

fn film() -> UploadRequest {
    request("film.mp4", SIZE.into())
}

async fn recall(store: &BrowserStore, id: u64, source: &BlobSource) -> Result<Recalled, Failure> {
    store.recall_upload(id, &film(), source, true).await
}

fn begin(identity: Option<Identity>) -> Save {
    let point = UploadPoint {
        identity: identity.unwrap(),
        key: "uploads/me/film.mp4".into(),
        upload_id: "upload-1".into(),
        part_size: PART,
        sums: Some(Algorithm::Crc64Nvme),
    };
    Save::Begin(Checkpoint::Upload(point))
}

fn part(number: u32) -> Save {
    Save::Part(noted(number))
}

/// With a checksum, but the second.
fn noted(number: u32) -> NotedPart {
    let sum = Checksum::of_crc(Algorithm::Crc64Nvme, number.into());
    NotedPart { number, etag: format!("\"{number}\""), sum: (number != 2).then_some(sum) }
}

/// An upload that has begun under number 1 and stored two of its three parts.
async fn begun(store: &BrowserStore, source: &BlobSource) {
    let recalled = recall(store, 1, source).await.unwrap();
    assert_eq!((recalled.found, recalled.warning), (None, None));
    for save in [begin(recalled.identity), part(1), part(3)] {
        store.save(1, save).await.unwrap();
    }
}

#[wasm_bindgen_test]
async fn an_upload_is_found_again_with_its_parts() {
    database::wipe().await;
    let content = bytes(SIZE);
    let source = file(&content);
    let first = store();
    begun(&first, &source).await;
    drop(first);

    let second = store();
    let recalled = recall(&second, 7, &file(&content)).await.unwrap();
    let Some(Found::Upload { point, parts }) = recalled.found else { panic!("found") };
    assert_eq!(Save::Begin(Checkpoint::Upload(point.clone())), begin(recalled.identity));
    assert_eq!(point.identity.modified, Some(1_000_000_000_000));
    assert_eq!(parts, [noted(1), noted(3)]);
    second.save(7, part(2)).await.unwrap();
    second.release(7);

    let third = store();
    let Some(Found::Upload { parts, .. }) = recall(&third, 1, &source).await.unwrap().found else { panic!("found") };
    assert_eq!(parts.len(), 3);
}

#[wasm_bindgen_test]
async fn only_this_very_file_is_recognised() {
    database::wipe().await;
    let content = bytes(SIZE);
    begun(&store(), &file(&content)).await;
    let store = store();
    let unknown = async |store: &BrowserStore, request: &UploadRequest, source: &BlobSource| {
        let recalled = store.recall_upload(2, request, source, true).await.unwrap();
        assert_eq!((recalled.found, recalled.warning), (None, None));
        recalled.identity.unwrap()
    };
    for at in [0, SIZE / 2, SIZE - 1] {
        let other = Uint8Array::new(&content.slice(0, content.length()));
        other.set_index(at, other.get_index(at) ^ 1);
        unknown(&store, &film(), &file(&other)).await;
    }
    let same = file(&content);
    unknown(&store, &UploadRequest { filename: "other.mp4".into(), ..film() }, &same).await;
    unknown(&store, &UploadRequest { content_type: "video/mp4".into(), ..film() }, &same).await;
    unknown(&store, &UploadRequest { key: Some("elsewhere".into()), ..film() }, &same).await;
    let identity = unknown(&store, &film(), &BlobSource::new(blob(&content))).await;
    assert_eq!(identity.modified, None, "a Blob has no time");
    unknown(&BrowserStore::new(StoreKind::IndexedDb, "https://other.test", disk::none()), &film(), &same).await;
    let fresh = store.recall_upload(3, &film(), &same, false).await.unwrap();
    assert_eq!(fresh.found, None, "not where the application wants none");
    assert!(recall(&store, 4, &same).await.unwrap().found.is_some(), "and yet it is still there");
}

#[wasm_bindgen_test]
async fn the_mark_of_a_small_file_is_of_all_its_bytes() {
    let mark = async |content: &Uint8Array| {
        let request = request("small", content.length().into());
        BlobSource::new(blob(content)).identity(&request).await.unwrap().mark
    };
    let content = bytes(3 * 65_536);
    let before = mark(&content).await;
    for at in [0, 65_535, 65_536, 131_072, 3 * 65_536 - 1] {
        content.set_index(at, content.get_index(at) ^ 1);
        assert_ne!(mark(&content).await, before, "byte {at}");
        content.set_index(at, content.get_index(at) ^ 1);
    }
    assert_eq!(mark(&content).await, before);
    assert_eq!(mark(&bytes(0)).await.len(), 16);
}

#[wasm_bindgen_test]
async fn mangled_records_are_ignored_and_deleted() {
    let content = bytes(SIZE);
    let source = file(&content);
    for spoil in [
        "return { ...record, v: 999 }",
        "return { ...record, kind: 'sideload' }",
        "return { ...record, size: -1 }",
        "return { ...record, size: 1.5 }",
        "return { ...record, size: '600000' }",
        "return { ...record, partSize: 0 }",
        "return { ...record, partSize: 1 }",
        "return { ...record, modified: NaN }",
        "return { ...record, savedAt: Infinity }",
        "return { ...record, mark: null }",
        "return { ...record, metadata: [['name']] }",
        "delete record.uploadId; return record",
        "return null",
        "return 'record'",
        "return [record]",
    ] {
        database::wipe().await;
        begun(&store(), &source).await;
        rewrite(spoil).await;
        let recalled = recall(&store(), 1, &source).await.unwrap();
        assert_eq!((recalled.found, recalled.warning), (None, None), "{spoil}");
        assert!(keys("transfers").await.is_empty() && keys("pieces").await.is_empty(), "{spoil}");
    }
    // The record is sound, some pieces are not.
    begun(&store(), &source).await;
    let id = keys("transfers").await[0].as_string().unwrap();
    for (value, number) in [
        ("{}", "0"),
        ("{etag: 7}", "2"),
        ("{etag: '\"4\"'}", "4"),
        ("null", "5"),
        ("{etag: '\"x\"'}", "'x'"),
        ("{etag: '\"h\"'}", "1.5"),
    ] {
        database::put("pieces", value, &format!("['{id}', {number}]")).await;
    }
    let Some(Found::Upload { parts, .. }) = recall(&store(), 1, &source).await.unwrap().found else { panic!("found") };
    assert_eq!(parts, [noted(1), noted(3)]);
}

#[wasm_bindgen_test]
async fn two_never_drive_one_upload() {
    database::wipe().await;
    let content = bytes(SIZE);
    let (one, other, source) = (store(), store(), file(&content));
    begun(&one, &source).await;
    for store in [&one, &other] {
        let refused = recall(store, 2, &source).await.unwrap_err();
        assert_eq!(refused.error.code, Code::Busy);
    }
    assert!(other.saved().await.unwrap().is_empty(), "what goes on is not offered");
    one.release(1);
    assert!(recall(&other, 2, &source).await.unwrap().found.is_some());
    other.release(2);

    let id = other.saved().await.unwrap().remove(0).id;
    let elsewhere = held(&format!("presigned:{id}")).await;
    assert_eq!(recall(&one, 3, &source).await.unwrap_err().error.code, Code::Busy);
    assert_eq!(one.discard(&id).await.unwrap_err().code, Code::Busy);
    drop(elsewhere);
    assert!(recall(&one, 3, &source).await.unwrap().found.is_some());
}

#[wasm_bindgen_test]
async fn a_transfer_that_asks_again_is_no_other() {
    database::wipe().await;
    let (store, source) = (store(), file(&bytes(SIZE)));
    begun(&store, &source).await;
    // As when the first answer came too late to count.
    assert!(recall(&store, 1, &source).await.unwrap().found.is_some());
    assert_eq!(recall(&store, 2, &source).await.unwrap_err().error.code, Code::Busy);
}

#[wasm_bindgen_test]
async fn what_is_forgotten_is_gone() {
    database::wipe().await;
    let content = bytes(SIZE);
    let (store, source) = (store(), file(&content));
    begun(&store, &source).await;
    assert_eq!((keys("transfers").await.len(), keys("pieces").await.len()), (1, 2));
    store.save(1, Save::Forget).await.unwrap();
    assert!(keys("transfers").await.is_empty() && keys("pieces").await.is_empty());
    store.save(1, part(2)).await.unwrap();
    assert!(keys("pieces").await.is_empty(), "a part without its record");
    // It starts anew under the same number.
    let identity = source.identity(&film()).await.unwrap();
    store.save(1, begin(Some(identity))).await.unwrap();
    store.save(1, part(2)).await.unwrap();
    store.release(1);
    store.save(1, part(3)).await.unwrap();
    let Some(Found::Upload { parts, .. }) = recall(&store, 2, &source).await.unwrap().found else { panic!("found") };
    assert_eq!(parts, [noted(2)]);
}

#[wasm_bindgen_test]
async fn another_upload_begun_in_its_place_has_none_of_its_parts() {
    database::wipe().await;
    let (store, source) = (store(), file(&bytes(SIZE)));
    begun(&store, &source).await;
    let identity = source.identity(&film()).await.unwrap();
    store.save(1, begin(Some(identity.clone()))).await.unwrap();
    assert_eq!(keys("pieces").await.len(), 2, "the same again changes nothing");
    let Save::Begin(Checkpoint::Upload(point)) = begin(Some(identity)) else { panic!() };
    let other = UploadPoint { upload_id: "upload-2".into(), ..point };
    store.save(1, Save::Begin(Checkpoint::Upload(other))).await.unwrap();
    assert_eq!((keys("transfers").await.len(), keys("pieces").await.len()), (1, 0));
}

#[wasm_bindgen_test]
async fn old_records_go_and_so_do_too_many() {
    database::wipe().await;
    let source = file(&bytes(SIZE));
    begun(&store(), &source).await;
    rewrite("return { ...record, savedAt: record.savedAt - 6.9 * 86_400_000 }").await;
    assert_eq!(store().saved().await.unwrap().len(), 1);
    let forgetful = store().of_storage(true);
    assert!(forgetful.saved().await.unwrap().is_empty(), "storage has dropped it");
    assert!(recall(&forgetful, 2, &source).await.unwrap().found.is_some(), "but only storage knows for sure");
    forgetful.release(2);
    rewrite("return { ...record, savedAt: record.savedAt - 0.2 * 86_400_000 }").await;
    let id = keys("transfers").await[0].as_string().unwrap();
    let driven = held(&format!("presigned:{id}")).await;
    assert!(store().saved().await.unwrap().is_empty());
    assert_eq!(keys("transfers").await.len(), 1, "not while a tab drives it");
    drop(driven);
    while !keys("transfers").await.is_empty() {
        assert_eq!(recall(&store(), 1, &source).await.unwrap().found, None);
    }
    assert!(keys("pieces").await.is_empty());

    begun(&store(), &source).await;
    database::copies(505).await;
    assert_eq!(store().saved().await.unwrap().len(), 500);
    let left = keys("transfers").await;
    assert_eq!((left.len(), keys("pieces").await.len()), (500, 501));
    assert!(left.contains(&"copy-498".into()) && !left.contains(&"copy-499".into()), "the oldest have gone");
    database::wipe().await;
}

#[wasm_bindgen_test]
async fn what_is_saved_is_shown_and_can_be_discarded() {
    database::wipe().await;
    let (store, source) = (store(), file(&bytes(SIZE)));
    let asked = UploadRequest { key: Some("film".into()), metadata: vec![("who".into(), "me".into())], ..film() };
    let recalled = store.recall_upload(1, &asked, &source, true).await.unwrap();
    for save in [begin(recalled.identity), part(1), part(3)] {
        store.save(1, save).await.unwrap();
    }
    store.release(1);
    let saved = store.saved().await.unwrap().remove(0);
    assert_eq!((saved.kind, saved.key.as_str(), saved.name.as_str()), ("upload", "uploads/me/film.mp4", "film.mp4"));
    assert_eq!((saved.loaded, saved.total), (2 * PART, SIZE.into()));
    assert!((js_sys::Date::now() - saved.saved_at).abs() < 60_000.0);
    assert_eq!((saved.asked_key.as_deref(), saved.metadata), (Some("film"), asked.metadata));
    assert_eq!(saved.content_type.as_deref(), Some("application/octet-stream"));
    assert!(saved.handle.is_none());
    let upload = store.discard(&saved.id).await.unwrap().unwrap();
    assert_eq!((upload.key.as_str(), upload.upload_id.as_str()), ("uploads/me/film.mp4", "upload-1"));
    assert!(keys("transfers").await.is_empty() && keys("pieces").await.is_empty());
    assert!(store.discard(&saved.id).await.unwrap().is_none());
}

#[wasm_bindgen_test]
async fn a_handle_is_kept_where_it_can_be() {
    database::wipe().await;
    let (store, source, handle) = (store(), file(&bytes(SIZE)), database::handle().await);
    store.remember_handle(1, handle.clone());
    begun(&store, &source).await;
    store.release(1);
    let kept = store.saved().await.unwrap().remove(0).handle.expect("a handle");
    assert!(database::same_handle(&kept, &handle).await);
    // Gone on with by a pick that has none, it is still there; and a newer one takes its place.
    assert!(recall(&store, 2, &source).await.unwrap().found.is_some());
    store.release(2);
    assert!(store.saved().await.unwrap().remove(0).handle.is_some());

    database::wipe().await;
    store.remember_handle(3, js_sys::Function::new_no_args("").into());
    let identity = recall(&store, 3, &source).await.unwrap().identity;
    store.save(3, begin(identity)).await.unwrap();
    store.release(3);
    assert!(store.saved().await.unwrap().remove(0).handle.is_none(), "a function can't be cloned");
    store.remember_handle(4, handle);
    assert!(recall(&store, 4, &source).await.unwrap().found.is_some());
    store.release(4);
    assert!(store.saved().await.unwrap().remove(0).handle.is_some());
}

#[wasm_bindgen_test]
async fn memory_remembers_for_as_long_as_the_client_lives() {
    database::wipe().await;
    let (store, source) = (BrowserStore::new(StoreKind::Memory, "", disk::none()), file(&bytes(SIZE)));
    begun(&store, &source).await;
    assert_eq!(recall(&store, 2, &source).await.unwrap_err().error.code, Code::Busy);
    store.release(1);
    assert_eq!(store.saved().await.unwrap().remove(0).loaded, 2 * PART);
    let Some(Found::Upload { parts, .. }) = recall(&store, 2, &source).await.unwrap().found else { panic!("found") };
    assert_eq!(parts.len(), 2);
    store.save(2, Save::Forget).await.unwrap();
    store.release(2);
    assert!(recall(&store, 3, &source).await.unwrap().found.is_none());
    assert!(keys("transfers").await.is_empty() && keys("pieces").await.is_empty(), "nothing of it is in IndexedDB");
}

#[wasm_bindgen_test]
async fn no_database_is_one_warning_and_no_failure() {
    let source = file(&bytes(SIZE));
    for how in ["throws", "missing", "error", "blocked", "hangs"] {
        let broken = without_database(how);
        let store = store();
        let recalled = recall(&store, 1, &source).await.unwrap();
        let warning = recalled.warning.expect("a warning");
        assert!(warning.starts_with("Transfers can't be remembered beyond this page: "), "{warning}");
        assert!(how != "throws" || warning.contains("SecurityError: No storage here."), "{warning}");
        store.save(1, begin(recalled.identity)).await.unwrap();
        store.save(1, part(1)).await.unwrap();
        store.release(1);
        let again = recall(&store, 2, &source).await.unwrap();
        assert_eq!(again.warning, None, "once");
        assert!(again.found.is_some(), "this page remembers");
        drop(broken);
    }
}

#[wasm_bindgen_test]
async fn no_room_is_said_in_words() {
    database::wipe().await;
    let (store, source) = (store(), file(&bytes(SIZE)));
    begun(&store, &source).await;
    {
        let _broken = without_room();
        assert_eq!(
            store.save(1, part(2)).await.unwrap_err(),
            "The transfer's state can't be saved: no room is left for it."
        );
        let fresh = recall(&store, 2, &file(&bytes(SIZE - 1))).await.unwrap();
        assert!(store.save(2, begin(fresh.identity)).await.is_err());
        store.save(2, part(1)).await.expect("said once: its parts have no record to go to");
    }
    store.save(1, part(2)).await.unwrap();
    assert_eq!(keys("pieces").await.len(), 3);
}

#[wasm_bindgen_test]
async fn a_database_that_was_taken_away_is_opened_anew() {
    database::wipe().await;
    let (store, source) = (store(), file(&bytes(SIZE)));
    begun(&store, &source).await;
    // It would hang if the connection were not closed for it.
    database::delete().await;
    store.save(1, part(2)).await.unwrap();
    assert_eq!((keys("transfers").await.len(), keys("pieces").await.len()), (0, 1));
    store.save(1, Save::Forget).await.unwrap();
    assert!(keys("pieces").await.is_empty());
}

#[wasm_bindgen_test]
async fn records_have_the_shape_that_is_written_down() {
    database::wipe().await;
    begun(&store(), &file(&bytes(SIZE))).await;
    let record = values("transfers").await.remove(0);
    let names = Object::keys(record.unchecked_ref::<Object>());
    let names: Vec<_> = names.iter().filter_map(|name| name.as_string()).collect();
    let all = [
        "v",
        "scope",
        "key",
        "size",
        "savedAt",
        "kind",
        "name",
        "contentType",
        "modified",
        "mark",
        "uploadId",
        "partSize",
        "sums",
        "askedKey",
        "metadata",
        "handle",
    ];
    assert_eq!(names, all);
    assert_eq!(Reflect::get(&record, &"v".into()).unwrap(), JsValue::from(1));
    let id = keys("transfers").await[0].as_string().unwrap();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
}
