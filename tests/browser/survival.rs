//! Leases, the watchdog and checkpoints, over the browser's seams and the mock server's faults.

use presigned::core::{
    trace::Trace,
    transfer::{End, Event, Input, PartState, State},
};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{
    server::{bytes, faults, heal, pause, read, stat, until_stat},
    transfers::{Client, Running},
};

const MIB: u32 = 1 << 20;

fn log(running: &Running) -> String {
    let events = running.events.borrow();
    let lines = events.iter().filter_map(|event| match event {
        Event::Log(_, words, _) => Some(words.as_str()),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn retries(running: &Running) -> usize {
    running.events.borrow().iter().filter(|event| matches!(event, Event::Retry { .. })).count()
}

#[wasm_bindgen_test]
async fn a_refused_url_is_signed_once_more_and_spends_no_attempt() {
    let (client, content) = (Client::new("leases").await, bytes(12 * MIB));
    faults(
        r#"{"on":"part","times":2,"do":{"expired":true}},{"on":"part","part":3,"times":1,"do":{"bad_signature":true}}"#,
    )
    .await;
    let running = client.upload(1, "leases.bin", &content);
    let events = running.events.clone();
    let end = running.end.await.unwrap();
    heal().await;
    assert!(matches!(end, End::Done(_)), "{end:?}");
    assert!(!events.borrow().iter().any(|event| matches!(event, Event::Retry { .. })), "a fresh signature is no retry");
}

#[wasm_bindgen_test]
async fn a_url_that_stays_refused_is_told_with_its_reason() {
    let (client, content) = (Client::new("refused").await, bytes(6 * MIB));
    faults(r#"{"on":"part","do":{"expired":true}}"#).await;
    let running = client.upload(1, "refused.bin", &content);
    let end = running.end.await.unwrap();
    heal().await;
    let End::Failed(error) = end else { panic!("{end:?}") };
    assert_eq!((error.code.name(), error.status), ("expired", Some(403)));
    assert!(error.message.contains("clock"), "the signer said it was fresh: {}", error.message);
}

#[wasm_bindgen_test]
async fn silence_is_a_stall_and_a_slow_answer_is_none() {
    let (client, content) = (Client::impatient("silence", 1_500).await, bytes(11 * MIB));
    faults(r#"{"on":"part","part":1,"do":{"stall_request":3000000}}"#).await;
    let running = client.upload(1, "silence.bin", &content);
    let stalled = |event: &Event| matches!(event, Event::Retry { part: Some(1), error, .. } if error.code.name() == "timeout" && error.message.contains("while"));
    while !running.events.borrow().iter().any(stalled) {
        pause(20).await;
    }
    heal().await;
    let end = running.end.await.unwrap();
    assert!(matches!(end, End::Done(_)), "{end:?}");

    // All bytes are there, and the completion takes its time: longer than silence is borne elsewhere.
    faults(r#"{"on":"complete-upload","do":{"delay_ms":2500}}"#).await;
    let running = client.upload(2, "patience.bin", &content);
    let events = running.events.clone();
    let end = running.end.await.unwrap();
    heal().await;
    assert!(matches!(end, End::Done(_)), "{end:?}");
    assert!(!events.borrow().iter().any(|event| matches!(event, Event::Retry { .. })), "no false alarm");
}

#[wasm_bindgen_test]
async fn what_is_stored_is_not_sent_again_by_another_life() {
    let content = bytes(23 * MIB);
    let first = Client::new("lives").await;
    faults(
        r#"{"on":"part","part":4,"do":{"stall_request":65536}},{"on":"part","part":5,"do":{"stall_request":65536}}"#,
    )
    .await;
    let running = first.upload(1, "lives.bin", &content);
    let stored = |event: &Event| matches!(event, Event::Part(part) if part.state == PartState::Done);
    while running.events.borrow().iter().filter(|event| stored(event)).count() < 3 {
        pause(20).await;
    }
    first.close();
    assert_eq!(running.end.await.unwrap(), End::Aborted, "kept, not removed");
    heal().await;
    until_stat("in_flight", 0.0).await;

    let (second, parts) = (Client::new("lives").await, stat("requests/part").await);
    let running = second.upload(1, "lives.bin", &content);
    let log_of = running.events.clone();
    let End::Done(finish) = running.end.await.unwrap() else { panic!("it goes on") };
    assert!(stat("requests/part").await - parts <= 2.0, "only the parts that were in flight");
    let resumed =
        log_of.borrow().iter().any(|event| matches!(event, Event::Log(_, words, _) if words.contains("cut off")));
    assert!(resumed, "and it says so");

    let (running, sink) = second.download(2, &finish.key);
    assert!(matches!(running.end.await.unwrap(), End::Done(_)));
    assert!(read(&sink.take().unwrap()).await.to_vec() == content.to_vec());
}

#[wasm_bindgen_test]
async fn a_download_goes_on_in_another_life() {
    let content = bytes(24 * MIB);
    let first = Client::new("ranges").await;
    let End::Done(finish) = first.upload(1, "ranges.bin", &content).end.await.unwrap() else { panic!("up") };
    // All but one of its ranges come whole, so that their stretches are kept; the last one falls silent.
    faults(r#"{"on":"get","skip":5,"times":1,"do":{"stall_response":100000}}"#).await;
    let running = first.download(2, &finish.key).0;
    let received = |running: &Running| {
        let shown = |event: &Event| match event {
            Event::Progress(progress) => Some(progress.loaded),
            _ => None,
        };
        running.events.borrow().iter().rev().find_map(shown).unwrap_or_default()
    };
    while received(&running) < u64::from(19 * MIB) {
        pause(20).await;
    }
    first.close();
    assert_eq!(running.end.await.unwrap(), End::Aborted);
    heal().await;
    until_stat("in_flight", 0.0).await;

    let second = Client::new("ranges").await;
    let (running, sink) = second.download(1, &finish.key);
    let events = running.events.clone();
    let end = running.end.await.unwrap();
    assert!(matches!(end, End::Done(_)), "{end:?}");
    assert!(read(&sink.take().unwrap()).await.to_vec() == content.to_vec());
    let again =
        |event: &Event| matches!(event, Event::Log(_, _, Some(Trace::Request { what: "get", start: Some(0), .. })));
    assert!(!events.borrow().iter().any(again), "what was kept is not asked for again");
}

#[wasm_bindgen_test]
async fn a_lost_answer_to_the_completion_is_no_failure() {
    let (client, content) = (Client::new("completion").await, bytes(11 * MIB));
    for fault in [
        r#"{"on":"complete-upload","times":1,"do":{"lose_answer":true}}"#,
        r#"{"on":"complete-upload","times":1,"do":{"error_in_200":"InternalError"}}"#,
        r#"{"on":"complete-upload","times":1,"do":{"status":500}}"#,
    ] {
        faults(fault).await;
        let running = client.upload(1, "completion.bin", &content);
        let events = running.events.clone();
        let end = running.end.await.unwrap();
        heal().await;
        assert!(matches!(end, End::Done(_)), "{fault}: {end:?}");
        // Chromium itself repeats a request whose connection was reset without a byte of an answer.
        let told = events.borrow().iter().any(|event| matches!(event, Event::Retry { part: None, .. }));
        assert!(told || fault.contains("lose_answer"), "{fault}");
    }
}

#[wasm_bindgen_test]
async fn without_a_network_nothing_is_spent() {
    use presigned::core::transfer::Link;
    let (client, content) = (Client::new("offline").await, bytes(6 * MIB));
    client.link(Link::Down);
    let running = client.upload(1, "offline.bin", &content);
    pause(300).await;
    assert!(running.events.borrow().iter().any(|event| matches!(event, Event::State(State::Offline))), "it says so");
    assert_eq!(retries(&running), 0);
    client.link(Link::Up);
    let words = log(&running);
    let end = running.end.await.unwrap();
    assert!(matches!(end, End::Done(_)), "{end:?}: {words}");
}

#[wasm_bindgen_test]
async fn the_same_file_is_driven_by_one() {
    let content = bytes(12 * MIB);
    let (one, other) = (Client::new("twice").await, Client::new("twice").await);
    // Slower than anybody waits for a page that may be gone.
    faults(r#"{"on":"part","do":{"bytes_per_second":200000}}"#).await;
    let first = one.upload(1, "twice.bin", &content);
    until_stat("in_flight", 3.0).await;
    let End::Failed(error) = other.upload(1, "twice.bin", &content).end.await.unwrap() else {
        panic!("the second is told")
    };
    assert_eq!(error.code.name(), "busy");
    heal().await;
    one.post(1, Input::Resume);
    assert!(matches!(first.end.await.unwrap(), End::Done(_)));
    // Nothing of it is remembered any more.
    assert!(matches!(other.upload(2, "twice.bin", &content).end.await.unwrap(), End::Done(_)));
}
