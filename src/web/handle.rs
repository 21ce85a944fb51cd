//! A `FileSystemFileHandle`: a file that can be read again without a new pick (Chromium).

use js_sys::{Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use super::json;
use crate::core::error::{Code, Error};

#[wasm_bindgen]
extern "C" {
    /// Not all browsers have all of it.
    type FileHandle;

    #[wasm_bindgen(method, catch, js_name = getFile)]
    fn get_file(this: &FileHandle) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = requestPermission)]
    fn request_permission(this: &FileHandle, options: &JsValue) -> Result<Promise, JsValue>;
}

/// Whether it is one.
pub fn is_file_handle(value: &JsValue) -> bool {
    value.is_object() && Reflect::get(value, &"getFile".into()).is_ok_and(|method| method.is_function())
}

/// Whether it may be written, now that the user was asked, if need be.
pub async fn may_write(handle: &JsValue) -> bool {
    allowed(handle.unchecked_ref(), "readwrite").await
}

/// Files of a page's own need no permission and have no such method.
async fn allowed(handle: &FileHandle, mode: &str) -> bool {
    let Ok(asked) = handle.request_permission(&json::object(&[("mode", mode.into())])) else { return true };
    JsFuture::from(asked).await.ok().and_then(|answer| answer.as_string()).as_deref() == Some("granted")
}

/// The file as it is now. The browser may ask the user, which it does only while it handles a click.
///
/// # Errors
/// `source-changed` where the user, the browser or the disk does not give it.
pub async fn file_of(handle: &JsValue) -> Result<File, Error> {
    let handle: &FileHandle = handle.unchecked_ref();
    if !allowed(handle, "read").await {
        return Err(lost("the browser was not allowed to. Ask for it on a click, or let the user pick the file again"));
    }
    let gone = |_| lost("it was moved or deleted since it was chosen");
    let file = JsFuture::from(handle.get_file().map_err(gone)?).await.map_err(gone)?;
    file.dyn_into().map_err(gone)
}

fn lost(why: &str) -> Error {
    Error::new(Code::SourceChanged, format!("The file can't be read again: {why}."))
}
