//! Where bytes lie: `objects/<id>/` and `uploads/<id>/` hold one record and the files of its parts, `incoming/` what is still arriving.
//!
//! A directory is named by a random id, never by its key, so no key can escape or collide on disk; Complete renames the upload's directory.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{ObjectRecord, PartRecord, UploadRecord};

const OBJECT: &str = "object.json";
const UPLOAD: &str = "upload.json";
const FOLDERS: [&str; 3] = ["objects", "uploads", "incoming"];

pub struct Disk {
    root: PathBuf,
    index: Mutex<Index>,
}

/// What is on disk, in memory and sorted, since S3 lists keys in order.
#[derive(Default)]
pub struct Index {
    pub objects: BTreeMap<String, Arc<Object>>,
    pub uploads: HashMap<String, Upload>,
}

pub struct Upload {
    pub record: UploadRecord,
    pub parts: BTreeMap<i32, PartRecord>,
}

/// A stored object; its files live until the last reader is done, even after it was overwritten or deleted.
pub struct Object {
    pub record: ObjectRecord,
    home: PathBuf,
    condemned: AtomicBool,
}

impl Object {
    pub fn path(&self, file: &str) -> PathBuf {
        self.home.join(file)
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        if self.condemned.load(Ordering::Acquire) {
            let _ = fs::remove_dir_all(&self.home);
        }
    }
}

impl Disk {
    /// Opens a folder and reads back what an earlier run left; half-written files of that run are removed.
    pub fn open(root: &Path) -> io::Result<Self> {
        let _ = fs::remove_dir_all(root.join("incoming"));
        for folder in FOLDERS {
            fs::create_dir_all(root.join(folder))?;
        }
        let mut index = Index::default();
        for home in folders(&root.join("objects"))? {
            let Some(record) = read::<ObjectRecord>(&home.join(OBJECT)) else {
                fs::remove_dir_all(&home)?;
                continue;
            };
            insert(&mut index, Object::new(record, home));
        }
        for home in folders(&root.join("uploads"))? {
            let Some(record) = read::<UploadRecord>(&home.join(UPLOAD)) else {
                fs::remove_dir_all(&home)?;
                continue;
            };
            let parts = fs::read_dir(&home)?
                .flatten()
                .filter_map(|entry| read::<PartRecord>(&entry.path()))
                .map(|part| (part.number, part))
                .collect();
            index.uploads.insert(record.id.clone(), Upload { record, parts });
        }
        Ok(Self { root: root.to_owned(), index: Mutex::new(index) })
    }

    pub fn clean(root: &Path) -> io::Result<()> {
        for folder in FOLDERS.map(|folder| root.join(folder)) {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    }

    pub fn index(&self) -> MutexGuard<'_, Index> {
        // A panic elsewhere leaves the index whole: each change below is one insert or remove.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A fresh place for bytes that are arriving.
    pub fn incoming(&self) -> PathBuf {
        self.root.join("incoming").join(new_id())
    }

    /// Makes a received file the object of its key, unless `allowed` objects to what is there now.
    pub fn put<E: From<io::Error>>(
        &self,
        received: &Path,
        record: ObjectRecord,
        allowed: impl FnOnce(Option<&ObjectRecord>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut index = self.index();
        allowed(index.objects.get(&record.key).map(|object| &object.record))?;
        let home = self.root.join("objects").join(new_id());
        fs::create_dir(&home)?;
        for segment in &record.segments {
            fs::rename(received, home.join(&segment.file))?;
        }
        write(&home.join(OBJECT), &record)?;
        insert(&mut index, Object::new(record, home));
        Ok(())
    }

    /// Removes an object; that it was not there is no error in S3.
    pub fn delete(&self, key: &str) -> io::Result<()> {
        if let Some(object) = self.index().objects.remove(key) {
            object.condemn()?;
        }
        Ok(())
    }

    pub fn create_upload(&self, record: UploadRecord) -> io::Result<()> {
        let home = self.upload_home(&record.id);
        fs::create_dir(&home)?;
        write(&home.join(UPLOAD), &record)?;
        let upload = Upload { record, parts: BTreeMap::new() };
        self.index().uploads.insert(upload.record.id.clone(), upload);
        Ok(())
    }

    /// Adds a received part, in place of an earlier one of the same number; false if the upload is gone.
    pub fn add_part(&self, upload_id: &str, key: &str, received: &Path, part: PartRecord) -> io::Result<bool> {
        let mut index = self.index();
        let Some(upload) = index.uploads.get_mut(upload_id).filter(|upload| upload.record.key == key) else {
            return Ok(false);
        };
        let home = self.upload_home(upload_id);
        fs::rename(received, home.join(&part.file))?;
        write(&home.join(format!("part-{}.json", part.number)), &part)?;
        if let Some(earlier) = upload.parts.insert(part.number, part) {
            fs::remove_file(home.join(earlier.file))?;
        }
        Ok(true)
    }

    /// Turns an upload into an object. `plan` looks at what is there and either says what the object is or refuses, in which case nothing is touched.
    pub fn complete<E: From<io::Error>>(
        &self,
        upload_id: &str,
        plan: impl FnOnce(Option<&Upload>, &Index) -> Result<Option<ObjectRecord>, E>,
    ) -> Result<(), E> {
        let mut index = self.index();
        let Some(record) = plan(index.uploads.get(upload_id), &index)? else {
            return Ok(());
        };
        let from = self.upload_home(upload_id);
        write(&from.join(OBJECT), &record)?;
        let home = self.root.join("objects").join(new_id());
        fs::rename(&from, &home)?;
        if let Some(upload) = index.uploads.remove(upload_id) {
            let used = |part: &PartRecord| record.segments.iter().any(|segment| segment.number == part.number);
            for unused in upload.parts.values().filter(|part| !used(part)) {
                fs::remove_file(home.join(&unused.file))?;
            }
        }
        insert(&mut index, Object::new(record, home));
        Ok(())
    }

    /// Drops an upload and its parts; false if there was none.
    pub fn abort(&self, upload_id: &str, key: &str) -> io::Result<bool> {
        let mut index = self.index();
        if index.uploads.get(upload_id).is_none_or(|upload| upload.record.key != key) {
            return Ok(false);
        }
        index.uploads.remove(upload_id);
        fs::remove_dir_all(self.upload_home(upload_id))?;
        Ok(true)
    }

    fn upload_home(&self, upload_id: &str) -> PathBuf {
        self.root.join("uploads").join(upload_id)
    }
}

impl Object {
    fn new(record: ObjectRecord, home: PathBuf) -> Self {
        Self { record, home, condemned: AtomicBool::new(false) }
    }

    /// The record goes at once, so that a restart does not bring the object back; the bytes go with the last reader.
    fn condemn(&self) -> io::Result<()> {
        self.condemned.store(true, Ordering::Release);
        fs::remove_file(self.home.join(OBJECT))
    }
}

pub fn new_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn insert(index: &mut Index, object: Object) {
    let key = object.record.key.clone();
    let modified = object.record.modified;
    if index.objects.get(&key).is_some_and(|there| there.record.modified > modified) {
        // Only while reading back after a crash between two steps: the newer one stays.
        let _ = object.condemn();
    } else if let Some(earlier) = index.objects.insert(key, Arc::new(object)) {
        let _ = earlier.condemn();
    }
}

fn folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(fs::read_dir(path)?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    if path.extension().is_none_or(|extension| extension != "json") {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn write(path: &Path, record: &impl Serialize) -> io::Result<()> {
    // Written aside and renamed, so that a crash leaves the old record or the new one, never half of one.
    let aside = path.with_extension("new");
    fs::write(&aside, serde_json::to_vec(record)?)?;
    fs::rename(aside, path)
}
