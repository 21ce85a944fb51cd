//! What is remembered of a transfer, as plain objects that IndexedDB can clone. What comes back is checked like a
//! stranger's: another version of this package may have written it, or somebody in the browser's tools.

use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use super::json;
use crate::core::{
    checkpoint::{Checkpoint, DownloadPoint, Identity, NotedPart, UploadPoint, VERSION},
    checksum::{Algorithm, Checksum},
    download::version::Version,
    json::MAX_SAFE_INTEGER,
    runs::Run,
    stretches::Stretch,
};

/// S3's own limit.
const MOST_PARTS: u64 = 10_000;

/// One unfinished transfer.
#[derive(Clone, Debug)]
pub struct Record {
    /// Whose it is: clients of other backends don't see it.
    pub scope: String,
    pub point: Checkpoint,
    pub asked: Asked,
    /// Milliseconds since 1970.
    pub saved_at: f64,
    /// A `FileSystemFileHandle`, or `undefined`.
    pub handle: JsValue,
}

/// What the application asked for, so that the same can be asked for again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Asked {
    /// `None` where the key was left to the backend.
    pub key: Option<String>,
    pub metadata: Vec<(String, String)>,
    /// Where in OPFS a download is to be in the end.
    pub path: Option<String>,
}

impl Record {
    pub fn key(&self) -> &str {
        match &self.point {
            Checkpoint::Upload(point) => &point.key,
            Checkpoint::Download(point) => &point.key,
        }
    }

    pub fn size(&self) -> u64 {
        self.point.size()
    }

    pub fn to_js(&self) -> JsValue {
        let mut members = vec![
            ("v", JsValue::from(VERSION)),
            ("scope", JsValue::from_str(&self.scope)),
            ("key", JsValue::from_str(self.key())),
            ("size", JsValue::from_f64(self.size() as f64)),
            ("savedAt", JsValue::from_f64(self.saved_at)),
        ];
        match &self.point {
            Checkpoint::Upload(UploadPoint { identity, upload_id, part_size, sums, .. }) => members.extend([
                ("kind", JsValue::from_str("upload")),
                ("name", JsValue::from_str(&identity.name)),
                ("contentType", JsValue::from_str(&identity.content_type)),
                ("modified", identity.modified.map_or(JsValue::UNDEFINED, |time| JsValue::from_f64(time as f64))),
                ("mark", JsValue::from_str(&identity.mark)),
                ("uploadId", JsValue::from_str(upload_id)),
                ("partSize", JsValue::from_f64(*part_size as f64)),
                ("sums", optional(sums.map(Algorithm::name))),
                ("askedKey", optional(self.asked.key.as_deref())),
                ("metadata", pairs(&self.asked.metadata)),
                ("handle", self.handle.clone()),
            ]),
            Checkpoint::Download(DownloadPoint { version, content_type, filename, .. }) => members.extend([
                ("kind", JsValue::from_str("download")),
                ("contentType", optional(content_type.as_deref())),
                ("filename", optional(filename.as_deref())),
                ("etag", optional(version.etag.as_deref())),
                ("lastModified", optional(version.last_modified.as_deref())),
                ("generation", optional(version.generation.as_deref())),
                ("path", optional(self.asked.path.as_deref())),
                ("handle", self.handle.clone()),
            ]),
        }
        json::object(&members)
    }

    /// `None` for what this version did not write.
    pub fn from_js(value: &JsValue) -> Option<Self> {
        let value = Fields(value);
        if value.whole("v", 0)? != VERSION.into() {
            return None;
        }
        let (key, size) = (value.text("key")?, value.whole("size", 0)?);
        let (point, asked) = match value.text("kind")?.as_str() {
            "upload" => {
                let identity = Identity {
                    name: value.text("name")?,
                    size,
                    content_type: value.text("contentType")?,
                    modified: value.optional("modified", |value, name| value.whole(name, 0))?,
                    mark: value.text("mark")?,
                };
                let (upload_id, part_size) = (value.text("uploadId")?, value.whole("partSize", 1)?);
                if size.div_ceil(part_size) > MOST_PARTS {
                    return None;
                }
                let asked = Asked {
                    key: value.optional("askedKey", Fields::text)?,
                    metadata: value.optional("metadata", Fields::pairs)?.unwrap_or_default(),
                    path: None,
                };
                let sums = value.optional("sums", |value, name| Algorithm::named(&value.text(name)?))?;
                (Checkpoint::Upload(UploadPoint { identity, key, upload_id, part_size, sums }), asked)
            }
            "download" => {
                let version = Version {
                    etag: value.optional("etag", Fields::text)?,
                    last_modified: value.optional("lastModified", Fields::text)?,
                    generation: value.optional("generation", Fields::text)?,
                };
                let content_type = value.optional("contentType", Fields::text)?;
                let filename = value.optional("filename", Fields::text)?;
                let asked = Asked { path: value.optional("path", Fields::text)?, ..Asked::default() };
                (Checkpoint::Download(DownloadPoint { key, size, version, content_type, filename }), asked)
            }
            _ => return None,
        };
        let saved_at = value.get("savedAt").as_f64().filter(|time| time.is_finite())?;
        Some(Self { scope: value.text("scope")?, point, asked, saved_at, handle: value.get("handle") })
    }
}

/// A part that storage has.
pub fn part(part: &NotedPart) -> JsValue {
    let sum = part.sum.map(Checksum::tagged);
    json::object(&[("etag", JsValue::from_str(&part.etag)), ("sum", optional(sum.as_deref()))])
}

pub fn part_of(number: u32, value: &JsValue) -> Option<NotedPart> {
    let value = Fields(value);
    let etag = value.text("etag").filter(|etag| !etag.is_empty())?;
    Some(NotedPart { number, etag, sum: value.text("sum").and_then(|text| Checksum::untagged(&text)) })
}

/// Bytes of an object that a file has, as its journal tells.
pub fn run_of(line: &JsValue) -> Option<Run> {
    let line = Fields(line);
    let (start, end) = (line.whole("0", 0)?, line.whole("1", 1)?);
    let sum = line.text("2").and_then(|text| Checksum::untagged(&text));
    (start < end).then_some(Run { stretch: Stretch { start, end }, sum })
}

/// An object of which nothing is known.
struct Fields<'a>(&'a JsValue);

impl Fields<'_> {
    fn get(&self, name: &str) -> JsValue {
        Reflect::get(self.0, &JsValue::from_str(name)).unwrap_or_default()
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).as_string()
    }

    fn whole(&self, name: &str, least: u64) -> Option<u64> {
        let number = self.get(name).as_f64().filter(|number| number.fract() == 0.0)?;
        (number >= least as f64 && number <= MAX_SAFE_INTEGER as f64).then_some(number as u64)
    }

    fn pairs(&self, name: &str) -> Option<Vec<(String, String)>> {
        let pair = |pair: JsValue| {
            let pair: Array = pair.dyn_into().ok()?;
            Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
        };
        self.get(name).dyn_into::<Array>().ok()?.iter().map(pair).collect()
    }

    /// `Some(None)` where it is left out, `None` where it is wrong.
    fn optional<T>(&self, name: &str, read: impl Fn(&Self, &str) -> Option<T>) -> Option<Option<T>> {
        if self.get(name).is_undefined() { Some(None) } else { read(self, name).map(Some) }
    }
}

fn optional(text: Option<&str>) -> JsValue {
    text.map_or(JsValue::UNDEFINED, JsValue::from_str)
}

fn pairs(pairs: &[(String, String)]) -> JsValue {
    let pair = |(name, value): &(String, String)| Array::of2(&JsValue::from_str(name), &JsValue::from_str(value));
    pairs.iter().map(pair).collect::<Array>().into()
}
