//! Which transfer may send its next request, and where to.
//!
//! A free slot goes to the transfer with the fewest requests in flight, and among those to the one with the least left.
//! So every transfer gets its share, and a small file never waits behind a big one.
//!
//! A transfer that may choose among several hosts is given the one with the fewest requests. Where each connection carries one
//! request, each host has as many of them as the limit says.
//!
//! Transfers are admitted to the backend in order, and no further ahead than slots can be used soon: a URL that is signed
//! too early lapses in the queue.

use super::{Fleet, TransferId};
use crate::core::{
    host::Host,
    time::Millis,
    transfer::{Input, Want},
};

/// So many small files are begun ahead, so that one call to the backend can be for many of them.
const SMALL_AHEAD: usize = 40;

impl Fleet {
    /// Gives what is free to whom it is due.
    pub(super) fn allot(&mut self, now: Millis) {
        while let Some((id, at)) = self.next_in_line() {
            self.forget_want(id);
            let before = self.in_flight();
            self.tell(now, id, Input::Slot { at });
            if self.in_flight() <= before {
                // It wanted a slot and did not use it (its lease has lapsed, say): it is asked again at its next input.
                self.forget_want(id);
            }
        }
        let most = self.limit.most();
        let few = self.starting < most;
        while let Some(id) = self.queue.first().map(|(id, ())| *id).filter(|_| few) {
            let small = self.members.get(&id).is_some_and(|member| member.small);
            if self.starting >= if small { SMALL_AHEAD } else { most } {
                break;
            }
            self.queue.pop_first();
            if let Some(member) = self.members.get_mut(&id) {
                member.starting = true;
                self.starting += 1;
            }
            self.tell(now, id, Input::Admitted);
        }
    }

    /// Whom a slot is due, and at which of several hosts.
    fn next_in_line(&self) -> Option<(TransferId, Option<Host>)> {
        let most = self.limit.most();
        let is_free = self.traffic.usual() < most;
        let is_full = if self.limit.is_each_hosts() { !is_free && self.wide == 0 } else { self.in_flight() >= most };
        if is_full {
            return None;
        }
        let due = |id: &TransferId| {
            let member = self.members.get(id)?;
            let hosts = member.engine.hosts();
            let at = |(index, host): (usize, Host)| {
                let busy = self.traffic.at(host);
                // What is sent to the usual host is not told apart: all that is not aside is its.
                (busy < most && (index > 0 || is_free)).then_some((busy, index, host))
            };
            let free = hosts.iter().copied().enumerate().filter_map(at).min();
            // Where there is no choice, it goes where the last one went.
            let fits = |host: Host| !self.limit.is_each_hosts() || self.traffic.at(host) < most;
            match free {
                Some((.., host)) => Some((*id, Some(host))),
                None if is_free && hosts.is_empty() && member.host.is_none_or(fits) => Some((*id, None)),
                None => None,
            }
        };
        self.wanting.keys().find_map(|(.., id)| due(id))
    }

    pub(super) fn refresh(&mut self, now: Millis, id: TransferId) {
        self.forget_want(id);
        self.queue.remove(&id);
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let wide = member.engine.hosts().len() > 1;
        self.wide = self.wide + usize::from(wide) - usize::from(std::mem::replace(&mut member.wide, wide));
        match member.engine.want(now) {
            Want::Nothing => {}
            Want::Admission => {
                self.queue.add(id);
            }
            Want::Slot { bytes_left } => {
                let want = (member.data.len(), bytes_left);
                member.want = Some(want);
                self.wanting.add((want.0, want.1, id));
            }
        }
    }

    pub(super) fn forget_want(&mut self, id: TransferId) {
        if let Some((in_flight, bytes_left)) = self.members.get_mut(&id).and_then(|member| member.want.take()) {
            self.wanting.remove(&(in_flight, bytes_left, id));
        }
    }
}
