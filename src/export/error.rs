//! From [`Error`] to the JavaScript class that applications catch.

use wasm_bindgen::prelude::*;

use crate::core::error::Error;

#[wasm_bindgen(raw_module = "./errors.js")]
extern "C" {
    #[wasm_bindgen(js_name = TransferError)]
    type TransferError;

    #[wasm_bindgen(constructor, js_class = "TransferError")]
    fn new(
        code: &str,
        message: &str,
        retryable: bool,
        status: Option<u16>,
        storage_code: Option<&str>,
        part: Option<u32>,
    ) -> TransferError;
}

pub fn to_js(error: &Error) -> JsValue {
    let storage_code = error.storage_code.as_deref();
    TransferError::new(error.code.name(), &error.message, error.retryable, error.status, storage_code, error.part)
        .into()
}
