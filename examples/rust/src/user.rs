//! Who is asking, and what they may name.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse, Response};
use jsonwebtoken::{Algorithm, Validation, decode};
use serde::Deserialize;
use serde_json::json;

use crate::Backend;

/// Why not: the status, and the code by which the page knows it.
pub struct Refused(pub u16, pub String, pub String);

pub fn refused(status: u16, message: impl Into<String>) -> Refused {
    Refused(status, message.into(), if status == 403 { "access-denied" } else { "invalid-request" }.into())
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, words, code) = self;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        let unknown = status == StatusCode::UNAUTHORIZED;
        let body = if unknown { json!({"message": words}) } else { json!({"error": words, "code": code}) };
        (status, Json(body)).into_response()
    }
}

/// All that is theirs lies in one folder.
pub struct User {
    pub folder: String,
}

#[derive(Deserialize)]
struct Claims {
    user_id: String,
}

impl FromRequestParts<Arc<Backend>> for User {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, backend: &Arc<Backend>) -> Result<Self, Refused> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default();
        // HS256 only: a token must not choose its own algorithm.
        let claims = decode::<Claims>(token, &backend.secret, &Validation::new(Algorithm::HS256));
        let user = claims.map(|token| token.claims.user_id).unwrap_or_default();
        // The user becomes a folder's name, and must not name another's.
        if user.is_empty() || !user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
            return Err(refused(401, "Token is missing or invalid"));
        }
        Ok(Self { folder: format!("uploads/{user}/") })
    }
}

impl User {
    /// A key that the page names must lie in the user's folder.
    pub fn owns(&self, key: &str) -> Result<(), Refused> {
        let name = key.strip_prefix(&self.folder).ok_or_else(|| refused(403, "Access denied"))?;
        // URLs give `.` and `..` a meaning that keys do not have: such a key would be signed as another.
        let climbs = name.split('/').any(|segment| matches!(segment, "." | ".."));
        if name.is_empty() || climbs || key.len() > 1024 || key.chars().any(char::is_control) {
            return Err(refused(400, "The key is not one that can be stored"));
        }
        Ok(())
    }
}
