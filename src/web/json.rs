//! From and to the browser's own JSON.

use js_sys::{Array, JSON, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::core::json::Json;

/// Deeper than any answer that means something here.
const DEEPEST: usize = 16;

/// Parses with the browser's parser; `None` for what is no JSON.
pub fn parse(text: &str) -> Option<Json> {
    read(&parse_js(text)?)
}

pub fn parse_js(text: &str) -> Option<JsValue> {
    JSON::parse(text).ok()
}

/// `None` for what JSON can't say.
pub fn read(value: &JsValue) -> Option<Json> {
    convert(value, DEEPEST)
}

/// An object of these members, as JSON text. `undefined` members are left out, as `JSON.stringify` does.
pub fn object(members: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in members {
        // A plain object takes any member.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

pub fn stringify(value: &JsValue) -> Option<String> {
    JSON::stringify(value).ok()?.as_string()
}

fn convert(value: &JsValue, depth: usize) -> Option<Json> {
    let depth = depth.checked_sub(1)?;
    if value.is_null() || value.is_undefined() {
        return Some(Json::Null);
    }
    if let Some(value) = value.as_bool() {
        return Some(Json::Bool(value));
    }
    if let Some(number) = value.as_f64() {
        return Some(Json::Number(number));
    }
    if let Some(text) = value.as_string() {
        return Some(Json::Text(text));
    }
    if let Some(list) = value.dyn_ref::<Array>() {
        return list.iter().map(|item| convert(&item, depth)).collect::<Option<_>>().map(Json::List);
    }
    let entries = Object::entries(value.dyn_ref::<Object>()?);
    let member = |entry: JsValue| {
        let entry: Array = entry.unchecked_into();
        Some((entry.get(0).as_string()?, convert(&entry.get(1), depth)?))
    };
    entries.iter().map(member).collect::<Option<_>>().map(Json::Object)
}
