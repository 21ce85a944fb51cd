//! `cargo xtask bench`: this SDK and its peers in one Chromium, and docs/benchmarks.md from what came out.

use crate::shell::{cargo, command, root, run as run_command, step, target};
use crate::tools::{self, BENCH_PACKAGES, CHROMIUM, NODE};
use crate::{Result, build};

/// The arguments are those of `tests/bench/bench.js`.
pub fn run(arguments: &[String]) -> Result {
    tools::ensure(&[&NODE, &BENCH_PACKAGES, &CHROMIUM])?;
    build::run_if_stale()?;
    let servers = ["--package", "mock-server", "--package", "bench-link"];
    // Optimised for speed: a slow server would be all that is measured.
    step("servers: compiling", || run_command(cargo().args(["build", "--profile", "bench"]).args(servers)))?;
    let built = target()?.join("release");
    let mut bench = command("node");
    bench.arg(root().join("tests/bench/bench.js")).args(arguments);
    bench.env("PRESIGNED_MOCK_SERVER", built.join("mock-server")).env("PRESIGNED_BENCH_LINK", built.join("bench-link"));
    bench.env("PRESIGNED_BENCH_FOLDER", target()?.join("bench"));
    if let Some(chromium) = tools::chromium() {
        bench.env("CHROMIUM", chromium);
    }
    run_command(&mut bench)
}
