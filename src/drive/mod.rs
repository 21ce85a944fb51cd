//! The loop that feeds the engines and performs their commands: one owner, one mailbox.
//!
//! It decides nothing. What the outside world is like, it knows through the seams of [`seams`] alone, so the same loop runs
//! in a browser, in a native test, and in the simulator's virtual time.

pub mod call;
mod gate;
mod journal;
pub mod mailbox;
pub mod seams;
pub mod stream;
mod task;

use std::{
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::{
    future::{AbortHandle, LocalBoxFuture, abortable},
    stream::{FuturesUnordered, StreamExt},
};

use self::{
    gate::Gate,
    journal::Journal,
    mailbox::{Mailbox, Message, Work, mailbox},
    seams::{Clock, Listener, Platform, Store},
};
use crate::core::{
    fleet::{Fleet, Order, TransferId},
    options::Settings,
    sorted::Sorted,
    time::Millis,
    transfer::{Command, Event, Input, Ticket},
};

/// A transfer's links to the outside.
struct Transfer<P: Platform> {
    work: Work<P>,
    listener: P::Listener,
}

/// A command being performed.
struct Running {
    abort: AbortHandle,
    gate: Rc<Gate>,
}

pub struct Driver<P: Platform> {
    platform: Rc<P>,
    fleet: Fleet,
    mailbox: Mailbox<P>,
    messages: UnboundedReceiver<Message<P>>,
    transfers: Sorted<TransferId, Transfer<P>>,
    groups: Sorted<TransferId, P::Listener>,
    running: Sorted<(TransferId, Ticket), Running>,
    journal: Journal,
    tasks: FuturesUnordered<LocalBoxFuture<'static, ()>>,
    timer: Option<(Millis, LocalBoxFuture<'static, ()>)>,
}

impl<P: Platform> Driver<P> {
    pub fn new(platform: Rc<P>, settings: Settings, seed: u64) -> (Self, Mailbox<P>) {
        let (mailbox, messages) = mailbox();
        let driver = Self {
            platform,
            fleet: Fleet::new(settings, seed),
            mailbox: mailbox.clone(),
            messages,
            transfers: Sorted::default(),
            groups: Sorted::default(),
            running: Sorted::default(),
            journal: Journal::default(),
            tasks: FuturesUnordered::new(),
            timer: None,
        };
        (driver, mailbox)
    }

    /// Runs until a message closes it; what is then still to be written down is written.
    pub async fn run(mut self) {
        let mut closing = false;
        loop {
            self.perform();
            if closing && self.journal.is_empty() {
                return;
            }
            match poll_fn(|cx| self.poll_wake(cx)).await {
                Some(Message::Close) => {
                    closing = true;
                    for id in self.fleet.ids() {
                        self.heard(Message::Heard(id, Input::Abort { keep: true }));
                    }
                }
                Some(message @ (Message::Saved(..) | Message::Heard(..))) => self.heard(message),
                // Whoever begins something with a closed client is told by the room above.
                Some(_) if closing => {}
                Some(message) => self.heard(message),
                None => self.fleet.tick(self.platform.clock().now()),
            }
        }
    }

    /// Waits for a message, or for the timer: `None`.
    fn poll_wake(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message<P>>> {
        // Tasks tell all they have to tell by mail, so that what they say keeps its order.
        while let Poll::Ready(Some(())) = self.tasks.poll_next_unpin(cx) {}
        if let Poll::Ready(Some(message)) = self.messages.poll_next_unpin(cx) {
            return Poll::Ready(Some(message));
        }
        if let Some((_, timer)) = &mut self.timer
            && Pin::new(timer).poll(cx).is_ready()
        {
            self.timer = None;
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    fn heard(&mut self, message: Message<P>) {
        let now = self.platform.clock().now();
        match message {
            Message::Upload { id, request, source, listener, group, resume } => {
                self.transfers.insert(
                    id,
                    Transfer { work: Work::Upload { request: Rc::new(request.clone()), source }, listener },
                );
                self.fleet.upload(now, id, request, group, resume);
            }
            Message::Download { id, key, sink, listener, wanted } => {
                self.transfers
                    .insert(id, Transfer { work: Work::Download { key: key.as_str().into(), sink }, listener });
                self.fleet.download(now, id, key, wanted);
            }
            Message::Group { id, total_bytes, files, listener } => {
                self.groups.insert(id, listener);
                self.fleet.group(now, id, total_bytes, files);
            }
            Message::Refused { group, id } => self.fleet.refuse(now, group, id),
            Message::Heard(id, input) => {
                if let Input::Answer { ticket, .. } = &input {
                    self.running.remove(&(id, *ticket));
                }
                self.fleet.handle(now, id, input);
            }
            Message::Link(link) => self.fleet.link(now, link),
            Message::Protocol(id, name) => self.fleet.protocol(now, id, &name),
            Message::Saved(id, outcome) => self.saved(id, outcome),
            Message::Close => {}
        }
    }

    fn saved(&mut self, id: TransferId, outcome: Result<(), String>) {
        if let Err(why) = outcome {
            self.fleet.handle(self.platform.clock().now(), id, Input::Unsaved(why));
        }
        self.journal.written(id);
        self.write_next(id);
    }

    /// Writes the next step down, one at a time; after the last one of a transfer that has ended, others may drive it.
    fn write_next(&mut self, id: TransferId) {
        if let Some(save) = self.journal.next(id) {
            let (platform, mailbox) = (self.platform.clone(), self.mailbox.clone());
            self.tasks.push(Box::pin(async move {
                let outcome = platform.store().save(id, save).await;
                mailbox.post(Message::Saved(id, outcome));
            }));
        } else if !self.journal.holds(id) && !self.transfers.contains(&id) {
            self.platform.store().release(id);
        }
    }

    /// Does all that the fleet says, until it waits.
    fn perform(&mut self) {
        let mut events: Vec<(TransferId, Vec<Event>)> = Vec::new();
        loop {
            match self.fleet.poll() {
                Order::Perform(id, ticket, command) => self.start(id, ticket, command),
                Order::Cancel(id, ticket) => {
                    if let Some(running) = self.running.remove(&(id, ticket)) {
                        running.abort.abort();
                    }
                }
                Order::Read(id, ticket, until) => {
                    if let Some(running) = self.running.get(&(id, ticket)) {
                        running.gate.open(until);
                    }
                }
                Order::Emit(id, event) => match events.last_mut() {
                    Some((last, list)) if *last == id => list.push(event),
                    _ => events.push((id, vec![event])),
                },
                Order::Save(id, save) => {
                    self.journal.add(id, save);
                    self.write_next(id);
                }
                Order::End(id, end) => {
                    self.hand_out(&mut events);
                    if let Some(transfer) = self.transfers.remove(&id) {
                        transfer.listener.end(end);
                    }
                    self.write_next(id);
                }
                Order::Group(id, progress, files) => {
                    self.hand_out(&mut events);
                    if let Some(listener) = self.groups.get(&id) {
                        listener.group(progress, files);
                    }
                    if files.done + files.failed == files.total {
                        self.groups.remove(&id);
                    }
                }
                Order::Wait(at) => {
                    self.hand_out(&mut events);
                    return self.set_timer(at);
                }
            }
        }
    }

    fn hand_out(&self, events: &mut Vec<(TransferId, Vec<Event>)>) {
        for (id, list) in events.drain(..) {
            if let Some(transfer) = self.transfers.get(&id) {
                transfer.listener.events(list);
            }
        }
    }

    fn start(&mut self, id: TransferId, ticket: Ticket, command: Command) {
        let Some(transfer) = self.transfers.get(&id) else { return };
        let gate = Rc::new(Gate::default());
        let post = self.mailbox.for_task(id, ticket);
        let task = task::perform(self.platform.clone(), id, transfer.work.clone(), command, gate.clone(), post);
        let (task, abort) = abortable(task);
        self.running.insert((id, ticket), Running { abort, gate });
        self.tasks.push(Box::pin(async move {
            // An aborted task has nothing more to say: its ticket is stale.
            let _ = task.await;
        }));
    }

    fn set_timer(&mut self, at: Option<Millis>) {
        if self.timer.as_ref().map(|(at, _)| *at) != at {
            self.timer = at.map(|at| (at, self.platform.clock().sleep_until(at)));
        }
    }
}
