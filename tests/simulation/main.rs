//! Seeded worlds in virtual time: the real engines and the real loop over a modelled network, backend and store.
//!
//! A failing world prints its seed. `SEED=n cargo test --test simulation one_world -- --nocapture` replays it, and
//! `WORLDS=n` sets how many are run.

/// A platform that is all of its own seams, but for the clock.
macro_rules! stands_for_everything {
    ($world:ty) => {
        impl presigned::drive::seams::Platform for $world {
            type Backend = Self;
            type Source = crate::platform::SimSource;
            type Sink = crate::platform::SimSink;
            type Store = Self;
            type Transport = Self;
            type Hasher = Self;
            type Clock = crate::clock::VirtualClock;
            type Listener = crate::platform::SimListener;

            fn backend(&self) -> &Self {
                self
            }

            fn transport(&self) -> &Self {
                self
            }

            fn store(&self) -> &Self {
                self
            }

            fn hasher(&self) -> &Self {
                self
            }

            fn clock(&self) -> &crate::clock::VirtualClock {
                &self.clock
            }
        }
    };
}

mod backend;
mod clock;
mod fate;
mod networks;
mod platform;
mod replay;
mod rules;
mod server;
mod store;
mod transport;
mod verdict;
mod world;

use world::World;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn many_worlds_keep_the_promises() {
    let worlds = number("WORLDS").unwrap_or(20_000);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let ends = std::thread::scope(|scope| {
        let share = |thread| move || run_all((thread..worlds).step_by(threads as usize));
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(share(thread))).collect();
        let mut ends = rules::Ends::default();
        for share in running {
            match share.join() {
                Ok(own) => ends.add(&own),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        ends
    });
    println!("{worlds} worlds: {ends:?}");
    // A simulator that never gets into trouble, or never out of it, proves nothing.
    assert!(ends.done > ends.failed, "most transfers survive: {ends:?}");
    if worlds >= 1_000 {
        assert!(ends.failed > 0 && ends.aborted > 0 && ends.retries > worlds, "worlds are too kind: {ends:?}");
        assert!(ends.wide > 0, "two hosts are used side by side: {ends:?}");
    }
}

fn run_all(seeds: impl Iterator<Item = u64>) -> rules::Ends {
    let mut ends = rules::Ends::default();
    let mut broken = Vec::new();
    for seed in seeds {
        match std::panic::catch_unwind(|| World::new(seed).run()) {
            Ok(told) => ends.add(&told),
            Err(_) => {
                println!("^ world {seed}: SEED={seed} cargo test --test simulation one_world -- --nocapture");
                broken.push(seed);
            }
        }
        assert!(broken.len() < 10, "broken worlds: {broken:?}");
    }
    assert!(broken.is_empty(), "broken worlds: {broken:?}");
    ends
}

#[test]
fn one_world() {
    let ends = World::new(number("SEED").unwrap_or(1)).told().run();
    println!("{ends:?}");
}

#[test]
fn a_world_replays_to_the_letter() {
    assert_eq!(World::new(42).run(), World::new(42).run());
}

#[test]
fn a_small_file_does_not_wait_behind_a_big_one() {
    let order = world::ends_of(&[24 * presigned::core::plan::MIB, 1_000]);
    assert_eq!(order, [1, 0]);
}
