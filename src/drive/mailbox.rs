//! The mailbox: whatever happens outside reaches the loop as a message.

use std::rc::Rc;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};

use super::seams::Platform;
use crate::core::{
    download::Wanted,
    fleet::TransferId,
    protocol::UploadRequest,
    transfer::{Input, Link, Ticket},
};

pub enum Message<P: Platform> {
    Upload {
        id: TransferId,
        request: UploadRequest,
        source: Rc<P::Source>,
        listener: P::Listener,
        group: Option<TransferId>,
        /// Go on with an upload of the same file that was cut off.
        resume: bool,
    },
    Download {
        id: TransferId,
        key: String,
        sink: Rc<P::Sink>,
        listener: P::Listener,
        wanted: Wanted,
    },
    /// Uploads that will name this group follow.
    Group {
        id: TransferId,
        total_bytes: u64,
        files: u32,
        listener: P::Listener,
    },
    /// An upload of a group was refused before it began.
    Refused {
        group: TransferId,
        id: TransferId,
    },
    Heard(TransferId, Input),
    /// What the browser says of the network.
    Link(Link),
    /// What storage speaks, by its ALPN name, as was seen at a request of this transfer.
    Protocol(TransferId, String),
    /// A step of what is to be remembered was written down, or why not.
    Saved(TransferId, Result<(), String>),
    /// Stop everything; what storage holds stays.
    Close,
}

/// What a transfer works on.
pub enum Work<P: Platform> {
    Upload { request: Rc<UploadRequest>, source: Rc<P::Source> },
    Download { key: Rc<str>, sink: Rc<P::Sink> },
}

impl<P: Platform> Clone for Work<P> {
    fn clone(&self) -> Self {
        match self {
            Work::Upload { request, source } => Work::Upload { request: request.clone(), source: source.clone() },
            Work::Download { key, sink } => Work::Download { key: key.clone(), sink: sink.clone() },
        }
    }
}

pub struct Mailbox<P: Platform>(UnboundedSender<Message<P>>);

impl<P: Platform> Clone for Mailbox<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P: Platform> Mailbox<P> {
    pub fn post(&self, message: Message<P>) {
        // Nobody reads any more: the client is closed, and nothing is owed.
        let _ = self.0.unbounded_send(message);
    }

    pub(super) fn for_task(&self, id: TransferId, ticket: Ticket) -> Post<P> {
        Post { mailbox: self.clone(), id, ticket }
    }
}

/// A task's own way to the mailbox.
pub struct Post<P: Platform> {
    mailbox: Mailbox<P>,
    id: TransferId,
    ticket: Ticket,
}

impl<P: Platform> Post<P> {
    pub fn send(&self, input: impl FnOnce(Ticket) -> Input) {
        self.mailbox.post(Message::Heard(self.id, input(self.ticket)));
    }

    pub fn protocol(&self, name: String) {
        self.mailbox.post(Message::Protocol(self.id, name));
    }
}

impl<P: Platform> Clone for Post<P> {
    fn clone(&self) -> Self {
        Self { mailbox: self.mailbox.clone(), id: self.id, ticket: self.ticket }
    }
}

pub(super) fn mailbox<P: Platform>() -> (Mailbox<P>, UnboundedReceiver<Message<P>>) {
    let (sender, receiver) = unbounded();
    (Mailbox(sender), receiver)
}
