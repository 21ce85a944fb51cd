//! What is heard of the network and the clock is for all transfers; see [`Outside`](super::Outside). How many requests are good
//! is found out by [`Limit`](super::Limit), from what [`Traffic`](super::Traffic) has seen.

use super::{Fleet, TransferId};
use crate::core::{
    limit::Trouble,
    time::Millis,
    transfer::{Input, Level, Link, Ticket},
};

impl Fleet {
    /// Tells all members where the clock has jumped.
    pub(super) fn look_at_the_clock(&mut self, now: Millis) {
        if self.outside.has_jumped(now) {
            self.traffic.restart(now);
            self.ids().into_iter().for_each(|id| self.tell(now, id, Input::Woke));
        }
    }

    /// Tells all members what is new of the network.
    pub(super) fn spread(&mut self, now: Millis) {
        while let Some(link) = self.outside.change(now) {
            self.ids().into_iter().for_each(|id| self.tell(now, id, Input::Link(link)));
        }
    }

    /// For silence, before it may end.
    pub(super) fn listen(&mut self, now: Millis) {
        if self.traffic.is_silent(now) {
            self.trouble(now, self.traffic.usual(), Trouble::Silent);
        }
    }

    /// What an input says of the traffic.
    pub(super) fn observe(&mut self, now: Millis, id: TransferId, input: &Input) {
        let data = self.members.get_mut(&id).map(|member| &mut member.data);
        match (input, data) {
            (Input::Sent { ticket, loaded }, Some(data)) => {
                if let Some(load) = data.get_mut(ticket) {
                    self.traffic.moves(now, load, *loaded);
                }
            }
            (Input::Received { ticket, bytes }, Some(data)) => {
                if let Some(load) = data.get_mut(ticket) {
                    let moved = load.moved().saturating_add(*bytes);
                    self.traffic.moves(now, load, moved);
                }
            }
            (Input::Answer { ticket, answer }, _) => {
                let in_flight = self.traffic.usual();
                if self.land(now, id, *ticket)
                    && let Some(trouble) = Trouble::of(answer)
                {
                    self.trouble(now, in_flight, trouble);
                }
            }
            _ => {}
        }
    }

    /// Draws conclusions for the limit; what follows is told as this transfer's.
    pub(super) fn learn(&mut self, now: Millis, id: TransferId) {
        if let Some(window) = self.traffic.window(now) {
            self.limit.learn(now, window);
        }
        if let Some((most, why)) = self.limit.news() {
            self.say(id, Level::Debug, format!("Up to {most} requests at once: {why}."));
        }
    }

    pub(super) fn trouble(&mut self, now: Millis, in_flight: usize, trouble: Trouble) {
        // Without a network, nothing is anybody's fault.
        if self.outside.link() == Link::Up {
            self.limit.trouble(now, in_flight, trouble);
        }
    }

    /// A request to storage has ended; false for any other.
    pub(super) fn land(&mut self, now: Millis, id: TransferId, ticket: Ticket) -> bool {
        let load = self.members.get_mut(&id).and_then(|member| member.data.remove(&ticket));
        if let Some(load) = load {
            self.traffic.land(now, load);
        }
        load.is_some()
    }
}
