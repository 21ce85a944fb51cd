//! The mock server as a child of this program.

use std::io::{self, BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::shell::{cargo, not_started, root, run, target, words};
use crate::{Failure, Result};

/// A server that runs, and ends with this value.
pub struct Server {
    child: Child,
    pub page: String,
    pub store: String,
}

impl Server {
    /// Returns when it is ready to answer.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| not_started(command, &error))?;
        let mut output = BufReader::new(child.stdout.take().ok_or_else(|| Failure::Failed("a pipe".into()))?);
        let (mut page, mut store) = (None, None);
        while page.is_none() || store.is_none() {
            let mut line = String::new();
            if output.read_line(&mut line).is_ok_and(|read| read > 0) {
                match line.trim().split_once(' ') {
                    Some(("page", address)) => page = Some(address.to_owned()),
                    Some(("store", address)) => store = Some(address.to_owned()),
                    _ => print!("{line}"),
                }
                continue;
            }
            let _ = child.kill();
            let status = child.wait().map(|status| status.to_string()).unwrap_or_default();
            return Err(Failure::Failed(format!("`{}` ended before it was ready: {status}", words(command))));
        }
        // Whatever else it says must not fill the pipe.
        thread::spawn(move || io::copy(&mut output, &mut io::stdout()));
        Ok(Self { child, page: page.unwrap_or_default(), store: store.unwrap_or_default() })
    }

    pub fn wait(mut self) -> Result {
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::Failed(format!("the mock server: {status}"))),
            Err(error) => Err(Failure::Failed(format!("the mock server: {error}"))),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Compiles the server; where its binary is.
pub fn build() -> Result<PathBuf> {
    run(cargo().args(["build", "--package", "mock-server"]))?;
    Ok(target()?.join("debug/mock-server"))
}

/// The backend of `examples/rust`.
pub fn build_example() -> Result<PathBuf> {
    // Together with the server, whose crates it shares as they are built.
    run(cargo().args(["build", "--package", "mock-server", "--package", "example-backend"]))?;
    Ok(target()?.join("debug/example-backend"))
}

/// The server, told where the page and the package are.
pub fn command() -> Result<Command> {
    let mut command = crate::shell::command(build()?);
    command.arg("--page").arg(root().join("www")).arg("--package").arg(root().join("pkg"));
    Ok(command)
}

/// This port if it is free, else 0: any.
pub fn port(preferred: u16) -> u16 {
    TcpListener::bind(("127.0.0.1", preferred)).map_or(0, |_| preferred)
}
