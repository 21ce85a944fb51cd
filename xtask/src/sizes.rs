//! What an application's visitors load.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{Failure, Result};

/// Folders of what not every page loads.
const LAZY: [(&str, &str); 5] = [
    ("backends", "where they are imported:"),
    ("doctor", "where `doctor()` is called:"),
    ("extras", "where `cache` or `compress` is used:"),
    ("media", "where `media()` is called, with its service worker:"),
    ("zip", "where `zip()` is called:"),
];

/// Prints the size of each file that a browser loads, plain and gzipped.
pub fn print(package: &Path) -> Result {
    let failed = |error| Failure::Failed(format!("measure the package: {error}"));
    let entries = fs::read_dir(package).map_err(failed)?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "wasm" || kind == "js"));
    files.sort();

    println!("  {:<22} {:>9} {:>9}", "", "bytes", "gzip -9");
    let (mut wasm, mut scripts) = ([0; 2], [0; 2]);
    for file in files {
        let bytes = fs::read(&file).map_err(failed)?;
        let sizes = [bytes.len(), gzip(&bytes).map_err(failed)?];
        row(&file.file_name().unwrap_or_default().to_string_lossy(), sizes);
        let sum = if file.extension().is_some_and(|kind| kind == "wasm") { &mut wasm } else { &mut scripts };
        sum[0] += sizes[0];
        sum[1] += sizes[1];
    }
    row("wasm", wasm);
    row("JavaScript, unminified", scripts);
    row("everything", [wasm[0] + scripts[0], wasm[1] + scripts[1]]);

    for (folder, words) in LAZY {
        let entries = fs::read_dir(package.join(folder)).map_err(failed)?;
        let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|file| file.extension().is_some_and(|kind| kind == "js"));
        files.sort();
        println!("  {words}");
        for file in files {
            let bytes = fs::read(&file).map_err(failed)?;
            row(&file.file_name().unwrap_or_default().to_string_lossy(), [bytes.len(), gzip(&bytes).map_err(failed)?]);
        }
    }
    Ok(())
}

fn row(name: &str, [plain, gzipped]: [usize; 2]) {
    println!("  {name:<22} {plain:>9} {gzipped:>9}");
}

fn gzip(bytes: &[u8]) -> std::io::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
