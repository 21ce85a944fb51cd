//! How the link is, and what the dice say of each connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde::Deserialize;

use crate::pace::Pace;

/// What an order sets; what it leaves out is without limit.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weather {
    /// The n-th connection to a server has the same luck in every run of one seed.
    pub seed: u64,
    /// From one end to the other and back. It also passes before a new connection carries its first byte.
    pub round_trip_ms: u64,
    /// Of each connection, each way.
    pub bytes_per_second: Option<f64>,
    /// The same, drawn for each connection between these two.
    pub uneven_bytes_per_second: Option<[f64; 2]>,
    /// Of all connections together, each way.
    pub total_bytes_per_second: Option<f64>,
    /// A connection is reset when it has carried so many bytes, both ways together, drawn between these two.
    pub cut_after: Option<[u64; 2]>,
}

/// A weather, and what all connections under it share.
pub struct Climate {
    weather: Weather,
    dice: Mutex<HashMap<usize, StdRng>>,
    up: Arc<Mutex<Pace>>,
    down: Arc<Mutex<Pace>>,
}

/// The luck of one connection.
pub struct Line {
    pub one_way: Duration,
    pub cut_after: Option<u64>,
    /// Those of this connection and of all, to the server and from it.
    pub up: [Arc<Mutex<Pace>>; 2],
    pub down: [Arc<Mutex<Pace>>; 2],
}

impl Climate {
    pub fn new(weather: Weather) -> Self {
        let total = || Arc::new(Mutex::new(Pace::new(weather.total_bytes_per_second)));
        Self { up: total(), down: total(), dice: Mutex::default(), weather }
    }

    /// Draws for a connection to the server of this number.
    pub fn line(&self, route: usize) -> Line {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let dice =
            dice.entry(route).or_insert_with(|| StdRng::seed_from_u64(self.weather.seed.wrapping_add(route as u64)));
        let rate = match self.weather.uneven_bytes_per_second {
            Some([least, most]) => Some(dice.random_range(least..=most)),
            None => self.weather.bytes_per_second,
        };
        let own = || Arc::new(Mutex::new(Pace::new(rate)));
        Line {
            one_way: Duration::from_millis(self.weather.round_trip_ms) / 2,
            cut_after: self.weather.cut_after.map(|[least, most]| dice.random_range(least..=most)),
            up: [own(), self.up.clone()],
            down: [own(), self.down.clone()],
        }
    }
}
