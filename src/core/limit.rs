//! How many requests to storage may be in flight at once, over all transfers: fixed by the application, or found while running.
//!
//! **Down**, where storage or the network says so: SlowDown, 429 and 503, time-outs, and silence while bodies are under way.
//! **Up**, while it helps. Additive increase and multiplicative decrease let all who share a bottleneck come to equal shares
//! (Chiu and Jain 1989, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in Computer Networks"); that
//! one must slow down at a 503 SlowDown, and may come back step by step as it passes, is also what Amazon S3 asks for (AWS
//! whitepaper "Best Practices Design Patterns: Optimizing Amazon S3 Performance", "Timeouts and Retries").
//!
//! What helps is told by **total goodput**, as in BBR's startup (Cardwell et al. 2016, "BBR: Congestion-Based Congestion
//! Control"): twice as many must bring a quarter more within three rounds, else the pipe is full. It is climbed fast at first, then
//! in ever smaller steps; a plateau is held, and looked at again ever more seldom. Times in which there was too little to send
//! prove nothing, so they don't count (BBR calls these samples application-limited).
//!
//! Latency is not asked. Vegas (Brakmo and Peterson 1994) and the gradient limits that descend from it compare a request's time
//! with the best one seen. That suits short calls that wait in a server's queue. A part's time is its size over its share of
//! the link: it grows with each request beside it, long before the link is full, and would end every climb at once.
//!
//! Browsers open six connections to an HTTP/1.1 origin. Below that, more is known to be harmless, and nothing has to be proven.
//! HTTP/2 and 3 carry many requests over one connection, and their windows, one a stream, are what a climb above six gets round.

use super::{
    answer,
    error::{Code, Failure},
    time::Millis,
    traffic::Window,
    transfer::Answer,
};

/// The first limit, and the highest on HTTP/1.1.
pub const FIRST: usize = 6;
/// The highest on HTTP/2 and 3: servers commonly allow 100 streams, and other pages' requests may share them.
const HIGHEST: usize = 24;
/// A limit that was no good is left alone for so long, twice as long at each repetition.
const HOLD: Millis = 8_000;
/// To fall silent and to time out costs dearly; to be refused, a round trip.
const HOLD_AFTER_SILENCE: Millis = 30_000;
const LONGEST_HOLD: Millis = 240_000;
/// Silence takes so long to show itself: before that, all may only seem to be well again.
const CALM: Millis = 10_000;
/// A cut shows its effect no sooner: what goes wrong until then is still of the time before.
const ECHO: Millis = 1_000;
/// Trouble that comes so long after a raise is not the raise's.
const PROVEN: Millis = 60_000;

/// In so many windows a raise may show what it brings. BBR's startup gives it three rounds.
const LOOKS: u8 = 3;

#[derive(Debug)]
pub enum Limit {
    Fixed(usize),
    Auto(Auto),
}

#[derive(Debug)]
pub struct Auto {
    at: usize,
    /// Up to here it may be come back to without a proof.
    proven: usize,
    /// `None` until it is known what storage speaks.
    ceiling: Option<usize>,
    barrier: Option<Barrier>,
    hold: Millis,
    /// By how much it climbs next.
    step: usize,
    /// What the present limit has to beat.
    trial: Option<Trial>,
    /// A change is yet to take effect: the present window says nothing.
    settling: bool,
    cut: Option<Millis>,
    /// No climb before.
    calm: Millis,
    /// From where it was raised last and when, unless that was taken back.
    raised: Option<(usize, Millis)>,
    /// Why it was changed last, until that is told.
    news: Option<&'static str>,
}

/// So many were too many, or no better: not to be reached again before a time.
#[derive(Clone, Copy, Debug)]
struct Barrier {
    at: usize,
    until: Millis,
    /// There was trouble, which may take its time to come back: what lies beyond is gone into step by step.
    trouble: bool,
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    from: usize,
    /// Bytes per second before the raise.
    goodput: u64,
    /// So many times it may still be looked at.
    looks: u8,
}

/// Why fewer requests are better.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    Refused,
    TimedOut,
    Silent,
}

impl Trouble {
    /// What storage's answer says of the load.
    pub fn of(answer: &Result<Answer, Failure>) -> Option<Self> {
        let failure = match answer {
            Ok(Answer::Replied(response)) if !response.is_success() => &answer::storage(response),
            Err(failure) => failure,
            Ok(_) => return None,
        };
        match (failure.error.code, failure.error.status) {
            (Code::RateLimited, _) | (_, Some(503)) => Some(Trouble::Refused),
            (Code::Timeout, _) => Some(Trouble::TimedOut),
            _ => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Trouble::Refused => "storage asks for fewer",
            Trouble::TimedOut => "a request timed out",
            Trouble::Silent => "nothing moves",
        }
    }
}

/// Many requests share one connection; `name` is ALPN's, as in `nextHopProtocol`.
pub fn is_multiplexed(name: &str) -> bool {
    name == "h2" || name == "h3" || name.starts_with("h3-")
}

impl Limit {
    /// `wanted`: what the application fixed.
    pub fn new(wanted: Option<usize>) -> Self {
        match wanted {
            Some(most) => Self::Fixed(most),
            None => Self::Auto(Auto {
                at: FIRST,
                proven: FIRST,
                ceiling: None,
                barrier: None,
                hold: HOLD,
                step: FIRST,
                trial: None,
                settling: false,
                cut: None,
                calm: 0,
                raised: None,
                news: None,
            }),
        }
    }

    pub fn most(&self) -> usize {
        match self {
            Self::Fixed(most) => *most,
            Self::Auto(auto) => auto.at,
        }
    }

    /// It is each host's: where connections carry one request, a second host has as many of its own.
    pub fn is_each_hosts(&self) -> bool {
        matches!(self, Self::Auto(auto) if auto.ceiling() <= FIRST)
    }

    /// How many may be tried, now that the protocol is known; `None` where that is no news, or not for us to choose.
    pub fn speaks(&mut self, multiplexed: bool) -> Option<usize> {
        let Self::Auto(auto) = self else { return None };
        let ceiling = if multiplexed { HIGHEST } else { FIRST };
        let news = auto.ceiling.replace(ceiling) != Some(ceiling);
        auto.at = auto.at.min(ceiling);
        news.then_some(ceiling)
    }

    /// Something went wrong while so many were in flight.
    pub fn trouble(&mut self, now: Millis, in_flight: usize, trouble: Trouble) {
        if let Self::Auto(auto) = self {
            auto.cut(now, in_flight, trouble);
        }
    }

    /// A window has passed without trouble, or with trouble that was heeded.
    pub fn learn(&mut self, now: Millis, seen: Window) {
        if let Self::Auto(auto) = self {
            auto.learn(now, seen);
        }
    }

    /// The limit and the reason, once after each change.
    pub fn news(&mut self) -> Option<(usize, &'static str)> {
        match self {
            Self::Fixed(_) => None,
            Self::Auto(auto) => auto.news.take().map(|why| (auto.at, why)),
        }
    }
}

impl Auto {
    fn cut(&mut self, now: Millis, in_flight: usize, trouble: Trouble) {
        let echo = in_flight > self.at || self.cut.is_some_and(|cut| now < cut.saturating_add(ECHO));
        if echo {
            return;
        }
        let raised = self.raised.take().filter(|(_, raised)| now < raised.saturating_add(PROVEN));
        // That many, or fewer, were too many before.
        let again = raised.is_some() && self.barrier.is_some_and(|barrier| barrier.trouble && self.at < barrier.at);
        let least = if trouble == Trouble::Refused { HOLD } else { HOLD_AFTER_SILENCE };
        self.hold = if again { (self.hold * 2).clamp(least, LONGEST_HOLD) } else { least };
        self.cut = Some(now);
        self.proven = self.proven.min(self.at - 1);
        // A raise that brought trouble is taken back, and half of it is tried next; else all was well with so many before.
        let to = raised.map_or((self.at * 7 + 5) / 10, |(from, _)| from.min(self.at));
        self.step = ((self.at - to) / 2).max(1);
        self.barrier = Some(Barrier { at: self.at.max(2), until: now.saturating_add(self.hold), trouble: true });
        self.calm = now.saturating_add(if trouble == Trouble::Refused { 0 } else { CALM });
        self.set(to, trouble.words());
    }

    fn learn(&mut self, now: Millis, seen: Window) {
        if std::mem::take(&mut self.settling) || !seen.is_full(self.at) {
            return;
        }
        match &mut self.trial {
            Some(trial) if trial.is_passed(self.at, seen.goodput) => {
                (self.trial, self.proven) = (None, self.at);
                self.step = (self.step * 2).min(self.at);
            }
            Some(trial) if trial.looks > 1 => {
                trial.looks -= 1;
                return;
            }
            Some(trial) => {
                let from = trial.from;
                self.plateau(now, from);
                return;
            }
            None => {}
        }
        self.climb(now, seen.goodput);
    }

    /// The raise has brought nothing.
    fn plateau(&mut self, now: Millis, from: usize) {
        let tried = self.at;
        (self.proven, self.raised) = (from, None);
        self.set(from, "more bring no more");
        self.step /= 2;
        if self.step <= from / 6 {
            self.step = (from / 4).max(1);
            let (until, trouble) = (now.saturating_add(self.hold), self.barrier.is_some_and(|barrier| barrier.trouble));
            self.barrier = Some(Barrier { at: tried.min(from + 1), until, trouble });
            self.hold = (self.hold * 2).min(LONGEST_HOLD);
        }
    }

    fn climb(&mut self, now: Millis, goodput: u64) {
        let from = self.at;
        let top = match self.barrier {
            Some(barrier) if now < barrier.until => barrier.at - 1,
            Some(barrier) if barrier.trouble => barrier.at + barrier.at / 8,
            _ => usize::MAX,
        };
        let top = top.min(self.ceiling());
        if from >= top || now < self.calm {
            return;
        }
        self.raised = Some((from, now));
        let known = from < self.proven.max(FIRST);
        let to = if known { from + 1 } else { (from + self.step).min(top) };
        if let Some(barrier) = self.barrier.filter(|barrier| to >= barrier.at) {
            let until = now.saturating_add(self.hold);
            self.barrier = barrier.trouble.then_some(Barrier { at: to + 1, until, ..barrier });
        }
        if known {
            return self.set(to, "all is well again");
        }
        self.set(to, "a try");
        self.trial = Some(Trial { from, goodput, looks: LOOKS });
    }

    fn ceiling(&self) -> usize {
        self.ceiling.unwrap_or(FIRST)
    }

    fn set(&mut self, most: usize, why: &'static str) {
        self.trial = None;
        self.settling = true;
        let most = most.clamp(1, self.ceiling());
        if std::mem::replace(&mut self.at, most) != most {
            self.news = Some(why);
        }
    }
}

impl Trial {
    /// A quarter of what would come if each request brought as much as those before.
    fn is_passed(&self, at: usize, goodput: u64) -> bool {
        let more = (at.saturating_sub(self.from)) as u64;
        let wanted = self.goodput.saturating_add(self.goodput.saturating_mul(more) / (4 * self.from.max(1) as u64));
        goodput >= wanted && goodput > self.goodput
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lives through seconds of a network where so many requests bring so much; tells the limit at the end of each.
    fn live(limit: &mut Limit, seconds: std::ops::Range<u64>, goodput: impl Fn(u64) -> u64) -> Vec<usize> {
        let second = |second| {
            let most = limit.most();
            limit.learn(second * 1000, Window { goodput: goodput(most as u64), busy: most as u64 * 1000, span: 1000 });
            limit.most()
        };
        seconds.map(second).collect()
    }

    #[test]
    fn six_are_never_passed_on_http_1() {
        let mut limit = Limit::new(None);
        assert_eq!(limit.speaks(is_multiplexed("http/1.1")), Some(6));
        assert!(live(&mut limit, 0..100, |most| most * 1000).iter().all(|most| *most == 6));
    }

    #[test]
    fn it_climbs_while_goodput_rises() {
        let mut limit = Limit::new(None);
        assert_eq!(limit.speaks(is_multiplexed("h2")), Some(24));
        let seen = live(&mut limit, 0..10, |most| most * 1000);
        assert_eq!(seen[..3], [12, 12, 24]);
        assert_eq!(limit.most(), 24);
    }

    #[test]
    fn a_plateau_ends_the_climb_and_is_seldom_left() {
        for full in [3, 6, 7, 8, 9, 10, 13, 17, 20] {
            let mut limit = Limit::new(None);
            limit.speaks(true);
            live(&mut limit, 0..60, |most| most.min(full) * 1000);
            let after = live(&mut limit, 60..600, |most| most.min(full) * 1000);
            let best = after.iter().map(|most| (*most as u64).min(full)).min();
            assert!(
                best.is_some_and(|best| best * 10 >= full.min(6).max(full * 9 / 10) * 10 || best + 1 >= full),
                "{full}"
            );
            let tries = after.windows(2).filter(|pair| pair[1] > pair[0]).count();
            assert!(tries <= 12, "{full}: {tries} tries in nine minutes");
        }
    }

    #[test]
    fn too_little_to_send_proves_nothing() {
        let mut limit = Limit::new(None);
        limit.speaks(true);
        for second in 0..100 {
            limit.learn(second * 1000, Window { goodput: second * 1000, busy: 3 * 1000, span: 1000 });
        }
        assert_eq!(limit.most(), 6);
    }

    #[test]
    fn trouble_cuts_once_a_window_and_is_come_back_from() {
        let mut limit = Limit::new(None);
        for _ in 0..5 {
            limit.trouble(10_000, 6, Trouble::Refused);
        }
        assert_eq!((limit.most(), limit.news()), (4, Some((4, "storage asks for fewer"))));
        limit.trouble(20_000, 6, Trouble::Refused);
        assert_eq!(limit.most(), 4, "still of the time before the cut");
        assert_eq!(live(&mut limit, 11..17, |most| most), [4, 5, 5, 5, 5, 5], "below what was too many");
        assert_eq!(live(&mut limit, 17..22, |most| most), [5, 6, 6, 6, 6], "until some time has passed");
    }

    #[test]
    fn what_is_too_many_again_and_again_is_tried_ever_more_seldom() {
        let mut limit = Limit::new(None);
        let mut troubles = Vec::new();
        for second in 0..400 {
            if limit.most() > 3 {
                limit.trouble(second * 1000, limit.most(), Trouble::Silent);
                troubles.push(second);
            }
            live(&mut limit, second..second + 1, |most| most);
        }
        assert!((3..=12).contains(&troubles.len()), "{troubles:?}");
        assert!(limit.most() >= 2);
    }

    #[test]
    fn a_fixed_limit_is_fixed() {
        let mut limit = Limit::new(Some(9));
        assert_eq!(limit.speaks(true), None);
        limit.trouble(0, 9, Trouble::TimedOut);
        live(&mut limit, 0..9, |most| most);
        assert_eq!((limit.most(), limit.news()), (9, None));
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(steps in prop::collection::vec((0u64..3000, 0u8..4, 0u64..1 << 40, 0usize..40), 0..300)) {
            let (mut limit, mut now, mut ceiling) = (Limit::new(None), 0, 6);
            for (pause, what, goodput, in_flight) in steps {
                now += pause;
                match what {
                    0 => limit.trouble(now, in_flight, Trouble::Refused),
                    1 if goodput % 16 == 0 => ceiling = limit.speaks(goodput % 32 == 0).unwrap_or(ceiling),
                    _ => limit.learn(now, Window { goodput, busy: in_flight as u64 * 1000, span: 1000 }),
                }
                prop_assert!((1..=ceiling).contains(&limit.most()));
            }
        }
    }
}
