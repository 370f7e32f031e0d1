//! Tokens and certificates that are replaced while the program runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auditferry::demo::hec::{Hec, HecOptions, TOKEN, Token};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde_json::json;

use crate::support::certificates::Certificates;
use crate::support::collector::Collector;
use crate::support::ferry::{PIPELINE, Setup, wait_for_commit};
use crate::support::kafka::{Access, Kafka};
use crate::support::waiting::wait_until;

/// Within this time a new token has to be in use.
const IN_USE: Duration = Duration::from_secs(10);

const SWAPS: usize = 50;

/// Files that are replaced as Kubernetes does it: the folder behind a symbolic link changes, all at one moment.
struct Mounted(PathBuf);

impl Mounted {
    fn replace(&self, version: usize, files: &[(&str, &str)]) {
        let folder = self.0.join(format!("..{version}"));
        fs::create_dir(&folder).expect("a new folder");
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("writable");
        }
        symlink(format!("..{version}"), self.0.join("..next")).expect("a new link");
        fs::rename(self.0.join("..next"), self.0.join("..data")).expect("the link can be replaced");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join("..data").join(name)
    }
}

/// The certificate that a server presents, and how often it has; it may be replaced at any time.
#[derive(Debug)]
struct Presented(Mutex<(Arc<CertifiedKey>, u32)>);

impl Presented {
    fn replace(&self, certificate: Arc<CertifiedKey>) {
        *self.0.lock().unwrap() = (certificate, 0);
    }

    fn was_shown(&self) -> bool {
        self.0.lock().unwrap().1 > 0
    }
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut presented = self.0.lock().unwrap();
        presented.1 += 1;
        Some(Arc::clone(&presented.0))
    }
}

/// A certificate of its own authority, as PEM, and ready to be presented.
fn certificate() -> (String, Arc<CertifiedKey>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let certified = CertifiedKey::from_der(vec![made.cert.der().clone()], key, &provider);
    (made.cert.pem(), Arc::new(certified.expect("key and certificate belong together")))
}

fn server(presented: &Arc<Presented>) -> ServerConfig {
    let shared: Arc<dyn ResolvesServerCert> = presented.clone();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the defaults are safe")
        .with_no_client_auth()
        .with_cert_resolver(shared)
}

fn token(version: usize) -> String {
    format!("rotated-{version:04}-token")
}

/// Whether a request with this token has come lately.
fn uses(hec: &Hec, token: &str) -> bool {
    let expected = format!("Splunk {token}");
    hec.requests().iter().rev().take(20).any(|head| head.header("authorization") == Some(expected.as_str()))
}

/// Goal: fifty replacements of token and certificate lose nothing, and each new token is in use within ten seconds.
/// Method: under load the files change as in Kubernetes, the server presents the next certificate, and Splunk forgets the
/// former token: mostly later, every fifth time at the same moment.
#[test]
fn fifty_replaced_tokens_and_certificates_lose_nothing() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("rotation", 4);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mounted = Mounted(folder.path().to_owned());
    let mut next = certificate();
    let presented = Arc::new(Presented(Mutex::new((Arc::clone(&next.1), 0))));
    let collector = Collector::start_behind(server(&presented), HecOptions::default());
    let hec = collector.hec();
    hec.set_tokens(vec![Token::new(&token(0))]);
    mounted.replace(0, &[("token", &token(0)), ("ca.pem", &next.0)]);

    let mut setup = Setup::new(kafka, &topic, collector.url());
    let sink = setup.sink();
    sink.as_object_mut().expect("an object").remove("token");
    sink["token_file"] = json!(mounted.path("token"));
    sink["tls"] = json!({"trust_store": mounted.path("ca.pem")});
    let ferry = setup.start();
    let load = kafka.load(&topic, 1000, |n| format!("{{\"n\":{n}}}").into_bytes());
    wait_until(IN_USE, "the first token is in use", || uses(hec, &token(0)));

    for version in 1..=SWAPS {
        let current = std::mem::replace(&mut next, certificate());
        presented.replace(current.1);
        // The server's next certificate is trusted before it is presented, as an operator would do it.
        let trusted = [current.0.as_str(), next.0.as_str()].concat();
        if !version.is_multiple_of(5) {
            hec.set_tokens([version - 1, version].map(|version| Token::new(&token(version))).to_vec());
        }
        mounted.replace(version, &[("token", &format!("{}\n", token(version))), ("ca.pem", &trusted)]);
        if version.is_multiple_of(5) {
            hec.set_tokens(vec![Token::new(&token(version))]);
        }
        wait_until(IN_USE, &format!("token and certificate {version} are in use"), || {
            uses(hec, &token(version)) && presented.was_shown()
        });
    }

    let produced = load.stop();
    let ends: Vec<_> = kafka.end_offsets(&topic).into_iter().map(Some).collect();
    wait_for_commit(kafka, setup.group(), &topic, &ends);
    let count = hec.count();
    assert_eq!((count.distinct, count.duplicates), (produced, 0));
    assert!(!ferry.stderr().contains("rotated-"), "a token was printed:\n{}", ferry.stderr());
    ferry.assert_no_complaint_but(&[]);
    ferry.stop();
}

#[test]
fn a_token_that_splunk_does_not_know_yet_is_replaced_by_the_former_one() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("early-token", 1);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("token");
    let collector = Collector::start();
    let mut ferry = setup_with_token(kafka, &topic, &collector, &file).start();
    kafka.produce(&topic, 10, |n| format!("{{\"n\":{n}}}"), |_| 0);
    collector.wait_for_events(10);

    fs::write(&file, token(1)).expect("writable");
    ferry.wait_for_message("a new version from its file is in use");
    kafka.produce(&topic, 10, |n| format!("{{\"n\":{n}}}"), |_| 0);
    collector.wait_for_events(20);
    ferry.wait_for_complaint(&["the new token is refused and the former one is taken", collector.url()]);
    assert_eq!(ferry.status().expect("it serves")["pipelines"][0]["state"], "running");

    collector.hec().set_tokens(vec![Token::new(&token(1))]);
    kafka.produce(&topic, 10, |n| format!("{{\"n\":{n}}}"), |_| 0);
    collector.wait_for_events(30);
    ferry.wait_for_message("the new token is taken now");
    assert_eq!(collector.hec().count().duplicates, 0);
    ferry.stop();
}

#[test]
fn a_token_that_splunk_has_replaced_first_holds_until_the_file_follows() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("late-token", 1);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("token");
    let collector = Collector::start();
    let mut ferry = setup_with_token(kafka, &topic, &collector, &file).start();
    kafka.produce(&topic, 10, |n| format!("{{\"n\":{n}}}"), |_| 0);
    collector.wait_for_events(10);
    collector.hec().set_tokens(vec![Token::new(&token(1))]);
    kafka.produce(&topic, 10, |n| format!("{{\"n\":{n}}}"), |_| 0);
    ferry.wait_for_status(PIPELINE, Some("holding"), "unauthorized");
    fs::write(&file, token(1)).expect("writable");
    collector.wait_for_events(20);
    ferry.wait_for_message("delivery resumes");
    ferry.stop();
}

#[test]
fn a_new_version_that_cannot_be_used_is_told_once_and_changes_nothing() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("broken-version", 1);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (collector, store) = Collector::start_self_signed(folder.path());
    let good = fs::read(&store).expect("readable");
    let mut setup = Setup::new(kafka, &topic, collector.url());
    setup.sink()["tls"] = json!({"trust_store": store});
    let mut ferry = setup.start();
    kafka.produce(&topic, 10, |n| format!("{{\"n\":{n}}}"), |_| 0);
    collector.wait_for_events(10);

    fs::write(&store, &good[..good.len() / 2]).expect("writable");
    let line = ferry.wait_for_complaint(&["the one before stays in use", "damaged or cut short"]);
    assert!(line.to_string().contains("collector.pem"), "{line}");
    kafka.produce(&topic, 10, |n| format!("{{\"n\":{n}}}"), |_| 0);
    collector.wait_for_events(20);
    let reloads = "auditferry_reloads_total{pipeline=\"splunk\",what=\"tls\",outcome=";
    let metrics = |ferry: &crate::support::ferry::Ferry| ferry.get("/metrics").expect("it serves").1;
    assert!(metrics(&ferry).contains(&format!("{reloads}\"unusable\"}} 1")), "{}", metrics(&ferry));

    fs::write(&store, [good.as_slice(), b"\n"].concat()).expect("writable");
    ferry.wait_for_message("a new version from its file is in use");
    kafka.produce(&topic, 10, |n| format!("{{\"n\":{n}}}"), |_| 0);
    collector.wait_for_events(30);
    let told = ferry.log().iter().filter(|line| line.to_string().contains("stays in use")).count();
    assert_eq!(told, 1, "{}", ferry.stderr());
    ferry.stop();
}

#[test]
fn a_replaced_certificate_for_kafka_is_used_without_a_restart() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("kafka-certificate", 2);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let Certificates { ca, client_certificate, client_key, .. } = kafka.certificates();
    let copy = |from: &Path, name: &str| {
        fs::copy(from, folder.path().join(name)).expect("readable");
        folder.path().join(name)
    };
    let (store, certificate) = (copy(ca, "ca.pem"), copy(client_certificate, "client.pem"));
    let key = copy(client_key, "client.key");
    let collector = Collector::start();
    let mut setup = Setup::new(kafka, &topic, collector.url()).by(kafka, Access::MutualTls);
    setup.source()["tls"] = json!({"trust_store": store, "certificate_file": certificate, "key_file": key});
    let mut ferry = setup.start();
    kafka.produce(&topic, 1000, |n| format!("{{\"n\":{n}}}"), |n| (n % 2) as i32);
    collector.wait_for_events(1000);

    // A key that does not belong to the certificate: told, and the connection goes on.
    let other = rcgen::generate_simple_self_signed(vec!["other".into()]).expect("a key");
    fs::write(&key, other.signing_key.serialize_pem()).expect("writable");
    ferry.wait_for_complaint(&["kafka certificates", "the one before stays in use"]);
    kafka.produce(&topic, 1000, |n| format!("{{\"n\":{n}}}"), |n| (n % 2) as i32);
    collector.wait_for_events(2000);

    copy(client_key, "client.key");
    let again = fs::read_to_string(client_certificate).expect("readable");
    fs::write(&certificate, format!("{again}\n")).expect("writable");
    ferry.wait_for_message("a new version from its file is in use");
    let assigned = format!("auditferry_rebalances_total{{pipeline=\"{PIPELINE}\",kind=\"assigned\"}} 2");
    wait_until(IN_USE * 2, "the group is joined anew", || {
        ferry.get("/metrics").is_some_and(|(_, metrics)| metrics.contains(&assigned))
    });
    kafka.produce(&topic, 1000, |n| format!("{{\"n\":{n}}}"), |n| (n % 2) as i32);
    let ends: Vec<_> = kafka.end_offsets(&topic).into_iter().map(Some).collect();
    wait_for_commit(kafka, setup.group(), &topic, &ends);
    let count = collector.hec().count();
    assert_eq!((count.distinct, count.duplicates), (3000, 0));
    ferry.stop();
}

/// A pipeline whose token lies in this file.
fn setup_with_token(kafka: &Kafka, topic: &str, collector: &Collector, file: &Path) -> Setup {
    fs::write(file, TOKEN).expect("writable");
    let mut setup = Setup::new(kafka, topic, collector.url());
    setup.sink()["token"] = json!(format!("${{file:{}}}", file.display()));
    setup
}
