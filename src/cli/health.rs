//! `health`: one request to the admin server on this machine, for containers that hold no other program.
//!
//! Written on a bare socket: the admin server speaks plain HTTP, and an HTTP client with its TLS set-up would be slower to
//! start than the request takes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::Args as ClapArgs;

use super::terminal::{clean, tell};
use super::{Exit, Wrong, load};
use crate::config::AdminConfig;
use crate::defaults;

#[derive(Debug, ClapArgs)]
pub(super) struct HealthArgs {
    /// What to ask, for example http://127.0.0.1:9470/readyz. By default /livez at the address in the configuration.
    #[arg(long, value_name = "URL", conflicts_with = "ready")]
    url: Option<String>,

    /// Ask whether all pipelines deliver (/readyz) instead of whether the process lives.
    #[arg(long)]
    ready: bool,
}

pub(super) fn health(config: &Path, args: &HealthArgs) -> anyhow::Result<Exit> {
    let target = match &args.url {
        Some(url) => Target::parse(url)?,
        None => match load(config) {
            Ok(config) => Target::of(&config.admin, args.ready)?,
            Err(exit) => return Ok(exit),
        },
    };
    let status = match target.status() {
        Ok(status) => status,
        Err(error) => {
            tell(clean(&format!("error: {error:#}")));
            return Ok(Exit::CouldNotCheck);
        }
    };
    if status == 200 {
        return Ok(Exit::Done);
    }
    tell(format!("not well: {} answers {status}", target.path));
    Ok(Exit::Failed)
}

#[derive(Debug, PartialEq, Eq)]
struct Target {
    /// `host:port`.
    authority: String,
    path: String,
}

/// An HTTP status line is a few dozen bytes.
const STATUS_LINE_MAX: u64 = 256;

impl Target {
    fn parse(url: &str) -> Result<Self, Wrong> {
        let wrong = || Wrong(format!("`{url}` is not an address like http://127.0.0.1:9470/livez"));
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let is_plain = !url.chars().any(|c| c.is_control() || c == ' ') && !authority.contains('@');
        if authority.is_empty() || !is_plain {
            return Err(wrong());
        }
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Self { authority, path: path.to_owned() })
    }

    fn of(admin: &AdminConfig, ready: bool) -> Result<Self, Wrong> {
        match admin {
            AdminConfig::Disabled => Err(Wrong("the configuration disables the admin server: nothing to ask".into())),
            AdminConfig::Enabled { listen } => {
                let path = if ready { "/readyz" } else { "/livez" };
                Ok(Self { authority: reachable(*listen).to_string(), path: path.to_owned() })
            }
        }
    }

    fn status(&self) -> anyhow::Result<u16> {
        let in_connect = || format!("connect to {}", self.authority);
        let addresses = self.authority.to_socket_addrs().with_context(in_connect)?;
        let connect = |address| TcpStream::connect_timeout(&address, defaults::HEALTH_TIMEOUT);
        let mut outcome = Err(anyhow::anyhow!("{} has no address", self.authority));
        for address in addresses {
            outcome = connect(address).with_context(in_connect);
            if outcome.is_ok() {
                break;
            }
        }
        ask(outcome?, self).context("read the answer")
    }
}

fn ask(mut stream: TcpStream, target: &Target) -> anyhow::Result<u16> {
    let timeout: Option<Duration> = Some(defaults::HEALTH_TIMEOUT);
    stream.set_read_timeout(timeout)?;
    stream.set_write_timeout(timeout)?;
    write!(stream, "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", target.path, target.authority)?;
    let mut head = Vec::new();
    // Only the first line matters; a server that keeps the connection open is not waited for.
    BufReader::new(stream.take(STATUS_LINE_MAX)).read_until(b'\n', &mut head)?;
    let head = String::from_utf8_lossy(&head);
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)).map(|code| code.trim().parse());
    Ok(status.context("the answer is not HTTP")??)
}

/// Where to reach a server that listens on all addresses.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V4(_) | IpAddr::V6(_) => listen.ip(),
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn addresses_are_read_and_others_refused() {
        let target = |url| Target::parse(url).map(|target| (target.authority, target.path)).ok();
        assert_eq!(target("http://127.0.0.1:9470/readyz"), Some(("127.0.0.1:9470".into(), "/readyz".into())));
        assert_eq!(target("http://[::1]:9470"), Some(("[::1]:9470".into(), "/".into())));
        assert_eq!(target("http://localhost/x"), Some(("localhost:80".into(), "/x".into())));
        for url in ["https://127.0.0.1/", "127.0.0.1:9470", "http://", "http://a/\r\nx: y", "http://u:p@host/"] {
            assert_eq!(target(url), None, "{url}");
        }
    }

    #[test]
    fn a_server_on_all_addresses_is_asked_on_this_machine() {
        let reachable = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(reachable("0.0.0.0:9470"), "127.0.0.1:9470");
        assert_eq!(reachable("[::]:9470"), "[::1]:9470");
        assert_eq!(reachable("10.0.0.1:9470"), "10.0.0.1:9470");
    }

    #[test]
    fn the_status_is_read_from_the_first_line() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = server.local_addr().unwrap().to_string();
        let serve = std::thread::spawn(move || {
            for answer in ["HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "hello\r\n"] {
                let (stream, _) = server.accept().unwrap();
                let lines = BufReader::new(&stream).lines();
                let request: Vec<String> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
                assert_eq!(request[0], "GET /readyz HTTP/1.1");
                (&stream).write_all(answer.as_bytes()).unwrap();
            }
        });
        let target = Target { authority, path: "/readyz".into() };
        assert_eq!(target.status().unwrap(), 503);
        assert!(target.status().is_err());
        serve.join().unwrap();
        assert!(target.status().is_err(), "nobody listens any more");
    }
}
