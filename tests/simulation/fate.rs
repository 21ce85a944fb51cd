//! What befalls a world: its weather, the fate of its page and computer, and a user who interferes.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use presigned::{
    core::{
        chance::Chance,
        checksum::Algorithm,
        fleet::TransferId,
        transfer::{Answer, Input, Link, Ticket},
    },
    drive::mailbox::{Mailbox, Message},
};

use super::{
    clock::VirtualClock,
    platform::SimWorld,
    rules::Witness,
    server::{Object, Second, Stretch, Weather, reply},
};

/// How hard a world is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Climate {
    /// Nothing goes wrong but what the page is told of: not one attempt is spent.
    Fair,
    /// Things go wrong now and then: all that the user does not end is done.
    Gentle,
    Foul(u64),
}

/// What befalls the page and its computer.
#[derive(Clone, Debug)]
pub struct Fate {
    /// Turns of the clock until the page dies, for each life but the last.
    pub deaths: Vec<u64>,
    /// Unfinished uploads are cleaned away between two lives.
    pub reaped: bool,
    /// Spells without a network; whether the browser says so.
    spells: u64,
    told: bool,
    /// The browser says that there is no network, and is wrong.
    false_alarms: u64,
    sleeps: u64,
    /// The tab is hidden for a while, so often; its timers then are so late.
    hidden: u64,
    coarse: u64,
    /// Answers come for what was given up long ago.
    pub ghosts: u64,
}

impl Climate {
    pub fn draw(chance: &mut Chance) -> Self {
        match chance.up_to(4) {
            0 => Self::Fair,
            1 => Self::Gentle,
            foulness => Self::Foul(foulness - 1),
        }
    }

    /// How often a thing happens in a thousand, that in foul weather happens `most` times at most.
    fn rate(self, chance: &mut Chance, most: u64) -> u64 {
        match self {
            Self::Fair => 0,
            Self::Gentle => chance.up_to(most / 4),
            Self::Foul(foulness) => chance.up_to(most * foulness),
        }
    }
}

impl Weather {
    pub fn draw(climate: Climate, chance: &mut Chance) -> Self {
        let foul = climate > Climate::Gentle;
        let corrupts = foul && chance.up_to(3) == 0;
        let mut rate = |most: u64| climate.rate(chance, most);
        let mut weather = Weather {
            cut: rate(60),
            stall: rate(10),
            slow_down: rate(60),
            server_error: rate(40),
            forbidden: rate(15),
            lost_answer: rate(30),
            short_body: rate(30),
            whole_instead: rate(10),
            nonsense: rate(100),
            late: rate(300),
            corrupt: if corrupts { rate(8) } else { 0 },
            sink_sums: chance.up_to(1) == 0,
            backend_tells: chance.up_to(2) > 0,
            completions_tell: chance.up_to(1) > 0,
            storage_tells: chance.up_to(1) > 0,
            retry_after: chance.up_to(1) == 0,
            skew: 0,
            md5: chance.up_to(1) == 0,
            once_only: chance.up_to(1) == 0,
            no_list: chance.up_to(5) == 0,
            no_request_parts: foul && chance.up_to(9) == 0,
            signs_sums: [Algorithm::Crc64Nvme, Algorithm::Sha256].get(chance.up_to(7) as usize).copied(),
            no_ranges: chance.up_to(9) == 0,
            exposed: chance.up_to(3) > 0,
            second: Second::None,
            second_first: false,
            conditions: false,
            h2: chance.up_to(1) == 0,
            latency: chance.up_to(200),
            bytes_per_ms: 100 + chance.up_to(40_000),
            behind: 0,
            spoilt: 0,
            parts_told: false,
            size_told: None,
            lease_seconds: if foul { 1 } else { 60 } + chance.up_to(120),
            batch: 1 + chance.up_to(40) as usize,
        };
        if climate == Climate::Gentle {
            // One refusal is forgiven, two in a row are the end.
            (weather.forbidden, weather.whole_instead) = (0, 0);
            // A stream that breaks begins again: it may never come to its end.
            weather.no_ranges = false;
        }
        // By a chance of its own, it leaves the rest as it is without it.
        let mut own = Chance::new(weather.bytes_per_ms);
        weather.conditions = own.up_to(1) == 0;
        weather.second = match own.up_to(14) {
            0..=2 => Second::Same,
            3 => Second::Dead(0),
            // What is cut off in its middle costs an attempt.
            4 => Second::Dead(if climate == Climate::Fair { 0 } else { own.up_to(8_000) }),
            5 => Second::Refuses,
            6 => Second::Stale(own.up_to(1) * own.up_to(9_999)),
            _ => Second::None,
        };
        weather.behind = if foul { own.up_to(20) } else { 0 };
        weather.spoilt = if foul && own.up_to(2) == 0 { own.up_to(30) } else { 0 };
        weather.parts_told = weather.backend_tells && own.up_to(1) == 0;
        // Who looks whether an upload was completed looks at the first that answers.
        weather.second_first = own.up_to(1) == 0 && !matches!(weather.second, Second::Stale(_));
        weather.size_told =
            [None, Some(true), Some(true), Some(false)].into_iter().nth(own.up_to(3) as usize).flatten();
        if chance.up_to(5) == 0 {
            weather.skew = chance.up_to(weather.lease_seconds * if foul { 1_200 } else { 100 });
        }
        weather
    }
}

impl Fate {
    pub fn draw(climate: Climate, chance: &mut Chance) -> Self {
        let foul = climate > Climate::Gentle;
        Self {
            deaths: (0..chance.up_to(5).saturating_sub(2)).map(|_| chance.up_to(400)).collect(),
            reaped: chance.up_to(5) == 0,
            spells: chance.up_to(4).saturating_sub(2),
            told: chance.up_to(3) > 0 || !foul,
            false_alarms: chance.up_to(6).saturating_sub(5),
            sleeps: if climate == Climate::Fair { 0 } else { chance.up_to(5).saturating_sub(4) },
            hidden: chance.up_to(6).saturating_sub(4),
            coarse: if chance.up_to(1) == 0 { 1_000 } else { 60_000 },
            ghosts: chance.up_to(4),
        }
    }

    /// Spells without a network, false alarms, sleep, and a tab in the background.
    pub async fn befall(self, platform: SimWorld, mailbox: Mailbox<SimWorld>, mut chance: Chance) {
        let clock = platform.clock.clone();
        for _ in 0..self.spells {
            clock.sleep(chance.up_to(4_000)).await;
            platform.server.offline.set(true);
            if self.told {
                mailbox.post(Message::Link(Link::Down));
            }
            clock.sleep(chance.up_to(100_000)).await;
            platform.server.offline.set(false);
            if self.told {
                mailbox.post(Message::Link(Link::Up));
            }
        }
        for _ in 0..self.false_alarms {
            clock.sleep(chance.up_to(2_000)).await;
            // Nobody ever says that it is back: it has to be tried.
            mailbox.post(Message::Link(Link::Down));
        }
        for _ in 0..self.hidden {
            clock.sleep(chance.up_to(3_000)).await;
            clock.hide(self.coarse);
            clock.sleep(chance.up_to(200_000)).await;
            clock.hide(1);
        }
        for _ in 0..self.sleeps {
            clock.sleep(chance.up_to(4_000)).await;
            clock.jump(chance.up_to(7_200_000));
        }
    }
}

/// A user who pauses, resumes, and sometimes gives up.
pub struct User {
    pub id: TransferId,
    pub mailbox: Mailbox<SimWorld>,
    pub clock: VirtualClock,
    pub aborted: Rc<Cell<Option<bool>>>,
}

impl User {
    pub async fn interfere(self, pauses: u64, aborts: bool, mut chance: Chance) {
        let post = |input| self.mailbox.post(Message::Heard(self.id, input));
        for _ in 0..pauses {
            self.clock.sleep(chance.up_to(3_000)).await;
            post(Input::Pause);
            self.clock.sleep(chance.up_to(20_000)).await;
            post(Input::Resume);
        }
        if aborts {
            // Some think better of it at once.
            let most = if chance.up_to(2) == 0 { 50 } else { 5_000 };
            self.clock.sleep(chance.up_to(most)).await;
            let keep = chance.up_to(1) == 0;
            self.aborted.set(Some(keep));
            post(Input::Abort { keep });
        }
    }

    /// Plays what is being downloaded, and jumps about in it.
    pub async fn play(self, size: u64, mut chance: Chance) {
        for _ in 0..chance.up_to(12) {
            self.clock.sleep(chance.up_to(3_000)).await;
            self.mailbox.post(Message::Heard(self.id, Input::Wanted { from: chance.up_to(size) }));
        }
    }

    /// Words of requests that are over: nobody may listen to them.
    pub async fn haunt(self, times: u64, witness: Rc<RefCell<Witness>>, mut chance: Chance) {
        for _ in 0..times {
            self.clock.sleep(chance.up_to(2_000)).await;
            let over = witness.borrow().over.clone();
            let Some(last) = over.len().checked_sub(1) else { continue };
            let ticket = Ticket(over[chance.up_to(last as u64) as usize]);
            let reply = reply(200, &[("etag", "\"ghost\"".to_owned())]);
            let input = match chance.up_to(3) {
                0 => Input::Sent { ticket, loaded: 1 },
                1 => Input::Received { ticket, bytes: 1 },
                2 => Input::Head { ticket, head: reply },
                _ => Input::Answer { ticket, answer: Ok(Answer::Replied(reply)) },
            };
            self.mailbox.post(Message::Heard(self.id, input));
        }
    }
}

/// Somebody else stores another version of an object while it is being downloaded.
pub async fn replace(platform: SimWorld, key: String, version: Stretch, mut chance: Chance) {
    platform.clock.sleep(chance.up_to(3_000)).await;
    let server = &platform.server;
    let object =
        Object { bytes: vec![version], etag: server.etag(&version), size: version.len(), modified: server.unique() };
    server.objects.borrow_mut().insert(key, object);
}
