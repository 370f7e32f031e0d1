//! Stores as `keytool` and `openssl` make them, and what is said about those that cannot be used.

mod identities;
mod stores;
mod workshop;

use std::time::Duration;

use super::config::{TlsConfig, TrustStore, Verification};
use super::*;

const TRANSPORT: Transport =
    Transport { connect: Duration::from_secs(1), request: Duration::from_secs(1), keep_alive: true, proxy: None };

fn trusting(path: &Path) -> TlsConfig {
    let trust_store = Some(TrustStore { path: path.to_owned(), password: None });
    TlsConfig { verification: Verification::Full { trust_store, server_name: None }, ..TlsConfig::default() }
}

#[test]
fn a_client_is_made_for_the_authorities_of_the_system_and_for_those_of_a_trust_store() {
    assert!(HttpClient::new(&TlsConfig::default(), &TRANSPORT).is_ok());
    let key = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key.cert.pem()).unwrap();
    assert!(HttpClient::new(&trusting(file.path()), &TRANSPORT).is_ok());
    let error = HttpClient::new(&trusting(Path::new("/nowhere/ca.pem")), &TRANSPORT).unwrap_err().to_string();
    assert!(error.contains("/nowhere/ca.pem") && error.contains("must name a readable file"), "{error}");
}
