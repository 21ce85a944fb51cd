//! Decisions, and nothing else: no I/O, no clock, no randomness of its own, no browser.
//!
//! Time is a number that this room is handed ([`time::Millis`]), chance is a seed ([`chance::Chance`]).
//! [`fleet::Fleet`] is the whole of it as seen from [`crate::drive`]: one value that hears inputs and tells commands.
//!
//! | to decide | look in |
//! |---|---|
//! | which transfer may use a connection | [`fleet`] |
//! | how many requests are good | [`limit`], from what [`traffic`] has seen |
//! | what an upload does next | [`upload`] |
//! | what a download does next | [`download`] |
//! | what an HTTP answer means | [`answer`], with [`xml`] and [`http`]; of a part that was sent, [`kept`] |
//! | what a backend's JSON means | [`protocol`], on [`json`]; where functions of the page stand for it, [`page`] |
//! | in what stores differ | [`provider`] |
//! | what a downloaded file is called | [`disposition`] |
//! | whether and when to try again | [`retry`] |
//! | how large a part is | [`plan`] |
//! | what survives a reload | [`checkpoint`] |
//! | how long a signed URL is good | [`lease`] |
//! | whether silence is a stall | [`flight`] |

pub mod answer;
pub mod base64;
pub mod calls;
pub mod chance;
pub mod checkpoint;
pub mod checksum;
pub mod crc;
pub mod date;
pub mod disposition;
pub mod download;
pub mod error;
pub mod etag;
pub mod fleet;
pub mod flight;
pub mod group;
pub mod hashing;
pub mod hex;
pub mod host;
pub mod http;
pub mod integrity;
pub mod json;
pub mod kept;
pub mod lease;
pub mod limit;
pub mod mark;
pub mod meter;
pub mod options;
pub mod ordered;
pub mod outside;
pub mod page;
pub mod plan;
pub mod protocol;
pub mod provider;
pub mod reach;
pub mod retry;
pub mod runs;
pub mod sorted;
pub mod stretches;
pub mod text;
pub mod time;
pub mod trace;
pub mod traffic;
pub mod transfer;
pub mod upload;
pub mod xml;
