//! Who is asking. A demo login without a password stands where an application has its own.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::{Backend, Json};

const TOKEN_SECONDS: u64 = 12 * 3600;

/// Where all files of all users are.
pub const FOLDER: &str = "uploads/";

pub struct Auth {
    encoding: EncodingKey,
    decoding: DecodingKey,
    limiter: Option<DefaultKeyedRateLimiter<String>>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    user_id: String,
    exp: u64,
}

#[derive(Deserialize)]
pub struct Login {
    user: String,
}

#[derive(Serialize)]
pub struct Token {
    token: String,
    expires_in: u64,
    user: String,
}

impl Auth {
    /// Without a secret every start has a new one, which ends all sessions.
    pub fn new(secret: Option<&str>, rate: Option<NonZeroU32>) -> Self {
        let random: [u8; 32] = rand::random();
        let secret = secret.map_or(random.as_slice(), str::as_bytes);
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            limiter: rate.map(|rate| RateLimiter::keyed(Quota::per_second(rate))),
        }
    }

    fn user(&self, authorization: Option<&str>) -> Result<String, ApiError> {
        let unauthorized = |message| ApiError::new(StatusCode::UNAUTHORIZED, message);
        let header = authorization.ok_or_else(|| unauthorized("Token is missing"))?;
        let token = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| unauthorized("Token is invalid"))?;
        // HS256 only: a token must not choose its own algorithm.
        decode::<Claims>(token, &self.decoding, &Validation::default())
            .map(|data| data.claims.user_id)
            .map_err(|_| unauthorized("Token is invalid"))
    }

    fn allow(&self, user: &str) -> Result<(), ApiError> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(&user.to_owned()).map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            ApiError::too_many_requests(wait.as_secs() + 1)
        })
    }
}

/// The user that a bearer token names, if they are not asking too often.
pub struct User(pub String);

impl FromRequestParts<Arc<Backend>> for User {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, backend: &Arc<Backend>) -> Result<Self, ApiError> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let user = backend.auth.user(header)?;
        backend.auth.allow(&user)?;
        Ok(Self(user))
    }
}

impl User {
    /// Everything of this user lies under it.
    pub fn prefix(&self) -> String {
        format!("{FOLDER}{}/", self.0)
    }

    /// A key that the client names must be the user's own.
    pub fn owns(&self, key: &str) -> Result<(), ApiError> {
        let prefix = self.prefix();
        let name = key.strip_prefix(&prefix).ok_or_else(ApiError::forbidden)?;
        // URLs give `.` and `..` a meaning that keys do not have, so such a key would be signed as another.
        let climbs = name.split('/').any(|segment| matches!(segment, "." | ".."));
        if name.is_empty() || climbs || key.len() > 1024 || key.chars().any(char::is_control) {
            return Err(ApiError::bad_request("The key is not one that can be stored"));
        }
        Ok(())
    }
}

pub async fn login(
    State(backend): State<Arc<Backend>>,
    Json(login): Json<Login>,
) -> Result<axum::Json<Token>, ApiError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    if login.user.is_empty() || login.user.len() > 32 || !login.user.bytes().all(allowed) {
        return Err(ApiError::bad_request("`user` must be 1 to 32 characters out of a-z, 0-9, _ and -"));
    }
    let claims = Claims { user_id: login.user.clone(), exp: jsonwebtoken::get_current_timestamp() + TOKEN_SECONDS };
    let token = encode(&Header::default(), &claims, &backend.auth.encoding)
        .map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(axum::Json(Token { token, expires_in: TOKEN_SECONDS, user: login.user }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(auth: &Auth, exp: u64) -> String {
        let claims = Claims { user_id: "alice".into(), exp };
        format!("Bearer {}", encode(&Header::default(), &claims, &auth.encoding).unwrap())
    }

    #[test]
    fn only_our_own_unexpired_tokens_count() {
        let auth = Auth::new(Some("a secret"), None);
        let now = jsonwebtoken::get_current_timestamp();
        assert_eq!(auth.user(Some(&token(&auth, now + 60))).unwrap(), "alice");
        let other = Auth::new(Some("another secret"), None);
        // No signature at all: `{"alg":"none"}.{"user_id":"alice","exp":9999999999}.`
        let none = "Bearer eyJhbGciOiJub25lIn0.eyJ1c2VyX2lkIjoiYWxpY2UiLCJleHAiOjk5OTk5OTk5OTl9.";
        for bad in [
            None,
            Some("Basic abc"),
            Some("Bearer"),
            Some(none),
            Some(token(&auth, now - 600).as_str()),
            Some(token(&other, now + 60).as_str()),
        ] {
            assert_eq!(auth.user(bad).unwrap_err().status, StatusCode::UNAUTHORIZED, "{bad:?}");
        }
    }

    #[test]
    fn a_user_owns_only_what_lies_under_their_prefix() {
        let alice = User("alice".into());
        assert!(alice.owns("uploads/alice/a b/ü.txt").is_ok());
        assert_eq!(alice.owns("uploads/bob/a").unwrap_err().status, StatusCode::FORBIDDEN);
        assert_eq!(alice.owns("uploads/alice").unwrap_err().status, StatusCode::FORBIDDEN);
        for bad in ["uploads/alice/", "uploads/alice/../bob/a", "uploads/alice/a\u{0}"] {
            assert_eq!(alice.owns(bad).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
    }

    #[test]
    fn the_rate_is_each_user_s_own() {
        let auth = Auth::new(None, NonZeroU32::new(2));
        assert!(auth.allow("alice").is_ok() && auth.allow("alice").is_ok());
        assert_eq!(auth.allow("alice").unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
        assert!(auth.allow("bob").is_ok());
    }
}
