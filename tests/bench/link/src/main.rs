//! A link between a browser and servers on loopback: far, thin, uneven or flaky, at the level of TCP.
//!
//! Each argument is the address of a server. For each, the link listens on a port of its own and prints `route SERVER PORT`.
//! Then it obeys lines on stdin, and answers each with one on stdout, until stdin ends:
//! - a weather as JSON ([`weather::Weather`]): it holds from now on. Open connections are cut and the counts begin anew; `ok`
//! - `count`: the counts as JSON ([`traffic::Counts`])
//!
//! What is not modelled: loss, congestion windows, and the handshakes of TLS.

mod connection;
mod pace;
mod pipe;
mod traffic;
mod weather;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use crate::traffic::Traffic;
use crate::weather::{Climate, Weather};

/// Of Ethernet. Loopback's is 64 KiB, and senders size their buffers by it.
const SEGMENT: u32 = 1460;
/// Of the kernel, for each connection and way: what a sender believes sent and is not must not be megabytes.
const BUFFER: u32 = 256 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The link can't go on: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let (forecast, climate) = watch::channel(Arc::new(Climate::new(Weather::default())));
    let traffic = Arc::new(Traffic::default());
    for (route, server) in std::env::args().skip(1).enumerate() {
        let server: SocketAddr = server.parse().map_err(io::Error::other)?;
        let listener = listen()?;
        println!("route {server} {}", listener.local_addr()?.port());
        tokio::spawn(serve(listener, route, server, climate.clone(), traffic.clone()));
    }
    println!("ready");
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        if order.trim() == "count" {
            println!("{}", serde_json::to_string(&traffic.counts()).map_err(io::Error::other)?);
            continue;
        }
        let weather = serde_json::from_str(&order).map_err(io::Error::other)?;
        forecast.send_replace(Arc::new(Climate::new(weather)));
        traffic.reset();
        println!("ok");
    }
    Ok(())
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    shrink(&socket)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    socket.listen(1024)
}

fn shrink(socket: &TcpSocket) -> io::Result<()> {
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket2::SockRef::from(socket).set_tcp_mss(SEGMENT)
}

async fn serve(
    listener: TcpListener,
    route: usize,
    server: SocketAddr,
    climate: watch::Receiver<Arc<Climate>>,
    traffic: Arc<Traffic>,
) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let mut forecast = climate.clone();
        let now = forecast.borrow_and_update().clone();
        let line = now.line(route);
        let traffic = traffic.clone();
        tokio::spawn(async move {
            // An error is either side's going away, which the other side hears of; that is all a link does about it.
            let _ = connection::carry(client, server, line, forecast, traffic).await;
        });
    }
}
