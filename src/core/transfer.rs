//! What every transfer can hear and say: the contract between an engine and whoever drives it.
//!
//! **The drain rule.** After each `handle` call `poll` until it returns [`Output::Wait`]; only then handle the next input.
//! Engines assert it in debug builds. Every command carries a ticket; an answer whose ticket is no longer in flight is
//! ignored, so the races of pause, abort and retry are no events.

use serde::Serialize;

use super::{
    error::{Error, Failure},
    http::Response,
    protocol::{Completion, DownloadGrant, PartGrants, Signed, UploadGrant, UploadRef, UploadRequest},
    time::Millis,
};

/// Names one command of one transfer; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// What a transfer hears.
#[derive(Debug)]
pub enum Input {
    /// The transfer may make its first call to the backend.
    Admitted,
    /// One more request to storage may start.
    Slot,
    Pause,
    Resume,
    /// The user ends it; `keep` leaves what storage holds.
    Abort {
        keep: bool,
    },
    /// So many bytes of this request's body are on their way.
    Sent {
        ticket: Ticket,
        loaded: u64,
    },
    /// A GET was answered; its body follows.
    Head {
        ticket: Ticket,
        head: Response,
    },
    /// So many more bytes of this GET are safe in the sink.
    Received {
        ticket: Ticket,
        bytes: u64,
    },
    /// The command has ended.
    Answer {
        ticket: Ticket,
        answer: Result<Answer, Failure>,
    },
    /// A deadline has come.
    Tick,
}

/// How a command can succeed.
#[derive(Debug)]
pub enum Answer {
    UploadGranted(UploadGrant),
    PartsGranted(PartGrants),
    Completed(Completion),
    /// The multipart upload is removed.
    Removed,
    DownloadGranted(DownloadGrant),
    /// Storage answered, with whatever status; for a GET, with anything but a body to read.
    Replied(Response),
    /// The body of a GET came to its end, or to the bound of [`Output::Read`].
    Ended,
    /// The sink is empty again.
    Restarted,
    /// The sink is closed and holds the whole object.
    Sealed,
}

/// What a driver does for a transfer. Each ends with one [`Input::Answer`].
#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    RequestUpload(UploadRequest),
    RequestParts(UploadRef, Vec<u32>),
    Complete(UploadRef, Vec<(u32, String)>),
    RemoveUpload(UploadRef),
    RemoveObject(String),
    /// Send these bytes of the source.
    Put {
        signed: Signed,
        start: u64,
        end: u64,
    },
    RequestDownload(String),
    /// Ask for the object's bytes from `start` on; they go into the sink once [`Output::Read`] allows it.
    Get {
        signed: Signed,
        start: u64,
        end: Option<u64>,
    },
    /// Forget what the sink holds.
    Restart,
    /// All bytes are in the sink: make the result of it.
    Seal {
        size: u64,
        content_type: Option<String>,
    },
}

impl Command {
    /// It moves bytes between the page and storage, so it counts against the client's limit.
    pub fn is_data(&self) -> bool {
        matches!(self, Command::Put { .. } | Command::Get { .. })
    }
}

/// What a transfer says.
#[derive(Debug)]
pub enum Output {
    Perform(Ticket, Command),
    Cancel(Ticket),
    /// The head of this GET is as it should be: write its bytes up to that offset, and end there. Said again when the offset comes nearer.
    Read(Ticket, u64),
    Emit(Event),
    /// The last word.
    End(End),
    /// Nothing more until an input comes, or this deadline.
    Wait(Option<Deadline>),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Deadline {
    pub at: Millis,
    pub reason: Reason,
}

/// Why an engine wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// A pause before a retry ends.
    Retry,
    /// A request has been silent for too long.
    Stall,
    /// Progress that was held back for a frame is due.
    Frame,
}

#[derive(Clone, PartialEq, Debug)]
pub enum End {
    Done(Finish),
    Failed(Error),
    Aborted,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Finish {
    pub key: String,
    pub size: u64,
    pub etag: Option<String>,
    pub location: Option<String>,
    pub content_type: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Starting,
    Active,
    Paused,
    Completing,
    Done,
    Failed,
    Aborted,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PartState {
    Waiting,
    Active,
    Resting,
    Done,
}

/// What an application may want to know of a running transfer.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    Progress(Progress),
    Part(PartEvent),
    Retry { part: Option<u32>, attempt: u32, delay: Millis, error: Error },
    State(State),
    Log(Level, String),
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    pub loaded: u64,
    pub total: u64,
    pub bytes_per_second: u64,
    pub seconds_left: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartEvent {
    pub part: u32,
    pub parts: u32,
    pub state: PartState,
    pub loaded: u64,
    pub size: u64,
    pub attempt: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// What a transfer is waiting to be given, and how much is left of it: the less, the sooner it should have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    Nothing,
    Admission,
    Slot { bytes_left: u64 },
}

/// One transfer's decisions. Call `handle`, then `poll` until it waits.
pub trait Engine {
    fn handle(&mut self, now: Millis, input: Input);
    fn poll(&mut self) -> Output;
    fn want(&self, now: Millis) -> Want;
}
