//! What must hold in every world, whatever happens in it.

use presigned::core::{
    group::Files,
    time::Millis,
    trace::Trace,
    transfer::{End, Event, PartState, Progress, State},
};

use super::{platform::SimSink, server::Stretch};

/// Sees all that one transfer says, and objects.
#[derive(Default)]
pub struct Witness {
    pub name: String,
    pub state: Option<State>,
    pub end: Option<End>,
    pub retries: u64,
    pub events: u64,
    pub files: Option<Files>,
    /// The timeline as JavaScript gets it, where it is wanted.
    pub timeline: Option<Vec<serde_json::Value>>,
    /// What was said of the limit and when, where it is wanted.
    pub limits: Option<Vec<(Millis, String)>>,
    /// Tickets of requests that have ended.
    pub over: Vec<u64>,
    loaded: u64,
    parts_done: u32,
}

/// How the transfers of some worlds ended.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ends {
    pub done: u64,
    pub failed: u64,
    pub aborted: u64,
    pub retries: u64,
    pub requests: u64,
    pub virtual_ms: u64,
    /// Worlds where two hosts together had more requests than one may have.
    pub wide: u64,
}

impl Ends {
    pub fn add(&mut self, other: &Ends) {
        self.done += other.done;
        self.failed += other.failed;
        self.aborted += other.aborted;
        self.retries += other.retries;
        self.requests += other.requests;
        self.virtual_ms += other.virtual_ms;
        self.wide += other.wide;
    }
}

impl Drop for Witness {
    /// What led to a broken promise is told.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.timeline.iter().flatten().for_each(|entry| println!("{} {entry}", self.name));
        }
    }
}

impl Witness {
    pub fn new(name: String) -> Self {
        let mut witness = Self::default();
        witness.name = name;
        witness
    }

    pub fn see(&mut self, event: &Event, now: Millis) {
        assert!(self.end.is_none(), "{}: nothing is said after the end", self.name);
        self.events += 1;
        match event {
            Event::Progress(progress) => {
                assert!(progress.loaded >= self.loaded, "{}: progress fell", self.name);
                assert!(progress.total == 0 || progress.loaded <= progress.total, "{}: more than all", self.name);
                self.loaded = progress.loaded;
            }
            Event::Part(part) => {
                assert!((1..=part.parts).contains(&part.part) && part.loaded <= part.size, "{}: {part:?}", self.name);
                if part.state == PartState::Done {
                    assert_eq!(part.loaded, part.size, "{}", self.name);
                    self.parts_done += 1;
                }
            }
            Event::Retry { error, .. } => {
                assert!(error.retryable, "{}: retried though it can't help: {error:?}", self.name);
                self.retries += 1;
            }
            Event::State(state) => {
                assert_ne!(self.state.replace(*state), Some(*state), "{}: a state is told once", self.name);
            }
            Event::Log(_, message, trace) => {
                assert!(!message.contains("lapses="), "{}: a signed URL in the log", self.name);
                assert!(!format!("{trace:?}").contains("lapses="), "{}: a signed URL in the timeline", self.name);
                if let Some(limits) = self.limits.as_mut().filter(|_| message.contains("requests at once")) {
                    limits.push((now, message.clone()));
                }
                if let Some(Trace::Answer { ticket, .. } | Trace::Cancel { ticket }) = trace {
                    self.over.push(*ticket);
                }
                if let (Some(timeline), Some(trace)) = (&mut self.timeline, trace) {
                    timeline.push(serde_json::json!({"time": now, "detail": trace}));
                }
            }
        }
    }

    pub fn see_group(&mut self, progress: Progress, files: Files) {
        assert!(progress.loaded >= self.loaded && progress.loaded <= progress.total, "{}: sums", self.name);
        assert!(files.done + files.failed <= files.total, "{}: {files:?}", self.name);
        (self.loaded, self.files) = (progress.loaded, Some(files));
    }

    pub fn see_end(&mut self, end: End) {
        let state = match &end {
            End::Done(finish) => {
                assert_eq!(self.loaded, finish.size, "{}: done before all bytes were seen", self.name);
                State::Done
            }
            End::Failed(error) => {
                assert!(!error.message.contains("lapses="), "{}: a signed URL in an error", self.name);
                State::Failed
            }
            End::Aborted => State::Aborted,
        };
        assert_eq!(self.state, Some(state), "{}: the last state is the end's", self.name);
        assert!(self.end.replace(end).is_none(), "{}: one end", self.name);
    }
}

/// The sink holds each byte of the object, of the right source and at its place.
pub fn assert_holds(sink: &SimSink, of: u64, size: u64, name: &str) {
    assert_eq!(*sink.sealed.borrow(), Some(size), "{name}: sealed with its size");
    assert!(sink.committed.get(), "{name}: done before it has its name");
    let mut written = sink.written.borrow().clone();
    written.sort_by_key(|(at, _)| *at);
    let mut reached = 0;
    for (at, bytes) in written {
        assert_eq!((at, bytes.of), (bytes.start, of), "{name}: bytes out of place");
        assert!(at <= reached, "{name}: a hole from {reached} to {at}");
        reached = reached.max(bytes.end);
    }
    assert_eq!(reached, size, "{name}: all of it");
}

/// The reader has taken these bytes of this version, each once and in order.
pub fn has_read(sink: &SimSink, (start, end): (u64, Option<u64>), version: &Stretch) -> bool {
    let mut at = start;
    for (_, bytes) in sink.written.borrow().iter() {
        if (bytes.of, bytes.start) != (version.of, at) {
            return false;
        }
        at = bytes.end;
    }
    at == version.len().min(end.unwrap_or(u64::MAX))
}
