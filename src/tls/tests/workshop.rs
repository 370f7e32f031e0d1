//! Makes keys, certificates and stores with the tools that people use: `openssl`, and the JDK's `keytool`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

/// The password of every store.
pub(super) const PASSWORD: &str = "changeit";

/// A folder with two authorities, `a.pem` and `b.pem`, and a server's certificate and key by `a`: `server.pem`,
/// `server.key`.
pub(super) struct Workshop(TempDir);

impl Workshop {
    pub(super) fn new() -> Self {
        let workshop = Self(tempfile::tempdir().unwrap());
        for name in ["a", "b"] {
            let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
            let subject = format!("/CN=authority {name}");
            let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
            let files = ["-keyout", &key, "-out", &certificate, "-subj", &subject];
            workshop.openssl(&[&["req", "-x509"][..], &ec, &files].concat());
        }
        let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
        let files = ["-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=localhost", "-CA", "a.pem"];
        workshop.openssl(&[&["req", "-x509"][..], &ec, &files, &["-CAkey", "a.key"]].concat());
        workshop
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// The certificate in a PEM file.
    pub(super) fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(&self.read(name)).unwrap()
    }

    pub(super) fn openssl(&self, arguments: &[&str]) {
        run(Command::new("openssl").args(arguments), self.0.path());
    }

    /// `openssl pkcs12 -export` into `store`.
    pub(super) fn export(&self, store: &str, arguments: &[&str]) -> PathBuf {
        let password = format!("pass:{PASSWORD}");
        self.openssl(&[&["pkcs12", "-export", "-out", store, "-passout", &password][..], arguments].concat());
        self.path(store)
    }

    pub(super) fn keytool(&self, store: &str, kind: &str, arguments: &[&str]) {
        let mut command = Command::new("keytool");
        command.args(arguments).args(["-keystore", store, "-storetype", kind, "-storepass", PASSWORD]);
        run(&mut command, self.0.path());
    }

    /// A trust store with both authorities, made by `keytool`; `options` are options of the Java machine.
    pub(super) fn trust_store(&self, store: &str, kind: &str, options: &[&str]) -> PathBuf {
        for name in ["a", "b"] {
            let file = format!("{name}.pem");
            let import = ["-importcert", "-noprompt", "-alias", name, "-file", &file];
            self.keytool(store, kind, &[options, &import].concat());
        }
        self.path(store)
    }

    /// A key store with a key and its own certificate, made by `keytool`.
    pub(super) fn key_store(&self, store: &str, kind: &str) -> PathBuf {
        let pair = ["-genkeypair", "-alias", "own", "-keyalg", "EC", "-dname", "CN=own", "-keypass", PASSWORD];
        self.keytool(store, kind, &pair);
        self.path(store)
    }
}

fn run(command: &mut Command, folder: &Path) {
    let output = command.current_dir(folder).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
}
