//! `import` from the outside: what it prints for files as people have them, and that its result is a configuration.
//!
//! The folder `import/` holds the files and, as `NAME.golden.txt`, what comes of them; `UPDATE_GOLDEN=1 cargo test --test it
//! import` rewrites these. Read the diff.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use auditferry::config::{self, Environment};

use crate::support::process::{Finished, command, finish};

const LIMIT: Duration = Duration::from_secs(60);

/// Part of every secret in the files.
const CANARY: &str = "c4n4ry-5ecret";

/// The password of `import/trust-store.jks`, which stands in for the trust stores of the files.
const STORE_PASSWORD: &str = "c4n4ry-5ecret-store";

struct Case {
    name: &'static str,
    arguments: &'static [&'static str],
    exit: i32,
}

const CASES: [Case; 6] = [
    // The fully managed connector, as Confluent Cloud exports it.
    Case { name: "managed", arguments: &["managed.json"], exit: 0 },
    // Acknowledgement, two endpoints, key stores of the JDK, logins in JAAS.
    Case { name: "self-managed", arguments: &["--worker", "worker.properties", "self-managed.json"], exit: 0 },
    // Everything that a properties file can do to its reader.
    Case { name: "standalone", arguments: &["standalone.properties"], exit: 0 },
    Case {
        name: "two",
        arguments: &["--worker", "worker.properties", "self-managed.json", "second.properties"],
        exit: 0,
    },
    // Filter, router, masking, removal and a fixed text.
    Case { name: "transforms", arguments: &["transforms.json"], exit: 0 },
    Case { name: "refused", arguments: &["refused.json"], exit: 1 },
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/import")
}

fn import(arguments: &[&str]) -> Finished {
    let mut command = command();
    command.arg("import").args(arguments).current_dir(folder());
    finish(command, LIMIT)
}

#[test]
fn connectors_become_the_configurations_and_findings_on_record() {
    #[allow(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    for Case { name, arguments, exit } in CASES {
        let finished = import(arguments);
        assert_eq!(finished.code(), Some(exit), "{name}: {}", finished.stderr);
        let Finished { stdout, stderr, .. } = &finished;
        assert!(!stdout.contains(CANARY) && !stderr.contains(CANARY), "{name} shows a secret:\n{stdout}\n{stderr}");
        let report = format!("##### standard output\n\n{stdout}\n##### standard error\n\n{stderr}");
        let golden = folder().join(format!("{name}.golden.txt"));
        if update {
            fs::write(&golden, &report).expect("writable");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(report, expected, "{name} has changed: UPDATE_GOLDEN=1 rewrites the record");
    }
}

#[test]
fn findings_are_objects_on_standard_error_when_a_program_asks() {
    for Case { name, arguments, exit } in CASES {
        let finished = import(&[arguments, &["--format", "json"]].concat());
        assert_eq!(finished.code(), Some(exit));
        assert!(!finished.stderr.contains(CANARY), "{name} shows a secret");
        for line in finished.stderr.lines() {
            let finding: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
            assert!(finding["finding"].is_string(), "{line}");
        }
        assert_eq!(finished.stdout, import(arguments).stdout, "{name}: the configuration is the same");
    }
}

/// `check` takes the configuration as it is used: variables set, and the files that it names in place.
fn check(name: &str, yaml: &str) {
    let home = tempfile::tempdir().expect("a temporary directory");
    let secret = home.path().join("secret");
    fs::write(&secret, CANARY).expect("writable");
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(vec!["client".to_owned()]).expect("valid").self_signed(&key);
    let (certificate_file, key_file) = (home.path().join("c.pem"), home.path().join("k.pem"));
    fs::write(&certificate_file, certificate.expect("signed").pem()).expect("writable");
    fs::write(&key_file, key.serialize_pem()).expect("writable");
    let store = folder().join("trust-store.jks");
    let in_place = [
        ("/etc/kafka/secrets/splunk-truststore.jks", &store),
        ("/etc/kafka/secrets/kafka-truststore.jks", &store),
        ("/etc/kafka/client.crt.pem", &certificate_file),
        ("/etc/kafka/client.key.pem", &key_file),
        ("/run/secrets/key-password", &secret),
    ];
    let yaml = in_place.iter().fold(yaml.to_owned(), |yaml, (from, to)| yaml.replace(from, &to.display().to_string()));
    let file = home.path().join("imported.yaml");
    fs::write(&file, &yaml).expect("writable");
    let environment = [
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka.example.com:9092"),
        ("KAFKA_PASSWORD", CANARY),
        ("KAFKA_API_SECRET", CANARY),
        ("KAFKA_TRUST_STORE_PASSWORD", STORE_PASSWORD),
        ("SPLUNK_TRUST_STORE_PASSWORD", STORE_PASSWORD),
        ("SPLUNK_HEC_TOKEN", CANARY),
        ("SPLUNK_HEC_TOKEN_SPLUNK_SECOND", CANARY),
        ("SPLUNK_TOKEN", CANARY),
        ("CONNECTOR_ID", "lcc-abc12"),
    ];
    let mut command = command();
    command.args(["check", "--config"]).arg(&file).envs(environment);
    let checked = finish(command, LIMIT);
    assert_eq!(checked.code(), Some(0), "{name}\n{yaml}\n{}", checked.stderr);
    assert!(checked.stdout.contains("imported.yaml is valid"), "{name}\n{}", checked.stdout);
    assert!(!checked.stdout.contains(CANARY) && !checked.stderr.contains(CANARY), "{name} shows a secret");
}

#[test]
fn what_was_imported_is_a_valid_configuration() {
    for Case { name, arguments, .. } in CASES.into_iter().filter(|case| case.exit == 0) {
        check(name, &import(arguments).stdout);
    }
}

#[test]
fn what_was_refused_keeps_the_configuration_from_being_used() {
    let finished = import(&["refused.json"]);
    let environment: Environment =
        [("KAFKA_BOOTSTRAP_SERVERS", "b:9092"), ("SPLUNK_HEC_TOKEN", "x")].into_iter().collect();
    let errors = config::load_text(Path::new("x.yaml"), &finished.stdout, &environment).expect_err("refused");
    let list = errors.errors().iter().find(|error| error.path.ends_with("not_imported")).expect("the list is an error");
    assert!(list.remedy.contains("decide"), "{list}");
}

#[test]
fn secrets_are_written_only_on_request_and_only_for_the_owner() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let directory = home.path().join("secrets");
    let arguments = ["self-managed.json", "--include-secrets", directory.to_str().expect("UTF-8")];
    let finished = import(&arguments);
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
    assert!(!finished.stdout.contains(CANARY) && !finished.stderr.contains(CANARY));
    let token = directory.join("splunk-hec-token");
    assert!(finished.stdout.contains(&format!("token: ${{file:{}}}", token.display())), "{}", finished.stdout);
    assert_eq!(fs::read_to_string(&token).expect("written"), format!("{CANARY}-token\n"));
    let mode = |path: &Path| fs::metadata(path).expect("exists").permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&token)), (0o700, 0o600));
    assert_eq!(import(&arguments).code(), Some(0), "the same files may be there already");
    fs::write(&token, "another").expect("writable");
    let refused = import(&arguments);
    assert_eq!(refused.code(), Some(1), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(&token).expect("still there"), "another");
}

#[test]
fn standard_input_is_a_file_too() {
    let file = fs::File::open(folder().join("managed.json")).expect("readable");
    let output = command().args(["import", "-"]).stdin(Stdio::from(file)).output().expect("runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains("imported from standard input"), "{stdout}");
}

#[test]
fn what_cannot_be_read_is_two_and_says_why() {
    let mut broken = tempfile::NamedTempFile::new().expect("a temporary file");
    write!(broken, "{{\"splunk.hec.token\": {CANARY}}}").expect("writable");
    let broken = broken.path().to_str().expect("UTF-8");
    for (arguments, expected) in [
        (&["/nonexistent.json"][..], "/nonexistent.json"),
        (&[broken], "line 1"),
        (&["managed.json", "--worker", "/nonexistent.properties"], "/nonexistent.properties"),
        (&[], "FILE"),
    ] {
        let finished = import(arguments);
        assert_eq!(finished.code(), Some(2), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(expected) && !finished.stderr.contains(CANARY), "{}", finished.stderr);
        assert_eq!(finished.stdout, "", "{arguments:?}");
    }
    let worker = import(&["worker.properties"]);
    assert_eq!(worker.code(), Some(1));
    assert!(worker.stderr.contains("--worker") && worker.stdout.is_empty(), "{}", worker.stderr);
}
