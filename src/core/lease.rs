//! Signed URLs are leases: they lapse, and are renewed before they do. What they are counted by is the driver's monotonic
//! clock, from when the signer's answer came: the clocks of signer, storage and user need not agree.

use super::{
    date,
    protocol::{PartGrants, Signed},
    sorted::Sorted,
    time::Millis,
};

/// A request must have begun so long before its URL lapses: storage looks at the time when the request arrives.
const MARGIN: Millis = 10_000;
/// A URL that does not tell its life is of doubtful age after so long.
const DOUBTFUL: Millis = 5 * 60_000;

/// One signed URL and how long it is good for.
#[derive(Clone, Debug)]
pub struct Lease {
    pub signed: Signed,
    /// The same object at other hosts, signed with it.
    others: Vec<Signed>,
    granted: Millis,
    life: Option<Millis>,
    /// The clock has jumped since: nobody knows how old it is.
    doubted: bool,
}

impl Lease {
    /// `expires_in` in seconds, as the signer says; else what the URL itself says.
    pub fn new(now: Millis, signed: Signed, expires_in: Option<u64>) -> Self {
        Self::of_all(now, signed, Vec::new(), expires_in)
    }

    /// All URLs of one signature, which are renewed together: it is good for as long as each of them.
    pub fn of_all(now: Millis, signed: Signed, others: Vec<Signed>, expires_in: Option<u64>) -> Self {
        let lives = std::iter::once(&signed).chain(&others).filter_map(|signed| life_of(&signed.url));
        let seconds = expires_in.or_else(|| lives.min());
        Self { signed, others, granted: now, life: seconds.map(|seconds| seconds.saturating_mul(1000)), doubted: false }
    }

    pub fn urls(&self) -> impl Iterator<Item = &Signed> {
        std::iter::once(&self.signed).chain(&self.others)
    }

    pub fn is_good(&self, now: Millis) -> bool {
        self.life.is_none_or(|life| now < self.granted.saturating_add(life - MARGIN.min(life / 4)))
    }

    /// Its age alone may explain why a request with it got no answer: S3 sends no CORS headers with some refusals.
    pub fn is_doubtful(&self, now: Millis) -> bool {
        let age = now.saturating_sub(self.granted);
        self.doubted || age >= self.life.map_or(DOUBTFUL, |life| life - life / 10)
    }

    /// It should have been good for this much longer, as the signer said.
    pub fn left(&self, now: Millis) -> Option<Millis> {
        self.life.map(|life| self.granted.saturating_add(life).saturating_sub(now))
    }

    pub fn life(&self) -> Option<Millis> {
        self.life
    }

    pub fn doubt(&mut self) {
        self.doubted = true;
    }
}

/// The URLs of one upload's parts. A single PUT is part 1.
#[derive(Debug, Default)]
pub struct Leases(Sorted<u32, Lease>);

impl Leases {
    pub fn grant(&mut self, now: Millis, grants: PartGrants) {
        for (number, signed) in grants.parts {
            self.0.insert(number, Lease::new(now, signed, grants.expires_in));
        }
    }

    pub fn is_good(&self, number: u32, now: Millis) -> bool {
        self.good(number, now).is_some()
    }

    pub fn good(&self, number: u32, now: Millis) -> Option<&Lease> {
        self.0.get(&number).filter(|lease| lease.is_good(now))
    }

    pub fn get(&self, number: u32) -> Option<&Lease> {
        self.0.get(&number)
    }

    /// The shortest life that the signer gave to any of them.
    pub fn life(&self) -> Option<Millis> {
        self.0.values().filter_map(Lease::life).min()
    }

    /// The part is stored, or storage would not honour its URL.
    pub fn end(&mut self, number: u32) {
        self.0.remove(&number);
    }

    pub fn doubt(&mut self) {
        self.0.values_mut().for_each(Lease::doubt);
    }
}

/// How many seconds a URL lives, as its own query says: `X-Amz-Expires` or `X-Goog-Expires` from when it was signed.
fn life_of(url: &str) -> Option<u64> {
    let (_, query) = url.split_once('?')?;
    let value = |wanted: &str| {
        let pairs = query.split('#').next()?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    let whole = |text: &str| text.parse::<u64>().ok().filter(|seconds| (1..=604_800).contains(seconds));
    ["X-Amz-Expires", "X-Goog-Expires"].into_iter().find_map(|name| whole(value(name)?))
}

/// A URL's life as its signer's own server sees it: of its whole life, what is left at the server's `Date`. `None` also where
/// nothing is left, which tells of a wrong clock and not of the URL.
pub fn left_at(url: &str, server_date: &str) -> Option<u64> {
    let (_, query) = url.split_once('?')?;
    let signed = query.split('&').filter_map(|pair| pair.split_once('=')).find_map(|(name, value)| {
        let dated = name.eq_ignore_ascii_case("X-Amz-Date") || name.eq_ignore_ascii_case("X-Goog-Date");
        if dated { date::basic(value) } else { None }
    })?;
    let age = date::http(server_date)?.saturating_sub(signed);
    life_of(url)?.checked_sub(age).filter(|left| *left > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::protocol::Method;

    fn signed(url: &str) -> Signed {
        Signed { url: url.into(), method: Method::Put, headers: Vec::new(), fields: Vec::new() }
    }

    #[test]
    fn a_lease_ends_before_its_url_lapses() {
        let mut leases = Leases::default();
        leases.grant(1_000, PartGrants { parts: vec![(1, signed("https://s.example/k"))], expires_in: Some(60) });
        leases.grant(1_000, PartGrants { parts: vec![(2, signed("https://s.example/k"))], expires_in: None });
        assert!(leases.is_good(1, 50_999) && !leases.is_good(1, 51_000));
        assert!(leases.is_good(2, Millis::MAX));
        leases.end(2);
        assert!(leases.get(2).is_none());
    }

    #[test]
    fn a_url_tells_its_own_life() {
        let aws = "https://s.example/k?X-Amz-Date=20260131T120000Z&X-Amz-Expires=100&X-Amz-Signature=1";
        let lease = Lease::new(0, signed(aws), None);
        assert!(lease.is_good(89_999) && !lease.is_good(90_000));
        assert!(lease.is_doubtful(90_000) && !lease.is_doubtful(89_999));
        assert_eq!(left_at(aws, "Sat, 31 Jan 2026 12:00:30 GMT"), Some(70));
        assert_eq!(left_at(aws, "Sat, 31 Jan 2026 12:10:00 GMT"), None);
        let goog = Lease::new(0, signed("https://s.example/k?X-Goog-Expires=900"), None);
        assert_eq!(goog.life(), Some(900_000));
        for wrong in ["X-Amz-Expires=-1", "X-Amz-Expires=x", "X-Amz-Expires=99999999999999999999", "a=1"] {
            assert_eq!(Lease::new(0, signed(&format!("https://s.example/k?{wrong}")), None).life(), None);
        }
    }

    #[test]
    fn a_jump_of_the_clock_makes_all_doubtful() {
        let mut leases = Leases::default();
        leases.grant(0, PartGrants { parts: vec![(1, signed("https://s.example/k"))], expires_in: Some(900) });
        assert!(!leases.get(1).unwrap().is_doubtful(1));
        leases.doubt();
        assert!(leases.get(1).unwrap().is_doubtful(1) && leases.is_good(1, 1));
    }
}
