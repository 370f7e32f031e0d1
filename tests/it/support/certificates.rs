//! A certificate authority of one day: a server certificate for 127.0.0.1 and localhost, and a client's, as PEM files.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

#[derive(Debug)]
pub struct Certificates {
    /// The authority's certificate, which clients and servers are to trust.
    pub ca: PathBuf,
    /// The server's private key (PKCS#8) and certificate in one file, as Kafka's PEM key stores want it.
    pub server_key_and_certificate: PathBuf,
    pub client_certificate: PathBuf,
    pub client_key: PathBuf,
}

impl Certificates {
    /// Makes new keys and writes everything below `directory`. The client's common name is `client`.
    pub fn write_to(directory: &Path, client: &str) -> Self {
        let authority = authority();
        let (server_certificate, server_key) =
            issue(&authority, "localhost", &["localhost", "127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth);
        let (client_certificate, client_key) = issue(&authority, client, &[], ExtendedKeyUsagePurpose::ClientAuth);
        let write = |name: &str, text: &str| {
            let path = directory.join(name);
            fs::write(&path, text).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
            path
        };
        Self {
            ca: write("ca.pem", &authority.pem()),
            server_key_and_certificate: write("server.pem", &format!("{server_key}{server_certificate}")),
            client_certificate: write("client.pem", &client_certificate),
            client_key: write("client.key", &client_key),
        }
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = named("auditferry test authority", &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, new_key()).expect("the parameters of a plain authority are valid")
}

/// A certificate and its private key, both PEM.
fn issue(
    authority: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    hosts: &[&str],
    usage: ExtendedKeyUsagePurpose,
) -> (String, String) {
    let mut params = named(name, hosts);
    params.extended_key_usages = vec![usage];
    let key = new_key();
    let certificate = params.signed_by(&key, authority).expect("the parameters of a plain certificate are valid");
    (certificate.pem(), key.serialize_pem())
}

fn named(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts).expect("test host names are valid");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system gives random numbers")
}
