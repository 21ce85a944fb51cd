//! `cargo xtask build`: the npm package, in `pkg/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::shell::{root, run as run_command, step};
use crate::tools::{self, NODE, NPM_PACKAGES, WASM_PACK, WASM_TARGET};
use crate::{Failure, Result, sizes};

/// What the package is made of; a change in one of these makes it stale.
const SOURCES: [&str; 6] =
    ["src", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "README.md", "tests/package-lock.json"];
/// Copied beside the face.
const PAPERS: [&str; 3] = ["README.md", "LICENSE-MIT", "LICENSE-APACHE"];
/// Of npm packages: in pages without a bundler, nobody else would find them.
const BORROWED: [(&str, &str); 2] =
    [("client-zip/index.js", "zip/client-zip.js"), ("client-zip/LICENSE.txt", "zip/client-zip.LICENSE.txt")];

pub fn run() -> Result {
    tools::ensure(&[&WASM_TARGET, &NODE, &NPM_PACKAGES, &WASM_PACK])?;
    step("package: wasm-pack, wasm-opt, the face", assemble)?;
    sizes::print(&package())
}

/// Builds only if a source is newer than the package.
pub fn run_if_stale() -> Result {
    let built = modified(&package().join("package.json"));
    let changed = SOURCES.iter().filter_map(|source| newest(&root().join(source))).max();
    if built.is_some() && built >= changed { Ok(()) } else { run() }
}

pub fn package() -> PathBuf {
    root().join("pkg")
}

fn assemble() -> Result {
    let pkg = package();
    // Nothing of an earlier build may survive in what is published.
    let _ = fs::remove_dir_all(&pkg);
    let mut wasm_pack = tools::wasm_pack();
    wasm_pack.args(["build", "--release", "--target", "web", "--no-pack", "--no-typescript", "--no-gitignore"]);
    wasm_pack.args(["--out-dir", "pkg", "--out-name", "presigned"]).env("PATH", path_with_wasm_opt()?);
    wasm_pack.env("CARGO_ENCODED_RUSTFLAGS", without_local_paths());
    run_command(&mut wasm_pack)?;

    for paper in PAPERS.iter().filter(|paper| root().join(paper).is_file()) {
        copy(&root().join(paper), &pkg)?;
    }
    for folder in ["backends", "doctor", "extras", "media", "zip"] {
        let made = fs::create_dir_all(pkg.join(folder));
        made.map_err(|error| Failure::Failed(format!("{}: {error}", pkg.display())))?;
        for file in files(&root().join("src/face").join(folder))? {
            copy(&file, &pkg.join(folder))?;
        }
    }
    for (file, name) in BORROWED {
        copy_as(&root().join("tests/node_modules").join(file), &pkg.join(name))?;
    }
    let mut face = files(&root().join("src/face"))?;
    // Its presence says that the package is complete.
    face.sort_by_key(|file| file.ends_with("package.json"));
    for file in face {
        copy(&file, &pkg)?;
    }
    same_version(&pkg.join("package.json"))
}

/// wasm-pack fetches a wasm-opt of its own unless it finds one.
fn path_with_wasm_opt() -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = root().join("tests/node_modules/.bin");
    std::env::join_paths(std::iter::once(first).chain(std::env::split_paths(&path)))
        .map_err(|error| Failure::Failed(format!("PATH: {error}")))
}

/// Panics tell where they come from: that must not be a folder of whoever built the package.
fn without_local_paths() -> String {
    let home = std::env::home_dir().unwrap_or_default();
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let folders = [(root(), "presigned"), (cargo, "cargo"), (home, "home")];
    let remap = |(folder, name): &(PathBuf, &str)| format!("--remap-path-prefix={}=/{name}", folder.display());
    // The last that fits is taken.
    folders.iter().rev().map(remap).collect::<Vec<_>>().join("\u{1f}")
}

/// The workspace has one version; the face's package.json repeats it.
fn same_version(manifest: &Path) -> Result {
    let wanted = format!(r#""version": "{}""#, env!("CARGO_PKG_VERSION"));
    match fs::read_to_string(manifest) {
        Ok(text) if text.contains(&wanted) => Ok(()),
        _ => Err(Failure::Failed(format!("src/face/package.json must say {wanted}, as Cargo.toml does"))),
    }
}

fn copy(file: &Path, folder: &Path) -> Result {
    copy_as(file, &folder.join(file.file_name().unwrap_or_default()))
}

fn copy_as(file: &Path, copy: &Path) -> Result {
    match fs::copy(file, copy) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::Failed(format!("copy {} into the package: {error}", file.display()))),
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::Failed(format!("{}: {error}", folder.display())))?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect())
}

/// When the newest file under a path was changed.
fn newest(path: &Path) -> Option<SystemTime> {
    let Ok(entries) = fs::read_dir(path) else { return modified(path) };
    entries.filter_map(|entry| newest(&entry.ok()?.path())).max()
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|data| data.modified()).ok()
}
