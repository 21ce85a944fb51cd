//! Unfinished transfers, remembered beyond the page: who drives which, under a lock that all tabs share.
//!
//! A transfer's record is written once, when it begins; each stored part adds a small piece of its own. Nothing that goes
//! wrong here ends a transfer, save that two tabs may not drive one upload.

use std::{cell::RefCell, rc::Rc};

use gloo_timers::future::TimeoutFuture;
use js_sys::Date;
use wasm_bindgen::JsValue;

use super::{
    blob_sink::BlobSink,
    keeper::{Keeper, Slot},
    locks::Lock,
    record::{self, Asked, Record},
    shelf::{Kind, Shelf},
    source::BlobSource,
};
use crate::{
    core::{
        checkpoint::{Checkpoint, Found, Identity, Recalled, Save},
        error::{Code, Error, Failure},
        fleet::TransferId,
        protocol::UploadRequest,
        sorted::Sorted,
    },
    drive::seams::Store,
};

/// A lock is asked for so often, with so many milliseconds between: a page that was just reloaded, or is being buried after a
/// crash, may still hold it.
pub(super) const TRIES: u32 = 15;
pub(super) const PAUSE: u32 = 200;

/// Records are kept this long since their transfers began: S3-compatible stores are set up to purge unfinished uploads by
/// then.
const OLDEST: f64 = 7.0 * 24.0 * 3_600_000.0;
/// More are not kept; the oldest go.
const MOST: usize = 500;

pub struct BrowserStore {
    pub(super) shelf: Rc<Shelf>,
    pub(super) scope: String,
    driven: RefCell<Sorted<TransferId, Rc<Driven>>>,
    handles: RefCell<Sorted<TransferId, JsValue>>,
}

/// A transfer of this page that is remembered, or will be once it has begun.
struct Driven {
    slot: Rc<Slot>,
    asked: Asked,
    handle: JsValue,
    /// What its record says.
    point: RefCell<Option<Checkpoint>>,
    lock: RefCell<Option<Lock>>,
}

/// What a search for a record has found.
enum Search {
    Nothing,
    /// There is one, and another tab or transfer drives it.
    Busy,
    Found {
        id: String,
        record: Record,
        pieces: Vec<(u64, JsValue)>,
        lock: Lock,
    },
}

impl BrowserStore {
    /// `scope`: whose records these are. A client neither sees nor goes on with those of another backend.
    pub fn new(kind: Kind, scope: impl Into<String>) -> Self {
        Self {
            shelf: Rc::new(Shelf::new(kind)),
            scope: scope.into(),
            driven: RefCell::default(),
            handles: RefCell::default(),
        }
    }

    /// To be called before the transfer starts: its record will hold this `FileSystemFileHandle`, where it can be cloned.
    pub fn remember_handle(&self, id: TransferId, handle: JsValue) {
        self.handles.borrow_mut().insert(id, handle);
    }

    /// Nothing is driven any more: what the browser lent is given back.
    pub fn close(&self) {
        self.shelf.close();
    }

    /// All records that can be read, newest first. The others are deleted, and so are the old and the too many.
    pub(super) async fn records(&self) -> Result<Vec<(String, Record)>, String> {
        let (mut records, mut doomed, now) = (Vec::<(String, Record)>::new(), Vec::new(), Date::now());
        for (key, value) in self.shelf.records().await? {
            let record = Record::from_js(&value).filter(|record| (now - record.saved_at).abs() <= OLDEST);
            match (key.as_string(), record) {
                (Some(id), Some(record)) => {
                    let at = records.partition_point(|(_, other)| other.saved_at > record.saved_at);
                    records.insert(at, (id, record));
                }
                _ => doomed.push(key),
            }
        }
        doomed.extend(records.split_off(records.len().min(MOST)).iter().map(|(id, _)| JsValue::from_str(id)));
        for key in doomed {
            // One that a tab still drives is left alone; whether the others can be deleted is of no concern to anyone.
            if let Some(_lock) = Lock::try_take(&lock_name(&key.as_string().unwrap_or_default())).await {
                let _ = self.shelf.remove(&key).await;
            }
        }
        Ok(records)
    }

    /// The newest record that fits, with its lock.
    async fn find(&self, fits: impl Fn(&Record) -> bool) -> Result<Search, String> {
        let newest = self.records().await?.into_iter().find(|(_, record)| record.scope == self.scope && fits(record));
        let Some((id, _)) = newest else { return Ok(Search::Nothing) };
        if self.drives(&id) {
            return Ok(Search::Busy);
        }
        let Some(lock) = take(&id).await else { return Ok(Search::Busy) };
        // Who held the lock until now may have changed or finished it.
        let (value, pieces) = self.shelf.load(&id).await?;
        Ok(match Record::from_js(&value).filter(fits) {
            Some(record) => Search::Found { id, record, pieces, lock },
            None => Search::Nothing,
        })
    }

    /// A transfer of this very client goes on with it.
    pub(super) fn drives(&self, id: &str) -> bool {
        self.driven.borrow().values().any(|driven| driven.slot.id == id && driven.lock.borrow().is_some())
    }

    /// The transfer will be remembered from its beginning on.
    fn expect(&self, transfer: TransferId, asked: Asked) -> Rc<Slot> {
        let slot = Rc::new(Slot::new(fresh_id()));
        let handle = self.handles.borrow_mut().remove(&transfer).unwrap_or_default();
        self.drive(
            transfer,
            Driven { slot: slot.clone(), asked, handle, point: RefCell::default(), lock: RefCell::default() },
        );
        slot
    }

    /// The transfer goes on with this record.
    async fn take_over(&self, transfer: TransferId, slot: Rc<Slot>, record: Record, lock: Lock) {
        let Record { point, asked, handle, saved_at, .. } = record;
        let newer = self.handles.borrow_mut().remove(&transfer);
        let (point, lock) = (RefCell::new(Some(point)), RefCell::new(Some(lock)));
        slot.begun.set(true);
        let driven = Driven { slot, asked, handle: newer.clone().unwrap_or(handle), point, lock };
        let driven = self.drive(transfer, driven);
        let point = driven.point.borrow().clone();
        if let (Some(_), Some(point)) = (newer, point) {
            // The record is there either way; what else can't be written will be said.
            let _ = self.begin(&driven, point, saved_at).await;
        }
    }

    fn drive(&self, transfer: TransferId, driven: Driven) -> Rc<Driven> {
        let driven = Rc::new(driven);
        self.driven.borrow_mut().insert(transfer, driven.clone());
        driven
    }

    /// Writes the record, under its lock.
    async fn begin(&self, driven: &Driven, point: Checkpoint, saved_at: f64) -> Result<(), String> {
        // A download's bytes would take the page's memory for as long as it lives.
        if matches!(point, Checkpoint::Download(_)) && self.shelf.is_memory().await {
            return Ok(());
        }
        if driven.lock.borrow().is_none() {
            let lock = take(&driven.slot.id).await.ok_or("The transfer's state can't be saved: it is locked.")?;
            driven.lock.replace(Some(lock));
        }
        let anew = driven.point.borrow().as_ref() != Some(&point);
        let record = Record {
            scope: self.scope.clone(),
            point: point.clone(),
            asked: driven.asked.clone(),
            saved_at,
            handle: driven.handle.clone(),
        };
        let plain = Record { handle: JsValue::UNDEFINED, ..record.clone() };
        self.shelf.put(&driven.slot.id, [&record.to_js(), &plain.to_js()], anew).await?;
        driven.point.replace(Some(point));
        driven.slot.begun.set(true);
        Ok(())
    }
}

impl Store for BrowserStore {
    type Source = BlobSource;
    type Sink = BlobSink;

    async fn recall_upload(
        &self,
        transfer: TransferId,
        request: &UploadRequest,
        source: &BlobSource,
        resume: bool,
    ) -> Result<Recalled, Failure> {
        self.driven.borrow_mut().remove(&transfer);
        let identity = source.identity(request).await?;
        let warning = self.shelf.open().await;
        let mut recalled = Recalled { identity: Some(identity.clone()), found: None, warning };
        let asked = Asked { key: request.key.clone(), metadata: request.metadata.clone() };
        let search = match resume {
            true => self.find(|record| is_of_file(record, &identity, &asked)).await,
            false => Ok(Search::Nothing),
        };
        match search {
            Ok(Search::Found { id, record, pieces, lock }) => {
                let Checkpoint::Upload(point) = record.point.clone() else { return Ok(recalled) };
                let numbers = 1..=point.identity.size.div_ceil(point.part_size);
                let part = |(number, value): (u64, JsValue)| record::part_of(u32::try_from(number).ok()?, &value);
                let parts =
                    pieces.into_iter().filter(|(number, _)| numbers.contains(number)).filter_map(part).collect();
                self.take_over(transfer, Rc::new(Slot::new(id)), Record { asked, ..record }, lock).await;
                recalled.found = Some(Found::Upload { point, parts });
            }
            Ok(Search::Busy) => return Err(busy()),
            Ok(Search::Nothing) => drop(self.expect(transfer, asked)),
            Err(words) => {
                recalled.warning = Some(words);
                self.expect(transfer, asked);
            }
        }
        Ok(recalled)
    }

    async fn recall_download(
        &self,
        transfer: TransferId,
        key: &str,
        sink: &BlobSink,
        resume: bool,
    ) -> Result<Recalled, Failure> {
        self.driven.borrow_mut().remove(&transfer);
        let mut recalled = Recalled { identity: None, found: None, warning: self.shelf.open().await };
        let search = match resume {
            true => self.find(|record| matches!(&record.point, Checkpoint::Download(point) if point.key == key)).await,
            false => Ok(Search::Nothing),
        };
        let slot = match search {
            Ok(Search::Found { id, record, pieces, lock }) => {
                let Checkpoint::Download(point) = record.point.clone() else { return Ok(recalled) };
                let slot = Rc::new(Slot::new(id));
                slot.next.set(pieces.last().map_or(0, |(number, _)| number + 1));
                let pieces = pieces.iter().filter_map(|(_, value)| record::stretch_of(value, point.size)).collect();
                let have = sink.restore(pieces).await;
                self.take_over(transfer, slot.clone(), record, lock).await;
                recalled.found = Some(Found::Download { point, have });
                slot
            }
            // Two may well download the same; only one of them is remembered.
            Ok(Search::Busy) => return Ok(recalled),
            Ok(Search::Nothing) => self.expect(transfer, Asked::default()),
            Err(words) => {
                recalled.warning = Some(words);
                self.expect(transfer, Asked::default())
            }
        };
        sink.keep_with(Keeper::new(self.shelf.clone(), slot));
        Ok(recalled)
    }

    async fn save(&self, transfer: TransferId, save: Save) -> Result<(), String> {
        let driven = self.driven.borrow().get(&transfer).cloned();
        let Some(driven) = driven else { return Ok(()) };
        let id = &driven.slot.id;
        match save {
            Save::Begin(point) => self.begin(&driven, point, Date::now()).await,
            // Where the record could not be written, that was said.
            Save::Part(_) if !driven.slot.begun.get() => Ok(()),
            Save::Part(part) => self.shelf.put_piece(id, part.number.into(), &record::part(&part)).await,
            Save::Forget => {
                driven.slot.begun.set(false);
                driven.point.replace(None);
                self.shelf.remove(&JsValue::from_str(id)).await
            }
        }
    }

    fn release(&self, transfer: TransferId) {
        self.handles.borrow_mut().remove(&transfer);
        if let Some(driven) = self.driven.borrow_mut().remove(&transfer) {
            // Its sink may live longer.
            driven.slot.begun.set(false);
            driven.lock.replace(None);
        }
    }
}

/// The record is of this very file, and leads where the application wants it.
fn is_of_file(record: &Record, identity: &Identity, asked: &Asked) -> bool {
    let Checkpoint::Upload(point) = &record.point else { return false };
    point.identity == *identity && record.asked.key == asked.key
}

/// The lock of a record, if need be after a moment.
pub(super) async fn take(id: &str) -> Option<Lock> {
    let name = lock_name(id);
    for _ in 1..TRIES {
        if let Some(lock) = Lock::try_take(&name).await {
            return Some(lock);
        }
        TimeoutFuture::new(PAUSE).await;
    }
    Lock::try_take(&name).await
}

pub(super) fn lock_name(id: &str) -> String {
    format!("presigned:{id}")
}

/// It only has to differ from the others in this browser.
fn fresh_id() -> String {
    let random = || (js_sys::Math::random() * 4_294_967_296.0) as u64;
    format!("{:016x}", random() << 32 | random())
}

/// What the second of two is told.
fn busy() -> Failure {
    Failure::fatal(Error::new(Code::Busy, "This very file is being uploaded already, by this page or another tab."))
}
