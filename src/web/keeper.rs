//! What a sink needs to keep a download's bytes beyond the page's life.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use web_sys::Blob;

use super::{record, shelf::Shelf};
use crate::core::stretches::Stretch;

/// A transfer's place on the shelf.
pub struct Slot {
    pub id: String,
    /// There is a record, so pieces may be added to it.
    pub begun: Cell<bool>,
    /// The number of the next piece, where pieces have none of their own.
    pub next: Cell<u64>,
}

/// Writes stretches of one download beside its record. It never fails a download: at the first failure it stops.
pub struct Keeper {
    shelf: Rc<Shelf>,
    slot: Rc<Slot>,
    warning: RefCell<Option<String>>,
}

impl Slot {
    pub fn new(id: String) -> Self {
        Self { id, begun: Cell::new(false), next: Cell::new(0) }
    }
}

impl Keeper {
    pub fn new(shelf: Rc<Shelf>, slot: Rc<Slot>) -> Self {
        Self { shelf, slot, warning: RefCell::default() }
    }

    pub fn is_active(&self) -> bool {
        self.slot.begun.get() && self.warning.borrow().is_none()
    }

    /// Why it has stopped, in words.
    pub fn warning(&self) -> Option<String> {
        self.warning.borrow().clone()
    }

    pub async fn keep(&self, stretch: Stretch, blob: &Blob) {
        let number = self.slot.next.get();
        self.slot.next.set(number + 1);
        let kept = self.shelf.put_piece(&self.slot.id, number, &record::stretch(stretch, blob)).await;
        self.note(kept);
    }

    /// Deletes all of it. Nothing more is kept until the record is written again.
    pub async fn clear(&self) {
        self.slot.begun.set(false);
        let cleared = self.shelf.clear_pieces(&self.slot.id).await;
        self.note(cleared);
    }

    fn note(&self, outcome: Result<(), String>) {
        if let Err(words) = outcome {
            self.warning.replace(Some(words));
        }
    }
}
