//! Reads what applications pass, and says at once what is wrong with it.

use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, RequestCredentials, Url};

use crate::{
    core::{
        checksum::Algorithm,
        error::{Code, Error},
        json::MAX_SAFE_INTEGER,
        options::{Accept, Settings},
        plan::LARGEST_PART,
        provider::Provider,
        retry::Policy,
    },
    web::{Endpoint, Functions, Peer, SavedRecord, StoreKind, Target, is_file_handle},
};

/// An options object, or `undefined`.
pub struct Options(JsValue);

/// Everything that `new Client(…)` takes.
pub struct ClientOptions {
    pub peer: Peer,
    pub settings: Settings,
    pub store: StoreKind,
    pub on_log: Option<Function>,
}

/// What `upload` and `uploadAll` take in common.
pub struct UploadOptions {
    pub key: Option<String>,
    pub content_type: Option<String>,
    pub metadata: Vec<(String, String)>,
    pub accept: Accept,
    pub resume: bool,
    /// What the face has made of the file is gzip of so many bytes.
    pub unpacked: Option<u64>,
    /// A `FileSystemFileHandle`, by which the file is found again without a new pick.
    pub handle: Option<JsValue>,
    pub signal: Option<AbortSignal>,
}

/// The longest span of a timer: 24 days.
const LONGEST_SPAN: u64 = i32::MAX as u64;

impl Options {
    pub fn new(value: JsValue) -> Result<Self, Error> {
        if value.is_undefined() || value.is_object() {
            return Ok(Self(value));
        }
        Err(invalid("options", "an object"))
    }

    pub fn client(&self) -> Result<ClientOptions, Error> {
        let headers = self.get("headers");
        if !(headers.is_undefined() || headers.is_object() || headers.is_function()) {
            return Err(invalid("headers", "headers, or a function that returns them"));
        }
        let defaults = Settings::default();
        let concurrency = self.number_or_auto("concurrency", 1, 100)?;
        let settings = Settings {
            concurrency: concurrency.map(|most| most as usize),
            part_size: self.number_or_auto("partSize", 1, LARGEST_PART)?,
            retry: self.retry_delays()?.map_or(defaults.retry, Policy::new),
            stall_timeout: self.number("stallTimeout", 1, LONGEST_SPAN)?.unwrap_or(defaults.stall_timeout),
            checksum: self.checksum()?.unwrap_or(defaults.checksum),
            provider: self.provider()?,
        };
        let credentials = self.credentials()?;
        let peer = match self.backend()? {
            Some(_) if !headers.is_undefined() || credentials.is_some() => {
                return Err(invalid("headers", "left to `backend`, as `credentials` are"));
            }
            Some(functions) => Peer::Page(functions),
            None => Peer::Server(Endpoint { url: self.endpoint()?, headers, credentials }),
        };
        Ok(ClientOptions { peer, settings, store: self.store()?, on_log: self.function("onLog")? })
    }

    /// These options, and what an upload was first begun with where they say nothing else.
    pub fn begun_with(self, record: &SavedRecord) -> JsValue {
        let text = |text: &Option<String>| text.as_deref().map_or(JsValue::UNDEFINED, JsValue::from_str);
        let metadata = Object::new();
        for (name, value) in &record.metadata {
            // A plain object takes any member.
            let _ = Reflect::set(&metadata, &JsValue::from_str(name), &JsValue::from_str(value));
        }
        let all = Object::new();
        for (name, value) in [
            ("key", text(&record.asked_key)),
            ("contentType", text(&record.content_type)),
            ("metadata", metadata.into()),
            ("handle", record.handle.clone().unwrap_or_default()),
        ] {
            let _ = Reflect::set(&all, &JsValue::from_str(name), &value);
        }
        Object::assign(&all, self.0.unchecked_ref()).into()
    }

    pub fn upload(&self) -> Result<UploadOptions, Error> {
        let accept = Options::new(self.get("accept")).map_err(|_| invalid("accept", "an object"))?;
        let types = accept.list("types")?.unwrap_or_default();
        let types =
            types.iter().map(|rule| rule.as_string().ok_or_else(|| invalid("accept.types", "a list of strings")));
        Ok(UploadOptions {
            // A function is the business of `uploadAll`, which calls it for each file.
            key: if self.get("key").is_function() { None } else { self.text("key")? },
            content_type: self.text("contentType")?,
            metadata: self.metadata()?,
            accept: Accept {
                max_size: accept.number("maxSize", 0, MAX_SAFE_INTEGER)?,
                types: types.collect::<Result<_, _>>()?,
            },
            resume: self.resume()?,
            unpacked: self.unpacked()?,
            handle: self.optional(
                "handle",
                |value| is_file_handle(&value).then_some(value),
                "a FileSystemFileHandle",
            )?,
            signal: self.signal()?,
        })
    }

    /// `compress` is the face's business, which tells what came of it.
    fn unpacked(&self) -> Result<Option<u64>, Error> {
        let parse = |value: JsValue| (value.as_bool().is_some() || value == "auto").then_some(());
        self.optional("compress", parse, "true, false or \"auto\"")?;
        self.number("unpacked", 0, MAX_SAFE_INTEGER)
    }

    pub fn resume(&self) -> Result<bool, Error> {
        self.flag("resume", true)
    }

    pub fn flag(&self, name: &str, otherwise: bool) -> Result<bool, Error> {
        Ok(self.optional(name, |value| value.as_bool(), "true or false")?.unwrap_or(otherwise))
    }

    /// Where a download goes.
    pub fn to(&self) -> Result<Target, Error> {
        let parse = |value: JsValue| match value.as_string().as_deref() {
            Some("auto") => Some(Target::Auto),
            Some("blob") => Some(Target::Blob),
            None if is_file_handle(&value) => Some(Target::File(value)),
            None => {
                let path = Options(value).get("opfs").as_string()?;
                let named = |name: &str| !matches!(name, "" | "." | "..");
                path.split('/').all(named).then_some(Target::Opfs(path))
            }
            _ => None,
        };
        let shape = "\"auto\", \"blob\", a FileSystemFileHandle, or { opfs: \"path/to/file\" }";
        Ok(self.optional("to", parse, shape)?.unwrap_or(Target::Auto))
    }

    /// Which bytes of an object, `end` not among them.
    pub fn span(&self) -> Result<(u64, Option<u64>), Error> {
        let start = self.number("start", 0, MAX_SAFE_INTEGER)?.unwrap_or(0);
        Ok((start, self.number("end", start + 1, MAX_SAFE_INTEGER)?))
    }

    pub fn signal(&self) -> Result<Option<AbortSignal>, Error> {
        self.optional("signal", |value| value.dyn_into().ok(), "an AbortSignal")
    }

    pub fn text(&self, name: &str) -> Result<Option<String>, Error> {
        self.optional(name, |value| value.as_string().filter(|text| !text.is_empty()), "a string with something in it")
    }

    pub fn function(&self, name: &str) -> Result<Option<Function>, Error> {
        self.optional(name, |value| value.dyn_into().ok(), "a function")
    }

    /// What the face has made of it: one function, by the name that its saved transfers have.
    fn backend(&self) -> Result<Option<Functions>, Error> {
        let Some(ask) = self.function("backend")? else { return Ok(None) };
        if !self.get("endpoint").is_undefined() {
            return Err(invalid("endpoint", "left out where `backend` is given"));
        }
        let name = Reflect::get(&ask, &"id".into()).ok().and_then(|id| id.as_string()).unwrap_or_default();
        Ok(Some(Functions { ask, name }))
    }

    fn endpoint(&self) -> Result<String, Error> {
        let value = self.get("endpoint");
        let text = value.as_string().or_else(|| value.dyn_ref::<Url>().map(Url::href));
        let text = text.ok_or_else(|| invalid("endpoint", "the backend's base URL"))?;
        let location = Reflect::get(&js_sys::global(), &"location".into()).unwrap_or_default();
        let base = Reflect::get(&location, &"href".into()).ok().and_then(|href| href.as_string());
        let url = match base {
            Some(base) => Url::new_with_base(&text, &base),
            None => Url::new(&text),
        };
        let url = url.ok().filter(|url| matches!(url.protocol().as_str(), "http:" | "https:"));
        let url = url.ok_or_else(|| invalid("endpoint", "an http or https URL"))?;
        Ok(format!("{}{}", url.origin(), url.pathname().trim_end_matches('/')))
    }

    fn credentials(&self) -> Result<Option<RequestCredentials>, Error> {
        let parse = |value: JsValue| match value.as_string()?.as_str() {
            "omit" => Some(RequestCredentials::Omit),
            "same-origin" => Some(RequestCredentials::SameOrigin),
            "include" => Some(RequestCredentials::Include),
            _ => None,
        };
        self.optional("credentials", parse, "\"omit\", \"same-origin\" or \"include\"")
    }

    fn provider(&self) -> Result<Option<&'static Provider>, Error> {
        let parse = |value: JsValue| match value.as_string()?.as_str() {
            "auto" => Some(None),
            name => Provider::named(name).map(Some),
        };
        Ok(self.optional("provider", parse, "a store's name")?.flatten())
    }

    fn checksum(&self) -> Result<Option<Option<Algorithm>>, Error> {
        let parse = |value: JsValue| match value.as_string()?.as_str() {
            "auto" => Some(Some(Algorithm::Crc64Nvme)),
            "none" => Some(None),
            name => Algorithm::named(name).map(Some),
        };
        self.optional("checksum", parse, "\"auto\", \"crc64nvme\", \"crc32c\", \"sha256\", \"md5\" or \"none\"")
    }

    fn store(&self) -> Result<StoreKind, Error> {
        let parse = |value: JsValue| match value.as_string()?.as_str() {
            "indexeddb" => Some(StoreKind::IndexedDb),
            "memory" => Some(StoreKind::Memory),
            _ => None,
        };
        Ok(self.optional("store", parse, "\"indexeddb\" or \"memory\"")?.unwrap_or(StoreKind::IndexedDb))
    }

    fn retry_delays(&self) -> Result<Option<Vec<u64>>, Error> {
        let Some(list) = self.list("retryDelays")? else { return Ok(None) };
        let delay = |value: &JsValue| {
            whole(value, 0, LONGEST_SPAN).ok_or_else(|| invalid("retryDelays", "a list of milliseconds"))
        };
        list.iter().map(delay).collect::<Result<_, _>>().map(Some)
    }

    fn metadata(&self) -> Result<Vec<(String, String)>, Error> {
        let wrong = || invalid("metadata", "an object of strings");
        let value = self.get("metadata");
        if value.is_undefined() {
            return Ok(Vec::new());
        }
        let entries = Object::entries(value.dyn_ref::<Object>().ok_or_else(wrong)?);
        let pair = |entry: JsValue| {
            let entry: Array = entry.unchecked_into();
            Some((entry.get(0).as_string()?, entry.get(1).as_string()?))
        };
        entries.iter().map(|entry| pair(entry).ok_or_else(wrong)).collect()
    }

    fn number_or_auto(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, Error> {
        if self.get(name).as_string().as_deref() == Some("auto") { Ok(None) } else { self.number(name, least, most) }
    }

    fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, Error> {
        let shape = format!("a whole number from {least} to {most}");
        self.optional(name, |value| whole(&value, least, most), &shape)
    }

    fn list(&self, name: &str) -> Result<Option<Vec<JsValue>>, Error> {
        self.optional(name, |value| value.dyn_into::<Array>().ok().map(|list| list.to_vec()), "a list")
    }

    fn optional<T>(&self, name: &str, read: impl Fn(JsValue) -> Option<T>, shape: &str) -> Result<Option<T>, Error> {
        let value = self.get(name);
        if value.is_undefined() {
            return Ok(None);
        }
        read(value).map(Some).ok_or_else(|| invalid(name, shape))
    }

    fn get(&self, name: &str) -> JsValue {
        if self.0.is_undefined() {
            return JsValue::UNDEFINED;
        }
        Reflect::get(&self.0, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
    }
}

pub fn invalid(name: &str, shape: &str) -> Error {
    Error::new(Code::InvalidOption, format!("`{name}` must be {shape}."))
}

fn whole(value: &JsValue, least: u64, most: u64) -> Option<u64> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
    (number >= least as f64 && number <= most as f64).then_some(number as u64)
}
