//! Which addresses a client may connect to.
//!
//! A webhook's URL comes from a configuration, and what its name stands for comes from a DNS that others write. A service on the
//! own network, and above all the metadata service of a cloud with its credentials, must not be reached by such a detour. So
//! what counts is the address that is connected to: names are looked up here, and only addresses that are allowed go on to
//! the connector. There is no second look-up that could say something else (DNS rebinding).
//!
//! - An address within the URL is looked at when the URL is read ([`Reach::check`]): it never passes a look-up. The URL parser has
//!   read it as every browser does, so `0x7f.1`, `2130706433` and `127.1` are 127.0.0.1.
//! - An IPv6 address that carries an IPv4 address (mapped, NAT64) is judged by that.
//! - With a proxy it is the proxy that looks names up and connects; then only addresses within the URL are judged here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Where a client may connect to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reach {
    Anywhere,
    /// Addresses of the public internet, and those in `except`.
    Public {
        except: Vec<IpNet>,
    },
}

/// An address that may not be connected to.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}{address} is {kind} and is not connected to; if it is meant, add its network to allow_networks", stands_for(host, *address))]
pub struct Blocked {
    host: String,
    address: IpAddr,
    kind: &'static str,
}

/// What a name stands for, where it is a name.
fn stands_for(host: &str, address: IpAddr) -> String {
    let is_address = host.trim_matches(['[', ']']) == address.to_string();
    if is_address { String::new() } else { format!("{host} stands for {address}: ") }
}

impl Reach {
    pub fn permits(&self, address: IpAddr) -> bool {
        self.objection(address).is_none()
    }

    /// Looks at the address in a URL; a name passes, because what it stands for is seen when it is connected to.
    ///
    /// # Errors
    /// The host is an address that may not be connected to.
    pub fn check(&self, url: &Url) -> Result<(), Blocked> {
        let host = url.host_str().unwrap_or_default();
        let Ok(address) = host.trim_matches(['[', ']']).parse() else { return Ok(()) };
        self.objection(address).map_or(Ok(()), |kind| Err(Blocked { host: host.to_owned(), address, kind }))
    }

    /// Of the addresses of `host` those that may be connected to.
    ///
    /// # Errors
    /// There are addresses, and none of them may.
    pub(super) fn permitted(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Blocked> {
        let refused = found.iter().find_map(|address| Some((address.ip(), self.objection(address.ip())?)));
        let permitted: Vec<SocketAddr> = found.into_iter().filter(|address| self.permits(address.ip())).collect();
        match (permitted.is_empty(), refused) {
            (true, Some((address, kind))) => Err(Blocked { host: host.to_owned(), address, kind }),
            _ => Ok(permitted),
        }
    }

    /// What speaks against an address.
    fn objection(&self, address: IpAddr) -> Option<&'static str> {
        let Self::Public { except } = self else { return None };
        let address = unwrapped(address);
        if except.iter().any(|network| network.contains(&address)) {
            return None;
        }
        kind_of(address)
    }
}

/// The IPv4 address that an IPv6 address carries, if the network would turn it into that.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, high, low] = v6.segments();
    let is_nat64 = [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0];
    let carried = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match v6.to_ipv4_mapped() {
        Some(v4) => IpAddr::V4(v4),
        None if is_nat64 => IpAddr::V4(carried),
        None => address,
    }
}

/// What an address is that does not belong to the public internet: the special-purpose registries of IANA (RFC 6890 and
/// what was added since), and the one public address at which a cloud serves its machines.
fn kind_of(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => V4.iter().find(|(base, bits, _)| is_within(v4, *base, *bits)).map(|(_, _, kind)| *kind),
        IpAddr::V6(v6) => kind_of_v6(v6),
    }
}

const V4: &[([u8; 4], u32, &str)] = &[
    ([0, 0, 0, 0], 8, "an address of this host"),
    ([10, 0, 0, 0], 8, "a private address"),
    ([100, 64, 0, 0], 10, "an address of a provider's own network"),
    ([127, 0, 0, 0], 8, "a loopback address"),
    ([168, 63, 129, 16], 32, "a cloud's service for its machines"),
    ([169, 254, 0, 0], 16, "a link-local address, where clouds have their metadata"),
    ([172, 16, 0, 0], 12, "a private address"),
    ([192, 0, 0, 0], 24, "an address for protocols"),
    ([192, 0, 2, 0], 24, "an address for documentation"),
    ([192, 88, 99, 0], 24, "an address of a relay"),
    ([192, 168, 0, 0], 16, "a private address"),
    ([198, 18, 0, 0], 15, "an address for benchmarks"),
    ([198, 51, 100, 0], 24, "an address for documentation"),
    ([203, 0, 113, 0], 24, "an address for documentation"),
    ([224, 0, 0, 0], 4, "a multicast address"),
    ([240, 0, 0, 0], 4, "a reserved address"),
];

fn is_within(address: Ipv4Addr, base: [u8; 4], bits: u32) -> bool {
    let shift = 32 - bits;
    u32::from(address) >> shift == u32::from(Ipv4Addr::from(base)) >> shift
}

fn kind_of_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [first, second, ..] = address.segments();
    match (first, second) {
        _ if address.is_loopback() => Some("a loopback address"),
        _ if address.is_unspecified() => Some("an address of this host"),
        (0xfc00..=0xfdff, _) => Some("a private address"),
        (0xfe80..=0xfebf, _) => Some("a link-local address"),
        (0xff00..=0xffff, _) => Some("a multicast address"),
        (0x2001, 0x0000..=0x01ff) => Some("an address for protocols"),
        (0x2001, 0x0db8) | (0x3fff, 0x0000..=0x0fff) => Some("an address for documentation"),
        (0x2002, _) => Some("an address of a relay"),
        // All that has been given to anybody so far (RFC 4291, section 2.4).
        (0x2000..=0x3fff, _) => None,
        _ => Some("a reserved address"),
    }
}

/// Looks a name up. In tests a table, because no test can write into the DNS.
pub(super) type LookUp = Arc<dyn Fn(String) -> LookingUp + Send + Sync>;
pub(super) type LookingUp = std::pin::Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;

/// The look-up of a client whose reach is limited.
pub(super) struct Guard {
    pub(super) reach: Reach,
    pub(super) look_up: LookUp,
}

impl Guard {
    /// Asks the system.
    pub(super) fn of_system(reach: Reach) -> Self {
        let look_up: LookUp = Arc::new(|name| Box::pin(ask_system(name)));
        Self { reach, look_up }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("reach", &self.reach).finish_non_exhaustive()
    }
}

async fn ask_system(name: String) -> std::io::Result<Vec<SocketAddr>> {
    // The connector puts the port of the URL in the place of 0.
    tokio::net::lookup_host((name, 0)).await.map(Iterator::collect)
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (host, reach) = (name.as_str().to_owned(), self.reach.clone());
        let looking_up = (self.look_up)(host.clone());
        Box::pin(async move {
            let found = looking_up.await?;
            let permitted = reach.permitted(&host, found)?;
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

/// What a failed request says about an address that it was not allowed to connect to.
pub fn explain_blocked(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(blocked) = error.downcast_ref::<Blocked>() {
            return Some(blocked.to_string());
        }
        next = error.source();
    }
    None
}
