//! `performance.now()` and `setTimeout`, in windows and in workers.

use futures_util::future::LocalBoxFuture;
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::prelude::*;

use crate::{core::time::Millis, drive::seams::Clock};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

#[derive(Clone, Copy, Default)]
pub struct BrowserClock;

impl Clock for BrowserClock {
    fn now(&self) -> Millis {
        performance_now() as Millis
    }

    /// May wake early where the time is further off than a timer reaches (24 days); the driver then asks again.
    fn sleep_until(&self, at: Millis) -> LocalBoxFuture<'static, ()> {
        // One more, because `now` is rounded down: a timer must not fire before its time.
        let span = at.saturating_sub(self.now()).saturating_add(1);
        Box::pin(TimeoutFuture::new(u32::try_from(span).unwrap_or(u32::MAX).min(i32::MAX as u32)))
    }
}
