//! `cargo xtask test`: the suites in order, and what came out.

use std::process::Command;
use std::time::Instant;

use crate::outcome::Outcome;
use crate::shell::tee;
use crate::suites::{self, Suite};
use crate::{Failure, Result};

pub fn run(arguments: &[String]) -> Result {
    let wanted = chosen(arguments)?;
    let mut report = Report::default();
    for suite in wanted {
        (suite.run)(&mut report);
    }
    report.print();
    // The counts are the last line that anybody sees; the exit code says the rest.
    if report.sum().failed > 0 { std::process::exit(1) } else { Ok(()) }
}

/// What ran so far. One failure does not stop the others.
pub struct Report {
    begun: Instant,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    outcome: Outcome,
    seconds: f32,
    /// Why it could not run at all.
    why: Option<String>,
}

/// What wasm-bindgen's runner prints where a page never got as far as the tests: seen once, of a first start of Chromium.
const NEVER_LOADED: &str = "Loading scripts...Failed to detect test";

impl Default for Report {
    fn default() -> Self {
        Self { begun: Instant::now(), rows: Vec::new() }
    }
}

impl Report {
    /// Something that holds or does not: it counts as one test.
    pub fn check(&mut self, name: &str, act: impl FnOnce() -> Result) {
        self.record(name, || act().map(|()| Outcome::PASSED));
    }

    /// A tool that runs many tests, and how to read its counts. `prepare` makes what the tests need.
    pub fn tests<Kept>(
        &mut self,
        name: &str,
        read: fn(&str) -> Outcome,
        prepare: impl Fn() -> Result<(Command, Kept)>,
    ) {
        self.record(name, || {
            let run = || {
                let (mut command, _kept_while_they_run) = prepare()?;
                tee(&mut command)
            };
            let (mut status, mut output) = run()?;
            if output.contains(NEVER_LOADED) {
                println!("The browser hung before any test was loaded: it is started once more.");
                (status, output) = run()?;
            }
            Ok(read(&output).or_failed(status.success()))
        });
    }

    fn record(&mut self, name: &str, act: impl FnOnce() -> Result<Outcome>) {
        println!("\n── {name}");
        let start = Instant::now();
        let (outcome, why) = match act() {
            Ok(outcome) => (outcome, None),
            Err(failure) => (Outcome::FAILED, Some(failure.to_string())),
        };
        if let Some(why) = &why {
            println!("{why}");
        }
        self.rows.push(Row { name: name.into(), outcome, seconds: start.elapsed().as_secs_f32(), why });
    }

    fn sum(&self) -> Outcome {
        let mut sum = Outcome::default();
        self.rows.iter().for_each(|row| sum += row.outcome);
        sum
    }

    fn print(&self) {
        println!("\n{:<34} {:>7} {:>7} {:>8} {:>9}", "", "passed", "failed", "skipped", "seconds");
        for Row { name, outcome, seconds, why } in &self.rows {
            let Outcome { passed, failed, skipped } = outcome;
            let mark = if *failed > 0 { "  ✗" } else { "" };
            println!("{name:<34} {passed:>7} {failed:>7} {skipped:>8} {seconds:>9.1}{mark}");
            if let Some(why) = why {
                why.lines().for_each(|line| println!("    {line}"));
            }
        }
        let Outcome { passed, failed, .. } = self.sum();
        println!("\n{:.1} s in all", self.begun.elapsed().as_secs_f32());
        println!("{passed} passed, {failed} failed");
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Suite>> {
    if names.is_empty() {
        return Ok(suites::ALL.iter().collect());
    }
    let find = |name: &String| suites::ALL.iter().find(|suite| suite.name == name);
    names.iter().map(|name| find(name).ok_or_else(|| Failure::Usage(format!("there is no suite `{name}`")))).collect()
}
