//! Addresses that may not be connected to, in every disguise: counted are the connections that real listeners on them see.
//!
//! On loopback addresses a listener would see a connection, and does when it is allowed: that is checked first, so that its
//! silence means something. Of addresses that no test can listen on, it is seen that the attempt ends before any connection is
//! tried, with the reason for it.

use std::net::SocketAddr;

use super::*;
use crate::tls::config::Proxy;

/// Listeners on one port of several loopback addresses.
struct Listeners {
    port: u16,
    all: Vec<ReceiverStandIn>,
}

impl Listeners {
    async fn start() -> Self {
        // Another address may have the port in use; then another port.
        loop {
            let first = receiver().await;
            let port = first.address().port();
            let mut all = vec![first];
            let others = ["127.0.0.2", "127.1.2.3", "[::1]"].map(|host| format!("{host}:{port}"));
            let mut is_taken = false;
            for other in &others {
                match ReceiverStandIn::start_on(other, Receiver::answering(202)).await {
                    Ok(listener) => all.push(listener),
                    // A machine without IPv6 has no [::1].
                    Err(error) => is_taken |= error.kind() == std::io::ErrorKind::AddrInUse,
                }
            }
            if !is_taken {
                return Self { port, all };
            }
        }
    }

    fn connections(&self) -> usize {
        self.all.iter().map(|listener| listener.receiver().connections()).sum()
    }

    /// Of the listener at this address.
    fn at(&self, host: &str) -> usize {
        let all = self.all.iter().filter(|listener| listener.address().ip().to_string() == host);
        all.map(|listener| listener.receiver().connections()).sum()
    }
}

fn public() -> Reach {
    Reach::Public { except: Vec::new() }
}

fn only(networks: &[&str]) -> Reach {
    Reach::Public { except: networks.iter().map(|network| network.parse().unwrap()).collect() }
}

/// A sink to a URL; names stand for what the table says, and others for what the system says.
fn sink_to(url: &str, reach: Reach, table: &'static [(&str, &[&str])]) -> Result<Webhook, BuildError> {
    let config = WebhookConfig { reach: reach.clone(), ..config(url, Format::Json) };
    let port = reqwest::Url::parse(url).ok().and_then(|url| url.port()).unwrap_or_default();
    let find = move |name: &str| -> Vec<SocketAddr> {
        let found = table.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, addresses)| addresses);
        found.iter().map(|address| SocketAddr::new(address.parse().unwrap(), port)).collect()
    };
    let client = match table {
        [] => HttpClient::guarded(&config.tls, &config.transport, &reach)?,
        _ => HttpClient::guarded_by_table(&config.tls, &config.transport, &reach, find)?,
    };
    Webhook::with_client(&config, client)
}

/// What becomes of an event that is sent to a URL.
async fn outcome(url: &str, reach: Reach, table: &'static [(&str, &[&str])]) -> String {
    match sink_to(url, reach, table) {
        Err(BuildError::Blocked(_)) => "blocked".to_owned(),
        Err(BuildError::Url) => "no URL".to_owned(),
        Err(other) => other.to_string(),
        Ok(sink) => match suite::send(&sink, 0).await.as_str() {
            "hold address_blocked" => "blocked".to_owned(),
            other => other.to_owned(),
        },
    }
}

/// Hosts that a listener of this test is behind, and what they are called here.
const OURS: &[&str] = &[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "127.0.0.1.",
    "127%2e0%2e0%2e1",
    "0.0.0.0",
    "0",
    "127.1.2.3",
    "127.0.0.2",
    "localhost",
    "LOCALHOST",
];

/// The same, over IPv6.
const OURS_V6: &[&str] = &["[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]"];

/// Hosts of others: metadata services, private and reserved networks, and their disguises.
const THEIRS: &[&str] = &[
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "169.254.170.2",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[::ffff:169.254.169.254]",
    "[::169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::1]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:a9fe:a9fe::1]",
    "[2001:db8::1]",
];

/// What is no URL for a request at all.
const NO_URL: &[&str] = &[
    "http://public.example@127.0.0.1:PORT/",
    "http://public.example:PORT@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT#@public.example/",
    "http://127.0.0.1:PORT/\r\nX-Evil: 1",
    "http://127.0.0.1\t:PORT/",
    " http://127.0.0.1:PORT/",
    "http://①②⑦.⓪.⓪.①:PORT/",
    "http://127。0。0。1:PORT/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/",
];

#[tokio::test]
async fn a_listener_sees_a_connection_when_its_address_is_allowed() {
    let listeners = Listeners::start().await;
    let v6 = if listeners.all.len() == 4 { OURS_V6 } else { &[] };
    for (count, host) in OURS.iter().chain(v6).enumerate() {
        let url = format!("http://{host}:{}/", listeners.port);
        assert_eq!(outcome(&url, Reach::Anywhere, &[]).await, "delivered", "{url}");
        assert_eq!(listeners.connections(), count + 1, "{url}");
    }
}

#[tokio::test]
async fn no_disguise_of_an_address_reaches_it() {
    let listeners = Listeners::start().await;
    let mut cases = 0;
    for host in OURS.iter().chain(OURS_V6).chain(THEIRS) {
        let url = format!("http://{host}:{}/", listeners.port);
        assert_eq!(outcome(&url, public(), &[]).await, "blocked", "{url}");
        cases += 1;
    }
    // A backslash is a slash to every browser: what stands behind it is no host.
    let url = format!("http://127.0.0.1:{}\\@public.example/", listeners.port);
    assert_eq!(outcome(&url, public(), &[]).await, "blocked");
    for url in NO_URL {
        let url = url.replace("PORT", &listeners.port.to_string());
        assert_eq!(outcome(&url, public(), &[]).await, "no URL", "{url}");
        cases += 1;
    }
    assert!(cases >= 30, "{cases}");
    assert_eq!(listeners.connections(), 0);
}

/// Names that stand for something else than they seem to.
const NAMES: &[(&str, &[&str])] = &[
    ("loopback.example", &["127.0.0.1"]),
    ("loopback6.example", &["::1"]),
    ("mapped.example", &["::ffff:127.0.0.1"]),
    ("metadata.example", &["169.254.169.254"]),
    ("several.example", &["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254"]),
    ("127.0.0.1.nip.example", &["127.0.0.1"]),
];

#[tokio::test]
async fn no_name_that_stands_for_such_an_address_reaches_it() {
    let listeners = Listeners::start().await;
    for (name, addresses) in NAMES {
        let url = format!("http://{name}:{}/", listeners.port);
        if addresses.contains(&"127.0.0.1") {
            let before = listeners.connections();
            assert_eq!(outcome(&url, Reach::Anywhere, NAMES).await, "delivered", "{name}");
            assert!(listeners.connections() > before, "{name}: the listener is there");
        }
    }
    let before = listeners.connections();
    for (name, _) in NAMES {
        let url = format!("http://{name}:{}/", listeners.port);
        assert_eq!(outcome(&url, public(), NAMES).await, "blocked", "{name}");
    }
    assert_eq!(listeners.connections(), before);
}

#[tokio::test]
async fn the_failure_names_what_it_is_and_what_to_do() {
    let sink = sink_to("http://metadata.example/", public(), NAMES).unwrap();
    let failure = failure(sink.attempt(0, parcel(&sink, 0, &["{}"])).await);
    assert_eq!(failure.reason, Reason::AddressBlocked);
    for words in ["metadata.example stands for 169.254.169.254", "link-local", "allow_networks"] {
        assert!(failure.detail.contains(words), "{failure}");
    }
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_ones_are_connected_to() {
    let listeners = Listeners::start().await;
    const MIXED: &[(&str, &[&str])] = &[("mixed.example", &["127.1.2.3", "127.0.0.1", "127.0.0.2"])];
    let url = format!("http://mixed.example:{}/", listeners.port);
    assert_eq!(outcome(&url, only(&["127.0.0.1/32"]), MIXED).await, "delivered");
    assert_eq!((listeners.at("127.0.0.1"), listeners.connections()), (1, 1));
}

#[tokio::test]
async fn a_name_that_stands_for_another_address_the_next_time_is_judged_again() {
    let listeners = Listeners::start().await;
    let mut config = WebhookConfig {
        reach: only(&["127.0.0.1/32"]),
        ..config(&format!("http://rebinding.example:{}/", listeners.port), Format::Json)
    };
    // So that each request looks the name up.
    config.transport.keep_alive = false;
    let (port, asked) = (listeners.port, std::sync::atomic::AtomicUsize::new(0));
    let table = move |_: &str| {
        let address = match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => [127, 0, 0, 1],
            _ => [127, 1, 2, 3],
        };
        vec![SocketAddr::from((address, port))]
    };
    let client = HttpClient::guarded_by_table(&config.tls, &config.transport, &config.reach, table).unwrap();
    let sink = Webhook::with_client(&config, client).unwrap();
    assert_eq!(suite::send(&sink, 0).await, "delivered");
    for offset in 1..4 {
        assert_eq!(suite::send(&sink, offset).await, "hold address_blocked");
    }
    assert_eq!((listeners.at("127.0.0.1"), listeners.at("127.1.2.3")), (1, 0));
}

#[tokio::test]
async fn a_redirect_to_such_an_address_is_not_followed() {
    let listeners = Listeners::start().await;
    let port = listeners.port;
    let front = &listeners.all[0];
    for target in ["http://127.1.2.3:PORT/", "http://localhost:PORT/", "http://169.254.169.254/", "//127.0.0.2:PORT/"] {
        let target = target.replace("PORT", &port.to_string());
        front.receiver().answer_with(move |_| Reply::Answer(Answer::status(307).with_header("Location", &target)));
        let outcome = outcome(&format!("{}/", front.url()), only(&["127.0.0.1/32"]), &[]).await;
        assert_eq!(outcome, "hold unexpected_answer");
    }
    assert_eq!(listeners.connections(), listeners.at("127.0.0.1"));
}

#[tokio::test]
async fn networks_that_are_allowed_are_reached_and_no_others() {
    let listeners = Listeners::start().await;
    let url = |host: &str| format!("http://{host}:{}/", listeners.port);
    assert_eq!(outcome(&url("127.1.2.3"), only(&["127.1.0.0/16"]), &[]).await, "delivered");
    assert_eq!(outcome(&url("[::ffff:127.1.2.3]"), only(&["127.1.0.0/16"]), &[]).await, "delivered");
    assert_eq!(outcome(&url("127.0.0.2"), only(&["127.1.0.0/16", "10.0.0.0/8"]), &[]).await, "blocked");
    assert_eq!((listeners.at("127.0.0.2"), listeners.connections()), (0, 2));
}

/// It is the proxy that connects: names are its to judge. Addresses within the URL are refused all the same.
#[tokio::test]
async fn through_a_proxy_no_address_is_asked_for() {
    let listeners = Listeners::start().await;
    let through = |url: &str| {
        let mut config = WebhookConfig { reach: public(), ..config(url, Format::Json) };
        config.transport.proxy = Some(Proxy { url: listeners.all[0].url(), login: None });
        Webhook::new(&config)
    };
    assert!(matches!(through("http://169.254.169.254/latest"), Err(BuildError::Blocked(_))));
    assert!(matches!(through("http://0x7f.1/"), Err(BuildError::Blocked(_))));
    assert_eq!(suite::send(&through("http://receiver.invalid/").unwrap(), 0).await, "delivered");
    assert_eq!((listeners.at("127.0.0.1"), listeners.connections()), (1, 1));
}

#[test]
fn addresses_of_the_public_internet_are_allowed() {
    for address in
        ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8"]
    {
        assert!(public().permits(address.parse().unwrap()), "{address}");
    }
}
