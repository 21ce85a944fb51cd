//! Events and results in the shapes of `index.d.ts`.

use js_sys::{Date, Object, Reflect};
use serde::Serialize;
use wasm_bindgen::JsValue;

use super::error;
use crate::{
    core::{
        group::Files,
        integrity::Integrity,
        trace::Trace,
        transfer::{Event, Finish, Level, PartEvent, Progress, State},
    },
    web::SavedRecord,
};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum View {
    Progress(Progress),
    Part(PartEvent),
    Retry {
        part: Option<u32>,
        attempt: u32,
        delay_ms: u64,
        #[serde(with = "serde_wasm_bindgen::preserve")]
        error: JsValue,
    },
    State {
        state: State,
    },
}

#[derive(Serialize)]
struct LogView<'a> {
    time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer: Option<&'a str>,
    level: Level,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a Trace>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupView {
    loaded: u64,
    total: u64,
    bytes_per_second: u64,
    seconds_left: Option<u64>,
    files: Files,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultView<'a> {
    key: &'a str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(with = "serde_wasm_bindgen::preserve", skip_serializing_if = "JsValue::is_undefined")]
    blob: JsValue,
    integrity: IntegrityView<'a>,
}

#[derive(Serialize)]
struct IntegrityView<'a> {
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// `None` for what is no event of the public API.
pub fn event(event: &Event) -> Option<JsValue> {
    let view = match event {
        Event::Progress(progress) => View::Progress(*progress),
        Event::Part(part) => View::Part(*part),
        Event::Retry { part, attempt, delay, error } => {
            View::Retry { part: *part, attempt: *attempt, delay_ms: *delay, error: error::to_js(error) }
        }
        Event::State(state) => View::State { state: *state },
        Event::Log(..) => return None,
    };
    Some(to_js(&view))
}

/// What the log says of an event.
pub fn log(event: &Event, time: f64, transfer: Option<&str>) -> Option<JsValue> {
    let retry;
    let (level, message, detail) = match event {
        Event::Log(level, message, trace) => (*level, message.as_str(), trace.as_ref()),
        Event::Retry { part, delay, attempt, error } => {
            let what = part.map_or("It".into(), |part| format!("Part {part}"));
            retry = format!("{what} is tried again in {delay} ms (retry {attempt}): {}", error.message);
            (Level::Warn, retry.as_str(), None)
        }
        _ => return None,
    };
    Some(to_js(&LogView { time, transfer, level, message, detail }))
}

pub fn group(progress: Progress, files: Files) -> JsValue {
    let Progress { loaded, total, bytes_per_second, seconds_left } = progress;
    to_js(&GroupView { loaded, total, bytes_per_second, seconds_left, files })
}

pub fn result(finish: &Finish, blob: JsValue) -> JsValue {
    to_js(&ResultView {
        key: &finish.key,
        size: finish.size,
        etag: finish.etag.as_deref(),
        location: finish.location.as_deref(),
        content_type: finish.content_type.as_deref(),
        filename: finish.filename.as_deref(),
        blob,
        integrity: match &finish.integrity {
            Integrity::Verified(sum) => IntegrityView {
                verified: true,
                algorithm: Some(sum.algorithm.name()),
                value: Some(sum.text()),
                reason: None,
            },
            Integrity::Unverified(reason) => {
                IntegrityView { verified: false, algorithm: None, value: None, reason: Some(reason) }
            }
        },
    })
}

/// Where a download goes, as its option says it.
fn target(record: &SavedRecord) -> JsValue {
    let opfs = |path: &String| {
        let target = Object::new();
        // A plain object takes any member.
        let _ = Reflect::set(&target, &"opfs".into(), &path.as_str().into());
        target.into()
    };
    let handle = || record.handle.clone().unwrap_or_default();
    record.path.as_ref().map_or_else(handle, opfs)
}

/// A transfer that was cut off; what it is resumed by stays inside.
pub fn saved(record: &SavedRecord) -> JsValue {
    let object = Object::new();
    for (name, value) in [
        ("id", JsValue::from_str(&record.id)),
        ("kind", JsValue::from_str(record.kind)),
        ("key", JsValue::from_str(&record.key)),
        ("name", JsValue::from_str(&record.name)),
        ("loaded", JsValue::from_f64(record.loaded as f64)),
        ("total", JsValue::from_f64(record.total as f64)),
        ("savedAt", Date::new(&JsValue::from_f64(record.saved_at)).into()),
        ("resumable", JsValue::from_bool(record.kind == "download" || record.handle.is_some())),
        ("to", if record.kind == "download" { target(record) } else { JsValue::UNDEFINED }),
    ] {
        if value.is_undefined() {
            continue;
        }
        // A plain object takes any member.
        let _ = Reflect::set(&object, &JsValue::from_str(name), &value);
    }
    object.into()
}

/// These shapes always serialise: sizes beyond `MAX_SAFE_INTEGER` were refused on their way in.
fn to_js(value: &impl Serialize) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    value.serialize(&serializer).unwrap_or(JsValue::UNDEFINED)
}
