//! All transfers of a client under one limit of requests: this room's single face to the driver.
//!
//! A free slot goes to the transfer with the fewest requests in flight, and among those to the one with the least left.
//! So every transfer gets its share, and a small file never waits behind a big one.
//!
//! Transfers are admitted to the backend in order, and no further ahead than slots can be used soon: a URL that is signed
//! too early lapses in the queue.
//!
//! What the browser says of the network is for all of them; and where a deadline comes far too late, the clock has jumped:
//! the computer slept, or the page was held up.

use std::collections::VecDeque;

use super::{
    chance::Chance,
    checkpoint::Save,
    download::Download,
    group::{Files, Group},
    options::Settings,
    protocol::UploadRequest,
    sorted::Sorted,
    time::{Millis, earliest},
    trace::Trace,
    transfer::{Command, End, Engine, Event, Input, Level, Link, Output, Progress, Ticket, Want},
    upload::Upload,
};

pub type TransferId = u64;

/// A deadline that comes so much too late was slept through.
const JUMP: Millis = 5_000;
/// `offline` may be wrong: it is tried so often.
const TRY_LINK: Millis = 30_000;

/// A file of this size is sent in a moment.
const SMALL: u64 = 1 << 20;
/// So many small files are begun ahead, so that one call to the backend can be for many of them.
const SMALL_AHEAD: usize = 40;

/// What the driver is told.
#[derive(Debug)]
pub enum Order {
    Perform(TransferId, Ticket, Command),
    Cancel(TransferId, Ticket),
    Read(TransferId, Ticket, u64),
    Emit(TransferId, Event),
    Save(TransferId, Save),
    End(TransferId, End),
    /// A group of uploads has moved.
    Group(TransferId, Progress, Files),
    /// Nothing more until an input comes, or this time.
    Wait(Option<Millis>),
}

struct Member {
    engine: Box<dyn Engine>,
    /// Requests to storage in flight.
    data: Sorted<Ticket>,
    want: Option<(usize, u64)>,
    /// Admitted, but without a request to storage yet.
    starting: bool,
    group: Option<TransferId>,
    wake: Option<Millis>,
    /// It is over soon, once it has begun.
    small: bool,
}

pub struct Fleet {
    settings: Settings,
    members: Sorted<TransferId, Member>,
    groups: Sorted<TransferId, Group>,
    queue: Sorted<TransferId>,
    starting: usize,
    in_flight: usize,
    /// Who wants a slot, in the order in which slots are given: requests in flight, bytes left.
    wanting: Sorted<(usize, u64, TransferId)>,
    wakes: Sorted<(Millis, TransferId)>,
    chance: Chance,
    link: Link,
    /// When a network that is said to be down is tried.
    try_link: Option<Millis>,
    /// What members found out about the network, for the others.
    news: Option<Link>,
    /// What was promised by the last wait.
    promised: Option<Millis>,
    out: VecDeque<Order>,
}

impl Fleet {
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            members: Sorted::default(),
            groups: Sorted::default(),
            queue: Sorted::default(),
            starting: 0,
            in_flight: 0,
            wanting: Sorted::default(),
            wakes: Sorted::default(),
            chance: Chance::new(seed),
            link: Link::Up,
            try_link: None,
            news: None,
            promised: None,
            out: VecDeque::new(),
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Requests to storage in flight, over all transfers.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn ids(&self) -> Vec<TransferId> {
        self.members.keys().copied().collect()
    }

    pub fn group(&mut self, now: Millis, id: TransferId, total_bytes: u64, files: u32) {
        self.groups.insert(id, Group::new(total_bytes, files));
        self.tell_group(now, id);
    }

    /// A member of the group was refused before it began.
    pub fn refuse(&mut self, now: Millis, group: TransferId, id: TransferId) {
        if let Some(group) = self.groups.get_mut(&group) {
            group.end(id, false);
        }
        self.tell_group(now, group);
    }

    /// `resume`: go on with an upload of the same file that was cut off.
    pub fn upload(
        &mut self,
        now: Millis,
        id: TransferId,
        request: UploadRequest,
        group: Option<TransferId>,
        resume: bool,
    ) {
        let small = request.size <= SMALL;
        let upload = Upload::new(request, &self.settings, self.chance.bits(), resume);
        self.add(now, id, Box::new(upload), group, small);
    }

    /// `resume`: go on with a download of the same object that was cut off.
    pub fn download(&mut self, now: Millis, id: TransferId, key: String, resume: bool) {
        let download = Download::new(key, &self.settings, self.chance.bits(), resume);
        self.add(now, id, Box::new(download), None, false);
    }

    pub fn handle(&mut self, now: Millis, id: TransferId, input: Input) {
        self.look_at_the_clock(now);
        if let Input::Answer { ticket, .. } = &input {
            self.land(id, *ticket);
        }
        self.tell(now, id, input);
        self.spread(now);
        self.allot(now);
    }

    /// What the browser says of the network.
    pub fn link(&mut self, now: Millis, link: Link) {
        self.look_at_the_clock(now);
        self.news = Some(link);
        self.spread(now);
        self.allot(now);
    }

    /// Deadlines up to now have come.
    pub fn tick(&mut self, now: Millis) {
        self.look_at_the_clock(now);
        if self.try_link.is_some_and(|at| at <= now) {
            self.news = Some(Link::Unsure);
        }
        while let Some((&(_, id), ())) = self.wakes.first().filter(|((at, _), ())| *at <= now) {
            self.wakes.pop_first();
            if let Some(member) = self.members.get_mut(&id) {
                member.wake = None;
            }
            self.tell(now, id, Input::Tick);
        }
        let due: Vec<_> = self.groups.keys().copied().collect();
        for id in due {
            self.tell_group(now, id);
        }
        self.spread(now);
        self.allot(now);
    }

    pub fn poll(&mut self) -> Order {
        self.out.pop_front().unwrap_or_else(|| {
            let groups = self.groups.values().map(|group| group.deadline().map(|deadline| deadline.at));
            let members = self.wakes.first().map(|((at, _), ())| *at);
            let link = self.try_link.filter(|_| !self.members.is_empty());
            self.promised = earliest(groups.chain([members, link]));
            Order::Wait(self.promised)
        })
    }

    /// Tells all members where the promised moment is long over.
    fn look_at_the_clock(&mut self, now: Millis) {
        let slept = self.promised.take().is_some_and(|at| now > at.saturating_add(JUMP));
        if slept {
            self.ids().into_iter().for_each(|id| self.tell(now, id, Input::Woke));
        }
    }

    /// Tells all members what is new of the network.
    fn spread(&mut self, now: Millis) {
        while let Some(link) = self.news.take() {
            let before = std::mem::replace(&mut self.link, link);
            self.try_link = (link == Link::Down).then(|| now.saturating_add(TRY_LINK));
            if before != link {
                self.ids().into_iter().for_each(|id| self.tell(now, id, Input::Link(link)));
            }
        }
    }

    fn add(&mut self, now: Millis, id: TransferId, engine: Box<dyn Engine>, group: Option<TransferId>, small: bool) {
        let member = Member { engine, data: Sorted::default(), want: None, starting: false, group, wake: None, small };
        self.members.insert(id, member);
        if self.link != Link::Up {
            self.tell(now, id, Input::Link(self.link));
        }
        self.refresh(now, id);
        self.allot(now);
    }

    /// Hands an input to a member and passes on all that it says.
    fn tell(&mut self, now: Millis, id: TransferId, input: Input) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        if matches!(input, Input::Pause) {
            self.starting -= usize::from(std::mem::take(&mut member.starting));
        }
        let heard = match &input {
            Input::Head { ticket, head } => Some(Trace::head(*ticket, head)),
            Input::Answer { ticket, answer } => Some(Trace::answer(*ticket, answer)),
            _ => None,
        };
        if let Some(trace) = heard {
            self.note(id, trace);
        }
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        member.engine.handle(now, input);
        let mut ended = false;
        let wake = loop {
            let Some(member) = self.members.get_mut(&id) else {
                return;
            };
            match member.engine.poll() {
                Output::Perform(ticket, command) => {
                    self.out.push_back(noted(id, Trace::request(ticket, &command)));
                    if command.is_data() {
                        member.data.add(ticket);
                        self.in_flight += 1;
                        self.starting -= usize::from(std::mem::take(&mut member.starting));
                    }
                    self.out.push_back(Order::Perform(id, ticket, command));
                }
                Output::Cancel(ticket) => {
                    self.land(id, ticket);
                    self.note(id, Trace::Cancel { ticket: ticket.0 });
                    self.out.push_back(Order::Cancel(id, ticket));
                }
                Output::Read(ticket, until) => self.out.push_back(Order::Read(id, ticket, until)),
                Output::Emit(event) => {
                    if let (Event::Progress(progress), Some(group)) = (&event, member.group)
                        && let Some(group) = self.groups.get_mut(&group)
                    {
                        group.progress(now, id, progress.loaded);
                    }
                    self.out.push_back(Order::Emit(id, event));
                }
                Output::Save(save) => self.out.push_back(Order::Save(id, save)),
                Output::Reached(somebody) => self.news = Some(if somebody { Link::Up } else { Link::Down }),
                Output::End(end) => {
                    ended = true;
                    if let Some(group) = member.group.and_then(|group| self.groups.get_mut(&group)) {
                        group.end(id, matches!(end, End::Done(_)));
                    }
                    self.out.push_back(Order::End(id, end));
                }
                Output::Wait(deadline) => break deadline.map(|deadline| deadline.at),
            }
        };
        let group = self.members.get(&id).and_then(|member| member.group);
        if ended {
            self.remove(id);
        } else {
            self.set_wake(id, wake);
            self.refresh(now, id);
        }
        if let Some(group) = group {
            self.tell_group(now, group);
        }
    }

    fn note(&mut self, id: TransferId, trace: Trace) {
        self.out.push_back(noted(id, trace));
    }

    fn tell_group(&mut self, now: Millis, id: TransferId) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        if let Some((progress, files)) = group.flush(now) {
            self.out.push_back(Order::Group(id, progress, files));
        }
        if group.is_over() {
            self.groups.remove(&id);
        }
    }

    /// Gives what is free to whom it is due.
    fn allot(&mut self, now: Millis) {
        while self.in_flight < self.settings.concurrency {
            let Some(((.., id), ())) = self.wanting.pop_first() else {
                break;
            };
            if let Some(member) = self.members.get_mut(&id) {
                member.want = None;
            }
            let before = self.in_flight;
            self.tell(now, id, Input::Slot);
            if self.in_flight <= before {
                // It wanted a slot and did not use it (its lease has lapsed, say): it is asked again at its next input.
                self.forget_want(id);
            }
        }
        let few = self.starting < self.settings.concurrency;
        while let Some(id) = self.queue.first().map(|(id, ())| *id).filter(|_| few) {
            let small = self.members.get(&id).is_some_and(|member| member.small);
            if self.starting >= if small { SMALL_AHEAD } else { self.settings.concurrency } {
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

    fn refresh(&mut self, now: Millis, id: TransferId) {
        self.forget_want(id);
        self.queue.remove(&id);
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
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

    fn forget_want(&mut self, id: TransferId) {
        if let Some((in_flight, bytes_left)) = self.members.get_mut(&id).and_then(|member| member.want.take()) {
            self.wanting.remove(&(in_flight, bytes_left, id));
        }
    }

    fn set_wake(&mut self, id: TransferId, wake: Option<Millis>) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        if let Some(before) = std::mem::replace(&mut member.wake, wake) {
            self.wakes.remove(&(before, id));
        }
        if let Some(at) = wake {
            self.wakes.add((at, id));
        }
    }

    fn land(&mut self, id: TransferId, ticket: Ticket) {
        if self.members.get_mut(&id).is_some_and(|member| member.data.take(&ticket)) {
            self.in_flight -= 1;
        }
    }

    fn remove(&mut self, id: TransferId) {
        self.forget_want(id);
        self.set_wake(id, None);
        self.queue.remove(&id);
        if let Some(member) = self.members.remove(&id) {
            self.in_flight -= member.data.len();
            self.starting -= usize::from(member.starting);
        }
    }
}

/// What goes over the wire, as an entry of the log.
fn noted(id: TransferId, trace: Trace) -> Order {
    Order::Emit(id, Event::Log(Level::Debug, trace.words(), Some(trace)))
}
