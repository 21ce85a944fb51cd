//! Several hosts that have the same object, each with connections of its own: they are used side by side.
//!
//! A host that fails is left out while another works, so that its failures cost no attempts. Where none works any more, all that
//! failed are asked again, and then each failure costs an attempt as it does where there is but one. A host that has another version
//! of the object, or refuses for good, never comes back.

use super::{Download, Phase, Piece, version::Version};
use crate::core::{
    error::{Code, Failure, Verdict},
    etag,
    host::{self, Host},
    protocol::Signed,
    retry::Backoff,
    time::Millis,
    transfer::Level,
};

/// Until when a host is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Out {
    /// A pause, as before a retry.
    Until(Millis),
    /// No other works.
    Needed,
    Ever,
}

#[derive(Debug)]
struct Known {
    host: Host,
    out: Option<Out>,
    backoff: Backoff,
    /// It has refused a signature, and brought nothing since.
    refused: bool,
    /// It does not have what the backend told of.
    doubted: bool,
}

/// What is known of each host of the present signature, in the signer's order.
#[derive(Debug, Default)]
pub(super) struct Hosts(Vec<Known>);

impl Known {
    fn new(host: Host) -> Self {
        Self { host, out: None, backoff: Backoff::default(), refused: false, doubted: false }
    }
}

impl Hosts {
    /// A signature names these. What is known of them stays.
    pub fn name<'a>(&mut self, urls: impl Iterator<Item = &'a Signed>) {
        let mut before = std::mem::take(&mut self.0);
        for signed in urls {
            let host = Host::of(&signed.url);
            let known = before.iter().position(|known| known.host == host).map(|at| before.remove(at));
            self.0.push(known.unwrap_or(Known::new(host)));
        }
        if !self.0.iter().any(|known| known.out != Some(Out::Ever)) {
            self.0.iter_mut().for_each(|known| known.out = None);
        }
    }

    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Those that may be asked now.
    pub fn good(&self, now: Millis) -> impl Iterator<Item = Host> {
        let is_good = move |known: &&Known| match known.out {
            None => true,
            Some(Out::Until(until)) => now >= until,
            Some(Out::Needed | Out::Ever) => false,
        };
        self.0.iter().filter(is_good).map(|known| known.host)
    }

    /// The one to ask: that which is due, or the best that there is.
    pub fn choose(&self, now: Millis, due: Option<Host>) -> Option<Host> {
        let due = due.filter(|due| self.good(now).any(|host| host == *due));
        let spare = || self.0.iter().find(|known| known.out != Some(Out::Ever)).map(|known| known.host);
        due.or_else(|| self.good(now).next()).or_else(spare)
    }

    /// It has brought bytes.
    pub fn gain(&mut self, host: Host) {
        if let Some(known) = self.get(host) {
            known.backoff.refresh();
            known.refused = false;
        }
    }

    fn another_works(&self, now: Millis, host: Host) -> bool {
        self.good(now).any(|other| other != host)
    }

    /// Another may have what the backend told of; where none has, the usual one is right.
    fn others_may_have_it(&self, host: Host) -> bool {
        let mut left = self.0.iter().filter(|known| known.out != Some(Out::Ever)).peekable();
        let is_usual = left.peek().is_some_and(|known| known.host == host);
        !is_usual || left.any(|known| known.host != host && !known.doubted)
    }

    /// All that failed may be asked again; false where there is none but this one.
    fn come_back(&mut self, host: Host) -> bool {
        let mut any = false;
        for known in self.0.iter_mut().filter(|known| matches!(known.out, Some(Out::Until(_) | Out::Needed))) {
            known.out = None;
            any |= known.host != host;
        }
        any
    }

    fn get(&mut self, host: Host) -> Option<&mut Known> {
        self.0.iter_mut().find(|known| known.host == host)
    }
}

impl Download {
    /// The hosts among which the next request may choose, where there ever was a choice.
    pub(super) fn choice(&self) -> Vec<Host> {
        if !self.hosts.are_several() {
            return Vec::new();
        }
        let hosts: Vec<_> = self.hosts.good(self.now).collect();
        if hosts.is_empty() { self.hosts.choose(self.now, None).into_iter().collect() } else { hosts }
    }

    /// Which URL of the present signature the next request takes.
    pub(super) fn signed_at(&self, due: Option<Host>) -> Option<(Signed, Host)> {
        let lease = self.lease()?;
        let chosen = self.hosts.choose(self.now, due);
        let mut urls = lease.urls();
        let signed = urls.find(|signed| Some(Host::of(&signed.url)) == chosen).unwrap_or(&lease.signed);
        Some((signed.clone(), Host::of(&signed.url)))
    }

    /// A range failed at a host where others can do without it: no attempt is spent, and others bring what it did not.
    pub(super) fn is_spared(&mut self, piece: &Piece, signature: u32, host: Host, failure: &Failure) -> bool {
        if !self.hosts.are_several() || self.reach.excuses(&failure.error) {
            return false;
        }
        let another = self.hosts.another_works(self.now, host);
        let resigned = !self.may_resign();
        let Some(known) = self.hosts.get(host) else { return false };
        let out = match failure.verdict {
            // It works, if badly.
            Verdict::Retry { .. } if piece.has_moved() => return false,
            Verdict::Retry { .. } if !another => {
                self.hosts.come_back(host);
                return false;
            }
            Verdict::Retry { .. } if failure.error.code == Code::Timeout => Out::Needed,
            Verdict::Retry { after } => match known.backoff.pause(&self.policy, after, &mut self.chance) {
                Some(pause) => Out::Until(self.now.saturating_add(pause)),
                None => Out::Needed,
            },
            // It was under way with an old URL.
            Verdict::Resign if self.lease.is_none() || signature != self.signature => return false,
            Verdict::Resign if another && (known.refused || resigned) => Out::Needed,
            Verdict::Resign if !resigned => {
                known.refused = true;
                return false;
            }
            // For good, unless another can be tried once more.
            Verdict::Resign | Verdict::Absent | Verdict::Fatal => {
                known.out = Some(Out::Ever);
                if !another && !self.hosts.come_back(host) {
                    return false;
                }
                Out::Ever
            }
        };
        if let Some(known) = self.hosts.get(host) {
            known.out = Some(out);
        }
        let urls = self.lease.iter().flat_map(|lease| lease.urls());
        let url = urls.map(|signed| signed.url.as_str()).find(|url| Host::of(url) == host);
        let name = url.map(host::name).unwrap_or("A host").to_owned();
        self.log(Level::Warn, format!("{name} is left out: {}", failure.error.message));
        true
    }

    /// The first answer is not of what the backend told of: another host may have that. Where none has, the backend was behind.
    pub(super) fn passes_over(&mut self, host: Host, version: &Version) -> bool {
        let told = self.hashing.granted.0.as_deref().zip(version.etag.as_deref());
        let differs = told.is_some_and(|(told, own)| etag::bare(told) != etag::bare(own));
        if !differs || self.phase != Phase::Probing || !self.hosts.others_may_have_it(host) {
            return false;
        }
        let Some(known) = self.hosts.get(host) else { return false };
        (known.doubted, known.out) = (true, Some(Out::Needed));
        true
    }

    /// The answer of a host is of another version than was begun with: it must not be read.
    pub(super) fn is_of_another_version(&self, host: Host, version: &Version) -> bool {
        if self.phase == Phase::Probing && self.version == Version::default() {
            return false;
        }
        // What the same host says has to agree in all that it says.
        let same_host = !self.hosts.are_several() || self.version_of == Some(host);
        if same_host { !self.version.agrees(version) } else { !self.version.is_that_of(version) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::protocol::Method;

    fn hosts(names: &[&str]) -> (Hosts, Vec<Host>) {
        let mut hosts = Hosts::default();
        name(&mut hosts, names);
        let known = hosts.0.iter().map(|known| known.host).collect();
        (hosts, known)
    }

    fn name(hosts: &mut Hosts, names: &[&str]) {
        let signed = |name: &&str| Signed {
            url: format!("https://{name}/k?sig=1"),
            method: Method::Put,
            headers: Vec::new(),
            fields: Vec::new(),
        };
        hosts.name(names.iter().map(signed).collect::<Vec<_>>().iter());
    }

    #[test]
    fn who_is_left_out_is_not_chosen_while_another_works() {
        let (mut hosts, known) = hosts(&["a", "b"]);
        assert_eq!(hosts.choose(0, Some(known[1])), Some(known[1]));
        hosts.get(known[0]).unwrap().out = Some(Out::Until(10));
        assert_eq!(hosts.choose(9, Some(known[0])), Some(known[1]));
        assert_eq!(hosts.choose(10, Some(known[0])), Some(known[0]));
        hosts.get(known[1]).unwrap().out = Some(Out::Needed);
        assert_eq!(hosts.choose(9, None), Some(known[0]), "better than nobody");
        assert!(hosts.come_back(known[0]) && hosts.good(0).count() == 2);
    }

    #[test]
    fn a_new_signature_leaves_what_is_known() {
        let (mut hosts, known) = hosts(&["a", "b"]);
        hosts.get(known[0]).unwrap().out = Some(Out::Ever);
        name(&mut hosts, &["b", "a", "c"]);
        assert_eq!(hosts.good(0).count(), 2);
        assert!(!hosts.come_back(known[1]));
        name(&mut hosts, &["a"]);
        assert_eq!(hosts.choose(0, None), Some(known[0]), "there is no other");
    }
}
