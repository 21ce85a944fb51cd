//! Running other programs, and saying so.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::{Failure, Result};

/// The repository's folder.
pub fn root() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    xtask.parent().map(Path::to_path_buf).unwrap_or(xtask)
}

/// Cargo's target folder, wherever it was put: this very program lies in `<target>/<profile>/`.
pub fn target() -> Result<PathBuf> {
    let program = env::current_exe().map_err(|error| Failure::Failed(format!("find this program: {error}")))?;
    let folder = program.ancestors().nth(2).map(Path::to_path_buf);
    folder.ok_or_else(|| Failure::Failed("find the target folder".into()))
}

/// A command that runs in the repository's folder.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The cargo that runs this.
pub fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A command line as a person would type it.
pub fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Says what is being done, does it, says how long that took.
pub fn step<T>(what: &str, act: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("» {what}");
    let start = Instant::now();
    let done = act();
    let verb = if done.is_ok() { "done" } else { "gave up" };
    println!("  {verb} after {:.1} s", start.elapsed().as_secs_f32());
    done
}

/// Runs a command to its end; its output is the user's to see.
pub fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::Failed(format!("`{}`: {status}", words(command)))) }
}

/// What a command prints, if there is such a command and it succeeds.
pub fn ask(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command to its end, shows its output as it comes, and returns it.
pub fn tee(command: &mut Command) -> Result<(ExitStatus, String)> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(command, &error))?;
    let heard = Mutex::new(String::new());
    thread::scope(|scope| {
        let streams: [Option<Box<dyn Read + Send>>; 2] =
            [child.stdout.take().map(|out| Box::new(out) as _), child.stderr.take().map(|err| Box::new(err) as _)];
        for stream in streams.into_iter().flatten() {
            scope.spawn(|| pass_on(stream, &heard));
        }
    });
    let status = child.wait().map_err(|error| Failure::Failed(format!("`{}`: {error}", words(command))))?;
    Ok((status, heard.into_inner().unwrap_or_default()))
}

/// Where a program is on PATH.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

pub fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("start `{}`: {error}", words(command)))
}

fn pass_on(stream: impl Read, heard: &Mutex<String>) {
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    // By bytes: a tool may print what is no UTF-8.
    while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        // A reader that has gone is no reason to stop a test run.
        let _ = std::io::stdout().write_all(text.as_bytes());
        if let Ok(mut heard) = heard.lock() {
            heard.push_str(&text);
        }
        line.clear();
    }
}
