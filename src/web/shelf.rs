//! Where records and their pieces lie: in IndexedDB, or in this page's memory where there is none.

use std::{cell::RefCell, rc::Rc};

use futures_util::future::{FutureExt, LocalBoxFuture, Shared};
use js_sys::Array;
use wasm_bindgen::JsValue;
use web_sys::IdbRequest;

use super::idb::{self, Database, Mode, PIECES, TRANSFERS, Transaction, Unavailable};
use crate::core::sorted::Sorted;

/// What the application wants: the option `store`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    IndexedDb,
    Memory,
}

pub struct Shelf {
    kind: Kind,
    /// The database, opened when it is first needed, and again where the browser has closed it.
    place: RefCell<Option<Shared<LocalBoxFuture<'static, Place>>>>,
    memory: RefCell<Sorted<String, Transfer>>,
    warning: Rc<RefCell<Option<String>>>,
}

#[derive(Clone)]
enum Place {
    Database(Rc<Database>),
    Memory,
}

/// A record in memory, with its pieces.
#[derive(Default)]
struct Transfer {
    record: JsValue,
    pieces: Sorted<u64, JsValue>,
}

impl Shelf {
    pub fn new(kind: Kind) -> Self {
        Self { kind, place: RefCell::default(), memory: RefCell::default(), warning: Rc::default() }
    }

    /// Opens it; why nothing will outlive the page, where it has just become known.
    pub async fn open(&self) -> Option<String> {
        self.place().await;
        self.warning.take()
    }

    /// What is on it goes with the page.
    pub async fn is_memory(&self) -> bool {
        matches!(self.place().await, Place::Memory)
    }

    /// The keys of all records, and the records.
    pub async fn records(&self) -> Result<Vec<(JsValue, JsValue)>, String> {
        let Place::Database(database) = self.place().await else {
            let memory = self.memory.borrow();
            return Ok(memory.iter().map(|(id, own)| (JsValue::from_str(id), own.record.clone())).collect());
        };
        let read = async {
            let transaction = database.transaction(&[TRANSFERS], Mode::Readonly)?;
            let store = transaction.store(TRANSFERS)?;
            let (keys, values) = (store.get_all_keys()?, store.get_all()?);
            transaction.end().await?;
            Ok(idb::list(&keys)?.iter().zip(idb::list(&values)?.iter()).collect())
        };
        read.await.map_err(unread)
    }

    /// One record, and the numbers and values of its pieces.
    pub async fn load(&self, id: &str) -> Result<(JsValue, Vec<(u64, JsValue)>), String> {
        let Place::Database(database) = self.place().await else {
            let memory = self.memory.borrow();
            let Some(own) = memory.get(&id.to_owned()) else { return Ok(Default::default()) };
            let pieces = own.pieces.iter().map(|(number, value)| (*number, value.clone())).collect();
            return Ok((own.record.clone(), pieces));
        };
        let read = async {
            let id = JsValue::from_str(id);
            let transaction = database.transaction(&[TRANSFERS, PIECES], Mode::Readonly)?;
            let record = transaction.store(TRANSFERS)?.get(&id)?;
            let (pieces, range) = (transaction.store(PIECES)?, idb::pieces_of(&id)?);
            let (keys, values) = (pieces.get_all_keys_with_key(&range)?, pieces.get_all_with_key(&range)?);
            transaction.end().await?;
            let numbered = |(key, value): (JsValue, JsValue)| {
                let number =
                    Array::from(&key).get(1).as_f64().filter(|number| *number >= 0.0 && number.fract() == 0.0)?;
                Some((number as u64, value))
            };
            let pieces = idb::list(&keys)?.iter().zip(idb::list(&values)?.iter()).filter_map(numbered).collect();
            Ok((record.result()?, pieces))
        };
        read.await.map_err(unread)
    }

    /// How many pieces a record has.
    pub async fn count(&self, id: &str) -> Result<u64, String> {
        let Place::Database(database) = self.place().await else {
            return Ok(self.memory.borrow().get(&id.to_owned()).map_or(0, |own| own.pieces.len() as u64));
        };
        let read = async {
            let transaction = database.transaction(&[PIECES], Mode::Readonly)?;
            let count = transaction.store(PIECES)?.count_with_key(&idb::pieces_of(&JsValue::from_str(id))?)?;
            transaction.end().await?;
            Ok(count.result()?.as_f64().unwrap_or_default() as u64)
        };
        read.await.map_err(unread)
    }

    /// Writes a record; `anew`: the pieces that there are belong to something else. Where the first form can't be cloned,
    /// the second is taken.
    pub async fn put(&self, id: &str, [best, plain]: [&JsValue; 2], anew: bool) -> Result<(), String> {
        let Place::Database(database) = self.place().await else {
            let before = self.memory.borrow_mut().remove(&id.to_owned()).filter(|_| !anew).unwrap_or_default();
            let own = Transfer { record: best.clone(), ..before };
            self.memory.borrow_mut().insert(id.to_owned(), own);
            return Ok(());
        };
        let id = JsValue::from_str(id);
        write(&database, &[TRANSFERS, PIECES], |transaction| {
            if anew {
                transaction.store(PIECES)?.delete(&idb::pieces_of(&id)?)?;
            }
            let store = transaction.store(TRANSFERS)?;
            store.put_with_key(best, &id).or_else(|_| store.put_with_key(plain, &id))
        })
        .await
    }

    pub async fn put_piece(&self, id: &str, number: u64, value: &JsValue) -> Result<(), String> {
        let Place::Database(database) = self.place().await else {
            self.in_memory(id, |own| drop(own.pieces.insert(number, value.clone())));
            return Ok(());
        };
        let key = Array::of2(&JsValue::from_str(id), &JsValue::from_f64(number as f64));
        write(&database, &[PIECES], |transaction| transaction.store(PIECES)?.put_with_key(value, &key)).await
    }

    /// Removes a record with its pieces.
    pub async fn remove(&self, id: &JsValue) -> Result<(), String> {
        let Place::Database(database) = self.place().await else {
            self.memory.borrow_mut().remove(&id.as_string().unwrap_or_default());
            return Ok(());
        };
        write(&database, &[TRANSFERS, PIECES], |transaction| {
            transaction.store(PIECES)?.delete(&idb::pieces_of(id)?)?;
            transaction.store(TRANSFERS)?.delete(id)
        })
        .await
    }

    fn in_memory(&self, id: &str, change: impl FnOnce(&mut Transfer)) {
        if let Some(own) = self.memory.borrow_mut().get_mut(&id.to_owned()) {
            change(own);
        }
    }

    /// Those who come while it is being opened wait for the same.
    /// Lets the database go; it is opened again where it is needed again.
    pub fn close(&self) {
        self.place.take();
    }

    async fn place(&self) -> Place {
        let opening = {
            let mut place = self.place.borrow_mut();
            let closed = |place: &Place| matches!(place, Place::Database(database) if database.is_closed());
            if place.as_ref().and_then(Shared::peek).is_some_and(closed) {
                *place = None;
            }
            place.get_or_insert_with(|| open(self.kind, self.warning.clone()).boxed_local().shared()).clone()
        };
        opening.await
    }
}

async fn open(kind: Kind, warning: Rc<RefCell<Option<String>>>) -> Place {
    if kind == Kind::Memory {
        return Place::Memory;
    }
    match Database::open().await {
        Ok(database) => Place::Database(Rc::new(database)),
        Err(Unavailable(why)) => {
            warning.replace(Some(format!("Transfers can't be remembered beyond this page: {why}.")));
            Place::Memory
        }
    }
}

/// Writes all that is asked for, or nothing.
async fn write(
    database: &Database,
    stores: &[&str],
    ask: impl FnOnce(&Transaction) -> Result<IdbRequest, JsValue>,
) -> Result<(), String> {
    let write = async {
        let transaction = database.transaction(stores, Mode::Readwrite)?;
        ask(&transaction)?;
        transaction.end().await
    };
    write.await.map_err(|error: JsValue| format!("The transfer's state can't be saved: {}.", idb::words(&error)))
}

fn unread(error: JsValue) -> String {
    format!("What was saved of transfers can't be read: {}.", idb::words(&error))
}
