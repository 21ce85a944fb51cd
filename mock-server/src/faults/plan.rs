//! What has been decided for one request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Faults;
use super::rule::{Action, StatusFault};
use super::target::Target;

/// The faults of one request. Those of the connection are looked up again when the rules change while it runs.
pub struct Plan {
    faults: Arc<Faults>,
    target: Option<Target>,
    answers: Vec<Action>,
    live: Mutex<Live>,
    /// Of the rules that `live` was made from, to look at without a lock.
    generation: AtomicU64,
}

/// Limits on one request's connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Live {
    pub cut_request: Option<u64>,
    pub cut_response: Option<u64>,
    pub stall_request: Option<u64>,
    pub stall_response: Option<u64>,
    pub bytes_per_second: Option<u64>,
}

impl Plan {
    /// Decides for a request; none at all for one without a target.
    pub fn new(faults: Arc<Faults>, target: Option<Target>) -> Self {
        let generation = faults.generation();
        let actions = match &target {
            Some(target) => faults.strike(target, |_| true),
            None => Vec::new(),
        };
        let (live, answers): (Vec<_>, Vec<_>) = actions.into_iter().partition(Action::is_live);
        Self { faults, target, answers, live: Mutex::new(Live::new(&live)), generation: AtomicU64::new(generation) }
    }

    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    pub fn live(&self) -> Live {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.faults.generation();
        if self.generation.swap(generation, Ordering::AcqRel) != generation
            && let Some(target) = &self.target
        {
            *live = Live::new(&self.faults.strike(target, Action::is_live));
        }
        *live
    }

    pub fn status(&self) -> Option<&StatusFault> {
        self.first(|action| match action {
            Action::Status(fault) => Some(fault),
            _ => None,
        })
    }

    pub fn html(&self) -> Option<u16> {
        self.first(|action| match action {
            Action::Html(status) => Some(*status),
            _ => None,
        })
    }

    pub fn delay_ms(&self) -> Option<u64> {
        self.first(|action| match action {
            Action::DelayMs(milliseconds) => Some(*milliseconds),
            _ => None,
        })
    }

    pub fn short_body(&self) -> Option<u64> {
        self.first(|action| match action {
            Action::ShortBody(bytes) => Some(*bytes),
            _ => None,
        })
    }

    /// Which byte of the body with the file's bytes is another one at its end.
    pub fn flip_byte(&self) -> Option<u64> {
        self.first(|action| match action {
            Action::FlipByte(at) => Some(*at),
            _ => None,
        })
    }

    pub fn error_in_200(&self) -> Option<&str> {
        self.first(|action| match action {
            Action::ErrorIn200(code) => Some(code.as_str()),
            _ => None,
        })
    }

    pub fn has(&self, action: &Action) -> bool {
        self.answers.contains(action)
    }

    /// `set` and `unset`, in the order of the rules.
    pub fn edits(&self) -> impl Iterator<Item = &Action> {
        self.answers.iter().filter(|action| matches!(action, Action::Set(_) | Action::Unset(_)))
    }

    fn first<'a, T>(&'a self, pick: impl Fn(&'a Action) -> Option<T>) -> Option<T> {
        self.answers.iter().find_map(pick)
    }
}

impl Live {
    fn new(actions: &[Action]) -> Self {
        let mut live = Self::default();
        // Backwards, so that of two rules of one kind the first decides.
        for action in actions.iter().rev() {
            match action {
                Action::CutRequest(bytes) => live.cut_request = Some(*bytes),
                Action::CutResponse(bytes) => live.cut_response = Some(*bytes),
                Action::StallRequest(bytes) => live.stall_request = Some(*bytes),
                Action::StallResponse(bytes) => live.stall_response = Some(*bytes),
                Action::BytesPerSecond(rate) => live.bytes_per_second = Some(*rate),
                _ => {}
            }
        }
        live
    }
}
