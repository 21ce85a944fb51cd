//! The backend and the store of a world: what they hold, and how they fail.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use presigned::core::{
    chance::Chance,
    checksum::{Algorithm, Checksum},
    error::{Code, Error, Failure},
    hashing::Hasher,
    http::{Headers, Response},
    protocol::{Method, Signed},
    time::Millis,
};

/// Bytes of a source or object, by name rather than by value: whose they are, and which.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    pub of: u64,
    pub start: u64,
    pub end: u64,
}

impl Stretch {
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Before anything befell it on the disk.
    pub fn as_it_came(&self) -> Stretch {
        Stretch { of: self.of & !CORRUPT, ..*self }
    }

    /// A checksum that its bytes could have: such that CRCs of neighbours add up, as they do of real bytes.
    pub fn sum(&self, algorithm: Algorithm) -> Checksum {
        if !algorithm.is_crc() {
            let mut hasher = Hasher::new(algorithm);
            hasher.add(format!("{self:?}").as_bytes());
            return hasher.finish();
        }
        let prefix = |end| {
            Checksum::of_crc(
                algorithm,
                if end == 0 { 0 } else { Chance::new(self.of ^ (end << 16)).bits() & algorithm.ones() },
            )
        };
        prefix(self.start).and(prefix(self.end), algorithm.shift(self.len()))
    }
}

/// The header of a part's checksum.
pub fn sum_header(algorithm: Algorithm) -> String {
    format!("x-amz-checksum-{}", algorithm.name())
}

const FIRST: &str = "https://store.example/";
const SECOND: &str = "https://second.example/";

/// A URL of the second host.
pub fn is_second(signed: &Signed) -> bool {
    signed.url.starts_with(SECOND)
}

pub fn at_second(signed: &Signed) -> Signed {
    Signed { url: signed.url.replace(FIRST, SECOND), ..signed.clone() }
}

/// Bytes that are not what was sent.
pub const CORRUPT: u64 = 1 << 40;

/// Whose bytes the second host has, where they are older.
pub const STALE: u64 = 1 << 30;

impl Object {
    pub fn sum(&self, algorithm: Algorithm) -> Checksum {
        if !algorithm.is_crc() {
            return match &self.bytes[..] {
                [whole] => whole.sum(algorithm),
                parts => Checksum::of_parts(algorithm, parts.iter().map(|part| Some(part.sum(algorithm)))).unwrap(),
            };
        }
        let whole = Checksum::empty(algorithm);
        self.bytes.iter().fold(whole, |sum, bytes| sum.and(bytes.sum(algorithm), algorithm.shift(bytes.len())))
    }
}

#[derive(Clone, Debug)]
pub struct Object {
    pub bytes: Vec<Stretch>,
    pub etag: String,
    pub size: u64,
    /// Stands for the time of its last change.
    pub modified: u64,
}

/// A second host, for which downloads are signed as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Second {
    None,
    Same,
    /// It answers nothing, from this time on.
    Dead(Millis),
    /// It takes no signature.
    Refuses,
    /// It has an older version, of this many bytes more.
    Stale(u64),
}

/// How often things go wrong, in a thousand; drawn once a world.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub cut: u64,
    pub stall: u64,
    /// The page reads more slowly than a download comes.
    pub behind: u64,
    /// Bytes of a download are other ones when they come.
    pub spoilt: u64,
    /// The backend tells the checksums of an object's parts.
    pub parts_told: bool,
    /// The backend tells objects' sizes: as they are, or wrong.
    pub size_told: Option<bool>,
    pub slow_down: u64,
    pub server_error: u64,
    pub forbidden: u64,
    pub lost_answer: u64,
    pub short_body: u64,
    pub whole_instead: u64,
    /// A completion is answered with a success that means nothing.
    pub nonsense: u64,
    /// What was given up arrives all the same, later.
    pub late: u64,
    /// Bytes are not stored as they were sent.
    pub corrupt: u64,
    /// Sinks sum up what they are given, so that nothing need be read again.
    pub sink_sums: bool,
    /// Whether the object's checksum is told: by the backend's grants, its completions as well, storage's headers.
    pub backend_tells: bool,
    pub completions_tell: bool,
    pub storage_tells: bool,
    /// Refusals for want of rate ask for a pause.
    pub retry_after: bool,
    /// The signer's clock is behind storage's by so much.
    pub skew: Millis,
    /// ETags are MD5s, as S3's are without encryption by key.
    pub md5: bool,
    /// A second Complete is answered with NoSuchUpload, as most of S3's kin do.
    pub once_only: bool,
    pub no_list: bool,
    pub no_request_parts: bool,
    /// Each part's checksum is wanted before it is signed.
    pub signs_sums: Option<Algorithm>,
    pub no_ranges: bool,
    pub exposed: bool,
    pub second: Second,
    /// The second host is named first.
    pub second_first: bool,
    /// `If-Match` is heeded.
    pub conditions: bool,
    /// What the origin speaks is seen to be HTTP/2.
    pub h2: bool,
    pub latency: Millis,
    pub bytes_per_ms: u64,
    pub lease_seconds: u64,
    pub batch: usize,
}

pub struct Server {
    pub weather: Weather,
    pub chance: RefCell<Chance>,
    pub objects: RefCell<BTreeMap<String, Object>>,
    pub uploads: RefCell<BTreeMap<String, BTreeMap<u32, Stretch>>>,
    pub completed: RefCell<BTreeMap<String, String>>,
    pub removals: RefCell<Vec<String>>,
    /// Uploads that the server itself has cleaned away.
    pub reaped: RefCell<BTreeSet<String>>,
    /// What is still under way, though nobody waits for it.
    pub late: RefCell<Vec<(Millis, Vec<String>, Stretch)>>,
    /// Objects whose ranges are to be sent with `If-Match`, after the first.
    pub matched: RefCell<BTreeSet<String>>,
    /// Parts that the page was told are stored, by upload and number.
    pub told: RefCell<BTreeSet<(String, u32)>>,
    pub offline: Cell<bool>,
    pub requests: Cell<u64>,
    pub in_flight: Cell<usize>,
    pub most_in_flight: Cell<usize>,
    /// The same of each host.
    pub at_host: [Cell<usize>; 2],
    pub most_at_host: Cell<usize>,
    next: Cell<u64>,
}

/// A request to the store, for as long as it lasts.
pub struct InFlight(Rc<Server>, usize);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
        let own = &self.0.at_host[self.1];
        own.set(own.get() - 1);
    }
}

impl Server {
    pub fn new(weather: Weather, seed: u64) -> Rc<Self> {
        Rc::new(Self {
            weather,
            chance: RefCell::new(Chance::new(seed)),
            objects: RefCell::default(),
            uploads: RefCell::default(),
            completed: RefCell::default(),
            removals: RefCell::default(),
            reaped: RefCell::default(),
            late: RefCell::default(),
            told: RefCell::default(),
            matched: RefCell::default(),
            offline: Cell::new(false),
            requests: Cell::new(0),
            in_flight: Cell::new(0),
            most_in_flight: Cell::new(0),
            at_host: Default::default(),
            most_at_host: Cell::new(0),
            next: Cell::new(1),
        })
    }

    pub fn enter(self: &Rc<Self>, signed: &Signed) -> InFlight {
        let host = usize::from(is_second(signed));
        let own = &self.at_host[host];
        own.set(own.get() + 1);
        self.most_at_host.set(self.most_at_host.get().max(own.get()));
        self.requests.set(self.requests.get() + 1);
        self.in_flight.set(self.in_flight.get() + 1);
        self.most_in_flight.set(self.most_in_flight.get().max(self.in_flight.get()));
        InFlight(self.clone(), host)
    }

    pub fn draw(&self, most: u64) -> u64 {
        self.chance.borrow_mut().up_to(most)
    }

    /// True so many times in a thousand.
    pub fn happens(&self, per_mille: u64) -> bool {
        self.draw(999) < per_mille
    }

    pub fn unique(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    /// A URL that says what it is for and when it lapses.
    pub fn sign(&self, now: Millis, what: &str) -> Signed {
        let lapses = (now + self.weather.lease_seconds * 1000).saturating_sub(self.weather.skew);
        let url = format!("{FIRST}{what}?lapses={lapses}");
        Signed { url, method: Method::Put, headers: Vec::new(), fields: Vec::new() }
    }

    /// What a signed URL is for, or why it is not honoured.
    pub fn verify(&self, now: Millis, signed: &Signed) -> Result<Vec<String>, Response> {
        self.settle(now);
        let what = self.honour(now, signed)?;
        if self.happens(self.weather.forbidden) {
            return Err(refusal(403, "SignatureDoesNotMatch", "no"));
        }
        if self.happens(self.weather.slow_down) {
            let mut slower = refusal(503, "SlowDown", "Please reduce your request rate.");
            if self.weather.retry_after {
                slower.headers = Headers::new([("retry-after".to_owned(), self.draw(20).to_string())]);
            }
            return Err(slower);
        }
        if self.happens(self.weather.server_error) {
            return Err(refusal(500, "InternalError", "We encountered an internal error."));
        }
        Ok(what)
    }

    /// The same, with a server that never fails.
    pub fn honour(&self, now: Millis, signed: &Signed) -> Result<Vec<String>, Response> {
        let path = [FIRST, SECOND].iter().find_map(|host| signed.url.strip_prefix(host)).expect("a URL of ours");
        let (what, lapses) = path.split_once("?lapses=").expect("with its end");
        if now > lapses.parse().expect("a time") {
            return Err(refusal(403, "AccessDenied", "Request has expired"));
        }
        Ok(what.split('/').map(str::to_owned).collect())
    }

    /// Puts bytes where their URL says; false where there is no such upload.
    pub fn store(&self, what: &[String], bytes: Stretch) -> bool {
        let of = if bytes.len() > 0 && self.happens(self.weather.corrupt) { bytes.of | CORRUPT } else { bytes.of };
        let bytes = Stretch { of, ..bytes };
        match what.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["put", key] => {
                let object =
                    Object { bytes: vec![bytes], etag: self.etag(&bytes), size: bytes.len(), modified: self.unique() };
                self.objects.borrow_mut().insert(key.to_owned(), object);
                true
            }
            ["part", upload_id, number] => match self.uploads.borrow_mut().get_mut(upload_id) {
                Some(parts) => {
                    parts.insert(number.parse().expect("a number"), bytes);
                    true
                }
                None => false,
            },
            _ => panic!("no URL to write to: {what:?}"),
        }
    }

    /// Parts are signed with their checksums.
    pub fn signs_sums(&self) -> Option<Algorithm> {
        self.weather.signs_sums.filter(|_| !self.weather.no_request_parts)
    }

    /// Nothing comes from where this URL leads to.
    pub fn is_dead(&self, now: Millis, second: bool) -> bool {
        second && matches!(self.weather.second, Second::Dead(since) if now >= since)
    }

    /// The object as the second host has it.
    pub fn at_second_host(&self, object: &Object) -> Object {
        let Second::Stale(more) = self.weather.second else { return object.clone() };
        let bytes = Stretch { of: object.bytes[0].of + STALE, start: 0, end: object.size + more };
        Object { bytes: vec![bytes], etag: self.etag(&bytes), size: bytes.len(), modified: object.modified + 1_000_000 }
    }

    /// The page can tell which host is right.
    pub fn is_version_told(&self) -> bool {
        self.weather.once_only && self.weather.exposed
    }

    /// What was under way arrives.
    pub fn settle(&self, now: Millis) {
        let (due, still) = self.late.take().into_iter().partition(|(at, ..)| *at <= now);
        self.late.replace(still);
        let due: Vec<(Millis, Vec<String>, Stretch)> = due;
        for (_, what, bytes) in due {
            self.store(&what, bytes);
        }
    }

    /// Unfinished uploads are cleaned away, as a bucket's lifecycle rule does.
    pub fn reap(&self) {
        let gone = self.uploads.take().into_keys();
        self.reaped.borrow_mut().extend(gone);
    }

    pub fn etag(&self, bytes: &Stretch) -> String {
        let came = bytes.as_it_came();
        let md5 = came.sum(Algorithm::Md5).text();
        // A store that encrypts has ETags that only look like MD5s.
        let other = || md5.chars().rev().collect();
        format!("\"{}\"", if self.weather.md5 { md5.clone() } else { other() })
    }

    /// The backend's own failures.
    pub fn call(&self) -> Result<(), Failure> {
        if self.happens(self.weather.cut) {
            return Err(Failure::network());
        }
        if self.happens(self.weather.server_error) {
            return Err(Failure::retry(Error::new(Code::Backend, "500").with_status(500)));
        }
        Ok(())
    }
}

pub fn refusal(status: u16, code: &str, message: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Response { status, headers: Headers::default(), body }
}

pub fn reply(status: u16, headers: &[(&str, String)]) -> Response {
    let headers = Headers::new(headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Response { status, headers, body: String::new() }
}

pub fn gone() -> Failure {
    Failure::fatal(Error::new(Code::NotFound, "NoSuchUpload").with_status(404))
}
