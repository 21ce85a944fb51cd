//! Many small uploads, asked for by one call: what is asked in one turn of the event loop goes together.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_channel::oneshot;
use gloo_net::http::Method;
use js_sys::{Array, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{backend::Peer, endpoint::Said, json};
use crate::core::{
    answer,
    error::{Code, Error, Failure, Verdict},
    json::Json,
};

/// Files in one call.
const MOST: usize = 100;

type Answer = Result<Said, Failure>;

/// A file, and who waits for its grant; told nothing, it has to ask alone.
type Asking = (JsValue, oneshot::Sender<Answer>);

pub struct Batch {
    warn: Box<dyn Fn(&str)>,
    waiting: RefCell<Vec<Asking>>,
    /// The backend has no such route.
    absent: Cell<bool>,
}

impl Batch {
    /// `may`: whether this backend is one to be asked for many at once.
    pub fn new(may: bool, warn: impl Fn(&str) + 'static) -> Self {
        Self { warn: Box::new(warn), waiting: RefCell::default(), absent: Cell::new(!may) }
    }

    /// `None` where the file has to be asked for alone.
    pub(super) async fn ask(self: &Rc<Self>, peer: &Rc<Peer>, file: &JsValue) -> Option<Answer> {
        if self.absent.get() {
            return None;
        }
        let (sender, answer) = oneshot::channel();
        let first = {
            let mut waiting = self.waiting.borrow_mut();
            waiting.push((file.clone(), sender));
            waiting.len() == 1
        };
        if first {
            // On its own: whoever asked first may be aborted, and the others not.
            let (batch, peer) = (self.clone(), peer.clone());
            spawn_local(async move {
                // Once all that run in this turn have asked.
                let _ = JsFuture::from(Promise::resolve(&JsValue::UNDEFINED)).await;
                batch.flush(&peer).await;
            });
        }
        answer.await.ok()
    }

    async fn flush(&self, peer: &Peer) {
        let mut waiting = self.waiting.take();
        while waiting.len() > 1 && !self.absent.get() {
            let later = waiting.split_off(waiting.len().min(MOST));
            self.call(peer, std::mem::replace(&mut waiting, later)).await;
        }
    }

    async fn call(&self, peer: &Peer, asking: Vec<Asking>) {
        let files: Array = asking.iter().map(|(file, _)| file.clone()).collect();
        let body = json::object(&[("files", files.into())]);
        let said = peer.call(Method::POST, "/request-uploads", Some(body)).await;
        let (date, body) = match said.and_then(|Said { body, date }| Ok((date, body?))) {
            Ok(said) => said,
            Err(failure) if failure.verdict == Verdict::Absent => {
                (self.warn)("The backend has no /request-uploads: from now on, files are asked for one by one.");
                return self.absent.set(true);
            }
            Err(failure) => {
                for (_, waiting) in asking {
                    // Whoever was aborted meanwhile does not listen.
                    let _ = waiting.send(Err(failure.clone()));
                }
                return;
            }
        };
        let uploads = body.get("uploads").and_then(Json::list).unwrap_or_default();
        for (index, (_, waiting)) in asking.into_iter().enumerate() {
            let answer = match uploads.get(index) {
                Some(upload) => match answer::refused_file(upload) {
                    Some(failure) => Err(failure),
                    None => Ok(Said { body: Ok(upload.clone()), date: date.clone() }),
                },
                None => Err(Failure::fatal(Error::new(
                    Code::Backend,
                    "The backend's answer has a wrong `uploads`: not one for each file.",
                ))),
            };
            let _ = waiting.send(answer);
        }
    }
}
