//! Functions of the page in a backend's stead.
//!
//! The face makes one function of them (`src/face/functions.js`), which is asked as a server would be: with a method, a path
//! and a body of the protocol. So what they answer is checked as a server's JSON is, by the same code.

use gloo_net::http::Method;
use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::{abort::AbortOnDrop, endpoint::Said, json};
use crate::core::{
    error::{Code, Error, Failure},
    page,
};

pub struct Functions {
    /// `(method, path, body, signal) => Promise<outcome>`; it does not reject.
    pub ask: Function,
    pub name: String,
}

impl Functions {
    pub(super) async fn call(&self, method: Method, path: &str, body: Option<JsValue>) -> Result<Said, Failure> {
        let broken = |_| Failure::fatal(Error::new(Code::Internal, "The page's functions can't be asked."));
        let abort = AbortOnDrop::new().map_err(broken)?;
        let arguments = Array::of4(
            &JsValue::from_str(method.as_ref()),
            &JsValue::from_str(path),
            &body.unwrap_or_default(),
            &abort.signal(),
        );
        let promise = Reflect::apply(&self.ask, &JsValue::UNDEFINED, &arguments).map_err(broken)?;
        let outcome = JsFuture::from(promise.unchecked_into::<Promise>()).await;
        // Who listens to the signal hears of an end before the time, and of no other.
        abort.over();
        let body = page::answer(json::read(&outcome.map_err(broken)?).as_ref())?;
        Ok(Said { body: Ok(body), date: None })
    }
}
