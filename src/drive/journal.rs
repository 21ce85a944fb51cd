//! What is still to be written down: the steps of each transfer in their order, one at a time.

use std::collections::VecDeque;

use crate::core::{checkpoint::Save, fleet::TransferId, sorted::Sorted};

#[derive(Default)]
struct Steps {
    waiting: VecDeque<Save>,
    writing: bool,
}

#[derive(Default)]
pub struct Journal(Sorted<TransferId, Steps>);

impl Journal {
    pub fn add(&mut self, id: TransferId, save: Save) {
        if !self.holds(id) {
            self.0.insert(id, Steps::default());
        }
        if let Some(steps) = self.0.get_mut(&id) {
            // Whatever was to be written before is not worth it any more.
            if save == Save::Forget {
                steps.waiting.clear();
            }
            steps.waiting.push_back(save);
        }
    }

    /// The next step of this transfer, unless one is being written.
    pub fn next(&mut self, id: TransferId) -> Option<Save> {
        let steps = self.0.get_mut(&id).filter(|steps| !steps.writing)?;
        let save = steps.waiting.pop_front();
        steps.writing = save.is_some();
        if save.is_none() {
            self.0.remove(&id);
        }
        save
    }

    pub fn written(&mut self, id: TransferId) {
        if let Some(steps) = self.0.get_mut(&id) {
            steps.writing = false;
        }
    }

    /// Something of this transfer is still to be written, or being written.
    pub fn holds(&self, id: TransferId) -> bool {
        self.0.contains(&id)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
