//! A fault rule: which requests, and what to do to them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::target::Target;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub on: String,
    #[serde(default)]
    pub part: Option<u32>,
    #[serde(default)]
    pub key: Option<String>,
    /// Of the store's, counted from 0.
    #[serde(default)]
    pub host: Option<u8>,
    /// Matching requests let through first.
    #[serde(default)]
    pub skip: u64,
    /// Then spent; for ever if absent.
    #[serde(default)]
    pub times: Option<u64>,
    #[serde(default)]
    pub chance: Option<f64>,
    #[serde(rename = "do")]
    pub action: Action,
}

/// What a rule does, as its JSON has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub enum Action {
    Status(StatusFault),
    Html(u16),
    CutRequest(u64),
    CutResponse(u64),
    StallRequest(u64),
    StallResponse(u64),
    DelayMs(u64),
    BytesPerSecond(u64),
    Expired,
    BadSignature,
    HideEtag,
    NoCors,
    IgnoreRange,
    ShortBody(u64),
    FlipByte(u64),
    ChangedObject,
    LoseAnswer,
    ErrorIn200(String),
    Empty200,
    Set(Map<String, Value>),
    Unset(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusFault {
    pub status: u16,
    pub code: Option<String>,
    pub retry_after: Option<u64>,
}

const ON: [&str; 26] = [
    "any",
    "backend",
    "store",
    "put",
    "part",
    "chunk",
    "get",
    "head",
    "create",
    "complete",
    "abort",
    "list-parts",
    "list-uploads",
    "list",
    "copy",
    "delete",
    "bucket",
    "preflight",
    "request-upload",
    "request-uploads",
    "request-parts",
    "complete-upload",
    "abort-upload",
    "request-download",
    "files",
    "delete-file",
];

impl Rule {
    /// Reads a rule from JSON.
    ///
    /// # Errors
    /// Says in words what is wrong with it.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        let rule: Self = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        if !ON.contains(&rule.on.as_str()) && rule.on != "login" {
            return Err(format!("`on` is \"{}\" but must be one of {}", rule.on, ON.join(", ")));
        }
        if rule.chance.is_some_and(|chance| !(0.0..=1.0).contains(&chance)) {
            return Err("`chance` must be from 0 to 1".into());
        }
        Ok(rule)
    }

    pub fn matches(&self, target: &Target) -> bool {
        target.is(&self.on)
            && self.host.is_none_or(|host| target.host == host)
            && self.part.is_none_or(|part| target.part == Some(part))
            && self.key.as_ref().is_none_or(|key| target.key.contains(key.as_str()))
    }
}

impl Action {
    /// Faults of the connection and not of an answer: those also befall a request that is already running.
    pub fn is_live(&self) -> bool {
        matches!(
            self,
            Self::CutRequest(_)
                | Self::CutResponse(_)
                | Self::StallRequest(_)
                | Self::StallResponse(_)
                | Self::BytesPerSecond(_)
        )
    }
}

impl TryFrom<Map<String, Value>> for Action {
    type Error = String;

    fn try_from(map: Map<String, Value>) -> Result<Self, String> {
        if map.contains_key("status") {
            let fault: StatusFault = serde_json::from_value(Value::Object(map)).map_err(|error| error.to_string())?;
            if !(200..=599).contains(&fault.status) {
                return Err(format!("`status` {} is no HTTP status of an answer", fault.status));
            }
            return Ok(Self::Status(fault));
        }
        let mut pairs = map.into_iter();
        let (Some((name, value)), None) = (pairs.next(), pairs.next()) else {
            return Err("`do` must hold exactly one fault".into());
        };
        let number = || value.as_u64().ok_or_else(|| format!("`{name}` must be a whole number that is not negative"));
        let flag = |action: Self| match value {
            Value::Bool(true) => Ok(action),
            _ => Err(format!("`{name}` must be true")),
        };
        match name.as_str() {
            "html" => match number()? {
                status @ (200 | 502) => Ok(Self::Html(u16::try_from(status).unwrap_or(502))),
                _ => Err("`html` must be 200 or 502".into()),
            },
            "cut_request" => number().map(Self::CutRequest),
            "cut_response" => number().map(Self::CutResponse),
            "stall_request" => number().map(Self::StallRequest),
            "stall_response" => number().map(Self::StallResponse),
            "delay_ms" => number().map(Self::DelayMs),
            "bytes_per_second" => match number()? {
                0 => Err("`bytes_per_second` must be at least 1; to stop a connection, stall it".into()),
                rate => Ok(Self::BytesPerSecond(rate)),
            },
            "flip_byte" => number().map(Self::FlipByte),
            "short_body" => number().map(Self::ShortBody),
            "expired" => flag(Self::Expired),
            "bad_signature" => flag(Self::BadSignature),
            "hide_etag" => flag(Self::HideEtag),
            "no_cors" => flag(Self::NoCors),
            "ignore_range" => flag(Self::IgnoreRange),
            "changed_object" => flag(Self::ChangedObject),
            "lose_answer" => flag(Self::LoseAnswer),
            "error_in_200" => match value {
                Value::String(code) => Ok(Self::ErrorIn200(code)),
                _ => Err("`error_in_200` must be an error code".into()),
            },
            "empty_200" => flag(Self::Empty200),
            "set" => match value {
                Value::Object(fields) => Ok(Self::Set(fields)),
                _ => Err("`set` must be an object".into()),
            },
            "unset" => {
                serde_json::from_value(value).map(Self::Unset).map_err(|_| "`unset` must be a list of names".into())
            }
            other => Err(format!("unknown fault `{other}`")),
        }
    }
}

/// Reads `--fault`: JSON, or words like `part status=503 code=SlowDown part=3 times=2` or `get cut_response=1000000 chance=0.1`.
///
/// # Errors
/// Says in words what is wrong with it.
pub fn parse_flag(text: &str) -> Result<Value, String> {
    let value = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        shorthand(text)?
    };
    Rule::from_json(&value)?;
    Ok(value)
}

fn shorthand(text: &str) -> Result<Value, String> {
    let mut words = text.split_whitespace();
    let on = words.next().ok_or("an empty rule")?;
    let mut rule = Map::from_iter([("on".to_owned(), Value::from(on))]);
    let mut action = Map::new();
    for word in words {
        let (name, value) = match word.split_once('=') {
            // What is no JSON is a bare string, so that codes need no quotes.
            Some((name, value)) => (name, serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))),
            None => (word, Value::Bool(true)),
        };
        let place = match name {
            "part" | "key" | "host" | "skip" | "times" | "chance" => &mut rule,
            _ => &mut action,
        };
        place.insert(name.to_owned(), value);
    }
    rule.insert("do".into(), Value::Object(action));
    Ok(Value::Object(rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shorthand_and_json_say_the_same() {
        let short = parse_flag("part status=503 code=SlowDown part=3 times=2").unwrap();
        let long = parse_flag(r#"{"on":"part","part":3,"times":2,"do":{"status":503,"code":"SlowDown"}}"#).unwrap();
        assert_eq!(short, long);
        assert_eq!(Rule::from_json(&parse_flag("get expired").unwrap()).unwrap().action, Action::Expired);
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for (rule, complaint) in [
            (json!({"on": "put", "do": {}}), "exactly one"),
            (json!({"on": "put", "do": {"html": 200, "expired": true}}), "exactly one"),
            (json!({"on": "put", "do": {"explode": true}}), "unknown fault"),
            (json!({"on": "nowhere", "do": {"expired": true}}), "must be one of"),
            (json!({"on": "put", "chance": 2, "do": {"expired": true}}), "`chance`"),
            (json!({"on": "put", "do": {"status": 99}}), "no HTTP status"),
            (json!({"on": "put", "tmies": 1, "do": {"expired": true}}), "tmies"),
            (json!({"on": "put", "do": {"bytes_per_second": 0}}), "at least 1"),
        ] {
            let error = Rule::from_json(&rule).unwrap_err();
            assert!(error.contains(complaint), "{rule}: {error}");
        }
    }
}
