//! Certificates that are trusted, and those that are not.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::sink::Refreshed;
use crate::tls::config::{Identity, TlsVersion, TrustStore, Verification};

/// A stand-in behind TLS, with a certificate for these names signed by nobody but itself.
pub(super) struct TlsServer {
    pub(super) hec: Hec,
    pub(super) port: u16,
    pub(super) trust_store: tempfile::NamedTempFile,
    _serving: JoinSet<()>,
}

pub(super) async fn server(names: &[&str]) -> TlsServer {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    serve(rcgen::generate_simple_self_signed(names).unwrap(), None).await
}

/// With `clients`, only clients with a certificate of this authority are served.
async fn serve(certified: rcgen::CertifiedKey<rcgen::KeyPair>, clients: Option<&CertificateDer<'static>>) -> TlsServer {
    let trust_store = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trust_store.path(), certified.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hec = Hec::new(HecOptions::default());
    let served = hec.clone();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (served, acceptor) = (served.clone(), acceptor.clone());
            connections.spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    served.serve(stream).await;
                }
            });
        }
    });
    TlsServer { hec, port, trust_store, _serving: serving }
}

impl TlsServer {
    fn sink(&self, host: &str, trusted: bool) -> SplunkHec {
        let trust_store = trusted.then(|| TrustStore { path: self.trust_store.path().to_owned(), password: None });
        let verification = Verification::Full { trust_store, server_name: None };
        self.sink_with(host, TlsConfig { verification, ..TlsConfig::default() })
    }

    fn trust(&self, server_name: Option<&'static str>) -> Verification {
        let trust_store = Some(TrustStore { path: self.trust_store.path().to_owned(), password: None });
        Verification::Full { trust_store, server_name: server_name.map(|name| ServerName::try_from(name).unwrap()) }
    }

    fn sink_with(&self, host: &str, tls: TlsConfig) -> SplunkHec {
        SplunkHec::new(&HecConfig { tls, ..config(&[&format!("https://{host}:{}", self.port)]) }).unwrap()
    }

    async fn refusal_of_listed(&self, host: &str) -> Failure {
        let sink = self.sink(host, true);
        failure(sink.attempt(0, parcel(&sink, 0, &["x"])).await)
    }

    async fn refusal(&self, host: &str, trusted: bool) -> Failure {
        let sink = self.sink(host, trusted);
        let attempt = sink.attempt(0, parcel(&sink, 0, &["x"])).await;
        assert!(matches!(attempt, Attempt::Hold(_)));
        assert_eq!(self.hec.count().requests, 0, "nothing is sent to a server that is not trusted");
        failure(attempt)
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_with_the_remedy() {
    let server = server(&["localhost"]).await;
    let failure = server.refusal("localhost", false).await;
    assert_eq!(failure.reason, Reason::Tls);
    assert!(failure.detail.contains("tls.trust_store"), "{failure}");
}

#[tokio::test]
async fn a_certificate_in_the_trust_store_is_accepted() {
    let server = server(&["localhost"]).await;
    assert_eq!(send(&server.sink("localhost", true), 0, &["x"]).await, "delivered");
    assert_eq!(server.hec.count().events, 1);
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let server = server(&["splunk.example"]).await;
    let failure = server.refusal("localhost", true).await;
    assert_eq!(failure.reason, Reason::Tls);
    assert!(failure.detail.contains("another host"), "{failure}");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_matter_for_a_human() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.ok();
        }
    });
    let sink = SplunkHec::new(&config(&[&address])).unwrap();
    let failure = failure(sink.attempt(0, parcel(&sink, 0, &["x"])).await);
    assert_eq!(failure.reason, Reason::Tls);
    assert!(failure.detail.contains("is the address http?"), "{failure}");
}

#[tokio::test]
async fn the_name_to_verify_may_be_another_than_the_host() {
    let server = server(&["splunk.example"]).await;
    let named = |name| TlsConfig { verification: server.trust(Some(name)), ..TlsConfig::default() };
    assert_eq!(send(&server.sink_with("localhost", named("splunk.example")), 0, &["x"]).await, "delivered");
    let wrong = server.sink_with("localhost", named("other.example"));
    let failure = failure(wrong.attempt(0, parcel(&wrong, 1, &["x"])).await);
    assert!(failure.detail.contains("splunk.example") && failure.detail.contains("tls.server_name"), "{failure}");
}

#[tokio::test]
async fn a_certificate_is_taken_unseen_only_when_the_configuration_says_so() {
    let server = server(&["splunk.example"]).await;
    let tls = TlsConfig { verification: Verification::Disabled, ..TlsConfig::default() };
    assert_eq!(send(&server.sink_with("localhost", tls), 0, &["x"]).await, "delivered");
}

#[tokio::test]
async fn a_self_signed_certificate_that_calls_itself_an_authority_may_stand_in_the_trust_store() {
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    // As `openssl req -x509` makes them.
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let cert = params.self_signed(&signing_key).unwrap();
    let server = serve(rcgen::CertifiedKey { cert, signing_key }, None).await;
    assert_eq!(send(&server.sink("localhost", true), 0, &["x"]).await, "delivered");
    let failure = server.refusal_of_listed("127.0.0.1").await;
    assert!(failure.detail.contains("another host"), "{failure}");
}

#[tokio::test]
async fn a_listed_certificate_that_has_expired_is_refused() {
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let cert = params.self_signed(&signing_key).unwrap();
    let server = serve(rcgen::CertifiedKey { cert, signing_key }, None).await;
    let failure = server.refusal("localhost", true).await;
    assert!(failure.detail.contains("has expired; renew it"), "{failure}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_those_who_ask_for_it() {
    let client = rcgen::generate_simple_self_signed(vec!["client".to_owned()]).unwrap();
    let names = vec!["localhost".to_owned()];
    let server = serve(rcgen::generate_simple_self_signed(names).unwrap(), Some(client.cert.der())).await;
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("client.pem"), folder.path().join("client.key"));
    std::fs::write(&certificate, client.cert.pem()).unwrap();
    std::fs::write(&key, client.signing_key.serialize_pem()).unwrap();
    let identity = Some(Identity { certificate, key, key_password: None });
    let tls = TlsConfig { verification: server.trust(None), identity, min_version: TlsVersion::Tls13 };
    assert_eq!(send(&server.sink_with("localhost", tls), 0, &["x"]).await, "delivered");

    let without = server.sink("localhost", true);
    let failure = failure(without.attempt(0, parcel(&without, 1, &["x"])).await);
    assert_eq!(failure.reason, Reason::Tls, "{failure}");
    assert!(failure.detail.contains("set tls.certificate_file"), "{failure}");
    assert_eq!(server.hec.count().events, 1);
}

#[tokio::test]
async fn a_replaced_trust_store_counts_from_the_next_connection_on() {
    let server = server(&["localhost"]).await;
    let own = std::fs::read(server.trust_store.path()).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(server.trust_store.path(), other.cert.pem()).unwrap();
    let sink = server.sink("localhost", true);
    assert_eq!(send(&sink, 0, &["x"]).await, "hold tls");
    std::fs::write(server.trust_store.path(), own).unwrap();
    assert_eq!(sink.refresh(), [Refreshed::InUse { what: "tls" }]);
    assert_eq!(send(&sink, 0, &["x"]).await, "delivered");
    std::fs::write(server.trust_store.path(), other.cert.pem()).unwrap();
    assert_eq!(sink.refresh(), [Refreshed::InUse { what: "tls" }]);
    assert_eq!(send(&sink, 1, &["x"]).await, "hold tls", "an authority that was taken out is trusted no more");
}
