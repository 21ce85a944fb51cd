//! All transfers of a client under one limit of requests: this room's single face to the driver.
//!
//! Who gets a slot is decided in `allotting`; what the network, the clock and the traffic say to all of them, in `observing`.

mod allotting;
mod observing;

use std::collections::VecDeque;

use super::{
    chance::Chance,
    checkpoint::Save,
    download::{Download, Wanted},
    error::Code,
    group::{Files, Group},
    host::Host,
    limit::{self, Limit, Trouble},
    options::Settings,
    outside::Outside,
    plan,
    protocol::UploadRequest,
    sorted::Sorted,
    time::{Millis, earliest},
    trace::Trace,
    traffic::{Load, Traffic},
    transfer::{Command, End, Engine, Event, Input, Level, Link, Output, Progress, Ticket},
    upload::Upload,
};

pub type TransferId = u64;

/// A file of this size is sent in a moment.
const SMALL: u64 = 1 << 20;

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
    data: Sorted<Ticket, Load>,
    want: Option<(usize, u64)>,
    /// Admitted, but without a request to storage yet.
    starting: bool,
    group: Option<TransferId>,
    wake: Option<Millis>,
    /// It is over soon, once it has begun.
    small: bool,
    /// It may choose among several hosts.
    wide: bool,
    /// Where its last request to storage went.
    host: Option<Host>,
}

pub struct Fleet {
    settings: Settings,
    members: Sorted<TransferId, Member>,
    groups: Sorted<TransferId, Group>,
    queue: Sorted<TransferId>,
    starting: usize,
    /// Members that may choose among several hosts.
    wide: usize,
    limit: Limit,
    traffic: Traffic,
    /// Who wants a slot, in the order in which slots are given: requests in flight, bytes left.
    wanting: Sorted<(usize, u64, TransferId)>,
    wakes: Sorted<(Millis, TransferId)>,
    chance: Chance,
    outside: Outside,
    out: VecDeque<Order>,
}

impl Fleet {
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            limit: Limit::new(settings.concurrency),
            traffic: Traffic::default(),
            settings,
            members: Sorted::default(),
            groups: Sorted::default(),
            queue: Sorted::default(),
            starting: 0,
            wide: 0,
            wanting: Sorted::default(),
            wakes: Sorted::default(),
            chance: Chance::new(seed),
            outside: Outside::default(),
            out: VecDeque::new(),
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Requests to storage in flight, over all transfers.
    pub fn in_flight(&self) -> usize {
        self.traffic.in_flight()
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

    /// `resume`: go on with an upload of the same file that was cut off. A size of parts that the request leaves open is
    /// planned here, from what was seen so far.
    pub fn upload(
        &mut self,
        now: Millis,
        id: TransferId,
        mut request: UploadRequest,
        group: Option<TransferId>,
        resume: bool,
    ) {
        let (size, small) = (request.size, request.size <= SMALL);
        if let (Some(announced), Some(group)) = (request.unpacked, group.and_then(|group| self.groups.get_mut(&group)))
        {
            group.replace(announced, size);
        }
        request.part_size.get_or_insert_with(|| plan::planned(size, self.limit.most(), self.traffic.pace()));
        let upload = Upload::new(request, &self.settings, self.chance.bits(), resume);
        self.add(now, id, Box::new(upload), group, small);
    }

    pub fn download(&mut self, now: Millis, id: TransferId, key: String, wanted: Wanted) {
        let download = Download::new(key, &self.settings, self.chance.bits(), wanted);
        self.add(now, id, Box::new(download), None, false);
    }

    pub fn handle(&mut self, now: Millis, id: TransferId, input: Input) {
        self.look_at_the_clock(now);
        self.listen(now);
        self.observe(now, id, &input);
        self.tell(now, id, input);
        self.spread(now);
        self.learn(now, id);
        self.allot(now);
    }

    /// What the browser says of the network.
    pub fn link(&mut self, now: Millis, link: Link) {
        self.look_at_the_clock(now);
        self.outside.hear(link);
        self.spread(now);
        self.allot(now);
    }

    /// What storage speaks, by its ALPN name, as was seen at a request of this transfer.
    pub fn protocol(&mut self, now: Millis, id: TransferId, name: &str) {
        if let Some(most) = self.limit.speaks(limit::is_multiplexed(name)) {
            self.say(id, Level::Info, format!("Storage speaks {name}: up to {most} requests at once."));
        }
        self.allot(now);
    }

    /// Deadlines up to now have come.
    pub fn tick(&mut self, now: Millis) {
        self.look_at_the_clock(now);
        self.listen(now);
        self.outside.tick(now);
        while let Some((&(_, id), ())) = self.wakes.first().filter(|((at, _), ())| *at <= now) {
            self.wakes.pop_first();
            if let Some(member) = self.members.get_mut(&id) {
                member.wake = None;
            }
            self.tell(now, id, Input::Tick);
            self.learn(now, id);
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
            let link = self.outside.deadline().filter(|_| !self.members.is_empty());
            let at = earliest(groups.chain([members, link]));
            self.outside.promise(at);
            Order::Wait(at)
        })
    }

    fn add(&mut self, now: Millis, id: TransferId, engine: Box<dyn Engine>, group: Option<TransferId>, small: bool) {
        let (data, want, starting, wake, wide, host) = (Sorted::default(), None, false, None, false, None);
        let member = Member { engine, data, want, starting, group, wake, small, wide, host };
        self.members.insert(id, member);
        if self.outside.link() != Link::Up {
            self.tell(now, id, Input::Link(self.outside.link()));
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
        let (mut ended, in_flight, usual) = (false, self.traffic.in_flight(), self.traffic.usual());
        let wake = loop {
            let Some(member) = self.members.get_mut(&id) else {
                return;
            };
            match member.engine.poll() {
                Output::Perform(ticket, command) => {
                    self.out.push_back(noted(id, Trace::request(ticket, &command)));
                    if let Some(mut load) = Load::of(&command) {
                        let hosts = member.engine.hosts();
                        load.aside =
                            self.limit.is_each_hosts() && hosts.iter().skip(1).any(|host| *host == load.host());
                        member.host = Some(load.host());
                        member.data.insert(ticket, load);
                        self.traffic.depart(now, load);
                        self.starting -= usize::from(std::mem::take(&mut member.starting));
                    }
                    self.out.push_back(Order::Perform(id, ticket, command));
                }
                Output::Cancel(ticket) => {
                    self.land(now, id, ticket);
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
                    let timed_out = matches!(&event, Event::Retry { error, .. } if error.code == Code::Timeout);
                    self.out.push_back(Order::Emit(id, event));
                    // A transfer gave up a request to storage that had fallen silent.
                    if timed_out && self.traffic.in_flight() < in_flight {
                        self.trouble(now, usual, Trouble::TimedOut);
                    }
                }
                Output::Save(save) => self.out.push_back(Order::Save(id, save)),
                Output::Reached(somebody) => self.outside.hear(if somebody { Link::Up } else { Link::Down }),
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
            self.remove(now, id);
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

    fn say(&mut self, id: TransferId, level: Level, words: String) {
        self.out.push_back(Order::Emit(id, Event::Log(level, words, None)));
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

    fn remove(&mut self, now: Millis, id: TransferId) {
        self.forget_want(id);
        self.set_wake(id, None);
        self.queue.remove(&id);
        if let Some(member) = self.members.remove(&id) {
            member.data.values().for_each(|load| self.traffic.land(now, *load));
            self.starting -= usize::from(member.starting);
            self.wide -= usize::from(member.wide);
        }
    }
}

/// What goes over the wire, as an entry of the log.
fn noted(id: TransferId, trace: Trace) -> Order {
    Order::Emit(id, Event::Log(Level::Debug, trace.words(), Some(trace)))
}
