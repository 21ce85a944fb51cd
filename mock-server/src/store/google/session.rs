//! A resumable upload under way: what has come in, which grows in steps of 256 KiB and from the front only.
//!
//! In memory, so that a restart of the server forgets them all.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::checksum::{Declared, Hasher};
use super::super::disk::{Disk, new_id};
use super::super::record::{Attributes, Moment, ObjectRecord, ObjectSum, Segment};

pub const STEP: u64 = 256 * 1024;

#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, Shared>>);

/// Locked for a step at a time, never while bytes are awaited: a new request must not wait for one whose connection hangs.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Session>>);

pub struct Session {
    pub key: String,
    attributes: Attributes,
    /// Of the object that may be there when this one takes its place; 0 is none.
    pub if_generation: Option<u64>,
    path: PathBuf,
    file: File,
    hasher: Hasher,
    pub received: u64,
    pub done: Option<ObjectRecord>,
}

impl Sessions {
    /// Begins one; its id.
    pub fn begin(
        &self,
        disk: &Disk,
        key: String,
        attributes: Attributes,
        if_generation: Option<u64>,
    ) -> io::Result<String> {
        let path = disk.incoming();
        let file = File::create(&path)?;
        let hasher = Hasher::new(Some(Declared::Crc32c));
        let session = Session { key, attributes, if_generation, path, file, hasher, received: 0, done: None };
        let id = new_id();
        self.lock().insert(id.clone(), Shared(Arc::new(Mutex::new(session))));
        Ok(id)
    }

    pub fn get(&self, id: &str) -> Option<Shared> {
        self.lock().get(id).cloned()
    }

    /// Forgets one, and what has come in of it; false if there is none.
    pub fn end(&self, id: &str) -> bool {
        self.lock().remove(id).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Shared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    pub fn lock(&self) -> MutexGuard<'_, Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Takes bytes that begin at `at`; those it has already are passed over. False if some before them are missing.
    pub fn add(&mut self, at: u64, bytes: &[u8]) -> io::Result<bool> {
        let Some(known) = self.received.checked_sub(at) else { return Ok(false) };
        let fresh = bytes.get(usize::try_from(known).unwrap_or(usize::MAX)..).unwrap_or_default();
        self.file.write_all(fresh)?;
        self.hasher.update(fresh);
        self.received += fresh.len() as u64;
        Ok(true)
    }

    /// Makes the object of what has come in, unless `allowed` objects to the one that is there now.
    pub fn finish<E: From<io::Error>>(
        &mut self,
        disk: &Disk,
        allowed: impl FnOnce(Option<&ObjectRecord>) -> Result<(), E>,
    ) -> Result<ObjectRecord, E> {
        let digest = std::mem::replace(&mut self.hasher, Hasher::new(None)).finish();
        let value = digest.declared().unwrap_or_default().to_owned();
        let record = ObjectRecord {
            key: self.key.clone(),
            size: self.received,
            etag: hex::encode(digest.md5),
            modified: Moment::now(),
            generation: Moment::generation(),
            attributes: self.attributes.clone(),
            segments: vec![Segment { number: 1, file: "bytes".into(), size: self.received }],
            crc64nvme: digest.crc64nvme,
            declared: Some(ObjectSum { algorithm: Declared::Crc32c, value, full_object: true }),
            upload_id: None,
        };
        disk.put(&self.path, record.clone(), allowed)?;
        self.done = Some(record.clone());
        Ok(record)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Gone already where an object was made of it.
        let _ = std::fs::remove_file(&self.path);
    }
}
