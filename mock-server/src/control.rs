//! The control routes: faults and statistics, for tests and the demo page.
//!
//! - `/_faults`: GET tells the rules and how often each struck; PUT `{seed?, rules}` replaces them; DELETE removes them.
//! - `/_stats`: GET tells what the store has been asked, DELETE begins to count anew. `requests` by operation, `answers` by status; `bytes_in`, `bytes_out`; `in_flight`, `max_in_flight`;
//!   `objects`, `unfinished_uploads`; and `parts`, by `<key>#<number>`: `tries`, how often it was `stored`, and the `bytes` that came in for it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::faults::Faults;
use crate::stats::Stats;
use crate::store::Store;

#[derive(Clone)]
pub struct Control {
    pub faults: Arc<Faults>,
    pub stats: Arc<Stats>,
    /// Absent when a real store stands in for the embedded one.
    pub store: Option<Arc<Store>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    seed: Option<u64>,
    rules: Vec<Value>,
}

pub fn routes(control: Control) -> Router {
    Router::new()
        .route("/_faults", get(faults).put(replace_faults).delete(clear_faults))
        .route("/_stats", get(stats).delete(reset_stats))
        .with_state(control)
}

async fn faults(State(control): State<Control>) -> Json<Value> {
    Json(control.faults.report())
}

async fn replace_faults(State(control): State<Control>, body: String) -> (StatusCode, Json<Value>) {
    let replaced = serde_json::from_str::<Replacement>(&body)
        .map_err(|error| error.to_string())
        .and_then(|new| control.faults.replace(new.seed, &new.rules));
    match replaced {
        Ok(()) => (StatusCode::OK, Json(control.faults.report())),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({"error": error}))),
    }
}

async fn clear_faults(State(control): State<Control>) -> (StatusCode, Json<Value>) {
    // No rule can be wrong among none.
    let _ = control.faults.replace(None, &[]);
    (StatusCode::OK, Json(control.faults.report()))
}

async fn stats(State(control): State<Control>) -> Json<Value> {
    let mut report = json!(control.stats.report());
    if let Some(store) = &control.store {
        report["unfinished_uploads"] = json!(store.unfinished_uploads());
        report["objects"] = json!(store.objects());
    }
    Json(report)
}

async fn reset_stats(state: State<Control>) -> Json<Value> {
    state.0.stats.reset();
    stats(state).await
}
