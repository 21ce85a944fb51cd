//! What is tested, and with which tool.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::outcome::Outcome;
use crate::server::{self, Server};
use crate::shell::{cargo, command, root, run, target};
use crate::test::Report;
use crate::tools::{
    self, BROWSERS, EXAMPLE_PACKAGES, GECKODRIVER, LINTERS, NODE, NPM_PACKAGES, PYTHON_CLIENTS, WASM_PACK, WASM_TARGET,
};
use crate::{Failure, Result, build};

pub struct Suite {
    pub name: &'static str,
    pub run: fn(&mut Report),
}

pub const ALL: [Suite; 5] = [
    Suite { name: "native", run: native },
    Suite { name: "browser", run: browser },
    Suite { name: "package", run: package },
    Suite { name: "e2e", run: e2e },
    Suite { name: "clients", run: clients },
];

/// Formatting, lints, and everything that needs no browser.
fn native(report: &mut Report) {
    report.check("formatting", || {
        tools::ensure(&[&LINTERS])?;
        run(cargo().args(["fmt", "--all", "--check"]))
    });
    report.check("clippy", || {
        tools::ensure(&[&LINTERS])?;
        run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    report.check("clippy, wasm32", || {
        tools::ensure(&[&LINTERS, &WASM_TARGET])?;
        let scope = ["--package", "presigned", "--lib", "--target", "wasm32-unknown-unknown"];
        run(cargo().arg("clippy").args(scope).args(["--", "-D", "warnings"]))?;
        let scope = ["--package", "browser-tests", "--tests", "--target", "wasm32-unknown-unknown"];
        run(cargo().arg("clippy").args(scope).args(["--", "-D", "warnings"]))
    });
    report.tests("cargo test", Outcome::of_rust, || {
        let mut tests = cargo();
        tests.args(["test", "--workspace", "--no-fail-fast"]);
        Ok((tests, ()))
    });
}

/// The SDK's own tests inside browsers, against a mock server.
fn browser(report: &mut Report) {
    report.tests("wasm-bindgen tests in Chromium", Outcome::of_rust, || {
        tools::ensure(&[&BROWSERS, &WASM_TARGET, &WASM_PACK])?;
        in_browser("chrome", tools::chromedriver())
    });
    report.tests("wasm-bindgen tests in Firefox", Outcome::of_rust, || {
        tools::ensure(&[&BROWSERS, &WASM_TARGET, &WASM_PACK, &GECKODRIVER])?;
        in_browser("firefox", tools::geckodriver())
    });
}

/// The packed package as applications use it.
fn package(report: &mut Report) {
    report.check("package builds", build::run);
    report.tests("tests of the package", Outcome::of_node, || node_tests("tests/package"));
}

/// The demo page as visitors use it.
fn e2e(report: &mut Report) {
    report.tests("end-to-end tests", Outcome::of_node, || {
        // Moto, and whoever looks at what is stored.
        tools::ensure(&[&PYTHON_CLIENTS])?;
        build::run_if_stale()?;
        let (mut node, nothing) = node_tests("tests/e2e")?;
        node.env("PRESIGNED_PYTHON", tools::python()?);
        Ok((node, nothing))
    });
}

/// The mock server as clients use it that nobody here wrote, and the example backends on it.
fn clients(report: &mut Report) {
    report.tests("clients of the mock server", Outcome::of_pytest, || {
        tools::ensure(&[&PYTHON_CLIENTS, &NODE, &EXAMPLE_PACKAGES])?;
        let mut pytest = command(tools::python()?);
        pytest.args(["-m", "pytest", "--color=no", "-p", "no:cacheprovider", "tests/clients"]);
        pytest.env("PRESIGNED_EXAMPLE_RUST", server::build_example()?);
        pytest.env("PRESIGNED_MOCK_SERVER", server::build()?);
        Ok((pytest, ()))
    });
}

fn in_browser(browser: &str, driver: Option<PathBuf>) -> Result<(Command, Server)> {
    let driver = driver.ok_or_else(|| Failure::Missing(format!("the driver of {browser}")))?;
    let mut serve = server::command()?;
    // Always the same ports if they are free: the tests have the addresses compiled in.
    serve.args(["--port", &server::port(18080).to_string(), "--store-port", &server::port(19000).to_string()]);
    serve.arg("--clean").arg("--data").arg(target()?.join("mock-server-of-tests"));
    let server = Server::start(&mut serve)?;

    // The module imports them, and the tests' own server serves this folder only.
    for name in ["disk.js", "errors.js", "panic.js", "patiently.js", "runs.js", "workers.js"] {
        let face = root().join("src/face").join(name);
        let copied = fs::copy(&face, root().join("tests/browser").join(name));
        copied.map_err(|error| Failure::Failed(format!("copy {}: {error}", face.display())))?;
    }

    let mut tests = tools::wasm_pack();
    tests.args([
        "test",
        "--headless",
        &format!("--{browser}"),
        &format!("--{browser}driver").replace("firefox", "gecko"),
    ]);
    tests.arg(driver).arg("tests/browser");
    tests.env("PRESIGNED_PAGE", &server.page).env("PRESIGNED_STORE", &server.store);
    // Guards against a hang: what is measured in browsers has no deadline.
    tests.env("WASM_BINDGEN_TEST_TIMEOUT", "300").env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60");
    Ok((tests, server))
}

fn node_tests(folder: &str) -> Result<(Command, ())> {
    tools::ensure(&[&NODE, &NPM_PACKAGES, &BROWSERS])?;
    let mut node = command("node");
    // One file at a time: each drives a browser. Files by name, since Node's versions disagree about folders.
    node.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]).args(test_files(&root().join(folder))?);
    node.env("PRESIGNED_MOCK_SERVER", server::build()?);
    if let Some(chromium) = tools::chromium() {
        node.env("CHROMIUM", chromium);
    }
    Ok((node, ()))
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::Failed(format!("{}: {error}", folder.display())))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".test.js"));
    files.sort();
    if files.is_empty() { Err(Failure::Failed(format!("no test in {}", folder.display()))) } else { Ok(files) }
}
