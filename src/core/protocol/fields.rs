//! The fields of a backend's answer, one kind after another.

use super::{Method, Signed};
use crate::core::{
    error::{Code, Error},
    json::Json,
    text::split_once,
};

pub const NO_URL: &str = "not an absolute http or https URL";

pub fn signed(answer: &Json, field: &str) -> Result<Signed, Error> {
    let url = text(answer, field)?;
    if !is_absolute(&url) {
        return Err(wrong(field, NO_URL));
    }
    let headers = pairs(answer, "headers")?;
    for (name, value) in &headers {
        if !is_token(name) || value.contains(['\r', '\n', '\0']) {
            return Err(wrong("headers", "no header that can be sent"));
        }
    }
    Ok(Signed { url, method: Method::Put, headers, fields: Vec::new() })
}

pub fn is_absolute(url: &str) -> bool {
    let scheme = split_once(url, "://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https")) && !url.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// A field-name of RFC 9110 §5.1.
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

pub fn part_number(part: &Json) -> Result<u32, Error> {
    let number = part.get("part_number").and_then(Json::integer).filter(|number| (1..=10_000).contains(number));
    number
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| wrong("part_number", "not a number from 1 to 10,000"))
}

pub fn expires_in(answer: &Json) -> Result<Option<u64>, Error> {
    match answer.get("expires_in") {
        None => Ok(None),
        Some(seconds) => seconds
            .integer()
            .filter(|seconds| *seconds > 0)
            .map(Some)
            .ok_or_else(|| wrong("expires_in", "not a positive whole number of seconds")),
    }
}

pub fn pairs(answer: &Json, field: &str) -> Result<Vec<(String, String)>, Error> {
    let Some(value) = answer.get(field) else {
        return Ok(Vec::new());
    };
    value
        .members()
        .ok_or_else(|| wrong(field, "not an object"))?
        .iter()
        .map(|(name, value)| {
            Ok((name.clone(), value.text().ok_or_else(|| wrong(field, "not an object of strings"))?.to_owned()))
        })
        .collect()
}

pub fn text(answer: &Json, field: &str) -> Result<String, Error> {
    optional_text(answer, field)?.ok_or_else(|| wrong(field, "missing"))
}

pub fn optional_text(answer: &Json, field: &str) -> Result<Option<String>, Error> {
    match answer.get(field) {
        None => Ok(None),
        Some(Json::Text(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(wrong(field, "not a string with something in it")),
    }
}

pub fn list<'a>(answer: &'a Json, field: &str) -> Result<&'a [Json], Error> {
    answer.get(field).and_then(Json::list).ok_or_else(|| wrong(field, "not a list"))
}

pub fn wrong(field: &str, what: &str) -> Error {
    Error::new(Code::Backend, format!("The backend's answer has a wrong `{field}`: {what}."))
}
