//! A single call to the backend outside any transfer, under the same retry policy.

use std::future::Future;

use super::seams::Clock;
use crate::core::{
    chance::Chance,
    error::{Error, Failure, Verdict},
    retry::{Backoff, Policy},
};

pub async fn retrying<T, F>(
    clock: &impl Clock,
    policy: &Policy,
    seed: u64,
    mut call: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Failure>>,
{
    let (mut chance, mut backoff) = (Chance::new(seed), Backoff::default());
    loop {
        let failure = match call().await {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        let Verdict::Retry { after } = failure.verdict else { return Err(failure.into_error()) };
        let Some(pause) = backoff.pause(policy, after, &mut chance) else { return Err(failure.into_error()) };
        clock.sleep_until(clock.now().saturating_add(pause)).await;
    }
}
