//! One world: a client with a few transfers, a user who interferes, weather, and a page that may die at any moment.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_executor::LocalPool;
use futures_util::{FutureExt, task::LocalSpawnExt};
use presigned::{
    core::{
        chance::Chance, checksum::Algorithm, download::Wanted, options::Settings, plan::MIB, protocol::UploadRequest,
        retry::Policy,
    },
    drive::{
        Driver,
        mailbox::{Mailbox, Message},
    },
};

use super::{
    clock::VirtualClock,
    fate::{self, Climate, Fate, User},
    platform::{SimListener, SimSink, SimSource, SimWorld},
    rules::{Ends, Witness},
    server::{Object, Server, Stretch, Weather},
    store::Shelf,
};

/// No world needs more turns of its clock; one that does spins.
const MOST_TURNS: u64 = 2_000_000;
/// Whose bytes an object was made of before, or is made of after somebody else has replaced it.
const OLDER: u64 = 1_000;
const NEWER: u64 = 2_000;

/// A transfer, through all lives of its page.
pub struct Planned {
    pub id: u64,
    pub size: u64,
    pub key: String,
    pub part_size: u64,
    pub is_upload: bool,
    pub sink: Option<Rc<SimSink>>,
    /// A download as a stream: from here to there, or to the end.
    pub span: Option<(u64, Option<u64>)>,
    pub witness: Rc<RefCell<Witness>>,
    pub aborted: Rc<Cell<Option<bool>>>,
    /// Retries of earlier lives.
    pub retries: u64,
    /// It ended in a life that ended soon after, perhaps before that was written down.
    pub buried: bool,
    /// Ranges are sent with `If-Match`.
    pub if_match: bool,
    /// Somebody stores another version of the object meanwhile, of this size.
    pub newer: Option<u64>,
    /// That was seen to.
    replaced: bool,
}

pub struct World {
    chance: Chance,
    pub platform: SimWorld,
    pub settings: Settings,
    pub climate: Climate,
    fate: Fate,
    /// Timelines are kept, and told when a promise is broken.
    told: bool,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let climate = Climate::draw(&mut chance);
        let weather = Weather::draw(climate, &mut chance);
        let settings = Settings {
            concurrency: (chance.up_to(1) == 0).then_some(1 + chance.up_to(7) as usize),
            part_size: None,
            retry: Policy::new(vec![50, 100, 200, 400, 800, 1600]),
            stall_timeout: 5_000,
            checksum: match chance.up_to(8) {
                0 => None,
                1 => Some(Algorithm::Sha256),
                2 | 3 => Some(Algorithm::Md5),
                _ => Some(Algorithm::Crc64Nvme),
            },
            provider: None,
        };
        let fate = Fate::draw(climate, &mut chance);
        let shelf = Rc::new(Shelf::default());
        shelf.broken.set(chance.up_to(9) == 0);
        let server = Server::new(weather, chance.bits());
        let platform = SimWorld { server, clock: VirtualClock::default(), shelf };
        Self { chance, platform, settings, climate, fate, told: false }
    }

    /// With the timelines of its transfers, should it break a promise.
    pub fn told(mut self) -> Self {
        println!("{:?} {:?} {:?} {:?}", self.climate, self.platform.server.weather, self.fate, self.settings);
        self.told = true;
        self
    }

    pub fn run(mut self) -> Ends {
        let mut transfers: Vec<_> = (0..=self.chance.up_to(4)).map(|id| self.plan(id)).collect();
        let deaths = self.fate.deaths.clone();
        let (mut turns, mut lives) = (0, 0);
        for death in deaths.into_iter().map(Some).chain([None]) {
            lives += 1;
            if self.live(&mut transfers, death, &mut turns) {
                break;
            }
            self.platform.shelf.bury();
            self.platform.server.offline.set(false);
            self.platform.clock.hide(1);
            if self.fate.reaped {
                self.platform.server.reap();
            }
        }
        self.judge(&transfers, lives)
    }

    /// One life of the page; true where all transfers have ended in it.
    fn live(&mut self, transfers: &mut [Planned], death: Option<u64>, turns: &mut u64) -> bool {
        let (driver, mailbox) = Driver::new(Rc::new(self.platform.clone()), self.settings.clone(), self.chance.bits());
        let mut pool = LocalPool::new();
        let loop_ = pool.spawner().spawn_local_with_handle(driver.run()).expect("a pool that takes tasks");
        for transfer in transfers.iter_mut().filter(|transfer| transfer.witness.borrow().end.is_none()) {
            transfer.begin(&mailbox, &self.platform.clock, self.told);
            self.surround(transfer, &mailbox, &pool);
        }
        let befall = self.fate.clone().befall(self.platform.clone(), mailbox.clone(), self.chance());
        pool.spawner().spawn_local(befall).expect("a pool that takes tasks");
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
        let part_size = MIB / 4 + self.chance.up_to(MIB);
        let newer = (!is_upload && self.chance.up_to(7) == 0)
            .then(|| if self.chance.up_to(1) == 0 { size } else { self.chance.up_to(48 * MIB) });
        let mut span = None;
        // By a chance of their own, streams leave the rest of a world as it is without them.
        let mut chance = Chance::new(size);
        if !is_upload && chance.up_to(2) == 0 {
            let start = if chance.up_to(1) == 0 { 0 } else { chance.up_to(size.saturating_sub(1)) };
            span = Some((start, (chance.up_to(1) == 0).then(|| start + 1 + chance.up_to(size))));
        }
        let if_match = !is_upload && span.is_none() && chance.up_to(2) == 0;
        let transfer = Planned { is_upload, newer, span, if_match, ..Planned::upload(id, size, part_size) };
        if if_match {
            self.platform.server.matched.borrow_mut().insert(transfer.key.clone());
        }
        if !is_upload {
            self.put(&transfer.key, Stretch { of: id, start: 0, end: size }, 1);
        } else if self.chance.up_to(2) == 0 {
            // What is to be overwritten looks just like what is to come.
            let parts = size.div_ceil(part_size);
            self.put(&transfer.key, Stretch { of: OLDER + id, start: 0, end: size }, parts);
        }
        transfer
    }

    fn put(&self, key: &str, bytes: Stretch, parts: u64) {
        let server = &self.platform.server;
        let mut etag = server.etag(&bytes);
        if parts > 1 {
            etag = format!("\"{}-{parts}\"", etag.trim_matches('"'));
        }
        let object = Object { bytes: vec![bytes], etag, size: bytes.len(), modified: server.unique() };
        server.objects.borrow_mut().insert(key.to_owned(), object);
    }

    /// Who meddles with a transfer.
    fn surround(&mut self, transfer: &mut Planned, mailbox: &Mailbox<SimWorld>, pool: &LocalPool) {
        let user = || User {
            id: transfer.id,
            mailbox: mailbox.clone(),
            clock: self.platform.clock.clone(),
            aborted: transfer.aborted.clone(),
        };
        let (user, ghost, viewer) = (user(), user(), user());
        let (pauses, aborts) = (self.chance.up_to(2), self.chance.up_to(7) == 0);
        let interfering = user.interfere(pauses, aborts, self.chance());
        let haunting = ghost.haunt(self.fate.ghosts, transfer.witness.clone(), self.chance());
        let spawner = pool.spawner();
        if let Some(sink) = &transfer.sink {
            let (id, mailbox) = (transfer.id, mailbox.clone());
            let tell = move |input| mailbox.post(Message::Heard(id, input));
            let reading = sink.clone().read(Chance::new(transfer.size), self.platform.clock.clone(), tell);
            spawner.spawn_local(reading).expect("a pool that takes tasks");
        }
        // By a chance of their own, viewers leave the rest of a world as it is without them.
        let mut chance = Chance::new(transfer.size + 1);
        if !transfer.is_upload && transfer.span.is_none() && chance.up_to(1) == 0 {
            spawner.spawn_local(viewer.play(transfer.size, chance)).expect("a pool that takes tasks");
        }
        spawner.spawn_local(interfering).expect("a pool that takes tasks");
        spawner.spawn_local(haunting).expect("a pool that takes tasks");
        if let Some(version) = transfer.newer_version()
            && !std::mem::replace(&mut transfer.replaced, true)
        {
            let replacing = fate::replace(self.platform.clone(), transfer.key.clone(), version, self.chance());
            spawner.spawn_local(replacing).expect("a pool that takes tasks");
        }
    }

    fn chance(&mut self) -> Chance {
        Chance::new(self.chance.bits())
    }
}

/// In which order uploads of these sizes end that share a single slot, where nothing goes wrong.
pub fn ends_of(sizes: &[u64]) -> Vec<u64> {
    let mut chance = Chance::new(1);
    let settings = Settings { concurrency: Some(1), ..Settings::default() };
    let clock = VirtualClock::default();
    let server = Server::new(Weather::draw(Climate::Fair, &mut chance), 1);
    let platform = SimWorld { server, clock: clock.clone(), shelf: Rc::default() };
    let (driver, mailbox) = Driver::new(Rc::new(platform), settings, 1);
    let mut pool = LocalPool::new();
    pool.spawner().spawn_local(driver.run()).expect("a pool that takes tasks");
    let mut running = Vec::new();
    for (id, size) in (0..).zip(sizes) {
        let mut transfer = Planned::upload(id, *size, MIB);
        transfer.begin(&mailbox, &clock, false);
        running.push(transfer);
    }
    let mut order = Vec::new();
    while !running.is_empty() {
        pool.run_until_stalled();
        running.retain(|transfer| {
            let ended = transfer.witness.borrow().end.is_some();
            order.extend(ended.then_some(transfer.id));
            !ended
        });
        assert!(running.is_empty() || clock.advance(), "deadlock");
    }
    order
}

impl Planned {
    fn upload(id: u64, size: u64, part_size: u64) -> Self {
        let key = format!("k{id}");
        Self {
            id,
            size,
            part_size,
            is_upload: true,
            sink: None,
            span: None,
            witness: Rc::new(RefCell::new(Witness::new(key.clone()))),
            key,
            aborted: Rc::default(),
            retries: 0,
            buried: false,
            newer: None,
            if_match: false,
            replaced: false,
        }
    }

    pub fn request(&self) -> UploadRequest {
        UploadRequest {
            filename: self.key.clone(),
            content_type: "application/octet-stream".to_owned(),
            size: self.size,
            key: Some(self.key.clone()),
            metadata: Vec::new(),
            part_size: Some(self.part_size),
            form_refused: false,
            unpacked: None,
        }
    }

    fn newer_version(&self) -> Option<Stretch> {
        self.newer.map(|end| Stretch { of: NEWER + self.id, start: 0, end })
    }

    /// What may be downloaded.
    pub fn versions(&self) -> Vec<Stretch> {
        [Stretch { of: self.id, start: 0, end: self.size }].into_iter().chain(self.newer_version()).collect()
    }

    /// In a new life of the page.
    fn begin(&mut self, mailbox: &Mailbox<SimWorld>, clock: &VirtualClock, told: bool) {
        self.retries += self.witness.borrow().retries;
        let mut witness = Witness::new(self.key.clone());
        witness.timeline = told.then(Vec::new);
        self.witness = Rc::new(RefCell::new(witness));
        let (id, listener) = (self.id, SimListener(self.witness.clone(), clock.clone()));
        mailbox.post(if self.is_upload {
            let source = Rc::new(SimSource(id));
            Message::Upload { id, request: self.request(), source, listener, group: None, resume: true }
        } else {
            let sink = Rc::new(self.span.map_or_else(SimSink::default, SimSink::streamed));
            self.sink = Some(sink.clone());
            let wanted = match self.span {
                Some((start, end)) => Wanted::Stream { start, end },
                None => Wanted::File { resume: true, if_match: self.if_match },
            };
            Message::Download { id, key: self.key.clone(), sink, listener, wanted }
        });
    }
}
