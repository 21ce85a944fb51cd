//! What the browser says of the network.

use std::{cell::RefCell, rc::Rc};

use presigned::{core::transfer::Link, web::LinkWatch};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{Event, EventTarget};

fn say(kind: &str) {
    let global: EventTarget = js_sys::global().unchecked_into();
    global.dispatch_event(&Event::new(kind).unwrap()).unwrap();
}

#[wasm_bindgen_test]
fn changes_are_told_until_it_is_dropped() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let heard = told.clone();
    let watch = LinkWatch::new(move |link| heard.borrow_mut().push(link));
    say("offline");
    say("online");
    drop(watch);
    say("offline");
    assert_eq!(*told.borrow(), [Link::Down, Link::Up]);
    assert_eq!(Rc::strong_count(&told), 1, "the callback is let go");
}
