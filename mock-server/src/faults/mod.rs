//! Faults: rules say which requests suffer what. The store and the backend know nothing of this.
//!
//! Two layers: `answers` stands in for a handler that would have answered otherwise, `wire` lies around everything and spoils the connection itself.

pub mod answers;
mod body;
pub mod line;
mod plan;
pub mod rule;
pub mod target;
pub mod wire;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

pub use self::plan::Plan;
use self::rule::{Action, Rule};
use self::target::Target;

/// The rules in force, shared by both origins.
pub struct Faults {
    rules: Mutex<Rules>,
    /// Counts the replacements of the rules, so that running requests notice one by a glance.
    generation: AtomicU64,
}

struct Rules {
    seed: u64,
    active: Vec<Active>,
}

struct Active {
    rule: Rule,
    source: Value,
    matched: u64,
    hits: u64,
    /// One generator a rule, so that the order in which rules meet requests does not change another rule's luck.
    chance: StdRng,
}

impl Faults {
    pub fn new(seed: u64) -> Self {
        Self { rules: Mutex::new(Rules { seed, active: Vec::new() }), generation: AtomicU64::new(0) }
    }

    /// Replaces all rules; the seed stays if none is given.
    ///
    /// # Errors
    /// Says which rule is wrong and why, and changes nothing.
    pub fn replace(&self, seed: Option<u64>, sources: &[Value]) -> Result<(), String> {
        let parsed = sources
            .iter()
            .enumerate()
            .map(|(index, source)| Rule::from_json(source).map_err(|error| format!("rule {index}: {error}")))
            .collect::<Result<Vec<_>, _>>()?;
        let mut rules = self.lock();
        let seed = seed.unwrap_or(rules.seed);
        rules.seed = seed;
        rules.active = (0..)
            .zip(parsed.into_iter().zip(sources))
            .map(|(index, (rule, source))| Active {
                rule,
                source: source.clone(),
                matched: 0,
                hits: 0,
                chance: StdRng::seed_from_u64(seed ^ (index << 32)),
            })
            .collect();
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// `{seed, rules: [{…rule, hits}]}`
    pub fn report(&self) -> Value {
        let rules = self.lock();
        let list: Vec<Value> = rules
            .active
            .iter()
            .map(|active| {
                let mut rule = active.source.clone();
                rule["hits"] = json!(active.hits);
                rule
            })
            .collect();
        json!({"seed": rules.seed, "rules": list})
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What befalls a request; counts it against every rule that it matches.
    fn strike(&self, target: &Target, wanted: impl Fn(&Action) -> bool) -> Vec<Action> {
        self.lock()
            .active
            .iter_mut()
            .filter(|active| wanted(&active.rule.action) && active.rule.matches(target))
            .filter_map(Active::strike)
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Active {
    fn strike(&mut self) -> Option<Action> {
        self.matched += 1;
        if self.matched <= self.rule.skip || self.rule.times.is_some_and(|times| self.hits >= times) {
            return None;
        }
        if let Some(chance) = self.rule.chance
            && !self.chance.random_bool(chance)
        {
            return None;
        }
        self.hits += 1;
        Some(self.rule.action.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderMap, Method};

    fn part(number: u32) -> Target {
        let uri = format!("/presigned/a?partNumber={number}&uploadId=x").parse().unwrap();
        Target::of_store(&Method::PUT, &uri, &HeaderMap::new())
    }

    fn strikes(faults: &Faults, number: u32, times: usize) -> Vec<bool> {
        (0..times).map(|_| !faults.strike(&part(number), |_| true).is_empty()).collect()
    }

    #[test]
    fn skip_and_times_count_matching_requests_only() {
        let faults = Faults::new(1);
        let rule = json!({"on": "part", "part": 3, "skip": 1, "times": 2, "do": {"status": 503}});
        faults.replace(None, &[rule]).unwrap();
        assert_eq!(strikes(&faults, 2, 3), [false; 3]);
        assert_eq!(strikes(&faults, 3, 5), [false, true, true, false, false]);
        assert_eq!(faults.report()["rules"][0]["hits"], 2);
    }

    #[test]
    fn chance_is_the_seed_s() {
        let run = |seed| {
            let faults = Faults::new(0);
            let rule = json!({"on": "any", "chance": 0.5, "do": {"expired": true}});
            faults.replace(Some(seed), &[rule]).unwrap();
            strikes(&faults, 1, 64)
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        assert!(run(7).contains(&true) && run(7).contains(&false));
    }

    #[test]
    fn a_bad_rule_changes_nothing() {
        let faults = Faults::new(0);
        faults.replace(None, &[json!({"on": "get", "do": {"expired": true}})]).unwrap();
        let error = faults.replace(None, &[json!({"on": "get", "do": {"what": 1}})]).unwrap_err();
        assert!(error.starts_with("rule 0"), "{error}");
        assert_eq!(faults.report()["rules"].as_array().unwrap().len(), 1);
    }
}
