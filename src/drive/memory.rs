//! Unfinished uploads remembered in memory: for as long as the page lives, where nothing better is at hand or wanted.

use std::cell::RefCell;

use crate::core::{
    checkpoint::{Checkpoint, Found, Identity, Recalled, Save, UploadPoint},
    error::{Code, Error, Failure},
    fleet::TransferId,
    sorted::Sorted,
};

#[derive(Clone, Debug)]
struct Record {
    point: UploadPoint,
    parts: Sorted<u32, String>,
    driver: Option<TransferId>,
}

/// Downloads are not remembered: their bytes are gone with the page anyway, and a failed one is not worth the memory.
#[derive(Debug, Default)]
pub struct Memory(RefCell<Vec<Record>>);

impl Memory {
    /// What is remembered of this very file, for this transfer alone from now on.
    ///
    /// # Errors
    /// `busy` where another transfer drives it.
    pub fn recall(&self, id: TransferId, identity: &Identity) -> Result<Option<Found>, Failure> {
        let mut records = self.0.borrow_mut();
        let Some(record) = records.iter_mut().find(|record| record.point.identity == *identity) else {
            return Ok(None);
        };
        if record.driver.is_some_and(|driver| driver != id) {
            return Err(busy());
        }
        record.driver = Some(id);
        let parts = record.parts.iter().map(|(number, etag)| (*number, etag.clone())).collect();
        Ok(Some(Found::Upload { point: record.point.clone(), parts }))
    }

    pub fn save(&self, id: TransferId, save: Save) {
        let mut records = self.0.borrow_mut();
        match save {
            Save::Begin(Checkpoint::Upload(point)) => {
                records.retain(|record| record.driver != Some(id));
                records.push(Record { point, parts: Sorted::default(), driver: Some(id) });
            }
            Save::Part { number, etag } => {
                if let Some(record) = records.iter_mut().find(|record| record.driver == Some(id)) {
                    record.parts.insert(number, etag);
                }
            }
            Save::Forget => records.retain(|record| record.driver != Some(id)),
            Save::Begin(Checkpoint::Download(_)) => {}
        }
    }

    pub fn release(&self, id: TransferId) {
        for record in self.0.borrow_mut().iter_mut().filter(|record| record.driver == Some(id)) {
            record.driver = None;
        }
    }
}

/// What the second of two is told.
pub fn busy() -> Failure {
    Failure::fatal(Error::new(Code::Busy, "This very file is being uploaded already, by this page or another tab."))
}

/// Nothing was found, and this is what the file is recognised by.
pub fn unknown(identity: Option<Identity>) -> Recalled {
    Recalled { identity, ..Recalled::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(name: &str) -> Identity {
        Identity { name: name.into(), size: 10, ..Identity::default() }
    }

    fn begin(name: &str) -> Save {
        let (key, upload_id) = ("k".to_owned(), "u".to_owned());
        Save::Begin(Checkpoint::Upload(UploadPoint { identity: identity(name), key, upload_id, part_size: 5 }))
    }

    #[test]
    fn what_was_saved_is_found_again_by_one() {
        let memory = Memory::default();
        memory.save(1, begin("a"));
        memory.save(1, Save::Part { number: 2, etag: "e".into() });
        assert_eq!(memory.recall(2, &identity("a")).unwrap_err().error.code, Code::Busy);
        memory.release(1);
        assert_eq!(memory.recall(2, &identity("b")).unwrap(), None);
        let Some(Found::Upload { parts, .. }) = memory.recall(2, &identity("a")).unwrap() else { panic!("found") };
        assert_eq!(parts, [(2, "e".to_owned())]);
        memory.save(2, Save::Forget);
        memory.release(2);
        assert_eq!(memory.recall(3, &identity("a")).unwrap(), None);
    }
}
