//! Whether the adaptive limit comes close to the best fixed one, on modelled networks: the real engines and the real loop
//! upload over each of them in virtual time, once with `auto` and once with every number that a browser could open.
//!
//! `cargo test --test simulation networks -- --nocapture` prints the table.

mod fluid;
mod net;

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Mutex, mpsc},
};

use futures_executor::LocalPool;
use futures_util::task::LocalSpawnExt;
use presigned::{
    core::{
        chance::Chance,
        options::Settings,
        plan::{GIB, MIB},
        protocol::UploadRequest,
        retry::Policy,
        time::Millis,
        transfer::End,
    },
    drive::{Driver, mailbox::Message, seams::Clock},
};

use self::{fluid::Network, net::Net};
use super::{
    clock::VirtualClock,
    platform::{SimListener, SimSource},
    rules::Witness,
};

/// Speeds are in bytes per millisecond: 1,000 are 8 Mbit/s.
const USUAL: Network = Network {
    name: "",
    h2: false,
    capacity: 100_000,
    per_way: [100_000, 100_000],
    latency: 30,
    cut_after: None,
    most_at_once: None,
    most_per_second: None,
    collapses_above: None,
    held_above: None,
    files: 1,
    size: 1 << 30,
};

fn networks() -> Vec<Network> {
    vec![
        Network { name: "thin uplink, 4 Mbit/s", capacity: 500, latency: 40, size: 40 * MIB, ..USUAL },
        Network { name: "far, 80 Mbit/s a connection", per_way: [10_000, 10_000], latency: 60, size: 3 * GIB, ..USUAL },
        Network { name: "very far, 300 ms", per_way: [4_000, 4_000], latency: 300, size: GIB, ..USUAL },
        Network {
            name: "flaky, cut after 12 to 36 MB",
            per_way: [20_000, 20_000],
            cut_after: Some([12_000_000, 36_000_000]),
            size: 4 * GIB,
            ..USUAL
        },
        Network { name: "uneven, 1 to 10 MB/s a connection", per_way: [1_000, 10_000], size: 2 * GIB, ..USUAL },
        Network {
            name: "fast LAN",
            per_way: [120_000, 120_000],
            capacity: 120_000,
            latency: 1,
            size: 8 * GIB,
            ..USUAL
        },
        Network {
            name: "store that takes 3 at once",
            per_way: [5_000, 5_000],
            most_at_once: Some(3),
            size: GIB,
            ..USUAL
        },
        Network {
            name: "store that takes 60 requests a second",
            latency: 50,
            most_per_second: Some(60),
            files: 1_000,
            size: 100_000,
            ..USUAL
        },
        Network {
            name: "collapse above 3",
            capacity: 60_000,
            per_way: [20_000, 20_000],
            collapses_above: Some(3),
            size: 20 * GIB,
            ..USUAL
        },
        Network {
            name: "a box that forgets all but 4 connections",
            per_way: [4_000, 4_000],
            held_above: Some(4),
            size: 8 * GIB,
            ..USUAL
        },
        Network {
            name: "HTTP/2, a window a stream",
            h2: true,
            per_way: [2_000, 2_000],
            latency: 100,
            size: 4 * GIB,
            ..USUAL
        },
        Network {
            name: "HTTP/2, full at 9",
            h2: true,
            capacity: 18_000,
            per_way: [2_000, 2_000],
            latency: 60,
            size: GIB,
            ..USUAL
        },
        Network { name: "HTTP/2, one stream fills it", h2: true, capacity: 12_000, size: GIB, ..USUAL },
        Network { name: "HTTP/2, many small files, far", h2: true, latency: 500, files: 1_800, size: 50_000, ..USUAL },
        Network {
            name: "HTTP/2, store that takes 15 at once",
            h2: true,
            per_way: [1_500, 1_500],
            latency: 60,
            most_at_once: Some(15),
            size: 2 * GIB,
            ..USUAL
        },
        Network {
            name: "HTTP/2, collapse above 10",
            h2: true,
            capacity: 100_000,
            per_way: [10_000, 10_000],
            collapses_above: Some(10),
            size: 32 * GIB,
            ..USUAL
        },
    ]
}

/// How long the uploads take, and what limits were in force when.
struct Run {
    took: Millis,
    failed: usize,
    story: Vec<String>,
}

/// `most`: who needs longer is out of the race.
fn run(network: Network, concurrency: Option<usize>, seed: u64, most: Millis) -> Run {
    let clock = VirtualClock::default();
    let net = Rc::new(Net::new(network, clock.clone(), seed));
    let settings = Settings { concurrency, retry: Policy::default(), checksum: None, ..Settings::default() };
    let (driver, mailbox) = Driver::new(net, settings, seed);
    let mut pool = LocalPool::new();
    pool.spawner().spawn_local(driver.run()).expect("a pool that takes tasks");
    let mut witnesses = Vec::new();
    for id in 0..network.files {
        let key = format!("k{id}");
        let mut witness = Witness::new(key.clone());
        witness.limits = Some(Vec::new());
        let witness = Rc::new(RefCell::new(witness));
        witnesses.push(witness.clone());
        let request = UploadRequest {
            filename: key.clone(),
            content_type: "application/octet-stream".into(),
            size: network.size,
            key: Some(key),
            metadata: Vec::new(),
            part_size: None,
            form_refused: false,
            unpacked: None,
        };
        let (source, listener) = (Rc::new(SimSource(id)), SimListener(witness, clock.clone()));
        mailbox.post(Message::Upload { id, request, source, listener, group: None, resume: true });
    }
    let mut left = witnesses.clone();
    loop {
        pool.run_until_stalled();
        while left.pop_if(|witness| witness.borrow().end.is_some()).is_some() {}
        if left.is_empty() || clock.now() > most {
            break;
        }
        assert!(clock.advance(), "deadlock");
    }
    let mut story: Vec<_> = witnesses.iter().flat_map(|witness| witness.borrow_mut().limits.take()).flatten().collect();
    story.sort();
    let failed = |witness: &&Rc<RefCell<Witness>>| !matches!(witness.borrow().end, Some(End::Done(_)));
    Run {
        took: clock.now(),
        failed: witnesses.iter().filter(failed).count(),
        story: story.into_iter().map(|(at, words)| format!("{at} {words}")).collect(),
    }
}

/// The mean over a few seeds, where chance has a say.
fn mean(network: Network, concurrency: Option<usize>, most: Millis) -> (Millis, Vec<String>) {
    let seeds = if network.is_by_chance() { 4 } else { 1 };
    let runs: Vec<_> = (1..=seeds).map(|seed| run(network, concurrency, Chance::new(seed).bits(), most)).collect();
    let took = runs.iter().map(|run| run.took).sum::<Millis>() / seeds;
    // What fails is no way to be quick.
    let failed: usize = runs.iter().map(|run| run.failed).sum();
    let story = runs.into_iter().next().map(|run| run.story).unwrap_or_default();
    if concurrency.is_none() {
        assert_eq!(failed, 0, "{}: uploads failed", network.name);
    }
    (if failed > 0 { Millis::MAX } else { took }, story)
}

struct Row {
    network: Network,
    auto: Millis,
    best: (Millis, usize),
    six: Millis,
    story: Vec<String>,
    cost: u128,
}

fn compare(network: Network) -> Row {
    let began = std::time::Instant::now();
    let (auto, story) = mean(network, None, Millis::MAX);
    let (six, _) = mean(network, Some(6), Millis::MAX);
    let mut best = (six, 6);
    for most in (1..=if network.h2 { 24 } else { 6 }).rev().filter(|most| *most != 6) {
        // Where chance has a say, one run may well take longer than the mean.
        let longest = if network.is_by_chance() { best.0.saturating_mul(2) } else { best.0 };
        best = best.min((mean(network, Some(most), longest).0, most));
    }
    Row { network, auto, best, six, story, cost: began.elapsed().as_millis() }
}

#[test]
fn auto_comes_close_to_the_best_fixed_limit_on_all_networks() {
    let waiting = Mutex::new(networks().into_iter().enumerate().collect::<Vec<_>>());
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let (sender, rows) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (waiting, sender) = (&waiting, sender.clone());
            scope.spawn(move || {
                // The lock is let go before the work.
                while let Some((index, network)) = { waiting.lock().expect("a list").pop() } {
                    sender.send((index, compare(network))).expect("a table");
                }
            });
        }
    });
    drop(sender);
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(index, _)| *index);
    println!("{:42} {:>9} {:>9} {:>4} {:>6} {:>9}", "network", "auto s", "best s", "at", "ratio", "six s");
    let mut behind = Vec::new();
    for (_, row) in &rows {
        let ratio = row.auto as f64 / row.best.0 as f64;
        let seconds = |span: Millis| {
            if span == Millis::MAX { "fails".to_owned() } else { format!("{:.1}", span as f64 / 1000.0) }
        };
        println!(
            "{:42} {:>9} {:>9} {:>4} {ratio:>6.3} {:>9} {:>6}",
            row.network.name,
            seconds(row.auto),
            seconds(row.best.0),
            row.best.1,
            seconds(row.six),
            row.cost
        );
        if ratio > 1.1 {
            behind.push(row.network.name);
        }
        if std::env::var("STORY").is_ok_and(|name| row.network.name.contains(&name)) {
            row.story.iter().take(60).for_each(|words| println!("    {words}"));
        }
    }
    assert!(rows.len() >= 8 && behind.is_empty(), "more than a tenth behind: {behind:?}");
}
