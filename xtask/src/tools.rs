//! What the commands need, and how it gets here.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::shell::{ask, cargo, command, root, run, step, target, which};
use crate::{Failure, Result};

/// A thing that has to be on this machine.
pub struct Tool {
    name: &'static str,
    found: fn() -> bool,
    install: fn() -> Result,
    /// What to tell somebody for whom it cannot be installed from here.
    by_hand: &'static str,
}

pub const WASM_TARGET: Tool = Tool {
    name: "the wasm32 target of Rust",
    found: || {
        let mut rustc = command("rustc");
        let folder = ask(rustc.args(["--print", "target-libdir", "--target", "wasm32-unknown-unknown"]));
        folder.is_some_and(|folder| PathBuf::from(folder).is_dir())
    },
    // A toolchain file alone does nothing where rustup is told not to install by itself.
    install: || run(command("rustup").args(["target", "add", "wasm32-unknown-unknown"])),
    by_hand: "rustup target add wasm32-unknown-unknown (without rustup: the package of your system, as libstd-rust-dev-wasm32 on Debian)",
};

pub const LINTERS: Tool = Tool {
    name: "rustfmt and clippy",
    found: || ask(cargo().args(["fmt", "--version"])).and(ask(cargo().args(["clippy", "--version"]))).is_some(),
    install: || run(command("rustup").args(["component", "add", "rustfmt", "clippy"])),
    by_hand: "rustup component add rustfmt clippy",
};

pub const WASM_PACK: Tool = Tool {
    name: "wasm-pack",
    found: || is_recent("wasm-pack", "0.15.1"),
    install: || cargo_install("wasm-pack", "0.15.1"),
    by_hand: "cargo install wasm-pack --locked",
};

pub const GECKODRIVER: Tool = Tool {
    name: "geckodriver",
    found: || is_recent("geckodriver", "0.36.0"),
    install: || cargo_install("geckodriver", "0.37.1"),
    by_hand: "cargo install geckodriver --locked",
};

pub const NODE: Tool = Tool {
    name: "Node 20.19 or later, with npm",
    found: || is_recent("node", "20.19.0") && which("npm").is_some(),
    install: || Err(Failure::Missing("a language's runtime is not installed from here".into())),
    by_hand: "Node's own installer, or your system's packages nodejs and npm",
};

/// wasm-opt, Vite, TypeScript, playwright-core: `tests/package.json`.
pub const NPM_PACKAGES: Tool = Tool {
    name: "npm packages of tests/",
    found: || npm_installed("tests"),
    install: || npm_install("tests"),
    by_hand: "npm ci, in tests/",
};

/// The benchmark's peers: `tests/bench/package.json`.
pub const BENCH_PACKAGES: Tool = Tool {
    name: "npm packages of tests/bench/",
    found: || npm_installed("tests/bench"),
    install: || npm_install("tests/bench"),
    by_hand: "npm ci, in tests/bench/",
};

/// What the backend in Node needs: `examples/node/package.json`.
pub const EXAMPLE_PACKAGES: Tool = Tool {
    name: "npm packages of examples/node/",
    found: || npm_installed("examples/node"),
    install: || npm_install("examples/node"),
    by_hand: "npm ci, in examples/node/",
};

pub const CHROMIUM: Tool = Tool {
    name: "Chromium",
    found: || chromium().is_some(),
    install: || apt_install(&["chromium"]),
    by_hand: "as root on Debian: apt-get install chromium. Elsewhere: Chromium or Chrome on PATH",
};

pub const BROWSERS: Tool = Tool {
    name: "Chromium with its driver, and Firefox",
    found: || missing_browsers().is_empty(),
    install: || apt_install(&missing_browsers()),
    by_hand: "as root on Debian: apt-get install chromium chromium-driver firefox-esr. Elsewhere: Chromium or Chrome, \
              the chromedriver of the same version, and Firefox, on PATH",
};

pub const PYTHON_CLIENTS: Tool = Tool {
    name: "Python packages of tests/clients and examples/flask",
    found: || {
        let installed = venv_stamp().and_then(|stamp| fs::read(stamp).ok());
        installed.is_some() && installed == wanted_in_python()
    },
    install: install_python_clients,
    by_hand: "Python 3.10 or later with venv (python3-venv on Debian) on PATH as python3, and a package index that pip can reach",
};

/// Sees to it that all of these are there; quick when they are. Says at once everything that is missing.
pub fn ensure(tools: &[&Tool]) -> Result {
    let mut missing = Vec::new();
    for tool in tools.iter().filter(|tool| !(tool.found)()) {
        let installed = step(&format!("{}: not here yet, installing", tool.name), tool.install);
        let why = match installed {
            Ok(()) if (tool.found)() => continue,
            Ok(()) => "it was installed, and is still not found".into(),
            Err(Failure::Usage(why) | Failure::Missing(why) | Failure::Failed(why)) => why,
        };
        missing.push(format!("{} ({why})\n  by hand: {}", tool.name, tool.by_hand));
    }
    if missing.is_empty() { Ok(()) } else { Err(Failure::Missing(missing.join("\n"))) }
}

pub fn wasm_pack() -> Command {
    command(program("wasm-pack").unwrap_or_else(|| "wasm-pack".into()))
}

pub fn geckodriver() -> Option<PathBuf> {
    program("geckodriver")
}

pub fn chromium() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].into_iter().find_map(which)
}

pub fn chromedriver() -> Option<PathBuf> {
    which("chromedriver")
}

/// The Python that has the packages of `tests/clients`.
pub fn python() -> Result<PathBuf> {
    Ok(target()?.join("venv/bin/python"))
}

/// On PATH, or where `cargo install` puts things, which need not be on PATH.
fn program(name: &str) -> Option<PathBuf> {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    which(name).or_else(|| cargo_home.map(|home| home.join("bin").join(name)).filter(|file| file.is_file()))
}

fn is_recent(name: &str, least: &str) -> bool {
    let Some(program) = program(name) else { return false };
    ask(command(program).arg("--version")).is_some_and(|text| version(&text) >= version(least))
}

/// The first version that a text names.
fn version(text: &str) -> Option<[u32; 3]> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word.trim_start_matches('v').splitn(3, '.').map(|number| number.parse().ok());
        Some([numbers.next()??, numbers.next()??, numbers.next()??])
    })
}

fn cargo_install(name: &str, version: &str) -> Result {
    run(cargo().args(["install", name, "--locked", "--force", "--version", version]))
}

fn missing_browsers() -> Vec<&'static str> {
    let firefox = which("firefox").or_else(|| which("firefox-esr"));
    let wanted = [("chromium", chromium()), ("chromium-driver", chromedriver()), ("firefox-esr", firefox)];
    wanted.into_iter().filter(|(_, found)| found.is_none()).map(|(package, _)| package).collect()
}

fn apt_install(packages: &[&str]) -> Result {
    if which("apt-get").is_none() {
        return Err(Failure::Missing("there is no apt-get".into()));
    }
    if ask(command("id").arg("-u")).as_deref() != Some("0") {
        return Err(Failure::Missing("only root may use apt-get".into()));
    }
    let apt = || {
        let mut apt = command("apt-get");
        // Another installation may be running.
        apt.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-o", "DPkg::Lock::Timeout=300"]);
        apt
    };
    run(apt().arg("update"))?;
    run(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

fn install_python_clients() -> Result {
    let folder = target()?.join("venv");
    // Left over from other requirements.
    let _ = fs::remove_dir_all(&folder);
    let venv = || run(command("python3").args(["-m", "venv"]).arg(&folder));
    venv().or_else(|_| apt_install(&["python3-venv"]).and_then(|()| venv()))?;
    let mut pip = command(python()?);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    run(REQUIREMENTS.iter().fold(&mut pip, |pip, file| pip.arg("-r").arg(root().join(file))))?;
    let stamp = folder.join("requirements.txt");
    fs::write(&stamp, wanted_in_python().unwrap_or_default())
        .map_err(|error| Failure::Failed(format!("{}: {error}", stamp.display())))
}

/// The clients of the mock server, and the backend in Flask, which is one too.
const REQUIREMENTS: [&str; 2] = ["tests/clients/requirements.txt", "examples/flask/requirements.txt"];

fn wanted_in_python() -> Option<Vec<u8>> {
    let texts: std::io::Result<Vec<_>> = REQUIREMENTS.iter().map(|file| fs::read(root().join(file))).collect();
    Some(texts.ok()?.concat())
}

/// A copy of what the environment was made from.
fn venv_stamp() -> Option<PathBuf> {
    Some(target().ok()?.join("venv/requirements.txt"))
}

fn npm_installed(folder: &str) -> bool {
    let lock = fs::read(root().join(folder).join("package-lock.json"));
    lock.is_ok_and(|lock| fs::read(npm_stamp(folder)).is_ok_and(|installed| installed == lock))
}

fn npm_install(folder: &str) -> Result {
    run(command("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(root().join(folder)))?;
    copy(root().join(folder).join("package-lock.json"), npm_stamp(folder))
}

/// A copy of what was installed: npm's own lock in there is another one.
fn npm_stamp(folder: &str) -> PathBuf {
    root().join(folder).join("node_modules/.installed-lock.json")
}

fn copy(from: PathBuf, to: PathBuf) -> Result {
    match fs::copy(&from, &to) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Failed(format!("copy {} to {}: {error}", from.display(), to.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn finds_the_version_in_what_tools_print() {
        assert_eq!(version("wasm-pack 0.15.1"), Some([0, 15, 1]));
        assert_eq!(version("v20.20.2"), Some([20, 20, 2]));
        assert_eq!(version("geckodriver 0.37.1 (a1b2c3 2026-01-01)\n\nThe source code"), Some([0, 37, 1]));
        assert_eq!(version("no version"), None);
        assert!(version("v9.11.2") < version("20.19.0"));
    }
}
