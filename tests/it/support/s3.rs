//! A real S3 server, SeaweedFS, which `make test` fetches: it checks signatures and honours conditions.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::child::Guarded;
use super::ports::free_port;
use super::waiting::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

pub const ACCESS_KEY: &str = "access";
pub const SECRET_KEY: &str = "secret-of-the-store";

pub struct S3 {
    port: u16,
    filer: u16,
    _server: Guarded,
    _folder: TempDir,
}

static SHARED: OnceLock<S3> = OnceLock::new();

impl S3 {
    /// One server for all tests; they use buckets of their own.
    pub fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys.json");
        let login = format!(
            r#"{{"identities":[{{"name":"t","credentials":[{{"accessKey":"{ACCESS_KEY}","secretKey":"{SECRET_KEY}"}}],
            "actions":["Admin","Read","Write","List","Tagging"]}}]}}"#
        );
        fs::write(&keys, login).unwrap();
        let (port, filer) = (free_port(), free_port());
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let mut command = Command::new(binary());
        command.args([
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-s3",
            "-volume.max=100",
            "-master.volumeSizeLimitMB=64",
        ]);
        command.arg(format!("-dir={}", data.display())).arg(format!("-s3.config={}", keys.display()));
        for (name, port) in [("s3.port", port), ("filer.port", filer)] {
            command.arg(format!("-{name}={port}"));
        }
        let others =
            ["s3.port.grpc", "filer.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc"];
        for name in others {
            command.arg(format!("-{name}={}", free_port()));
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        command.stdout(Stdio::null()).stderr(log).stdin(Stdio::null());
        let server = Guarded::spawn(&mut command, Some(folder.path()));
        let this = Self { port, filer, _server: server, _folder: folder };
        wait_until(LIMIT, "the S3 server takes a bucket", || this.try_bucket("probe"));
        wait_until(LIMIT, "the S3 server answers", || {
            http(port, "GET", "/").is_some_and(|answer| answer.contains(" 403 "))
        });
        this
    }

    /// A new bucket.
    pub fn bucket(&self, name: &str) {
        wait_until(LIMIT, "the bucket is there", || self.try_bucket(name));
    }

    /// Buckets are folders of the filer, which needs no signature.
    fn try_bucket(&self, name: &str) -> bool {
        http(self.filer, "POST", &format!("/buckets/{name}/")).is_some_and(|answer| answer.contains(" 20"))
    }

    /// All objects of a bucket, with their bytes: as the server's own file interface shows them, without signatures.
    pub fn objects(&self, bucket: &str) -> Vec<(String, Vec<u8>)> {
        self.below(&format!("/buckets/{bucket}"))
    }

    fn below(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        let listing = self.get(&format!("{folder}/?limit=100000"), "application/json");
        let listing: Value = serde_json::from_slice(&listing).expect("a listing is JSON");
        let mut objects = Vec::new();
        for entry in listing["Entries"].as_array().into_iter().flatten() {
            let path = entry["FullPath"].as_str().expect("every entry has a path");
            // The bit of Go's file modes that marks a folder.
            if entry["Mode"].as_u64().unwrap_or(0) & (1 << 31) != 0 {
                objects.extend(self.below(path));
            } else {
                objects.push((path.to_owned(), self.get(path, "*/*")));
            }
        }
        objects
    }

    fn get(&self, path: &str, accept: &str) -> Vec<u8> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.filer)).unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("an answer has a head");
        assert!(answer.starts_with(b"HTTP/1.0 200"), "{path}: {}", String::from_utf8_lossy(&answer[..end]));
        answer.split_off(end + 4)
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn http(port: u16, method: &str, path: &str) -> Option<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn binary() -> PathBuf {
    // Where Cargo puts what tests write is beside where the Makefile puts what it fetches.
    let built = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let binary = built.parent().expect("Cargo's scratch folder lies in its target folder").join("s3/bin/weed");
    assert!(binary.is_file(), "{} is missing: run `make test` once, it fetches the S3 server", binary.display());
    binary
}
