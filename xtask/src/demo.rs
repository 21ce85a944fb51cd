//! `cargo xtask demo`.

use crate::server::{self, Server};
use crate::shell::{run as run_command, step};
use crate::{Result, build};

pub fn run(arguments: &[String]) -> Result {
    let arguments = arguments.strip_prefix(&["--".to_owned()]).unwrap_or(arguments);
    let given = |flag: &str| arguments.iter().any(|argument| argument.split('=').next() == Some(flag));
    if given("--help") || given("-h") {
        return run_command(server::command()?.args(arguments));
    }
    build::run_if_stale()?;
    let mut command = step("mock server: compiling", server::command)?;
    for (flag, preferred) in [("--port", 8080), ("--store-port", 9000)] {
        if !given(flag) {
            command.args([flag, &server::port(preferred).to_string()]);
        }
    }
    let server = Server::start(command.args(arguments))?;
    println!("\n  Open {}\n  Files go straight to {}. Ctrl-C ends it.\n", server.page, server.store);
    server.wait()
}
