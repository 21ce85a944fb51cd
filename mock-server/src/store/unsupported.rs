//! What AWS has and the store that this one passes for has not.

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};

use super::front::{error_response, query_pairs};
use crate::provider::{Checksums, Profile};

pub fn refuse(request: &Request<Body>, profile: Profile) -> Option<Response<Body>> {
    let query = query_pairs(request.uri().query().unwrap_or_default());
    let resource = request.uri().path();
    let of_bucket = !resource.trim_matches('/').contains('/');
    let is_form = request.method() == Method::POST && of_bucket && !query.iter().any(|(name, _)| name == "delete");
    if is_form && !profile.post_forms {
        let message = "PostObject not implemented";
        return Some(error_response(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message, resource));
    }
    if profile.checksums != Checksums::Refused {
        return None;
    }
    let headers = request.headers().keys().map(|name| name.as_str());
    let parameters = query.iter().map(|(name, _)| name.as_str());
    let odd = headers.chain(parameters).map(str::to_ascii_lowercase).find(|name| {
        name.starts_with("x-amz-checksum-") || name == "x-amz-sdk-checksum-algorithm" || name == "x-amz-trailer"
    })?;
    let message = format!("Unsupported header '{odd}' received for this API call.");
    Some(error_response(StatusCode::BAD_REQUEST, "InvalidArgument", &message, resource))
}
