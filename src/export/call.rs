//! A single call on behalf of the application, which may abort it.

use std::future::Future;

use futures_channel::oneshot;
use futures_util::future::{Either, LocalBoxFuture, select};
use js_sys::{Date, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use super::{error, options::Options};
use crate::{
    core::{
        error::{Code, Error},
        protocol::StoredFile,
    },
    web::AbortWatch,
};

/// One machinery for all promises: each kind of future would have its own.
pub fn promise(future: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    let future: LocalBoxFuture<'static, Result<JsValue, JsValue>> = Box::pin(future);
    future_to_promise(future)
}

/// Runs a call until it ends or the user's signal is aborted; then it rejects with the signal's reason, as fetch does.
pub fn abortable<F>(options: JsValue, call: impl FnOnce(Options) -> F + 'static) -> Promise
where
    F: Future<Output = Result<JsValue, Error>>,
{
    promise(async move {
        let run = async {
            let options = Options::new(options)?;
            let signal = options.signal()?;
            if let Some(signal) = signal.as_ref().filter(|signal| signal.aborted()) {
                return Ok(Err(signal.reason()));
            }
            let (abort, aborted) = oneshot::channel();
            let mut abort = Some(abort);
            let watch = signal.clone().map(|signal| {
                AbortWatch::new(signal, move || {
                    if let Some(abort) = abort.take() {
                        // The call has ended meanwhile: nobody listens.
                        let _ = abort.send(());
                    }
                })
            });
            let call = Box::pin(call(options));
            let aborted = Box::pin(async move {
                if aborted.await.is_err() {
                    std::future::pending::<()>().await;
                }
            });
            let outcome = match select(call, aborted).await {
                Either::Left((outcome, _)) => outcome.map(Ok),
                Either::Right(_) => Ok(Err(signal.map(|signal| signal.reason()).unwrap_or_default())),
            };
            drop(watch);
            outcome
        };
        run.await.map_err(|error: Error| error::to_js(&error))?
    })
}

pub fn stored_file(file: &StoredFile) -> Result<JsValue, Error> {
    let date = Date::new(&JsValue::from_str(&file.last_modified));
    if date.get_time().is_nan() {
        return Err(Error::new(Code::Backend, "The backend's answer has a wrong `last_modified`: not a date."));
    }
    let object = js_sys::Object::new();
    for (name, value) in [
        ("key", JsValue::from_str(&file.key)),
        ("size", JsValue::from_f64(file.size as f64)),
        ("lastModified", date.into()),
    ] {
        // A plain object takes any member.
        let _ = Reflect::set(&object, &JsValue::from_str(name), &value);
    }
    Ok(object.into())
}
