//! Answers that stand in for the right ones. Inside the CORS layer, since S3's errors carry CORS headers too.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH, LAST_MODIFIED, RANGE, RETRY_AFTER,
};
use axum::http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};

use super::Plan;
use super::rule::{Action, StatusFault};
use super::target::{Side, Target};
use crate::store::front;

/// The largest JSON answer that is edited.
const JSON_LIMIT: usize = 16 << 20;
const INTERNAL_ERROR: &str = "We encountered an internal error. Please try again.";

/// Answers a request, by the handler or in its place.
pub async fn answer<F>(mut request: Request<Body>, handler: impl FnOnce(Request<Body>) -> F) -> Response<Body>
where
    F: Future<Output = Response<Body>>,
{
    let Some(plan) = request.extensions().get::<Arc<Plan>>().cloned() else {
        return handler(request).await;
    };
    let Some(target) = plan.target().cloned() else {
        return handler(request).await;
    };
    if target.op != "preflight"
        && let Some(instead) = replacement(&plan, &target, &request)
    {
        return instead;
    }
    if plan.has(&Action::IgnoreRange) {
        request.headers_mut().remove(RANGE);
    }
    let mut response = handler(request).await;
    if plan.has(&Action::ChangedObject) && matches!(target.op, "get" | "head") && response.status().is_success() {
        let headers = response.headers_mut();
        headers.insert(ETAG, HeaderValue::from_static("\"00000000000000000000000000000000\""));
        headers.insert(LAST_MODIFIED, HeaderValue::from_static("Fri, 01 Jan 2100 00:00:00 GMT"));
        headers.remove("x-amz-checksum-crc64nvme");
    }
    if plan.edits().next().is_some() {
        response = edit(response, &plan).await;
    }
    response
}

fn replacement(plan: &Plan, target: &Target, request: &Request<Body>) -> Option<Response<Body>> {
    if let Some(status) = plan.html() {
        return Some(html(status));
    }
    if let Some(fault) = plan.status() {
        return Some(status_answer(fault, target, request.uri().path()));
    }
    if plan.has(&Action::Expired) {
        return Some(expired(request));
    }
    if plan.has(&Action::BadSignature) {
        return Some(front::error_response(
            StatusCode::FORBIDDEN,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
            request.uri().path(),
        ));
    }
    if let Some(code) = plan.error_in_200() {
        return Some(error_in_200(code, target.side));
    }
    if plan.has(&Action::Empty200) {
        return Some(match target.side {
            Side::Store => Response::new(Body::empty()),
            Side::Backend => json_response(StatusCode::OK, &json!({})),
        });
    }
    if plan.has(&Action::ChangedObject) && request.headers().contains_key(IF_MATCH) {
        return Some(front::error_response(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
            request.uri().path(),
        ));
    }
    None
}

fn status_answer(fault: &StatusFault, target: &Target, resource: &str) -> Response<Body> {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let code = fault.code.as_deref().unwrap_or(match fault.status {
        400 => "InvalidRequest",
        401 | 403 => "AccessDenied",
        404 if target.part.is_some() => "NoSuchUpload",
        404 => "NoSuchKey",
        405 => "MethodNotAllowed",
        408 => "RequestTimeout",
        409 => "OperationAborted",
        412 => "PreconditionFailed",
        413 => "EntityTooLarge",
        416 => "InvalidRange",
        429 => "TooManyRequests",
        501 => "NotImplemented",
        503 => "SlowDown",
        507 => "StorageFull",
        _ => "InternalError",
    });
    let message = match code {
        "SlowDown" => "Please reduce your request rate.",
        "InternalError" => INTERNAL_ERROR,
        "RequestTimeout" => {
            "Your socket connection to the server was not read from or written to within the timeout period."
        }
        _ => "This error was asked for by a fault rule.",
    };
    let mut response = match target.side {
        Side::Store if code == "RequestTimeTooSkewed" => front::too_skewed(resource),
        Side::Store => front::error_response(status, code, message, resource),
        Side::Backend => json_response(status, &json!({"error": message, "code": code})),
    };
    if let Some(seconds) = fault.retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn html(status: u16) -> Response<Body> {
    let text = match status {
        502 => {
            "<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
        }
        _ => {
            "<!doctype html><html><head><title>Welcome</title></head><body><h1>Please sign in to this network</h1></body></html>"
        }
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// As if the URL had been signed for a second, when it was.
fn expired(request: &Request<Body>) -> Response<Body> {
    let query = front::query_pairs(request.uri().query().unwrap_or_default());
    let signed = query
        .iter()
        .find(|(name, _)| name == "X-Amz-Date")
        .and_then(|(_, date)| front::parse_amz_date(date))
        .unwrap_or_else(jiff::Timestamp::now);
    front::expired(signed + jiff::SignedDuration::from_secs(1), 1, request.uri().path())
}

/// S3 says 200 as soon as it begins to put the object together, keeps the line open with white space, and may fail then.
fn error_in_200(code: &str, side: Side) -> Response<Body> {
    if side == Side::Backend {
        // As from a backend that passes on what the store said, and forgets the status.
        return json_response(StatusCode::OK, &json!({"error": INTERNAL_ERROR, "code": code}));
    }
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n    \n<Error><Code>{}</Code><Message>{INTERNAL_ERROR}</Message><RequestId>656C76696E6727732072657175657374</RequestId><HostId>presigned</HostId></Error>",
        quick_xml::escape::escape(code)
    );
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

async fn edit(response: Response<Body>, plan: &Plan) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, JSON_LIMIT).await.unwrap_or_default();
    let Ok(mut answer) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    for action in plan.edits() {
        match action {
            Action::Set(fields) => merge(&mut answer, fields),
            Action::Unset(names) => {
                if let Some(fields) = answer.as_object_mut() {
                    fields.retain(|name, _| !names.contains(name));
                }
            }
            _ => {}
        }
    }
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(answer.to_string()))
}

/// Objects are merged into objects, everything else is replaced.
fn merge(into: &mut Value, fields: &Map<String, Value>) {
    let Some(object) = into.as_object_mut() else { return };
    for (name, value) in fields {
        match (object.get_mut(name), value) {
            (Some(inner @ Value::Object(_)), Value::Object(fields)) => merge(inner, fields),
            _ => {
                object.insert(name.clone(), value.clone());
            }
        }
    }
}

fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
