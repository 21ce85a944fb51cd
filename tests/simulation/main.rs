//! Seeded worlds in virtual time: the real engines and the real loop over a modelled network, backend and store.
//!
//! A failing world prints its seed. `SEED=n cargo test --test simulation one_world -- --nocapture` replays it, and
//! `WORLDS=n` sets how many are run.

mod clock;
mod platform;
mod rules;
mod server;
mod store;
mod world;

use world::World;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn many_worlds_keep_the_promises() {
    let worlds = number("WORLDS").unwrap_or(5_000);
    let mut ends = rules::Ends::default();
    for seed in 0..worlds {
        let told = std::panic::catch_unwind(|| World::new(seed).run());
        match told {
            Ok(told) => ends.add(&told),
            Err(_) => panic!(
                "world {seed} broke a promise: SEED={seed} cargo test --test simulation one_world -- --nocapture"
            ),
        }
    }
    println!("{worlds} worlds: {ends:?}");
    // A simulator that never gets into trouble, or never out of it, proves nothing.
    assert!(ends.done > ends.failed, "most transfers survive: {ends:?}");
    if worlds >= 1_000 {
        assert!(ends.failed > 0 && ends.aborted > 0 && ends.retries > worlds, "worlds are too kind: {ends:?}");
    }
}

#[test]
fn one_world() {
    let ends = World::new(number("SEED").unwrap_or(1)).run();
    println!("{ends:?}");
}

#[test]
fn a_world_replays_to_the_letter() {
    assert_eq!(World::new(42).run(), World::new(42).run());
}
