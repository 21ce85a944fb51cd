//! Locks over all tabs, and over one page where the browser has none.

use presigned::web::locks::{self, Lock};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{
    database::{held, without_locks},
    server::pause,
};

/// The browser gives a lock back a moment after it was let go.
async fn taken(name: &str) -> Lock {
    loop {
        match Lock::try_take(name).await {
            Some(lock) => return lock,
            None => pause(5).await,
        }
    }
}

#[wasm_bindgen_test]
async fn one_holds_it_until_dropped() {
    let first = Lock::try_take("one").await.expect("it is free");
    assert!(Lock::try_take("one").await.is_none());
    let _other = Lock::try_take("other").await.expect("another name is another lock");
    assert!(locks::held().await.contains(&"one".to_owned()));
    drop(first);
    let _second = taken("one").await;
    assert!(Lock::try_take("one").await.is_none());
}

#[wasm_bindgen_test]
async fn others_of_the_origin_hold_it_too() {
    let other = held("theirs").await;
    assert!(Lock::try_take("theirs").await.is_none());
    assert!(locks::held().await.contains(&"theirs".to_owned()));
    drop(other);
    drop(taken("theirs").await);
}

#[wasm_bindgen_test]
async fn asked_for_in_vain_it_is_not_held() {
    use futures_util::future::FutureExt;
    let mut asking = Box::pin(Lock::try_take("vain"));
    assert!((&mut asking).now_or_never().is_none(), "the browser answers later");
    drop(asking);
    drop(taken("vain").await);
}

#[wasm_bindgen_test]
async fn without_the_browsers_locks_a_page_agrees_with_itself() {
    for how in ["missing", "rejects"] {
        let _broken = without_locks(how);
        let first = Lock::try_take(how).await.expect("it is free");
        assert!(Lock::try_take(how).await.is_none(), "{how}");
        assert_eq!(locks::held().await, [how]);
        drop(first);
        assert!(Lock::try_take(how).await.is_some(), "{how}");
        assert!(locks::held().await.is_empty());
    }
}
