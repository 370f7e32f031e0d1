//! Certificates that are trusted, and those that are not.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::tls::config::{TrustStore, Verification};

/// A stand-in behind TLS, with a certificate for these names signed by nobody but itself.
struct TlsServer {
    hec: Hec,
    port: u16,
    trust_store: tempfile::NamedTempFile,
    _serving: JoinSet<()>,
}

async fn server(names: &[&str]) -> TlsServer {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certified = rcgen::generate_simple_self_signed(names).unwrap();
    let trust_store = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trust_store.path(), certified.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hec = Hec::new(HecOptions::default());
    let served = hec.clone();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                served.serve(stream).await;
            }
        }
    });
    TlsServer { hec, port, trust_store, _serving: serving }
}

impl TlsServer {
    fn sink(&self, host: &str, trusted: bool) -> SplunkHec {
        let trust_store = trusted.then(|| TrustStore { path: self.trust_store.path().to_owned(), password: None });
        let verification = Verification::Full { trust_store, server_name: None };
        let tls = TlsConfig { verification, ..TlsConfig::default() };
        SplunkHec::new(&HecConfig { tls, ..config(&[&format!("https://{host}:{}", self.port)]) }).unwrap()
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
