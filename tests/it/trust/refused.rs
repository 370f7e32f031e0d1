//! Fourteen servers that must not get a token or an event, nor a Kafka login, and what is said about each.

use std::path::PathBuf;
use std::time::Duration;

use auditferry::delivery::attempt::{Attempt, Coding, Failure, Parcel};
use auditferry::position::TopicName;
use auditferry::reason::Reason;
use auditferry::secret::{Secret, SecretSource};
use auditferry::sink::splunk_hec::SplunkHec;
use auditferry::sink::splunk_hec::config::{EventConfig, HecConfig};
use auditferry::sink::{DeliveryLevel, Sink};
use auditferry::source::kafka::config::{
    ClientConfig, ClientTls, GroupProtocol, KafkaConfig, Security, StartAt, Topics,
};
use auditferry::source::kafka::inspect::inspect;
use auditferry::tls::config::{TlsConfig, Transport, TrustStore, Verification};
use bytes::Bytes;

use crate::support::tls_server::{Flaw, Issued, TlsServer, authority, authority_by, issue, issued_by_a_server};

struct Case {
    name: &'static str,
    server: TlsServer,
    store: PathBuf,
    /// What has to be said.
    words: &'static str,
}

fn cases() -> Vec<Case> {
    let trusted = authority("trusted authority");
    let good = || issue(&trusted, &Flaw::None);
    let mut cases = Vec::new();
    let mut case = |name, server: TlsServer, words| {
        let store = server.store(&trusted.pem());
        cases.push(Case { name, server, store, words });
    };
    let flawed = |flaw| TlsServer::start(&issue(&trusted, &flaw), &[]);
    case("expired", flawed(Flaw::Expired), "has expired");
    case("not yet valid", flawed(Flaw::NotYetValid), "is not valid yet");
    case("another host", flawed(Flaw::OtherHost), "is for another host");
    case("a client's certificate", flawed(Flaw::ForClients), "not one for servers");
    let own = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
    let own = Issued { certificate: own.cert.pem(), key: own.signing_key.serialize_pem(), chain: String::new() };
    case("self-signed", TlsServer::start(&own, &[]), "self-signed or from an authority that is not trusted");
    let unknown = issue(&authority("unknown authority"), &Flaw::None);
    case("an unknown authority", TlsServer::start(&unknown, &[]), "authority that is not trusted here");
    let namesake = issue(&authority("trusted authority"), &Flaw::None);
    case("an authority that was replaced by a namesake", TlsServer::start(&namesake, &[]), "authority");
    let between = authority_by(&trusted, "authority between");
    let chainless = TlsServer::start(&issue(&between, &Flaw::None), &[]);
    case("a chain that is not sent", chainless, "does not send the certificates in between");
    case("signed by a server", TlsServer::start(&issued_by_a_server(&trusted), &[]), "the server's certificate");
    let old = ["-cipher", "DEFAULT@SECLEVEL=0"];
    case("TLS 1.0", TlsServer::start(&good(), &[&old[..], &["-tls1"]].concat()), "enable TLS 1.2");
    case("TLS 1.1", TlsServer::start(&good(), &[&old[..], &["-tls1_1"]].concat()), "enable TLS 1.2");
    let null = ["-tls1_2", "-cipher", "NULL@SECLEVEL=0"];
    case("a cipher that hides nothing", TlsServer::start(&good(), &null), "no cipher in common");
    let strict = ["-servername", "other.example", "-servername_fatal", "-cert2", "server.pem", "-key2", "server.key"];
    case("a server for another name only", TlsServer::start(&good(), &strict), "does not know the name of the host");
    case("plain HTTP", TlsServer::plain(), "does not speak TLS here");
    cases
}

#[test]
fn splunk_gets_nothing_from_us_unless_it_is_verified() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cases = cases();
    assert_eq!(cases.len(), 14);
    for Case { name, server, store, words } in &cases {
        let sink = SplunkHec::new(&hec(server.port, store.clone())).unwrap_or_else(|error| panic!("{name}: {error}"));
        let parcel = Parcel::plain(Bytes::new(), Bytes::from_static(b"{}"), 1);
        let Attempt::Hold(failure) = runtime.block_on(sink.attempt(0, parcel)) else { panic!("{name}: no hold") };
        assert_refusal(name, &failure, words);
    }
}

#[test]
fn kafka_gets_no_login_from_us_unless_it_is_verified() {
    for Case { name, server, store, words } in &cases() {
        let failure = inspect(&kafka(server.port, store.clone()), "group").map(drop).expect_err(name);
        assert_refusal(name, &failure, words);
    }
}

#[test]
fn a_plain_certificate_of_a_trusted_authority_is_no_reason_to_refuse() {
    let trusted = authority("trusted authority");
    let server = TlsServer::start(&issue(&trusted, &Flaw::None), &[]);
    let store = server.store(&trusted.pem());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sink = SplunkHec::new(&hec(server.port, store.clone())).expect("a sink");
    let parcel = Parcel::plain(Bytes::new(), Bytes::from_static(b"{}"), 1);
    // `s_server` is no collector; what counts is that it was asked.
    match runtime.block_on(sink.attempt(0, parcel)) {
        Attempt::Hold(failure) | Attempt::Retry { failure, .. } => assert_ne!(failure.reason, Reason::Tls, "{failure}"),
        Attempt::Delivered
        | Attempt::Pending(_)
        | Attempt::Slower { .. }
        | Attempt::Poison { .. }
        | Attempt::Lost(_)
        | Attempt::Split(_) => panic!("no collector"),
    }
    let failure = inspect(&kafka(server.port, store), "group").map(drop).expect_err("no broker");
    assert_ne!(failure.reason, Reason::Tls, "{failure}");
}

#[track_caller]
fn assert_refusal(name: &str, failure: &Failure, words: &str) {
    println!("{name}: {failure}");
    assert_eq!(failure.reason, Reason::Tls, "{name}: {failure}");
    assert!(failure.detail.contains(words), "{name}: {failure}");
}

fn hec(port: u16, store: PathBuf) -> HecConfig {
    let trust_store = Some(TrustStore { path: store, password: None });
    HecConfig {
        endpoints: vec![format!("https://localhost:{port}")],
        delivery: DeliveryLevel::Accepted,
        token: SecretSource::fixed(Secret::new("token".into())),
        events: EventConfig::default(),
        compression: Coding::Identity,
        transport: Transport {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(20),
            keep_alive: true,
            proxy: None,
        },
        ack_timeout: Duration::from_secs(10),
        ack_poll_interval: Duration::from_millis(10),
        tls: TlsConfig { verification: Verification::Full { trust_store, server_name: None }, ..TlsConfig::default() },
    }
}

fn kafka(port: u16, store: PathBuf) -> KafkaConfig {
    let trust_store = Some(TrustStore { path: store, password: None });
    KafkaConfig {
        client: ClientConfig {
            bootstrap_servers: format!("localhost:{port}"),
            security: Security::Ssl,
            sasl: None,
            tls: ClientTls { trust_store, ..ClientTls::default() },
            properties: vec![("broker.address.family".into(), "v4".into())],
        },
        topics: Topics::Names(vec![TopicName::new("topic")]),
        group_protocol: GroupProtocol::Classic,
        group_instance_id: None,
        session_timeout: Duration::from_secs(10),
        start_at: StartAt::Earliest,
        retention: Duration::from_secs(3600),
        mirror: false,
    }
}
