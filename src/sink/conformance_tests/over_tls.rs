//! Certificates that are trusted, and those that are not.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{Bank, Subject, Target, failure_of, send};
use crate::delivery::attempt::Failure;
use crate::demo::receiver::Receiver;
use crate::reason::Reason;
use crate::sink::{Refreshed, Sink};
use crate::tls::config::{Identity, TlsConfig, TlsVersion, TrustStore, Verification};

/// A server behind TLS, with a certificate signed by nobody but itself.
pub(in crate::sink) struct TlsServer {
    pub(in crate::sink) port: u16,
    pub(in crate::sink) trust_store: tempfile::NamedTempFile,
    _serving: JoinSet<()>,
}

impl TlsServer {
    /// With a certificate for these names.
    pub(in crate::sink) async fn named(names: &[&str], receiver: &Receiver) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Self::serve(rcgen::generate_simple_self_signed(names).unwrap(), None, receiver).await
    }

    /// With `clients`, only clients with a certificate of this authority are served.
    async fn serve(
        certified: rcgen::CertifiedKey<rcgen::KeyPair>,
        clients: Option<&CertificateDer<'static>>,
        receiver: &Receiver,
    ) -> Self {
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
        let (served, mut serving) = (receiver.clone(), JoinSet::new());
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
        Self { port, trust_store, _serving: serving }
    }

    pub(in crate::sink) fn trust(&self, server_name: Option<&'static str>) -> Verification {
        let trust_store = Some(TrustStore { path: self.trust_store.path().to_owned(), password: None });
        Verification::Full { trust_store, server_name: server_name.map(|name| ServerName::try_from(name).unwrap()) }
    }
}

/// A server behind TLS for a subject.
struct Vault {
    subject: Arc<dyn Subject>,
    bank: Bank,
    server: TlsServer,
}

impl Vault {
    async fn named(subject: &Arc<dyn Subject>, names: &[&str]) -> Self {
        let bank = Bank::open(subject).await;
        let server = TlsServer::named(names, bank.server.receiver()).await;
        Self { subject: Arc::clone(subject), bank, server }
    }

    async fn with(
        subject: &Arc<dyn Subject>,
        certified: rcgen::CertifiedKey<rcgen::KeyPair>,
        clients: Option<&CertificateDer<'static>>,
    ) -> Self {
        let bank = Bank::open(subject).await;
        let server = TlsServer::serve(certified, clients, bank.server.receiver()).await;
        Self { subject: Arc::clone(subject), bank, server }
    }

    fn sink(&self, host: &str, verification: Verification) -> Arc<dyn Sink> {
        self.sink_with(host, TlsConfig { verification, ..TlsConfig::default() })
    }

    fn sink_with(&self, host: &str, tls: TlsConfig) -> Arc<dyn Sink> {
        let url = format!("https://{host}:{}", self.server.port);
        self.subject.sink(&Target { tls, ..Target::new(&url) })
    }

    fn trust(&self) -> Verification {
        self.server.trust(None)
    }

    async fn refusal(&self, host: &str, verification: Verification) -> Failure {
        let failure = failure_of(&*self.sink(host, verification), 0).await;
        assert_eq!(failure.reason, Reason::Tls, "{failure}");
        let sent = self.bank.server.receiver().requests().len();
        assert_eq!(sent, 0, "nothing is sent to a server that is not trusted");
        failure
    }

    async fn accepts(&self, sink: &Arc<dyn Sink>, offset: i64) {
        assert_eq!(send(&**sink, offset).await, "delivered");
        assert_eq!(self.bank.taken().get(&offset), Some(&1));
    }
}

fn certificate(change: impl FnOnce(&mut rcgen::CertificateParams)) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut params);
    let cert = params.self_signed(&signing_key).unwrap();
    rcgen::CertifiedKey { cert, signing_key }
}

pub(in crate::sink) async fn all(subject: Arc<dyn Subject>) {
    self_signed(&subject).await;
    another_host(&subject).await;
    no_tls_at_all(&subject).await;
    another_name(&subject).await;
    unseen(&subject).await;
    authority_of_its_own(&subject).await;
    expired(&subject).await;
}

pub(in crate::sink) async fn identities(subject: Arc<dyn Subject>) {
    client_certificate(&subject).await;
    replaced_trust_store(&subject).await;
}

async fn self_signed(subject: &Arc<dyn Subject>) {
    let vault = Vault::named(subject, &["localhost"]).await;
    let failure = vault.refusal("localhost", Verification::default()).await;
    assert!(failure.detail.contains("tls.trust_store"), "{failure}");
    vault.accepts(&vault.sink("localhost", vault.trust()), 0).await;
}

async fn another_host(subject: &Arc<dyn Subject>) {
    let vault = Vault::named(subject, &["receiver.example"]).await;
    let failure = vault.refusal("localhost", vault.trust()).await;
    assert!(failure.detail.contains("another host"), "{failure}");
}

/// A matter for a human.
async fn no_tls_at_all(subject: &Arc<dyn Subject>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.ok();
        }
    });
    let failure = failure_of(&*subject.sink(&Target::new(&url)), 0).await;
    assert_eq!(failure.reason, Reason::Tls);
    assert!(failure.detail.contains("is the address http?"), "{failure}");
}

/// The name to verify may be another than the host.
async fn another_name(subject: &Arc<dyn Subject>) {
    let vault = Vault::named(subject, &["receiver.example"]).await;
    let failure = vault.refusal("localhost", vault.server.trust(Some("other.example"))).await;
    assert!(failure.detail.contains("receiver.example") && failure.detail.contains("tls.server_name"), "{failure}");
    vault.accepts(&vault.sink("localhost", vault.server.trust(Some("receiver.example"))), 0).await;
}

/// Only when the configuration says so.
async fn unseen(subject: &Arc<dyn Subject>) {
    let vault = Vault::named(subject, &["receiver.example"]).await;
    vault.accepts(&vault.sink("localhost", Verification::Disabled), 0).await;
}

/// As `openssl req -x509` makes them.
async fn authority_of_its_own(subject: &Arc<dyn Subject>) {
    let certified = certificate(|params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    let vault = Vault::with(subject, certified, None).await;
    let failure = vault.refusal("127.0.0.1", vault.trust()).await;
    assert!(failure.detail.contains("another host"), "{failure}");
    vault.accepts(&vault.sink("localhost", vault.trust()), 0).await;
}

async fn expired(subject: &Arc<dyn Subject>) {
    let certified = certificate(|params| params.not_after = rcgen::date_time_ymd(2021, 1, 1));
    let vault = Vault::with(subject, certified, None).await;
    let failure = vault.refusal("localhost", vault.trust()).await;
    assert!(failure.detail.contains("has expired; renew it"), "{failure}");
}

async fn client_certificate(subject: &Arc<dyn Subject>) {
    let client = rcgen::generate_simple_self_signed(vec!["client".to_owned()]).unwrap();
    let vault = Vault::with(subject, certificate(|_| {}), Some(client.cert.der())).await;
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("client.pem"), folder.path().join("client.key"));
    std::fs::write(&certificate, client.cert.pem()).unwrap();
    std::fs::write(&key, client.signing_key.serialize_pem()).unwrap();
    let failure = vault.refusal("localhost", vault.trust()).await;
    assert!(failure.detail.contains("set tls.certificate_file"), "{failure}");

    let identity = Some(Identity { certificate, key, key_password: None });
    let tls = TlsConfig { verification: vault.trust(), identity, min_version: TlsVersion::Tls13 };
    vault.accepts(&vault.sink_with("localhost", tls), 1).await;
}

/// Counts from the next connection on.
async fn replaced_trust_store(subject: &Arc<dyn Subject>) {
    let vault = Vault::named(subject, &["localhost"]).await;
    let file = vault.server.trust_store.path();
    let own = std::fs::read(file).unwrap();
    let other = certificate(|_| {});
    std::fs::write(file, other.cert.pem()).unwrap();
    let sink = vault.sink("localhost", vault.trust());
    assert_eq!(send(&*sink, 0).await, "hold tls");
    std::fs::write(file, own).unwrap();
    assert_eq!(sink.refresh(), [Refreshed::InUse { what: "tls" }]);
    vault.accepts(&sink, 0).await;
    std::fs::write(file, other.cert.pem()).unwrap();
    assert_eq!(sink.refresh(), [Refreshed::InUse { what: "tls" }]);
    assert_eq!(send(&*sink, 1).await, "hold tls", "an authority that was taken out is trusted no more");
}
