//! A transfer's timeline is enough to play its network again: with the same seed, the same requests follow.
//!
//! What the timeline does not hold, and the engine of an upload does not need to go the same way, is how a body's bytes
//! trickled; so nothing here stalls. Requests are matched by what they ask for, and answered after as long as they were.

use std::{
    cell::RefCell,
    collections::{BTreeSet, VecDeque},
    future::pending,
    rc::Rc,
};

use futures_executor::LocalPool;
use futures_util::task::LocalSpawnExt;
use presigned::{
    core::{
        checkpoint::{NotedPart, Recalled, Save},
        checksum::{Algorithm, Checksum},
        error::{Code, Error, Failure},
        fleet::TransferId,
        http::{Headers, Response},
        options::Settings,
        plan::MIB,
        protocol::{
            Completion, DownloadGrant, Method, PartGrants, Signed, StoredFile, StoredPart, UnsignedPart, UploadGrant,
            UploadRef, UploadRequest,
        },
        transfer::End,
    },
    drive::{
        Driver,
        mailbox::Message,
        seams::{Backend, Clock, Hasher, Opened, Platform, Store, Transport},
    },
};
use serde_json::Value;

use super::{
    clock::VirtualClock,
    platform::{SimListener, SimSink, SimSource, SimWorld},
    rules::Witness,
    server::{Second, Server, Weather, refusal, reply},
    store::{Shelf, identity},
    transport::SimBody,
};

/// The answers of a timeline, each given once.
struct Replay {
    clock: VirtualClock,
    exchanges: RefCell<Vec<Exchange>>,
    /// In which order the answers came: within one millisecond, that decides who rests how long.
    order: RefCell<VecDeque<u64>>,
}

/// What was asked, by kind and first byte, and when and what came of it.
struct Exchange {
    name: String,
    ticket: u64,
    at: u64,
    answer: Option<(u64, Value)>,
}

impl Replay {
    fn of(timeline: &[Value]) -> Self {
        let answer_to = |ticket: &Value| {
            let own = |entry: &&Value| entry["detail"]["kind"] == "answer" && entry["detail"]["ticket"] == *ticket;
            let entry = timeline.iter().find(own)?;
            Some((entry["time"].as_u64()?, entry["detail"].clone()))
        };
        let requests = timeline.iter().filter(|entry| entry["detail"]["kind"] == "request");
        let exchange = |entry: &Value| Exchange {
            name: name(&entry["detail"]),
            ticket: entry["detail"]["ticket"].as_u64().expect("a ticket"),
            at: entry["time"].as_u64().expect("a time"),
            answer: answer_to(&entry["detail"]["ticket"]),
        };
        let answers = timeline.iter().filter(|entry| entry["detail"]["kind"] == "answer");
        let order = answers.filter_map(|entry| entry["detail"]["ticket"].as_u64()).collect();
        Self {
            clock: VirtualClock::default(),
            exchanges: RefCell::new(requests.map(exchange).collect()),
            order: RefCell::new(order),
        }
    }

    async fn ask(&self, what: &str, start: Option<u64>) -> Value {
        let name = start.map_or(what.to_owned(), |start| format!("{what} {start}"));
        let found = {
            let mut exchanges = self.exchanges.borrow_mut();
            let index = exchanges.iter().position(|exchange| exchange.name == name);
            exchanges.remove(index.unwrap_or_else(|| panic!("{name} was not asked for")))
        };
        assert_eq!(self.clock.now(), found.at, "{name} is asked for when it was");
        match found.answer {
            Some((at, answer)) => {
                self.clock.sleep_until(at).await;
                while self.order.borrow().front() != Some(&found.ticket) {
                    self.clock.sleep(0).await;
                }
                self.order.borrow_mut().pop_front();
                answer
            }
            // It was cancelled before it was answered.
            None => pending().await,
        }
    }
}

fn name(request: &Value) -> String {
    let what = request["what"].as_str().expect("a kind");
    request["start"].as_u64().map_or(what.to_owned(), |start| format!("{what} {start}"))
}

/// The failure that an answer tells of, if it tells of one.
fn failed(answer: &Value) -> Result<(), Failure> {
    let Some(code) = answer["code"].as_str() else { return Ok(()) };
    let code = Code::ALL.into_iter().find(|known| known.name() == code).expect("a code of ours");
    let mut error = Error::new(code, "as it was");
    error.status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    let passing = error.status.is_none_or(|status| status >= 500);
    Err(if passing { Failure::retry(error) } else { Failure::fatal(error) })
}

fn grants(answer: &Value) -> PartGrants {
    let signed = || Signed {
        url: "https://store.example/part?lapses=never".into(),
        method: Method::Put,
        headers: Vec::new(),
        fields: Vec::new(),
    };
    let numbers = answer["parts"].as_array().into_iter().flatten().filter_map(Value::as_u64);
    PartGrants {
        parts: numbers.map(|number| (number as u32, signed())).collect(),
        expires_in: answer["expiresIn"].as_u64(),
    }
}

stands_for_everything!(Replay);

impl Backend for Replay {
    async fn request_upload(&self, request: &UploadRequest) -> Result<UploadGrant, Failure> {
        let answer = self.ask("request-upload", None).await;
        failed(&answer)?;
        let (key, upload_id) = (request.key.clone().expect("a key"), "u".to_owned());
        Ok(UploadGrant::Parts {
            key,
            upload_id,
            part_size: answer["partSize"].as_u64(),
            grants: grants(&answer),
            sums: None,
        })
    }

    async fn request_parts(&self, _upload: &UploadRef, _parts: &[UnsignedPart]) -> Result<PartGrants, Failure> {
        let answer = self.ask("request-parts", None).await;
        failed(&answer)?;
        Ok(grants(&answer))
    }

    async fn list_parts(&self, _upload: &UploadRef) -> Result<Vec<StoredPart>, Failure> {
        panic!("nothing is resumed")
    }

    async fn complete_upload(&self, upload: &UploadRef, _: &[NotedPart], _: u64) -> Result<Completion, Failure> {
        failed(&self.ask("complete-upload", None).await)?;
        Ok(Completion { key: upload.key.clone(), etag: None, location: None, told: Vec::new() })
    }

    async fn abort_upload(&self, _upload: &UploadRef) -> Result<(), Failure> {
        panic!("nobody gives up")
    }

    async fn request_download(&self, _key: &str) -> Result<DownloadGrant, Failure> {
        panic!("uploads only")
    }

    async fn list(&self, _prefix: Option<&str>) -> Result<Vec<StoredFile>, Failure> {
        Ok(Vec::new())
    }

    async fn remove(&self, _key: &str) -> Result<(), Failure> {
        panic!("nobody gives up")
    }
}

impl Transport for Replay {
    type Source = SimSource;
    type Body = SimBody;

    async fn put(
        &self,
        _signed: &Signed,
        _source: &SimSource,
        start: u64,
        _end: u64,
        _sent: impl Fn(u64) + 'static,
    ) -> Result<Response, Failure> {
        let answer = self.ask("put", Some(start)).await;
        failed(&answer)?;
        match answer["status"].as_u64() {
            Some(200) => Ok(reply(200, &[("etag", format!("\"{start}\""))])),
            status => {
                let code = answer["storageCode"].as_str().unwrap_or_default();
                let status = status.and_then(|status| u16::try_from(status).ok()).expect("a status");
                let after =
                    answer["retryAfter"].as_u64().map(|after| ("retry-after".to_owned(), (after / 1000).to_string()));
                Ok(Response { headers: Headers::new(after), ..refusal(status, code, "as it was") })
            }
        }
    }

    async fn get(&self, _: &Signed, _: u64, _: Option<u64>) -> Result<Opened<SimBody>, Failure> {
        panic!("uploads only")
    }

    fn protocol(&self, _: &Signed) -> Option<String> {
        None
    }
}

impl Hasher for Replay {
    type Source = SimSource;
    type Sink = SimSink;

    async fn of_source(&self, _: &SimSource, _: Algorithm, _: u64, _: u64) -> Result<Checksum, Failure> {
        panic!("checksums are off: hashing is no network")
    }

    async fn of_sink(&self, _: &SimSink, _: Algorithm, _: u64, _: u64) -> Result<Checksum, Failure> {
        panic!("uploads only")
    }
}

impl Store for Replay {
    type Source = SimSource;
    type Sink = SimSink;

    async fn recall_upload(
        &self,
        _id: TransferId,
        request: &UploadRequest,
        _source: &SimSource,
        _resume: bool,
    ) -> Result<Recalled, Failure> {
        assert_eq!(self.ask("recall", None).await["what"], "unknown");
        Ok(Recalled { identity: Some(identity(request)), ..Recalled::default() })
    }

    async fn recall_download(&self, _: TransferId, _: &str, _: &SimSink, _: bool) -> Result<Recalled, Failure> {
        panic!("uploads only")
    }

    async fn save(&self, _id: TransferId, _save: Save) -> Result<(), String> {
        Ok(())
    }

    fn release(&self, _id: TransferId) {}
}

/// One upload over a platform: its timeline, and how it ended.
fn upload<P>(platform: Rc<P>, clock: VirtualClock, seed: u64) -> (Vec<Value>, End)
where
    P: Platform<Source = SimSource, Sink = SimSink, Listener = SimListener>,
{
    // What an adaptive limit follows, bytes on their way, is not in a timeline.
    let settings = Settings { checksum: None, concurrency: Some(6), ..Settings::default() };
    let (driver, mailbox) = Driver::new(platform, settings, seed);
    let mut pool = LocalPool::new();
    pool.spawner().spawn_local(driver.run()).expect("a pool that takes tasks");
    let mut witness = Witness::new("k".into());
    witness.timeline = Some(Vec::new());
    let witness = Rc::new(RefCell::new(witness));
    let request = UploadRequest {
        filename: "k".into(),
        content_type: "application/octet-stream".into(),
        size: 9 * MIB,
        key: Some("k".into()),
        metadata: Vec::new(),
        part_size: Some(MIB),
        form_refused: false,
        unpacked: None,
    };
    let (source, listener) = (Rc::new(SimSource(1)), SimListener(witness.clone(), clock.clone()));
    mailbox.post(Message::Upload { id: 1, request, source, listener, group: None, resume: true });
    loop {
        pool.run_until_stalled();
        let end = witness.borrow().end.clone();
        if let Some(end) = end {
            let timeline = witness.borrow_mut().timeline.take().expect("it was wanted");
            return (timeline, end);
        }
        assert!(clock.advance(), "deadlock at {}", clock.now());
    }
}

#[test]
fn a_timeline_is_enough_to_play_its_network_again() {
    let mut retried = 0;
    for seed in 0..300 {
        let weather = Weather {
            cut: 60,
            stall: 0,
            behind: 0,
            spoilt: 0,
            parts_told: false,
            size_told: None,
            slow_down: 80,
            server_error: 60,
            forbidden: 20,
            lost_answer: 60,
            short_body: 0,
            whole_instead: 0,
            nonsense: 0,
            late: 0,
            corrupt: 0,
            sink_sums: true,
            backend_tells: true,
            completions_tell: true,
            storage_tells: true,
            retry_after: true,
            skew: 0,
            md5: false,
            once_only: false,
            no_list: false,
            no_request_parts: false,
            signs_sums: None,
            no_ranges: false,
            exposed: true,
            second: Second::None,
            second_first: false,
            conditions: true,
            h2: false,
            latency: 20,
            bytes_per_ms: 10_000,
            lease_seconds: 100_000,
            batch: 4,
        };
        let (clock, shelf) = (VirtualClock::default(), Rc::default());
        let _: &Rc<Shelf> = &shelf;
        let world = SimWorld { server: Server::new(weather, seed), clock: clock.clone(), shelf };
        let (recorded, end) = upload(Rc::new(world), clock, seed);
        retried += recorded.iter().filter(|entry| entry["detail"]["code"] == "network").count();

        // By way of text, as a bug report brings it.
        let text = serde_json::to_string(&recorded).expect("plain data");
        let replay = Replay::of(&serde_json::from_str::<Vec<Value>>(&text).expect("JSON"));
        let clock = replay.clock.clone();
        let (again, end_again) = upload(Rc::new(replay), clock, seed);
        // Within one millisecond, a timer and an answer may come in either order.
        let requests = |timeline: &[Value]| -> BTreeSet<(u64, String)> {
            let requests = timeline.iter().filter(|entry| entry["detail"]["kind"] == "request");
            requests.filter_map(|entry| Some((entry["time"].as_u64()?, name(&entry["detail"])))).collect()
        };
        assert_eq!(requests(&again), requests(&recorded), "seed {seed}");
        let kind = |end: &End| match end {
            End::Done(_) => "done".to_owned(),
            End::Failed(error) => error.code.name().to_owned(),
            End::Aborted => "aborted".to_owned(),
        };
        assert_eq!(kind(&end_again), kind(&end), "seed {seed}");
    }
    assert!(retried > 100, "the network was too kind: {retried}");
}
