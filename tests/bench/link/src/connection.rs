//! One connection through the link, from its handshake to its end or its cut.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::pipe;
use crate::traffic::{Traffic, Way};
use crate::weather::{Climate, Line};

/// Carries both ways until both have ended, the line's luck has run out, or the weather changes.
pub async fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    line: Line,
    mut forecast: watch::Receiver<Arc<Climate>>,
    traffic: Arc<Traffic>,
) -> io::Result<()> {
    traffic.opened();
    let upstream = TcpSocket::new_v4()?;
    crate::shrink(&upstream)?;
    let mut server = upstream.connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    // The kernel has shaken hands already; over the real link that would have taken a round trip.
    sleep(line.one_way * 2).await;

    let carried = AtomicU64::new(0);
    let limit = line.cut_after.unwrap_or(u64::MAX);
    let crossed = |way, bytes: usize| {
        traffic.crossed(way, bytes);
        let so_far = carried.fetch_add(bytes as u64, Relaxed) + bytes as u64;
        async move { if so_far >= limit { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) } }
    };
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let both = async {
        tokio::try_join!(
            pipe::carry(from_client, to_server, &line.up, line.one_way, |bytes| crossed(Way::Up, bytes)),
            pipe::carry(from_server, to_client, &line.down, line.one_way, |bytes| crossed(Way::Down, bytes)),
        )
    };
    let ended = tokio::select! {
        ended = both => ended.map(|_: ((), ())| ()),
        _ = forecast.changed() => Err(io::ErrorKind::ConnectionReset.into()),
    };
    if carried.load(Relaxed) >= limit {
        traffic.cut();
    }
    if ended.is_err() {
        // With nothing to linger for, closing is a reset.
        client.set_zero_linger()?;
        server.set_zero_linger()?;
    }
    ended
}
