//! One world: a client with a few transfers, a user who interferes, and weather.

use std::{cell::RefCell, rc::Rc};

use futures_executor::LocalPool;
use futures_util::task::LocalSpawnExt;
use presigned::{
    core::{
        chance::Chance,
        options::Settings,
        plan::MIB,
        protocol::UploadRequest,
        retry::Policy,
        transfer::{End, Input},
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
};

/// No world needs more turns of its clock; one that does spins.
const MOST_TURNS: u64 = 2_000_000;

struct Planned {
    id: u64,
    size: u64,
    key: String,
    sink: Option<Rc<SimSink>>,
    witness: Rc<RefCell<Witness>>,
    aborted: Rc<RefCell<Option<bool>>>,
}

pub struct World {
    chance: Chance,
    platform: SimWorld,
    settings: Settings,
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
        let server = Server::new(weather, chance.bits());
        Self { chance, platform: SimWorld { server, clock: VirtualClock::default() }, settings }
    }

    pub fn run(mut self) -> Ends {
        let (driver, mailbox) = Driver::new(Rc::new(self.platform.clone()), self.settings.clone(), self.chance.bits());
        let mut pool = LocalPool::new();
        let loop_ = pool.spawner().spawn_local_with_handle(driver.run()).expect("a pool that takes tasks");
        let transfers: Vec<_> = (0..=self.chance.up_to(4)).map(|id| self.plan(id, &mailbox)).collect();
        for transfer in &transfers {
            self.interfere(transfer, &mailbox, &pool);
        }
        let mut turns = 0;
        loop {
            pool.run_until_stalled();
            if transfers.iter().all(|transfer| transfer.witness.borrow().end.is_some()) {
                break;
            }
            turns += 1;
            assert!(turns < MOST_TURNS, "it spins");
            assert!(self.platform.clock.advance(), "deadlock: nothing will ever happen again");
        }
        let ends = self.judge(&transfers);
        mailbox.post(Message::Close);
        pool.run_until_stalled();
        assert!(futures_util::FutureExt::now_or_never(loop_).is_some(), "a closed loop ends");
        ends
    }

    fn plan(&mut self, id: u64, mailbox: &Mailbox<SimWorld>) -> Planned {
        let size = match self.chance.up_to(5) {
            0 => 0,
            1 => self.chance.up_to(1000),
            _ => self.chance.up_to(24 * MIB),
        };
        let key = format!("k{id}");
        let witness = Rc::new(RefCell::new(Witness::new(key.clone())));
        let listener = SimListener(witness.clone());
        let is_upload = self.chance.up_to(1) == 0;
        let sink = (!is_upload).then(|| Rc::new(SimSink::default()));
        mailbox.post(match &sink {
            None => {
                let part_size = Some(MIB / 4 + self.chance.up_to(MIB));
                let content_type = "application/octet-stream".to_owned();
                let request = UploadRequest {
                    filename: key.clone(),
                    content_type,
                    size,
                    key: Some(key.clone()),
                    metadata: Vec::new(),
                    part_size,
                };
                Message::Upload { id, request, source: Rc::new(SimSource(id)), listener, group: None }
            }
            Some(sink) => {
                let bytes = vec![Stretch { of: id, start: 0, end: size }];
                let object = Object { bytes, etag: format!("\"{id}\""), size };
                self.platform.server.objects.borrow_mut().insert(key.clone(), object);
                Message::Download { id, key: key.clone(), sink: sink.clone(), listener }
            }
        });
        Planned { id, size, key, sink, witness, aborted: Rc::default() }
    }

    /// A user who pauses, resumes, and sometimes gives up.
    fn interfere(&mut self, transfer: &Planned, mailbox: &Mailbox<SimWorld>, pool: &LocalPool) {
        let (id, mailbox, clock) = (transfer.id, mailbox.clone(), self.platform.clock.clone());
        let (pauses, aborts) = (self.chance.up_to(2), self.chance.up_to(5) == 0);
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
                aborted.replace(Some(keep));
                mailbox.post(Message::Heard(id, Input::Abort { keep }));
            }
        };
        pool.spawner().spawn_local(user).expect("a pool that takes tasks");
    }

    fn judge(&self, transfers: &[Planned]) -> Ends {
        let server = &self.platform.server;
        let (requests, virtual_ms) = (server.requests.get(), self.platform.clock.now());
        let mut ends = Ends { requests, virtual_ms, ..Ends::default() };
        assert_eq!(server.in_flight.get(), 0, "nothing is left in flight");
        assert!(server.most_in_flight.get() <= self.settings.concurrency, "one limit over all");
        assert!(server.requests.get() < 20_000, "requests are bounded: {}", server.requests.get());
        for transfer in transfers {
            let witness = transfer.witness.borrow();
            ends.retries += witness.retries;
            match witness.end.as_ref().expect("it has ended") {
                End::Done(finish) => {
                    ends.done += 1;
                    assert_eq!((finish.size, &finish.key), (transfer.size, &transfer.key));
                    match &transfer.sink {
                        Some(sink) => assert_holds(sink, transfer.id, transfer.size, &transfer.key),
                        None => self.assert_stored(transfer),
                    }
                }
                End::Failed(_) => ends.failed += 1,
                End::Aborted => {
                    ends.aborted += 1;
                    assert!(transfer.aborted.borrow().is_some(), "{}: only the user aborts", transfer.key);
                }
            }
            let removed = server.removals.borrow().contains(&transfer.key);
            let asked = *transfer.aborted.borrow() == Some(false);
            assert!(!removed || asked, "{}: removed though nobody asked for it", transfer.key);
        }
        ends
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
