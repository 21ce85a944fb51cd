//! `cargo xtask demo | test | build | bench`: installs what is missing, then does it.

mod bench;
mod build;
mod demo;
mod outcome;
mod server;
mod shell;
mod sizes;
mod suites;
mod test;
mod tools;

use std::fmt;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask demo [OPTIONS]   build the package, start the mock server, print the page's address
                             OPTIONS go to the mock server: `--s3 ENDPOINT`, `--fault RULE`; all by `--help`
cargo xtask test [SUITE]...  every test, or the suites named: native, browser, package, e2e, clients
cargo xtask build            build the npm package into pkg/ and print its sizes
cargo xtask bench [SCENARIO]...  the benchmark, or the scenarios named, into docs/benchmarks.md
                             `--runs N`; `--quick` tries everything small and writes nothing; `--report` only writes

Each installs what it lacks, or says what to install: exit code 3. A failure is exit code 1, and so is a suite that
could not run for something missing.";

/// Why a command ended early.
pub enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// Something is not installed, and cannot be from here; the text says what to do.
    Missing(String),
    /// Something was tried and went wrong.
    Failed(String),
}

pub type Result<T = ()> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match command.as_str() {
        "demo" => demo::run(&rest),
        "test" => test::run(&rest),
        "build" => no_more(&rest).and_then(|()| build::run()),
        "bench" => bench::run(&rest),
        "" | "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(Failure::Usage(format!("there is no command `{other}`"))),
    };
    let Err(failure) = done else { return ExitCode::SUCCESS };
    eprintln!("{failure}");
    match failure {
        Failure::Failed(_) => ExitCode::from(1),
        Failure::Usage(_) => ExitCode::from(2),
        Failure::Missing(_) => ExitCode::from(3),
    }
}

fn no_more(arguments: &[String]) -> Result {
    match arguments.first() {
        Some(argument) => Err(Failure::Usage(format!("`{argument}` means nothing here"))),
        None => Ok(()),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) => write!(out, "{why}\n\n{HELP}"),
            Self::Missing(what) => write!(out, "missing: {what}"),
            Self::Failed(what) => write!(out, "failed: {what}"),
        }
    }
}
