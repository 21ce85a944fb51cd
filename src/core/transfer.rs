//! What every transfer can hear and say: the contract between an engine and whoever drives it.
//!
//! **The drain rule.** After each `handle` call `poll` until it returns [`Output::Wait`]; only then handle the next input.
//! Engines assert it in debug builds. Every command carries a ticket; an answer whose ticket is no longer in flight is
//! ignored, so the races of pause, abort and retry are no events.

use serde::Serialize;

use super::{
    checkpoint::{NotedPart, Recalled, Save},
    checksum::{Algorithm, Checksum},
    error::{Error, Failure},
    host::Host,
    http::Response,
    integrity::{Integrity, Told},
    protocol::{
        Completion, DownloadGrant, PartGrants, Signed, StoredPart, UnsignedPart, UploadGrant, UploadRef, UploadRequest,
    },
    stretches::Stretch,
    time::Millis,
    trace::Trace,
};

/// Names one command of one transfer; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// What a transfer hears.
#[allow(clippy::large_enum_variant, reason = "each is handed on a few times and kept nowhere")]
#[derive(Debug)]
pub enum Input {
    /// The transfer may make its first call to the backend.
    Admitted,
    /// One more request to storage may start; `at` this host, where there are several.
    Slot {
        at: Option<Host>,
    },
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
    /// The bytes of a GET come faster than they are read, and pile up where nobody holds them back.
    Behind,
    /// The reader of a stream has taken all bytes before this offset.
    Taken {
        up_to: u64,
    },
    /// Whoever plays a download waits for its bytes from this offset on.
    Wanted {
        from: u64,
    },
    /// The command has ended.
    Answer {
        ticket: Ticket,
        answer: Result<Answer, Failure>,
    },
    /// What the browser says of the network.
    Link(Link),
    /// The clock has jumped: nobody could be heard meanwhile, so silence is no stall.
    Woke,
    /// What should have been remembered was not, and why.
    Unsaved(String),
    /// A deadline has come.
    Tick,
}

/// Whether there is a network. Browsers only guess.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    Up,
    Down,
    /// It is said to be down, but that may be wrong: to be tried.
    Unsure,
}

/// How a command can succeed.
#[derive(Debug)]
pub enum Answer {
    /// What was remembered of the same transfer.
    Recalled(Recalled),
    UploadGranted(UploadGrant),
    PartsGranted(PartGrants),
    PartsListed(Vec<StoredPart>),
    Completed(Completion),
    /// The object as storage has it; `None` where it has none.
    Looked(Option<Seen>),
    /// The checksum of some of the source's bytes, or of the sink's.
    Hashed(Checksum),
    /// The multipart upload is removed.
    Removed,
    DownloadGranted(DownloadGrant),
    /// Storage answered, with whatever status; for a GET, with anything but a body to read.
    Replied(Response),
    /// The body of a GET came to its end, or to the bound of [`Output::Read`].
    Ended,
    /// The sink is empty again, or without what it was to forget.
    Restarted,
    /// The sink is closed and holds the whole object, whose checksum it tells where it has summed it up on the way.
    Sealed(Option<Checksum>),
    /// The object has its final name.
    Committed,
}

/// An object as storage shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    pub size: Option<u64>,
    pub etag: Option<String>,
    pub told: Told,
}

/// What a driver does for a transfer. Each ends with one [`Input::Answer`].
#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    /// Look whether this very transfer was cut off before, and take it over. `resume`: else only make it recognisable.
    Recall {
        resume: bool,
    },
    RequestUpload(UploadRequest),
    RequestParts(UploadRef, Vec<UnsignedPart>),
    ListParts(UploadRef),
    Complete(UploadRef, Vec<NotedPart>),
    /// See what storage has under this key.
    Look(String),
    /// See its checksum alone, where the backend or storage tells it.
    LookUp(String),
    /// Read these bytes of the source, or of the sink, and hash them.
    Hash {
        algorithm: Algorithm,
        start: u64,
        end: u64,
    },
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
    /// Forget what the sink holds; of what was sealed, these stretches alone, to be written and sealed again.
    Restart(Vec<Stretch>),
    /// All bytes are in the sink: make the result of it.
    Seal {
        size: u64,
        content_type: Option<String>,
    },
    /// What was sealed is what storage has: give it its final name.
    Commit,
}

/// What a transfer says.
#[derive(Debug)]
pub enum Output {
    Perform(Ticket, Command),
    Cancel(Ticket),
    /// The head of this GET is as it should be: write its bytes up to that offset, and end there. Said again when the offset comes nearer.
    Read(Ticket, u64),
    Emit(Event),
    /// To be remembered.
    Save(Save),
    /// While the link was unsure, somebody was reached, or nobody.
    Reached(bool),
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
    pub filename: Option<String>,
    pub integrity: Integrity,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Starting,
    Active,
    Paused,
    Offline,
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
    Log(Level, String, Option<Trace>),
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

    /// The hosts among which its next request to storage may choose, the usual one first; none where there never is a choice.
    fn hosts(&self) -> Vec<Host> {
        Vec::new()
    }
}
