//! What an application hears of a download: its state, its progress, its blocks.

use super::{Blocks, Download, Phase, Work};
use crate::core::{
    trace::Trace,
    transfer::{Event, Level, Output, PartState, State},
};

impl Download {
    pub(super) fn tell_state(&mut self) {
        let state = match self.phase {
            Phase::Over => return,
            Phase::Sealing | Phase::Verifying(..) | Phase::Comparing | Phase::Reopening | Phase::Committing => {
                State::Completing
            }
            _ if self.paused => State::Paused,
            _ if self.reach.is_down() && self.flights.is_empty() => State::Offline,
            Phase::Recalling { .. } | Phase::Requesting if self.size.is_none() => State::Starting,
            _ => State::Active,
        };
        if std::mem::replace(&mut self.state, state) != state {
            self.out.push_back(Output::Emit(Event::State(state)));
        }
    }

    pub(super) fn tell_progress(&mut self, last: bool) {
        self.meter.set(self.now, self.received);
        if self.blocks.as_ref().is_some_and(Blocks::has_changes) {
            self.meter.touch();
        }
        let Some(event) = self.meter.flush(self.now, last) else {
            return;
        };
        let active = self.flights.iter().filter_map(|(_, work)| match work {
            Work::Get { piece, .. } => Some((piece.at, PartState::Active, piece.backoff.attempt() + 1)),
            Work::Call | Work::Hash(..) => None,
        });
        let resting = self.pieces.resting().map(|piece| (piece.at, PartState::Resting, piece.backoff.attempt() + 1));
        let busy: Vec<_> = active.chain(resting).collect();
        if let Some(blocks) = &mut self.blocks {
            self.out.extend(blocks.changes(&busy).into_iter().map(|part| Output::Emit(Event::Part(part))));
        }
        self.out.push_back(Output::Emit(event));
    }

    pub(super) fn touch(&mut self, at: u64) {
        if let Some(blocks) = &mut self.blocks {
            blocks.touch(at);
        }
    }

    pub(super) fn log(&mut self, level: Level, message: impl Into<String>) {
        let none: Option<Trace> = None;
        self.out.push_back(Output::Emit(Event::Log(level, message.into(), none)));
    }
}
