//! TLS servers to be refused: certificates with one thing wrong, and OpenSSL's `s_server` for what no modern library speaks.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

use super::child::Guarded;
use super::waiting::wait_for;

pub type Authority = CertifiedIssuer<'static, KeyPair>;

/// A certificate authority that signs itself.
pub fn authority(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority_params(name), new_key()).expect("a plain authority")
}

/// An authority that is signed by another one.
pub fn authority_by(above: &Authority, name: &str) -> Authority {
    CertifiedIssuer::signed_by(authority_params(name), new_key(), above).expect("a plain authority")
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = named(name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
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

/// A certificate with its private key, and what a server sends along.
pub struct Issued {
    pub certificate: String,
    pub key: String,
    pub chain: String,
}

/// How a certificate differs from a plain one of a server called `localhost`.
pub enum Flaw {
    None,
    Expired,
    NotYetValid,
    OtherHost,
    ForClients,
}

pub fn issue(authority: &Authority, flaw: &Flaw) -> Issued {
    let mut params = named("server", &["localhost"]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    match flaw {
        Flaw::None => {}
        Flaw::Expired => {
            (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        }
        Flaw::NotYetValid => params.not_before = date_time_ymd(2090, 1, 1),
        Flaw::OtherHost => params.subject_alt_names = named("server", &["other.example"]).subject_alt_names,
        Flaw::ForClients => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
    }
    let key = new_key();
    let certificate = params.signed_by(&key, authority).expect("a plain certificate");
    Issued { certificate: certificate.pem(), key: key.serialize_pem(), chain: String::new() }
}

/// A certificate that is signed by one that is no authority.
pub fn issued_by_a_server(above: &Authority) -> Issued {
    let mut params = named("no authority", &["between.example"]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let between = CertifiedIssuer::signed_by(params, new_key(), above).expect("a plain certificate");
    Issued { chain: between.pem(), ..issue(&between, &Flaw::None) }
}

/// A server that shakes hands and then speaks a little HTTP.
pub struct TlsServer {
    pub port: u16,
    _process: Option<Guarded>,
    home: TempDir,
}

impl TlsServer {
    /// `openssl s_server` with this certificate and further options.
    pub fn start(issued: &Issued, options: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("make a temporary directory");
        let write = |name: &str, text: &str| {
            fs::write(home.path().join(name), text).expect("write below the temporary directory");
        };
        write("server.pem", &issued.certificate);
        write("server.key", &issued.key);
        let log = fs::File::create(home.path().join("log")).expect("write below the temporary directory");
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", "server.pem", "-key", "server.key"]);
        if !issued.chain.is_empty() {
            write("chain.pem", &issued.chain);
            command.args(["-cert_chain", "chain.pem"]);
        }
        command.args(options).current_dir(home.path()).stdin(Stdio::null()).stderr(Stdio::null()).stdout(log);
        let process = Guarded::spawn(&mut command, None);
        let port = wait_for(Duration::from_secs(20), "s_server listens", || {
            let log = fs::read_to_string(home.path().join("log")).unwrap_or_default();
            log.lines().find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.trim().parse().ok())
        });
        Self { port, _process: Some(process), home }
    }

    /// A server that answers in plain HTTP, whatever it is asked.
    pub fn plain() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen on a free port");
        let port = listener.local_addr().expect("it listens").port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut asked = [0; 512];
                if stream.read(&mut asked).is_ok() {
                    stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").ok();
                }
            }
        });
        Self { port, _process: None, home: tempfile::tempdir().expect("make a temporary directory") }
    }

    /// A file that somebody trusts.
    pub fn store(&self, text: &str) -> PathBuf {
        let path = self.home.path().join("store.pem");
        fs::write(&path, text).expect("write below the temporary directory");
        path
    }
}

/// Runs `keytool` below `folder`; the password of every store is `changeit`.
pub fn keytool(folder: &Path, arguments: &[&str]) {
    let output = Command::new("keytool").args(arguments).args(["-storepass", "changeit"]).current_dir(folder).output();
    let output = output.expect("keytool is part of every Java");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
