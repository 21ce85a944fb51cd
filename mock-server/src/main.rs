//! Starts the server and says where it is.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use mock_server::server::Server;
use mock_server::settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The mock server can't start: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let server = Server::start(Settings::parse()).await?;
    let mut out = io::stdout().lock();
    writeln!(out, "page {}", server.page())?;
    writeln!(out, "store {}", server.store())?;
    for mirror in server.mirrors() {
        writeln!(out, "mirror {mirror}")?;
    }
    // Whoever started this may be waiting for these lines behind a pipe.
    out.flush()?;
    drop(out);
    tokio::select! {
        () = server.join() => Ok(()),
        interrupt = tokio::signal::ctrl_c() => interrupt,
    }
}
