//! What survives a page: checkpoints, kept in the order in which they were written, which takes time.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use presigned::{
    core::{
        checkpoint::{Checkpoint, Found, Identity, NotedPart, Recalled, Save},
        error::{Code, Error, Failure},
        fleet::TransferId,
        protocol::UploadRequest,
        stretches::Stretch,
    },
    drive::seams::Store,
};

use super::{
    platform::{SimSink, SimSource, SimWorld, without},
    server,
};

/// One unfinished transfer.
#[derive(Clone, Debug)]
pub struct Record {
    pub point: Checkpoint,
    pub parts: BTreeMap<u32, NotedPart>,
    pub pieces: Vec<(Stretch, u64)>,
    /// Who goes on with it: a life of the page, and a transfer in it.
    driver: Option<(u64, TransferId)>,
}

impl Record {
    pub fn is_driven(&self) -> bool {
        self.driver.is_some()
    }
}

#[derive(Default)]
pub struct Shelf {
    pub records: RefCell<Vec<Record>>,
    pub life: Cell<u64>,
    /// Private mode, or a full disk.
    pub broken: Cell<bool>,
}

impl Shelf {
    /// The page is gone, and its locks with it.
    pub fn bury(&self) {
        self.life.set(self.life.get() + 1);
        self.records.borrow_mut().iter_mut().for_each(|record| record.driver = None);
    }

    fn recall(&self, id: TransferId, fits: impl Fn(&Checkpoint) -> bool) -> Result<Option<Record>, Failure> {
        let mut records = self.records.borrow_mut();
        let Some(record) = records.iter_mut().find(|record| fits(&record.point)) else { return Ok(None) };
        let own = (self.life.get(), id);
        if record.driver.is_some_and(|driver| driver != own) {
            return Err(Failure::fatal(Error::new(Code::Busy, "busy")));
        }
        record.driver = Some(own);
        Ok(Some(record.clone()))
    }
}

pub fn identity(request: &UploadRequest) -> Identity {
    Identity {
        name: request.filename.clone(),
        size: request.size,
        content_type: request.content_type.clone(),
        modified: Some(1),
        mark: "mark".into(),
    }
}

impl Store for SimWorld {
    type Source = SimSource;
    type Sink = SimSink;

    async fn recall_upload(
        &self,
        id: TransferId,
        request: &UploadRequest,
        _source: &SimSource,
        resume: bool,
    ) -> Result<Recalled, Failure> {
        let identity = identity(request);
        self.clock.sleep(self.server.draw(20)).await;
        let mut recalled = Recalled { identity: Some(identity.clone()), ..Recalled::default() };
        if self.shelf.broken.get() {
            recalled.warning = Some("nothing can be remembered".into());
        } else if resume {
            let own = |point: &Checkpoint| matches!(point, Checkpoint::Upload(point) if point.identity == identity);
            if let Some(record) = self.shelf.recall(id, own)?
                && let Checkpoint::Upload(point) = record.point
            {
                recalled.found = Some(Found::Upload { point, parts: record.parts.into_values().collect() });
            }
        }
        Ok(recalled)
    }

    async fn recall_download(
        &self,
        id: TransferId,
        key: &str,
        sink: &SimSink,
        resume: bool,
    ) -> Result<Recalled, Failure> {
        self.clock.sleep(self.server.draw(20)).await;
        let mut recalled = Recalled::default();
        if self.shelf.broken.get() {
            recalled.warning = Some("nothing can be remembered".into());
        } else if resume {
            let own = |point: &Checkpoint| matches!(point, Checkpoint::Download(point) if point.key == key);
            // Two may well download the same; only one of them is remembered.
            if let Ok(Some(record)) = self.shelf.recall(id, own)
                && let Checkpoint::Download(point) = record.point
            {
                sink.restore(&record.pieces);
                let have = record.pieces.iter().map(|(stretch, _)| *stretch).collect();
                recalled.found = Some(Found::Download { point, have });
            }
        }
        sink.keep_with(self.clone(), id);
        Ok(recalled)
    }

    async fn save(&self, id: TransferId, save: Save) -> Result<(), String> {
        let life = self.shelf.life.get();
        // Disks are slow at times.
        self.clock.sleep(if self.server.draw(9) == 0 { self.server.draw(3_000) } else { self.server.draw(30) }).await;
        if self.shelf.broken.get() {
            return Err("nothing can be remembered".into());
        }
        let own = Some((life, id));
        let mut records = self.shelf.records.borrow_mut();
        match save {
            Save::Begin(point) => {
                records.retain(|record| record.driver != own);
                records.push(Record { point, parts: BTreeMap::new(), pieces: Vec::new(), driver: own });
            }
            Save::Part(part) => {
                let record = records.iter_mut().find(|record| record.driver == own);
                record.expect("a part is noted of what is remembered").parts.insert(part.number, part);
            }
            Save::Forget => records.retain(|record| record.driver != own),
        }
        Ok(())
    }

    fn release(&self, id: TransferId) {
        let own = Some((self.shelf.life.get(), id));
        for record in self.shelf.records.borrow_mut().iter_mut().filter(|record| record.driver == own) {
            record.driver = None;
        }
    }
}

impl SimWorld {
    /// A stretch of a download is kept, once its transfer is remembered.
    /// These stretches are to come once more.
    pub fn lose(&self, id: TransferId, lost: &[Stretch]) {
        let own = Some((self.shelf.life.get(), id));
        if let Some(record) = self.shelf.records.borrow_mut().iter_mut().find(|record| record.driver == own) {
            let kept = |(stretch, of): (Stretch, u64)| {
                let bytes = server::Stretch { of, start: stretch.start, end: stretch.end };
                let plain = |own: server::Stretch| (Stretch { start: own.start, end: own.end }, own.of);
                without(bytes, lost).into_iter().map(plain)
            };
            record.pieces = std::mem::take(&mut record.pieces).into_iter().flat_map(kept).collect();
        }
    }

    pub fn keep(&self, id: TransferId, stretch: Stretch, of: u64) {
        let own = Some((self.shelf.life.get(), id));
        if let Some(record) = self.shelf.records.borrow_mut().iter_mut().find(|record| record.driver == own) {
            record.pieces.push((stretch, of));
        }
    }
}
