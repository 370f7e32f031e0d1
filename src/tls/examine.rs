//! Shakes hands with a server to learn what is wrong with its certificate, for clients whose own words do not tell.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::config::{TlsConfig, Verification};
use super::{client_config, explain};

/// What is wrong with TLS at `host:port`, with the remedy; `None` when nothing is, or when there is no connection. Blocks, for
/// a few times `limit` at most, and sends nothing beyond the handshake.
pub fn examine(address: &str, verification: &Verification, limit: Duration) -> Option<String> {
    let (host, _) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let config = TlsConfig { verification: verification.clone(), ..TlsConfig::default() };
    let mut config = client_config(&config).ok()?;
    config.alpn_protocols.clear();
    let mut connection = ClientConnection::new(Arc::new(config), ServerName::try_from(host).ok()?).ok()?;
    let mut stream = address.to_socket_addrs().ok()?.find_map(|at| TcpStream::connect_timeout(&at, limit).ok())?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream.set_write_timeout(Some(limit)).ok()?;
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut stream) {
            return explain(&error);
        }
    }
    None
}
