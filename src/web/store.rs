//! Unfinished transfers, remembered beyond the page: who drives which, under a lock that all tabs share.
//!
//! A transfer's record is written once, when it begins; each stored part adds a small piece of its own. Nothing that goes
//! wrong here ends a transfer, save that two tabs may not drive one upload.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use gloo_timers::future::TimeoutFuture;
use js_sys::Date;
use wasm_bindgen::JsValue;

use super::{
    disk::Disks,
    json,
    locks::Lock,
    record::{self, Asked, Record},
    shelf::{Kind, Shelf},
    sink::BrowserSink,
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
    /// Storage is known to keep an unfinished upload for a day only.
    pub(super) forgetful: bool,
    pub disks: Rc<Disks>,
    swept: Cell<bool>,
    driven: RefCell<Sorted<TransferId, Rc<Driven>>>,
    handles: RefCell<Sorted<TransferId, JsValue>>,
}

/// A transfer of this page that is remembered, or will be once it has begun.
struct Driven {
    id: String,
    /// There is a record, so pieces may be added to it.
    begun: Cell<bool>,
    /// A download's.
    sink: Option<BrowserSink>,
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
        record: Box<Record>,
        pieces: Vec<(u64, JsValue)>,
        lock: Lock,
    },
}

impl BrowserStore {
    /// `scope`: whose records these are. A client neither sees nor goes on with those of another backend.
    pub fn new(kind: Kind, scope: impl Into<String>, disks: Disks) -> Self {
        Self {
            shelf: Rc::new(Shelf::new(kind)),
            scope: scope.into(),
            forgetful: false,
            disks: Rc::new(disks),
            swept: Cell::new(false),
            driven: RefCell::default(),
            handles: RefCell::default(),
        }
    }

    /// Uploads that storage has dropped, after a day where it is `forgetful`, are not offered by `saved`.
    pub fn of_storage(self, forgetful: bool) -> Self {
        Self { forgetful, ..self }
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
            Some(record) => Search::Found { id, record: Box::new(record), pieces, lock },
            None => Search::Nothing,
        })
    }

    /// A transfer of this very client goes on with it.
    pub(super) fn drives(&self, id: &str) -> bool {
        self.driven.borrow().values().any(|driven| driven.id == id && driven.lock.borrow().is_some())
    }

    /// The transfer will be remembered from its beginning on, by the name that is returned.
    fn expect(&self, transfer: TransferId, asked: Asked, sink: Option<BrowserSink>) -> String {
        let id = fresh_id();
        let handle = self.handle(transfer, sink.as_ref()).unwrap_or_default();
        let (begun, point, lock) = (Cell::new(false), RefCell::default(), RefCell::default());
        self.drive(transfer, Driven { id: id.clone(), begun, sink, asked, handle, point, lock });
        id
    }

    /// The transfer goes on with this record, which is written again where it says something else now, or `anew`: when its file
    /// has nothing left that it could be found by.
    async fn take_over(
        &self,
        transfer: TransferId,
        id: String,
        record: Record,
        lock: Lock,
        (sink, anew): (Option<BrowserSink>, bool),
    ) {
        let Record { point, asked: before, handle, saved_at, .. } = record;
        let newer = self.handle(transfer, sink.as_ref());
        let path = sink.as_ref().and_then(|sink| sink.target().path());
        let changed = anew || newer.is_some() || path.is_some() && path != before.path;
        let asked = Asked { path: path.or_else(|| before.path.clone()), ..before };
        let (begun, point, lock) = (Cell::new(true), RefCell::new(Some(point)), RefCell::new(Some(lock)));
        let driven =
            self.drive(transfer, Driven { id, begun, sink, asked, handle: newer.unwrap_or(handle), point, lock });
        let point = driven.point.borrow().clone();
        if let (true, Some(point)) = (changed, point) {
            // The record is there either way; what else can't be written will be said.
            let _ = self.begin(&driven, point, saved_at).await;
        }
    }

    /// The file that the application has named for this transfer.
    fn handle(&self, transfer: TransferId, sink: Option<&BrowserSink>) -> Option<JsValue> {
        let named = sink.map(|sink| sink.target().handle()).filter(JsValue::is_object);
        self.handles.borrow_mut().remove(&transfer).or(named)
    }

    fn drive(&self, transfer: TransferId, driven: Driven) -> Rc<Driven> {
        let driven = Rc::new(driven);
        self.driven.borrow_mut().insert(transfer, driven.clone());
        driven
    }

    /// Writes the record, under its lock.
    async fn begin(&self, driven: &Driven, point: Checkpoint, saved_at: f64) -> Result<(), String> {
        let file = match &driven.sink {
            // What has nowhere to be kept is not worth a record.
            Some(sink) if self.shelf.is_memory().await || !sink.is_resumable(point.size()).await? => return Ok(()),
            file => file,
        };
        if driven.lock.borrow().is_none() {
            let lock = take(&driven.id).await.ok_or("The transfer's state can't be saved: it is locked.")?;
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
        let plain = Record { handle: JsValue::UNDEFINED, ..record.clone() }.to_js();
        self.shelf.put(&driven.id, [&record.to_js(), &plain], anew).await?;
        if let Some(sink) = file {
            // The journal says the same, so that each is found out where it belongs to another one.
            let header = json::stringify(&plain).unwrap_or_default();
            sink.begin(&header).await?;
            if !self.swept.replace(true) {
                // What can't be deleted now will be by another page.
                let _ = self.disks.ask("sweep", "", &[]).await;
            }
        }
        driven.point.replace(Some(point));
        driven.begun.set(true);
        Ok(())
    }
}

impl Store for BrowserStore {
    type Source = BlobSource;
    type Sink = BrowserSink;

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
        let asked = Asked { key: request.key.clone(), metadata: request.metadata.clone(), path: None };
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
                self.take_over(transfer, id, Record { asked, ..*record }, lock, (None, false)).await;
                recalled.found = Some(Found::Upload { point, parts });
            }
            Ok(Search::Busy) => return Err(busy()),
            Ok(Search::Nothing) => drop(self.expect(transfer, asked, None)),
            Err(words) => {
                recalled.warning = Some(words);
                self.expect(transfer, asked, None);
            }
        }
        Ok(recalled)
    }

    async fn recall_download(
        &self,
        transfer: TransferId,
        key: &str,
        sink: &BrowserSink,
        resume: bool,
    ) -> Result<Recalled, Failure> {
        self.driven.borrow_mut().remove(&transfer);
        let mut recalled = Recalled { identity: None, found: None, warning: self.shelf.open().await };
        let search = match resume {
            true => self.find(|record| matches!(&record.point, Checkpoint::Download(point) if point.key == key)).await,
            false => Ok(Search::Nothing),
        };
        let asked = Asked { path: sink.target().path(), ..Asked::default() };
        let expect = || self.expect(transfer, asked.clone(), Some(sink.clone()));
        let id = match search {
            Ok(Search::Found { id, record, lock, .. }) => {
                let Checkpoint::Download(point) = record.point.clone() else { return Ok(recalled) };
                sink.prepare(&id).await?;
                let have = sink.restore(&point).await;
                self.take_over(transfer, id, *record, lock, (Some(sink.clone()), have.is_empty())).await;
                recalled.found = Some(Found::Download { point, have });
                return Ok(recalled);
            }
            // Two may well download the same; only one of them is remembered.
            Ok(Search::Busy) => fresh_id(),
            Ok(Search::Nothing) => expect(),
            Err(words) => {
                recalled.warning = Some(words);
                expect()
            }
        };
        sink.prepare(&id).await?;
        Ok(recalled)
    }

    async fn save(&self, transfer: TransferId, save: Save) -> Result<(), String> {
        let driven = self.driven.borrow().get(&transfer).cloned();
        let Some(driven) = driven else { return Ok(()) };
        match save {
            Save::Begin(point) => self.begin(&driven, point, Date::now()).await,
            // Where the record could not be written, that was said.
            Save::Part(_) if !driven.begun.get() => Ok(()),
            Save::Part(part) => self.shelf.put_piece(&driven.id, part.number.into(), &record::part(&part)).await,
            Save::Forget => {
                driven.begun.set(false);
                driven.point.replace(None);
                if let Some(sink) = &driven.sink {
                    sink.abandon();
                }
                self.shelf.remove(&JsValue::from_str(&driven.id)).await
            }
        }
    }

    fn release(&self, transfer: TransferId) {
        self.handles.borrow_mut().remove(&transfer);
        if let Some(driven) = self.driven.borrow_mut().remove(&transfer) {
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
