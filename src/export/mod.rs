//! What JavaScript can call: options read, events and errors handed out. Nothing is decided here.

mod error;
mod events;
mod listener;
mod options;
mod panic;
mod session;

pub use session::Session;
