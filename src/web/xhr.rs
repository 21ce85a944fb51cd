//! One request by XMLHttpRequest, the only API that tells how much of a body is sent.

use futures_channel::oneshot;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, FormData, ProgressEvent, XmlHttpRequest};

use crate::core::{
    error::{Code, Error, Failure},
    http::{Headers, Response},
    protocol::{Method, Signed},
};

/// A request under way; dropped before its end, it is aborted.
struct Exchange {
    xhr: XmlHttpRequest,
    _progress: Closure<dyn FnMut(ProgressEvent)>,
    _end: Closure<dyn FnMut()>,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.xhr.set_onloadend(None);
        if let Ok(upload) = self.xhr.upload() {
            upload.set_onprogress(None);
        }
        if self.xhr.ready_state() != XmlHttpRequest::DONE {
            // Aborting what has ended already is no error to anyone.
            let _ = self.xhr.abort();
        }
    }
}

/// Browsers set these themselves and complain when a script does, but signers list them all the same.
const SET_BY_BROWSER: [&str; 3] = ["host", "content-length", "connection"];

/// Sends `body`; `sent` is told the bytes that are on their way. `Ok(None)` where no answer came.
pub async fn send(signed: &Signed, body: &Blob, sent: impl Fn(u64) + 'static) -> Result<Option<Response>, Failure> {
    let (end, ended) = oneshot::channel();
    let _exchange = begin(signed, body, sent, end).map_err(|_| {
        Failure::fatal(Error::new(Code::Backend, "The browser refuses the signed URL or one of its headers."))
    })?;
    // The sender lives in the exchange, so it is never cancelled.
    let _ = ended.await;
    Ok(response(&_exchange.xhr))
}

fn begin(
    signed: &Signed,
    body: &Blob,
    sent: impl Fn(u64) + 'static,
    end: oneshot::Sender<()>,
) -> Result<Exchange, JsValue> {
    let xhr = XmlHttpRequest::new()?;
    let size = body.size();
    // A form has more bytes than its file: only the file's count.
    let progress = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        sent(event.loaded().min(size) as u64);
    });
    let mut end = Some(end);
    let end = Closure::<dyn FnMut()>::new(move || {
        if let Some(end) = end.take() {
            // Nobody waits any more when the exchange was dropped.
            let _ = end.send(());
        }
    });
    let method = match signed.method {
        Method::Put | Method::Plain => "PUT",
        Method::Post => "POST",
    };
    xhr.open_with_async(method, &signed.url, true)?;
    for (name, value) in &signed.headers {
        if !SET_BY_BROWSER.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            xhr.set_request_header(name, value)?;
        }
    }
    xhr.upload()?.set_onprogress(Some(progress.as_ref().unchecked_ref()));
    xhr.set_onloadend(Some(end.as_ref().unchecked_ref()));
    let exchange = Exchange { xhr, _progress: progress, _end: end };
    match signed.method {
        Method::Put | Method::Plain => exchange.xhr.send_with_opt_blob(Some(body))?,
        Method::Post => {
            let form = FormData::new()?;
            for (name, value) in &signed.fields {
                form.append_with_str(name, value)?;
            }
            form.append_with_blob("file", body)?;
            exchange.xhr.send_with_opt_form_data(Some(&form))?;
        }
    }
    Ok(exchange)
}

fn response(xhr: &XmlHttpRequest) -> Option<Response> {
    let status = xhr.status().ok().filter(|status| *status != 0)?;
    let headers = Headers::parse(&xhr.get_all_response_headers().unwrap_or_default());
    let body = xhr.response_text().ok().flatten().unwrap_or_default();
    Some(Response { status, headers, body })
}
