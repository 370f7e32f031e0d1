//! Whether a server can be reached and is trusted, found out without sending it anything.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::config::{Proxy, TlsConfig};
use super::reach::Blocked;
use super::{Reach, TlsError, client_config, explain};

/// What a server answered with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Knock {
    /// A connection, at this address.
    Open(IpAddr),
    /// A certificate that is trusted, at this address.
    Trusted(IpAddr),
}

/// Why nobody can be sent anything.
#[derive(Debug, thiserror::Error)]
pub enum KnockError {
    #[error(transparent)]
    Files(#[from] TlsError),
    #[error(transparent)]
    Blocked(#[from] Blocked),
    #[error("look up {host}: {problem}")]
    Name { host: String, problem: String },
    #[error("connect to {at}: {problem}")]
    Connect { at: SocketAddr, problem: String },
    #[error("{0}")]
    Tls(String),
}

/// Connects to the server of a URL as a client would, and shakes hands with it if the URL is encrypted. Blocks, for a few times
/// `limit` at most, and sends nothing beyond the handshake.
///
/// # Errors
/// Why requests would not get there.
pub fn knock(url: &Url, tls: &TlsConfig, reach: &Reach, limit: Duration) -> Result<Knock, KnockError> {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    reach.check(url)?;
    let (mut stream, at) = connect(host, port, reach, limit)?;
    if url.scheme() != "https" {
        return Ok(Knock::Open(at));
    }
    let failed = |error: &io::Error| KnockError::Tls(explain(error).unwrap_or_else(|| error.to_string()));
    stream.set_read_timeout(Some(limit)).map_err(|error| failed(&error))?;
    stream.set_write_timeout(Some(limit)).map_err(|error| failed(&error))?;
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
    let name = name.map_err(|_| KnockError::Tls("no certificate can be for this host".to_owned()))?;
    let connection = ClientConnection::new(Arc::new(client_config(tls)?), name);
    let mut connection = connection.map_err(|error| KnockError::Tls(error.to_string()))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).map_err(|error| failed(&error))?;
    }
    Ok(Knock::Trusted(at))
}

/// Connects to a proxy, and asks it nothing.
///
/// # Errors
/// Why it cannot be reached.
pub fn knock_at_proxy(proxy: &Proxy, limit: Duration) -> Result<Knock, KnockError> {
    let name = |problem: &str| KnockError::Name { host: proxy.url.clone(), problem: problem.to_owned() };
    let url = Url::parse(&proxy.url).map_err(|_| name("it is no URL"))?;
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    connect(host, port, &Reach::Anywhere, limit).map(|(_, at)| Knock::Open(at))
}

fn connect(host: &str, port: u16, reach: &Reach, limit: Duration) -> Result<(TcpStream, IpAddr), KnockError> {
    let unknown = |problem: String| KnockError::Name { host: host.to_owned(), problem };
    let found: Vec<SocketAddr> =
        (host.trim_matches(['[', ']']), port).to_socket_addrs().map_err(|error| unknown(error.to_string()))?.collect();
    let mut last = None;
    for at in reach.permitted(host, found)? {
        match TcpStream::connect_timeout(&at, limit) {
            Ok(stream) => return Ok((stream, at.ip())),
            Err(error) => last = Some(KnockError::Connect { at, problem: error.to_string() }),
        }
    }
    Err(last.unwrap_or_else(|| unknown("there is no address".to_owned())))
}
