//! A JSON value as plain data: the browser parses, this room reads. Native tests build it from `serde_json`.

/// Any JSON value. Member names may repeat; the last one counts, as in JavaScript.
#[derive(Clone, PartialEq, Debug)]
pub enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// The largest integer that a JavaScript number holds exactly (`Number.MAX_SAFE_INTEGER`).
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

impl Json {
    /// A member of an object; `null` counts as absent.
    pub fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members
                .iter()
                .rev()
                .find(|(member, _)| member == name)
                .map(|(_, value)| value)
                .filter(|value| **value != Json::Null),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number from 0 to `MAX_SAFE_INTEGER`.
    pub fn integer(&self) -> Option<u64> {
        match *self {
            Json::Number(number) if number >= 0.0 && number <= MAX_SAFE_INTEGER as f64 && number.fract() == 0.0 => {
                Some(number as u64)
            }
            _ => None,
        }
    }

    pub fn list(&self) -> Option<&[Json]> {
        match self {
            Json::List(list) => Some(list),
            _ => None,
        }
    }

    pub fn members(&self) -> Option<&[(String, Json)]> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }
}

#[cfg(test)]
impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(value),
            Value::Number(number) => Json::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Json::Text(text),
            Value::Array(list) => Json::List(list.into_iter().map(Json::from).collect()),
            Value::Object(members) => {
                Json::Object(members.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_whole_and_safe() {
        for (number, integer) in [
            (0.0, Some(0)),
            (5.0, Some(5)),
            (-1.0, None),
            (0.5, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
            (9_007_199_254_740_991.0, Some(MAX_SAFE_INTEGER)),
            (9_007_199_254_740_992.0, None),
        ] {
            assert_eq!(Json::Number(number).integer(), integer, "{number}");
        }
        assert_eq!(Json::Text("5".into()).integer(), None);
    }
}
