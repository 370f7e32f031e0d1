//! The admin server (first cut).

use std::io;
use std::net::{SocketAddr, TcpListener};

use tokio_util::sync::CancellationToken;

use crate::status::StatusBoard;

pub struct Bound(TcpListener, SocketAddr);

pub fn bind(listen: SocketAddr) -> io::Result<Bound> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok(Bound(listener, address))
}

impl Bound {
    pub fn address(&self) -> SocketAddr {
        self.1
    }

    pub async fn serve(self, board: StatusBoard, shutdown: CancellationToken) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.0)?;
        let metrics = axum::routing::get(move || async move { crate::metrics::render(&board) });
        let app = axum::Router::new().route("/metrics", metrics);
        axum::serve(listener, app).with_graceful_shutdown(async move { shutdown.cancelled().await }).await
    }
}
