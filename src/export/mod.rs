//! What JavaScript can call: options read, events and errors handed out. Nothing is decided here.

mod call;
mod error;
mod events;
mod listener;
mod media;
mod options;
mod panic;
mod platform;
mod reader;
mod session;
mod starter;
mod workers;

pub use session::Session;
