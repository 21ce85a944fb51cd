//! Signed URLs are leases: they lapse, and are renewed before they do.

use crate::core::{
    protocol::{PartGrants, Signed},
    sorted::Sorted,
    time::Millis,
};

/// A request must have begun so long before its URL lapses: storage looks at the time when the request arrives.
const MARGIN: Millis = 10_000;

#[derive(Debug)]
struct Lease {
    signed: Signed,
    good_until: Option<Millis>,
}

/// The URLs of one upload's parts. A single PUT is part 1.
#[derive(Debug, Default)]
pub struct Leases(Sorted<u32, Lease>);

impl Leases {
    /// Counts from when the answer came: the signer's clock and this one need not agree.
    pub fn grant(&mut self, now: Millis, grants: PartGrants) {
        let good_until = grants.expires_in.map(|seconds| {
            let life = seconds.saturating_mul(1000);
            now.saturating_add(life - MARGIN.min(life / 4))
        });
        for (number, signed) in grants.parts {
            self.0.insert(number, Lease { signed, good_until });
        }
    }

    pub fn is_good(&self, number: u32, now: Millis) -> bool {
        self.0.get(&number).is_some_and(|lease| lease.good_until.is_none_or(|until| now < until))
    }

    pub fn get(&self, number: u32, now: Millis) -> Option<&Signed> {
        self.0.get(&number).filter(|lease| lease.good_until.is_none_or(|until| now < until)).map(|lease| &lease.signed)
    }

    /// The part is stored, or storage would not honour its URL.
    pub fn end(&mut self, number: u32) {
        self.0.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::protocol::Method;

    #[test]
    fn a_lease_ends_before_its_url_lapses() {
        let signed =
            Signed { url: "https://s.example/k".into(), method: Method::Put, headers: Vec::new(), fields: Vec::new() };
        let mut leases = Leases::default();
        leases.grant(1_000, PartGrants { parts: vec![(1, signed.clone())], expires_in: Some(60) });
        leases.grant(1_000, PartGrants { parts: vec![(2, signed)], expires_in: None });
        assert!(leases.is_good(1, 50_999) && !leases.is_good(1, 51_000));
        assert!(leases.is_good(2, Millis::MAX));
        leases.end(2);
        assert!(leases.get(2, 0).is_none());
    }
}
