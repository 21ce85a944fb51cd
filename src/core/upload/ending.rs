//! How an upload ends: done, failed, or aborted by the user. Only the last may take away what storage holds.

use super::{Phase, Upload, Work};
use crate::core::{
    error::{Code, Error},
    integrity::Integrity,
    protocol::Completion,
    transfer::{Command, End, Event, Finish, Output, State},
};

impl Upload {
    /// The user has ended it: what is under way stops, what storage holds goes, unless it is to be kept.
    pub(super) fn abort(&mut self, keep: bool) {
        if self.ending.replace(keep).is_some() || matches!(self.phase, Phase::Over) {
            return;
        }
        self.cancel(|work| !matches!(work, Work::Call));
        if let Phase::Verifying(completion) = &self.phase {
            let completion = completion.clone();
            return if keep { self.remove(keep) } else { self.completed(completion) };
        }
        let calling = self.flights.iter().any(|(_, work)| *work == Work::Call);
        let awaited = match self.phase {
            // An earlier life may have left something, which goes as well.
            Phase::Recalling { resume } => resume,
            // These calls change what storage holds, or tell it; only their answers say what there is to remove.
            Phase::Requesting | Phase::Completing | Phase::Looking(_) | Phase::Confirming(..) => calling,
            _ => false,
        };
        if keep || !awaited {
            self.remove(keep);
        }
    }

    pub(super) fn remove(&mut self, keep: bool) {
        self.cancel(|_| true);
        self.calls.hurry();
        if !keep {
            self.unsave();
        }
        match self.upload.clone().filter(|_| !keep) {
            Some(upload) => self.phase = Phase::Removing(Command::RemoveUpload(upload)),
            None => self.end(State::Aborted, End::Aborted),
        }
    }

    /// It was completed; `ending` decides whether that is still wanted.
    pub(super) fn completed(&mut self, completion: Completion) {
        if self.ending == Some(false) {
            self.unsave();
            self.phase = Phase::Removing(Command::RemoveObject(completion.key));
        } else {
            self.phase = Phase::Verifying(completion);
        }
    }

    pub(super) fn finish(&mut self, completion: Completion, integrity: Integrity) {
        let finish = Finish {
            key: completion.key,
            size: self.request.size,
            etag: completion.etag,
            location: completion.location,
            content_type: Some(self.request.content_type.clone()),
            filename: None,
            integrity,
        };
        self.unsave();
        self.end(State::Done, End::Done(finish));
    }

    pub(super) fn fail(&mut self, error: Error) {
        if let Some(keep) = self.ending {
            return self.remove(keep);
        }
        // There is nothing left to go on with.
        if error.code == Code::Gone {
            self.unsave();
        }
        self.end(State::Failed, End::Failed(error));
    }

    pub(super) fn end(&mut self, state: State, end: End) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        self.cancel(|_| true);
        self.tell_progress(true);
        self.phase = Phase::Over;
        self.state = state;
        self.out.push_back(Output::Emit(Event::State(state)));
        self.out.push_back(Output::End(end));
    }
}
