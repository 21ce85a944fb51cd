//! One world: a client with a few transfers, a user who interferes, weather, and a page that may die at any moment.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_executor::LocalPool;
use futures_util::{FutureExt, task::LocalSpawnExt};
use presigned::{
    core::{
        chance::Chance,
        checkpoint::{Checkpoint, UploadPoint},
        options::Settings,
        plan::MIB,
        protocol::UploadRequest,
        retry::Policy,
        transfer::{End, Input, Link},
    },
    drive::{
        Driver,
        mailbox::{Mailbox, Message},
        seams::Clock,
    },
};

use super::{
    clock::VirtualClock,
    platform::{SimListener, SimSink, SimSource, SimWorld},
    rules::{Ends, Witness, assert_holds},
    server::{Object, Server, Stretch, Weather},
    store::{Shelf, identity},
};

/// No world needs more turns of its clock; one that does spins.
const MOST_TURNS: u64 = 2_000_000;

/// A transfer, through all lives of its page.
struct Planned {
    id: u64,
    size: u64,
    key: String,
    part_size: u64,
    is_upload: bool,
    sink: Option<Rc<SimSink>>,
    witness: Rc<RefCell<Witness>>,
    aborted: Rc<Cell<Option<bool>>>,
    /// Retries of earlier lives.
    retries: u64,
    /// It ended in a life that ended soon after, perhaps before that was written down.
    buried: bool,
}

/// What befalls the page and its computer.
struct Fate {
    /// Turns of the clock until the page dies, for each life but the last.
    deaths: Vec<u64>,
    /// Spells without a network; whether the browser says so.
    spells: u64,
    told: bool,
    /// The browser says that there is no network, and is wrong.
    false_alarms: u64,
    sleeps: u64,
}

pub struct World {
    chance: Chance,
    platform: SimWorld,
    settings: Settings,
    fate: Fate,
    /// Nothing goes wrong but what the page is told of.
    is_fair: bool,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let foul = chance.up_to(3);
        let mut rate = |most: u64| if foul == 0 { 0 } else { chance.up_to(most * foul) };
        let weather = Weather {
            cut: rate(60),
            stall: rate(10),
            slow_down: rate(60),
            server_error: rate(40),
            forbidden: rate(15),
            lost_answer: rate(30),
            short_body: rate(30),
            whole_instead: rate(10),
            nonsense: rate(100),
            once_only: chance.up_to(1) == 0,
            no_list: chance.up_to(5) == 0,
            no_ranges: chance.up_to(9) == 0,
            exposed: chance.up_to(3) > 0,
            latency: chance.up_to(200),
            bytes_per_ms: 100 + chance.up_to(40_000),
            lease_seconds: 1 + chance.up_to(120),
            batch: 1 + chance.up_to(40) as usize,
        };
        let settings = Settings {
            concurrency: 1 + chance.up_to(7) as usize,
            part_size: None,
            retry: Policy::new(vec![50, 100, 200, 400, 800, 1600]),
            stall_timeout: 5_000,
        };
        let fate = Fate {
            deaths: (0..chance.up_to(5).saturating_sub(2)).map(|_| chance.up_to(400)).collect(),
            spells: chance.up_to(4).saturating_sub(2),
            told: chance.up_to(3) > 0,
            false_alarms: chance.up_to(6).saturating_sub(5),
            sleeps: chance.up_to(5).saturating_sub(4),
        };
        let shelf = Rc::new(Shelf::default());
        shelf.broken.set(chance.up_to(9) == 0);
        let is_fair = foul == 0 && (fate.told || fate.spells == 0) && fate.sleeps == 0;
        let server = Server::new(weather, chance.bits());
        Self { chance, platform: SimWorld { server, clock: VirtualClock::default(), shelf }, settings, fate, is_fair }
    }

    pub fn run(mut self) -> Ends {
        let mut transfers: Vec<_> = (0..=self.chance.up_to(4)).map(|id| self.plan(id)).collect();
        let deaths = std::mem::take(&mut self.fate.deaths);
        let mut turns = 0;
        for death in deaths.iter().map(|turns| Some(*turns)).chain([None]) {
            if self.live(&mut transfers, death, &mut turns) {
                break;
            }
            self.platform.shelf.bury();
            self.platform.server.offline.set(false);
        }
        self.judge(&transfers)
    }

    /// One life of the page; true where all transfers have ended in it.
    fn live(&mut self, transfers: &mut [Planned], death: Option<u64>, turns: &mut u64) -> bool {
        let (driver, mailbox) = Driver::new(Rc::new(self.platform.clone()), self.settings.clone(), self.chance.bits());
        let mut pool = LocalPool::new();
        let loop_ = pool.spawner().spawn_local_with_handle(driver.run()).expect("a pool that takes tasks");
        for transfer in transfers.iter_mut().filter(|transfer| transfer.witness.borrow().end.is_none()) {
            transfer.begin(&mailbox, &self.platform.clock);
            self.interfere(transfer, &mailbox, &pool);
        }
        self.befall(&mailbox, &pool);
        let mut left = death;
        loop {
            pool.run_until_stalled();
            if transfers.iter().all(|transfer| transfer.witness.borrow().end.is_some()) {
                break;
            }
            if left == Some(0) {
                for transfer in transfers.iter_mut() {
                    transfer.buried = transfer.witness.borrow().end.is_some();
                }
                return false;
            }
            left = left.map(|left| left - 1);
            *turns += 1;
            assert!(*turns < MOST_TURNS, "it spins");
            assert!(self.platform.clock.advance(), "deadlock: nothing will ever happen again");
        }
        mailbox.post(Message::Close);
        let mut loop_ = Some(loop_);
        loop {
            pool.run_until_stalled();
            if loop_.as_mut().is_none_or(|running| running.now_or_never().is_some()) {
                break;
            }
            // What is still to be written down is written.
            assert!(self.platform.clock.advance(), "a closed loop ends");
        }
        loop_.take();
        true
    }

    fn plan(&mut self, id: u64) -> Planned {
        let is_upload = self.chance.up_to(1) == 0;
        let size = match self.chance.up_to(5) {
            0 => 0,
            1 => self.chance.up_to(1000),
            _ => self.chance.up_to(if is_upload { 24 } else { 48 } * MIB),
        };
        let key = format!("k{id}");
        if !is_upload {
            let bytes = vec![Stretch { of: id, start: 0, end: size }];
            let object = Object { bytes, etag: format!("\"{id}\""), size };
            self.platform.server.objects.borrow_mut().insert(key.clone(), object);
        }
        let part_size = MIB / 4 + self.chance.up_to(MIB);
        let witness = Rc::new(RefCell::new(Witness::new(key.clone())));
        Planned {
            id,
            size,
            key,
            part_size,
            is_upload,
            sink: None,
            witness,
            aborted: Rc::default(),
            retries: 0,
            buried: false,
        }
    }

    /// A user who pauses, resumes, and sometimes gives up.
    fn interfere(&mut self, transfer: &Planned, mailbox: &Mailbox<SimWorld>, pool: &LocalPool) {
        let (id, mailbox, clock) = (transfer.id, mailbox.clone(), self.platform.clock.clone());
        let (pauses, aborts) = (self.chance.up_to(2), self.chance.up_to(7) == 0);
        let (mut chance, aborted) = (Chance::new(self.chance.bits()), transfer.aborted.clone());
        let user = async move {
            for _ in 0..pauses {
                clock.sleep(chance.up_to(3_000)).await;
                mailbox.post(Message::Heard(id, Input::Pause));
                clock.sleep(chance.up_to(20_000)).await;
                mailbox.post(Message::Heard(id, Input::Resume));
            }
            if aborts {
                clock.sleep(chance.up_to(5_000)).await;
                let keep = chance.up_to(1) == 0;
                aborted.set(Some(keep));
                mailbox.post(Message::Heard(id, Input::Abort { keep }));
            }
        };
        pool.spawner().spawn_local(user).expect("a pool that takes tasks");
    }

    /// Spells without a network, false alarms, and sleep.
    fn befall(&mut self, mailbox: &Mailbox<SimWorld>, pool: &LocalPool) {
        let Fate { spells, told, false_alarms, sleeps, .. } = self.fate;
        let (platform, mailbox) = (self.platform.clone(), mailbox.clone());
        let mut chance = Chance::new(self.chance.bits());
        let fate = async move {
            for _ in 0..spells {
                platform.clock.sleep(chance.up_to(4_000)).await;
                platform.server.offline.set(true);
                if told {
                    mailbox.post(Message::Link(Link::Down));
                }
                platform.clock.sleep(chance.up_to(100_000)).await;
                platform.server.offline.set(false);
                if told {
                    mailbox.post(Message::Link(Link::Up));
                }
            }
            for _ in 0..false_alarms {
                platform.clock.sleep(chance.up_to(2_000)).await;
                // Nobody ever says that it is back: it has to be tried.
                mailbox.post(Message::Link(Link::Down));
            }
            for _ in 0..sleeps {
                platform.clock.sleep(chance.up_to(4_000)).await;
                platform.clock.jump(chance.up_to(7_200_000));
            }
        };
        pool.spawner().spawn_local(fate).expect("a pool that takes tasks");
    }

    fn judge(&self, transfers: &[Planned]) -> Ends {
        let server = &self.platform.server;
        let (requests, virtual_ms) = (server.requests.get(), self.platform.clock.now());
        let mut ends = Ends { requests, virtual_ms, ..Ends::default() };
        assert_eq!(server.in_flight.get(), 0, "nothing is left in flight");
        // Whether an upload was completed is looked at by one request of its own, whose body is not read.
        let looks = transfers.iter().filter(|transfer| transfer.is_upload).count();
        let looks = if self.is_fair { 0 } else { looks };
        assert!(server.most_in_flight.get() <= self.settings.concurrency + looks, "one limit over all");
        assert!(server.requests.get() < 60_000, "requests are bounded: {}", server.requests.get());
        for transfer in transfers {
            let witness = transfer.witness.borrow();
            ends.retries += transfer.retries + witness.retries;
            match witness.end.as_ref().expect("it has ended") {
                End::Done(finish) => {
                    ends.done += 1;
                    assert_eq!((finish.size, &finish.key), (transfer.size, &transfer.key));
                    match &transfer.sink {
                        Some(sink) => assert_holds(sink, transfer.id, transfer.size, &transfer.key),
                        None => self.assert_stored(transfer),
                    }
                }
                End::Failed(error) => {
                    ends.failed += 1;
                    assert!(!self.is_fair, "{}: failed in fair weather: {error:?}", transfer.key);
                }
                End::Aborted => {
                    ends.aborted += 1;
                    assert!(transfer.aborted.get().is_some(), "{}: only the user aborts", transfer.key);
                }
            }
            assert!(!self.is_fair || witness.retries == 0, "{}: an attempt was spent in fair weather", transfer.key);
            let removed = server.removals.borrow().contains(&transfer.key);
            let asked = transfer.aborted.get() == Some(false);
            assert!(!removed || asked, "{}: removed though nobody asked for it", transfer.key);
            self.assert_remembered(transfer, witness.end.as_ref());
        }
        ends
    }

    /// What is done or given up is forgotten; what failed can be gone on with, as long as storage has it.
    fn assert_remembered(&self, transfer: &Planned, end: Option<&End>) {
        let records = self.platform.shelf.records.borrow();
        let record = records.iter().find(|record| match &record.point {
            Checkpoint::Upload(point) => point.key == transfer.key,
            Checkpoint::Download(point) => point.key == transfer.key,
        });
        assert!(!format!("{record:?}").contains("://"), "{}: a URL is remembered", transfer.key);
        match (end, record) {
            (Some(End::Done(_) | End::Aborted), Some(_)) if transfer.buried => {}
            (Some(End::Done(_)), Some(_)) => panic!("{}: done, and still remembered", transfer.key),
            (Some(End::Aborted), Some(_)) if transfer.aborted.get() == Some(false) => {
                panic!("{}: given up, and still remembered", transfer.key)
            }
            (_, Some(record)) => {
                if let Checkpoint::Upload(UploadPoint { upload_id, identity: own, .. }) = &record.point {
                    assert_eq!(own, &identity(&transfer.request()));
                    // The server alone could take it away, and in these worlds it does not.
                    let there = self.platform.server.uploads.borrow().contains_key(upload_id);
                    let done = self.platform.server.completed.borrow().contains_key(upload_id);
                    assert!(there || done, "{}: what is remembered is gone", transfer.key);
                    let uploads = self.platform.server.uploads.borrow();
                    let unknown = record
                        .parts
                        .keys()
                        .find(|number| uploads.get(upload_id).is_some_and(|parts| !parts.contains_key(number)));
                    assert_eq!(unknown, None, "{}: a part is remembered that storage has not", transfer.key);
                }
            }
            _ => {}
        }
    }

    fn assert_stored(&self, transfer: &Planned) {
        let objects = self.platform.server.objects.borrow();
        let object = objects.get(&transfer.key).unwrap_or_else(|| panic!("{}: done, but not stored", transfer.key));
        let mut at = 0;
        for bytes in &object.bytes {
            assert_eq!((bytes.of, bytes.start), (transfer.id, at), "{}: bytes out of place", transfer.key);
            at = bytes.end;
        }
        assert_eq!((at, object.size), (transfer.size, transfer.size), "{}: all of it", transfer.key);
    }
}

impl Planned {
    fn request(&self) -> UploadRequest {
        UploadRequest {
            filename: self.key.clone(),
            content_type: "application/octet-stream".to_owned(),
            size: self.size,
            key: Some(self.key.clone()),
            metadata: Vec::new(),
            part_size: Some(self.part_size),
        }
    }

    /// In a new life of the page.
    fn begin(&mut self, mailbox: &Mailbox<SimWorld>, clock: &VirtualClock) {
        self.retries += self.witness.borrow().retries;
        self.witness = Rc::new(RefCell::new(Witness::new(self.key.clone())));
        let (id, listener) = (self.id, SimListener(self.witness.clone(), clock.clone()));
        mailbox.post(if self.is_upload {
            let source = Rc::new(SimSource(id));
            Message::Upload { id, request: self.request(), source, listener, group: None, resume: true }
        } else {
            let sink = Rc::new(SimSink::default());
            self.sink = Some(sink.clone());
            Message::Download { id, key: self.key.clone(), sink, listener, resume: true }
        });
    }
}
