//! The configuration from the outside: the examples load, and broken files get the messages that a person on call needs.
//!
//! `config_errors.txt` holds the messages; `UPDATE_GOLDEN=1 cargo test --test it config` rewrites it. Read the diff.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use auditferry::config::{self, AdminConfig, Config, ConfigErrors, DeadLetterConfig, Environment, SinkConfig, Warning};
use auditferry::defaults;
use serde_json::Value;

mod broken;

const CANARY: &str = "c4n4ry-5ecret";

fn crate_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn load(yaml: &str, environment: &[(&str, &str)]) -> Result<(Config, Vec<Warning>), ConfigErrors> {
    config::load_text(Path::new("auditferry.yaml"), yaml, &environment.iter().copied().collect())
}

/// The smallest valid configuration, with `extra` appended to the named part.
fn minimal() -> String {
    "sources: {a: {kafka: {bootstrap_servers: 'b:9092', topics: [t]}}}\n\
     pipelines: {p: {source: a, sink: {splunk_hec: {endpoints: ['https://h:8088'], delivery: accepted, token: \"${T}\"}}}}\n"
        .to_owned()
}

/// An example with its file references pointing at files that exist.
fn load_example(name: &str, folder: &Path) -> (Config, Vec<Warning>) {
    fs::write(folder.join("secret"), format!("{CANARY}\n")).expect("writable");
    let authority = rcgen::generate_simple_self_signed(vec!["authority".into()]).expect("a certificate");
    fs::write(folder.join("ca.pem"), authority.cert.pem()).expect("writable");
    fs::write(folder.join("owners.csv"), "principal,owner,team\nsa-1,alice,payments\n").expect("writable");
    fs::write(folder.join("clusters.json"), r#"{"lkc-1": {"name": "orders", "stage": "prod"}}"#).expect("writable");
    let secret = folder.join("secret").display().to_string();
    let yaml = fs::read_to_string(crate_file("config").join(name)).expect("the example exists");
    let yaml = yaml
        .replace("/var/run/secrets/confluent/api-secret", &secret)
        .replace("/var/run/secrets/splunk/hec-token", &secret)
        .replace("/var/run/secrets/webhook/token", &secret)
        .replace("/etc/auditferry/splunk-ca.pem", &folder.join("ca.pem").display().to_string())
        .replace("/etc/auditferry/archive.key", &signing_key(folder).display().to_string())
        .replace("/etc/auditferry/tables/", &format!("{}/", folder.display()));
    let environment = [
        ("CONFLUENT_BOOTSTRAP_SERVERS", "pkc-1.confluent.cloud:9092"),
        ("CONFLUENT_API_KEY", "KEY"),
        ("CONFLUENT_API_SECRET", CANARY),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka.example.com:9092"),
        ("KAFKA_PASSWORD", CANARY),
        ("WEBHOOK_SIGNING_KEY", "c4n4ry-5ecret, a key of 24 bytes and more"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/c4n4ry-5ecret"),
        ("TEAMS_WEBHOOK_URL", "https://prod-1.westeurope.logic.azure.com/workflows/1?sig=c4n4ry-5ecret"),
        ("PAGERDUTY_ROUTING_KEY", CANARY),
    ];
    load(&yaml, &environment).unwrap_or_else(|errors| panic!("{name}\n{errors}"))
}

fn signing_key(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("archive.key");
    let key = auditferry::archive::key::SigningKey::generate("acme-audit").expect("a key can be made");
    fs::write(&path, key.to_pem().expect("a key can be written").as_bytes()).expect("writable");
    path
}

const EXAMPLES: [&str; 6] = [
    "audit-cluster-to-splunk.yaml",
    "linked-mirror-to-splunk.yaml",
    "monitor.yaml",
    "enriched-to-splunk.yaml",
    "audit-to-archive.yaml",
    "webhooks.yaml",
];

#[test]
fn the_examples_load_without_warnings_and_show_no_secret() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for name in EXAMPLES {
        let (config, warnings) = load_example(name, folder.path());
        assert!(warnings.is_empty(), "{name}: {}", warnings[0]);
        for pipeline in &config.pipelines {
            match &pipeline.sink {
                SinkConfig::SplunkHec(hec) => assert_eq!(hec.token.value().expose(), CANARY),
                SinkConfig::Webhook(webhook) => assert!(!format!("{webhook:?}").contains(CANARY)),
                SinkConfig::Archive(archive) => assert!(!format!("{archive:?}").contains(CANARY)),
            }
        }
        assert!(!format!("{config:?}").contains(CANARY), "{name}");
    }
}

/// Keys of the schema by path, `*` for names of the user's choice; an item of a list has the path of the list.
fn schema_keys(schema: &Value, path: &str, keys: &mut BTreeSet<String>) {
    let variants = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    for part in std::iter::once(schema).chain(variants) {
        for (key, child) in part.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = format!("{path}.{key}");
            schema_keys(child, &path, keys);
            keys.insert(path);
        }
    }
    if let Some(items) = schema.get("items") {
        schema_keys(items, path, keys);
    }
    if let Some(child @ Value::Object(_)) = schema.get("additionalProperties") {
        schema_keys(child, &format!("{path}.*"), keys);
    }
}

/// Every key of the schema stands in an example, if only commented out, and the examples name no other key: what they
/// set has been checked by loading them, so here only what is commented out is compared, by its last name.
#[test]
fn the_examples_mention_every_key_and_no_other() {
    let mut paths = BTreeSet::new();
    schema_keys(&config::schema(), "", &mut paths);
    let known: BTreeSet<&str> = paths.iter().filter_map(|path| path.rsplit('.').next()).collect();
    let text: String =
        EXAMPLES.iter().map(|name| fs::read_to_string(crate_file("config").join(name)).expect("exists")).collect();
    for key in &known {
        let mentioned = text.lines().any(|line| {
            let line = line.trim_start().trim_start_matches("# ").trim_start().trim_start_matches("- ");
            line.starts_with(&format!("{key}:"))
                || line.contains(&format!("{{{key}:"))
                || line.contains(&format!(", {key}:"))
        });
        assert!(mentioned, "no example mentions `{key}`");
    }
    for line in text.lines().filter_map(|line| line.trim_start().strip_prefix("# ")) {
        let Some((key, _)) = line.trim_start().split_once(':') else { continue };
        let is_key = key.chars().all(|c| c.is_ascii_lowercase() || c == '_') && line.contains(": ");
        assert!(!is_key || known.contains(key), "an example mentions `{key}`, which does not exist");
    }
}

#[test]
fn commented_out_values_of_the_examples_are_valid() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let name = EXAMPLES[0];
    let yaml = fs::read_to_string(crate_file("config").join(name)).expect("exists");
    let (plain, _) = load_example(name, folder.path());
    // Uncomment each `# key: value` line that shows a default; the result has to mean the same.
    let mut count = 0;
    for (index, line) in yaml.lines().enumerate() {
        let Some((indent, setting)) = line.split_once("# ") else { continue };
        let default = [
            "security:",
            "start_at:",
            "retention:",
            "group_protocol:",
            "session_timeout:",
            "group_id:",
            "compression:",
            "mode:",
            "tracking:",
            "connect_timeout:",
            "request_timeout:",
            "keep_alive:",
            "in_flight_bytes:",
            "max_in_flight:",
            "drain_deadline:",
            "enabled:",
        ]
        .iter()
        .any(|key| setting.starts_with(key));
        if !default || !indent.trim().is_empty() {
            continue;
        }
        count += 1;
        let lines: Vec<String> = yaml
            .lines()
            .enumerate()
            .map(|(at, other)| if at == index { format!("{indent}{setting}") } else { other.to_owned() })
            .collect();
        fs::write(folder.path().join("secret"), CANARY).expect("writable");
        let text = lines
            .join("\n")
            .replace("/var/run/secrets/confluent/api-secret", &folder.path().join("secret").display().to_string())
            .replace("/var/run/secrets/splunk/hec-token", &folder.path().join("secret").display().to_string());
        let environment = [("CONFLUENT_BOOTSTRAP_SERVERS", "pkc-1.confluent.cloud:9092"), ("CONFLUENT_API_KEY", "KEY")];
        let (config, _) = load(&text, &environment).unwrap_or_else(|errors| panic!("{setting}\n{errors}"));
        assert_eq!(format!("{config:?}"), format!("{plain:?}"), "`{setting}` is not the default");
    }
    assert_eq!(count, 16, "a default is no longer shown");
}

#[test]
fn the_environment_overrides_the_file_without_interpolation() {
    let overrides = [
        ("T", "token"),
        ("AUDITFERRY_ADMIN__ENABLED", "false"),
        ("AUDITFERRY_PIPELINES__P__SINK__SPLUNK_HEC__TOKEN", "${T}$$"),
        ("AUDITFERRY_PIPELINES__P__DEAD_LETTER__DIRECTORY", "/var/lib/x"),
    ];
    let (config, _) = load(&minimal(), &overrides).expect("valid");
    assert!(matches!(config.admin, AdminConfig::Disabled));
    let SinkConfig::SplunkHec(hec) = &config.pipelines[0].sink else { panic!("the sink of the file") };
    assert_eq!(hec.token.value().expose(), "${T}$$");
    let DeadLetterConfig::Directory { path } = &config.pipelines[0].dead_letter else { panic!("overridden") };
    assert_eq!(path, Path::new("/var/lib/x"));
}

#[test]
fn an_overridden_reference_need_not_be_followed() {
    let token = "AUDITFERRY_PIPELINES__P__SINK__SPLUNK_HEC__TOKEN";
    assert!(load(&minimal(), &[(token, "x")]).is_ok());
}

#[test]
fn group_and_defaults_follow_from_the_pipeline() {
    let (config, warnings) = load(&minimal(), &[("T", "x")]).expect("valid");
    assert!(warnings.is_empty());
    let pipeline = &config.pipelines[0];
    assert_eq!(pipeline.group_id, "auditferry-p");
    assert_eq!(pipeline.max_in_flight, defaults::MAX_IN_FLIGHT);
    assert!(matches!(pipeline.dead_letter, DeadLetterConfig::Disabled));
}

/// In the connector, the flush window is one variable of the whole process: whoever starts last sets it for all.
#[test]
fn defect_21_each_pipeline_keeps_the_batch_settings_of_its_own() {
    let sink = "sink: {splunk_hec: {endpoints: ['https://h:8088'], delivery: accepted, token: \"${T}\"}}";
    let pipeline = |name: &str, batch: &str| format!("  {name}: {{source: a, {batch} {sink}}}\n");
    let sources = minimal().lines().next().expect("the sources").to_owned();
    let pipelines = [
        pipeline("first", "batch: {max_age: 20ms},"),
        pipeline("second", "batch: {max_age: 3s},"),
        pipeline("third", ""),
    ];
    let yaml = format!("{sources}\npipelines:\n{}", pipelines.concat());
    let (config, _) = load(&yaml, &[("T", "x")]).expect("valid");
    let ages: Vec<_> =
        config.pipelines.iter().map(|pipeline| (pipeline.name.as_str(), pipeline.batch.max_age)).collect();
    let millis = std::time::Duration::from_millis;
    assert_eq!(ages, [("first", millis(20)), ("second", millis(3_000)), ("third", defaults::BATCH_MAX_AGE)]);
}

#[test]
fn broken_configurations_get_the_messages_on_record() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let cases = broken::cases(folder.path());
    assert!(cases.len() >= 25);
    let mut report = String::new();
    for case in &cases {
        let environment: Environment = case.environment.iter().cloned().collect();
        let result = config::load_text(Path::new("auditferry.yaml"), &case.yaml, &environment);
        let text = match &result {
            Ok((_, warnings)) => {
                assert!(case.only_warns && !warnings.is_empty(), "{} was accepted", case.name);
                warnings.iter().map(|warning| format!("{warning}\n")).collect()
            }
            Err(errors) => {
                assert!(!case.only_warns, "{}: {errors}", case.name);
                format!("{errors}\n")
            }
        };
        assert!(!text.contains(CANARY), "{} shows a secret:\n{text}", case.name);
        assert!(!format!("{result:?}").contains(CANARY), "{} shows a secret in Debug output", case.name);
        let text = text.replace(&folder.path().display().to_string(), "/etc/auditferry");
        writeln!(report, "##### {}\n\n{text}", case.name).expect("a string takes everything");
    }
    let golden = crate_file("tests/it/config_errors.txt");
    #[allow(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    if update {
        fs::write(&golden, &report).expect("writable");
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(report, expected, "messages have changed: UPDATE_GOLDEN=1 rewrites the record");
}

/// Goal: whatever a slip of the keyboard makes of a file with plain-text secrets, no message shows one.
/// Method: delete, and replace by each character that means something in YAML, at every place outside the secrets.
#[test]
fn no_slip_of_the_keyboard_makes_a_message_show_a_secret() {
    let yaml = broken::good().replace("${SECRET}", CANARY).replace("${TOKEN}", &format!("'{CANARY}'"));
    for (at, _) in yaml.char_indices() {
        let inside = yaml[at.saturating_sub(CANARY.len() - 1)..].find(CANARY).is_some_and(|start| start < CANARY.len());
        if inside {
            continue;
        }
        for slip in ["", ":", "{", "\"", "'", "\n", "#", "-", " ", "|", "&", "*", "!", "[", "}", "$"] {
            let broken = format!("{}{slip}{}", &yaml[..at], &yaml[at + 1..]);
            if let Err(errors) = load(&broken, &[("KEY", "k")]) {
                assert!(!errors.to_string().contains(CANARY), "{broken}\n\n{errors}");
            }
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let errors = config::load_with(Path::new("/does/not/exist.yaml"), &Environment::default()).expect_err("no file");
    assert!(errors.to_string().contains("/does/not/exist.yaml"), "{errors}");
}
