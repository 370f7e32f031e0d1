//! Apache Kafka itself: one node that is broker and controller, started by the tests.
//!
//! - [`Kafka::shared`] is one broker for all tests that leave it healthy. Use topics and groups from [`Kafka::topic`] and
//!   [`fresh_name`] there, so that tests do not meet.
//! - [`Kafka::start`] is a broker of one's own, to stop, pause and restart: ready in about three seconds.
//!
//! It listens on 127.0.0.1 without security, with SASL (PLAIN and SCRAM) over TLS and without TLS, and with TLS client
//! certificates; see [`Access`]. Permissions are enforced: [`FORWARDER`], the anonymous client and the client certificate
//! may do everything, [`STRANGER`] only what [`Kafka::allow`] grants.
//!
//! The jars are fetched by `make test`, never by a test.

mod clients;
mod records;
mod settings;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use rdkafka::ClientConfig;
use tempfile::TempDir;

use super::certificates::Certificates;
use super::child::{self, Guarded};
use super::waiting::wait_for;

pub use clients::fresh_name;
pub use records::{Loader, Message, NewRecord, READERS, TransactionEnd};
use settings::Ports;

/// A user with every permission, like the API key of the audit cluster.
pub const FORWARDER: Login = Login { user: "forwarder", password: "forwarder-password" };
/// A user whose password is right and who may do nothing.
pub const STRANGER: Login = Login { user: "stranger", password: "stranger-password" };
/// The common name of the client certificate.
const CLIENT: &str = "auditferry-client";

const START_LIMIT: Duration = Duration::from_secs(90);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Login {
    pub user: &'static str,
    pub password: &'static str,
}

/// A listener of the broker and how to log in there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    Plaintext,
    /// `mechanism` is `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    SaslSsl {
        mechanism: &'static str,
        login: Login,
    },
    SaslPlaintext {
        mechanism: &'static str,
        login: Login,
    },
    /// TLS with a client certificate.
    MutualTls,
}

#[derive(Debug)]
pub struct Kafka {
    ports: Ports,
    certificates: Certificates,
    /// `None` while the broker is stopped. Declared before `home`: it must be dead before its files are removed.
    broker: Mutex<Option<Guarded>>,
    home: TempDir,
}

impl Kafka {
    /// The broker that all tests of this process share. It ends with the process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a broker and waits until it serves. It ends when the value is dropped.
    pub fn start() -> Self {
        let home = tempfile::Builder::new().prefix("auditferry-kafka-").tempdir().expect("make a temporary directory");
        let certificates = Certificates::write_to(home.path(), CLIENT);
        let kafka = Self { ports: Ports::free(), certificates, broker: Mutex::new(None), home };
        kafka.write_settings();
        kafka.format();
        kafka.start_again();
        kafka
    }

    /// Kills the broker, as a machine that dies. Clients see closed connections, then refused ones.
    pub fn stop(&self) {
        drop(self.broker.lock().unwrap().take().expect("the broker runs"));
    }

    /// Starts the stopped broker on the same ports with the same data, and waits until it serves.
    pub fn start_again(&self) {
        let mut broker = self.broker.lock().unwrap();
        assert!(broker.is_none(), "the broker runs already");
        let log = File::create(self.log_path()).expect("write below the temporary directory");
        let mut command = self.java("kafka.Kafka");
        command.arg(self.settings_path()).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a file can be shared")).stderr(log);
        let mut started = Guarded::spawn(&mut command, Some(self.home.path()));
        wait_for(START_LIMIT, "the Kafka broker serves", || {
            if let Some(status) = started.ended() {
                panic!("the Kafka broker ended ({}):\n{}", child::describe(status), self.log());
            }
            self.serves().then_some(())
        });
        *broker = Some(started);
    }

    /// Freezes the broker (SIGSTOP): connections stay open and nothing is answered.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets the frozen broker go on.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// `host:port` to put into `bootstrap_servers`.
    pub fn bootstrap(&self, access: Access) -> String {
        let port = match access {
            Access::Plaintext => self.ports.plaintext,
            Access::SaslSsl { .. } => self.ports.sasl_ssl,
            Access::SaslPlaintext { .. } => self.ports.sasl_plaintext,
            Access::MutualTls => self.ports.ssl,
        };
        format!("127.0.0.1:{port}")
    }

    /// The authority that signed the broker's certificate, and the client's certificate and key.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// What a librdkafka client needs to connect.
    pub fn client_config(&self, access: Access) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap(access)).set("log_level", "3");
        let ca = self.certificates.ca.display().to_string();
        match access {
            Access::Plaintext => config.set("security.protocol", "plaintext"),
            Access::SaslSsl { mechanism, login } => {
                config.set("security.protocol", "sasl_ssl").set("ssl.ca.location", ca);
                log_in(&mut config, mechanism, login)
            }
            Access::SaslPlaintext { mechanism, login } => {
                config.set("security.protocol", "sasl_plaintext");
                log_in(&mut config, mechanism, login)
            }
            Access::MutualTls => config
                .set("security.protocol", "ssl")
                .set("ssl.ca.location", ca)
                .set("ssl.certificate.location", self.certificates.client_certificate.display().to_string())
                .set("ssl.key.location", self.certificates.client_key.display().to_string()),
        };
        config
    }

    /// Grants `user` an operation of Kafka's (`Read`, `Describe`, ...) on a topic, e.g. `allow("stranger", "Read", "--topic",
    /// name)`, or on a group with `--group`. Takes a second.
    pub fn allow(&self, user: &str, operation: &str, resource: &str, name: &str) {
        let mut command = self.java("org.apache.kafka.tools.AclCommand");
        command.args(["--bootstrap-server", &self.bootstrap(Access::Plaintext), "--add"]);
        command.args(["--allow-principal", &format!("User:{user}"), "--operation", operation, resource, name]);
        run(&mut command);
    }

    /// The number of the broker's process.
    pub fn process(&self) -> u32 {
        self.broker.lock().unwrap().as_ref().expect("the broker runs").id()
    }

    /// What the broker has printed since it was started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_else(|error| format!("(no log: {error})"))
    }

    fn signal(&self, name: &str) {
        self.broker.lock().unwrap().as_mut().expect("the broker runs").signal(name);
    }

    fn write_settings(&self) {
        let text = settings::text(self.ports, self.home.path(), &self.certificates);
        fs::write(self.settings_path(), text).expect("write below the temporary directory");
    }

    fn format(&self) {
        let mut command = self.java("kafka.tools.StorageTool");
        let cluster = "auditferry-tests-00000";
        command.args(["format", "-t", cluster, "-c"]).arg(self.settings_path());
        for Login { user, password } in [FORWARDER, STRANGER] {
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                command.args(["--add-scram", &format!("{mechanism}=[name={user},password={password}]")]);
            }
        }
        run(&mut command);
    }

    /// A JVM that runs `main` with the broker's jars. Without the optimising compiler it starts a fifth faster and leaves
    /// more of a small machine to the tests; only TLS is slow then, some 25,000 events a second.
    pub fn java(&self, main: &str) -> Command {
        let mut command = Command::new("java");
        command.args([
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-Dlog4j2.level=WARN",
            "-cp",
        ]);
        command.arg(jars().join("*")).arg(main).current_dir(self.home.path());
        command
    }

    fn settings_path(&self) -> PathBuf {
        self.home.path().join("server.properties")
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("broker.log")
    }
}

/// The folder that `make test` fills, beside everything else that is built.
fn jars() -> PathBuf {
    let built = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let jars = built.parent().expect("Cargo's scratch folder lies in its target folder").join("kafka/libs");
    assert!(
        jars.join(".complete").exists(),
        "no Kafka broker in {}: run `make test`, or `make kafka` once before `cargo test`",
        jars.display()
    );
    jars
}

fn log_in<'a>(config: &'a mut ClientConfig, mechanism: &str, login: Login) -> &'a mut ClientConfig {
    config.set("sasl.mechanism", mechanism).set("sasl.username", login.user).set("sasl.password", login.password)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        child::describe(output.status),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
