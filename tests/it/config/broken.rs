//! Broken configurations, each with one story. Every `CANARY` in them is a secret that must not be shown.

mod filters;
mod mapping;
mod webhooks;

use std::fs;
use std::path::Path;

use super::CANARY;

mod enrichment;

pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) yaml: String,
    pub(super) environment: Vec<(String, String)>,
    pub(super) only_warns: bool,
}

/// A complete file, whose parts the cases replace.
const GOOD: &str = "\
sources:
  audit:
    kafka:
      bootstrap_servers: pkc-1.confluent.cloud:9092
      api_key: ${KEY}
      api_secret: ${SECRET}
      topics: [confluent-audit-log-events]

pipelines:
  splunk:
    source: audit
    sink:
      splunk_hec:
        endpoints: ['https://splunk.example.com:8088']
        delivery: accepted
        token: ${TOKEN}
";

pub(super) fn good() -> String {
    GOOD.to_owned()
}

pub(super) fn cases(folder: &Path) -> Vec<Case> {
    let mut cases = Cases { list: Vec::new() };
    yaml_itself(&mut cases);
    structure(&mut cases);
    values(&mut cases);
    references(&mut cases, folder);
    secrets(&mut cases, folder);
    kafka(&mut cases);
    files(&mut cases, folder);
    splunk(&mut cases);
    splunk_events(&mut cases);
    splunk_times(&mut cases);
    webhooks::webhooks(&mut cases);
    redaction(&mut cases);
    enrichment::enrichment(&mut cases, folder);
    relations(&mut cases);
    environment(&mut cases);
    warnings(&mut cases);
    warnings_about_events(&mut cases);
    filters::conditions(&mut cases);
    filters::rules(&mut cases);
    filters::warnings(&mut cases);
    mapping::steps(&mut cases);
    cases.list
}

struct Cases {
    list: Vec<Case>,
}

impl Cases {
    fn whole(&mut self, name: &'static str, yaml: impl Into<String>) -> &mut Case {
        let environment = [("KEY", "KEY"), ("SECRET", CANARY), ("TOKEN", CANARY)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        self.list.push(Case { name, yaml: yaml.into(), environment, only_warns: false });
        self.list.last_mut().expect("just pushed")
    }

    /// The good file with one part replaced.
    fn with(&mut self, name: &'static str, from: &str, to: &str) -> &mut Case {
        assert!(GOOD.contains(from), "{name}: `{from}` is not in the good file");
        self.whole(name, GOOD.replacen(from, to, 1))
    }

    /// The good file with lines added to the sink.
    fn sink(&mut self, name: &'static str, lines: &[&str]) -> &mut Case {
        let lines: String = lines.iter().map(|line| format!("        {line}\n")).collect();
        self.whole(name, format!("{GOOD}{lines}"))
    }

    /// The good file with lines added to the pipeline.
    fn pipeline(&mut self, name: &'static str, lines: &str) -> &mut Case {
        self.whole(name, format!("{GOOD}{lines}"))
    }
}

impl Case {
    fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

fn yaml_itself(cases: &mut Cases) {
    cases.whole("an empty file", "# nothing yet\n");
    cases.whole("a list instead of a mapping", "- sources\n");
    cases.with("a line indented one space too few", "      api_key", "     api_key");
    cases.with("a quote that is not closed", "${TOKEN}", &format!("\"{CANARY}"));
    cases.with("a secret with a colon and a space", "${TOKEN}", &format!("{CANARY}: x"));
    cases.with("a key given twice", "delivery: accepted", "delivery: accepted\n        delivery: indexed");
    cases.with("tabs for indentation", "      topics", "\ttopics");
}

fn structure(cases: &mut Cases) {
    cases.with("a key with a typing error", "endpoints:", "endpoint:");
    cases.with("an unknown secret, written into the file", "token: ${TOKEN}", &format!("tokn: {CANARY}"));
    cases.with("a key one level too high", "    source: audit", "    source: audit\n    max_bytes: 1 MiB");
    cases.pipeline("what `import` could not carry over", "    not_imported:\n      - 'transforms.a.type: …'\n");
    cases.with("a sink that does not exist", "splunk_hec:", "elasticsearch:");
    cases.with(
        "a sink without its settings",
        "    sink:\n      splunk_hec:",
        "    sink: splunk_hec\n    zink:\n      x:",
    );
    cases.with("no delivery level", "        delivery: accepted\n", "");
    cases.with(
        "a list written as a single value",
        "['https://splunk.example.com:8088']",
        "https://splunk.example.com:8088",
    );
    cases.with("a key without a value", "delivery: accepted", "delivery:");
    cases.pipeline(
        "two dead-letter stores",
        "    dead_letter: {directory: /tmp, topic: {name: x, kafka: {bootstrap_servers: 'b:1'}}}\n",
    );
    cases.whole("no pipelines", "sources: {}\npipelines:\n");
    cases.whole(
        "everything is wrong on one line",
        format!("sources: {{a: {{kafka: {{api_secret: {CANARY}, topic: x}}}}}}\npipelines: {{p: 5}}\n"),
    );
}

fn values(cases: &mut Cases) {
    cases.with("a word with a typing error", "delivery: accepted", "delivery: acepted");
    cases.pipeline("a duration without a unit", "    drain_deadline: 10\n");
    cases.pipeline("a size with an unknown unit", "    batch:\n      max_bytes: 2 megs\n");
    cases.pipeline("a number that is not one", "    max_in_flight: many\n");
    cases.pipeline("a number below the least", "    max_in_flight: 0\n");
    cases.pipeline("a time of zero", "    drain_deadline: 0s\n");
    cases.with("a boolean that is not one", "      topics", "      mirror: maybe\n      topics");
    cases.pipeline("an address without a port", "admin:\n  listen: localhost\n");
    cases.with("a name that cannot be a label", "  splunk:\n", "  splunk cloud:\n");
}

fn references(cases: &mut Cases, folder: &Path) {
    cases.with("a variable that is not set", "${TOKEN}", "${HEC_TOKEN}");
    cases.with("a variable that is empty", "${TOKEN}", "${EMPTY}").env("EMPTY", "");
    cases.with("a reference that is not closed", "${TOKEN}", "${TOKEN");
    cases.with("a file that does not exist", "${TOKEN}", &format!("${{file:{}/none}}", folder.display()));
    cases.pipeline("a variable that stands for no duration", "    drain_deadline: ${DRAIN}\n").env("DRAIN", CANARY);
    cases.pipeline("a variable that stands for no number", "    max_in_flight: ${N:-x}\n").env("N", CANARY);
    cases.with("a variable that stands for no word", "delivery: accepted", "delivery: ${LEVEL}").env("LEVEL", CANARY);
}

fn secrets(cases: &mut Cases, folder: &Path) {
    cases.with("a secret written into the file", "${TOKEN}", CANARY);
    cases.with("a secret as a default", "${TOKEN}", &format!("${{TOKEN:-{CANARY}}}"));
    cases.with("a secret that is partly written into the file", "${TOKEN}", &format!("{CANARY}${{TOKEN}}"));
    cases.with("a secret with a line break", "${TOKEN}", "${LINES}").env("LINES", &format!("{CANARY}\n{CANARY}"));
    cases.with("a token with a space", "${TOKEN}", "${SPACED}").env("SPACED", &format!("Splunk {CANARY}"));
    fs::write(folder.join("token"), CANARY).expect("writable");
    let both = format!("token: ${{TOKEN}}\n        token_file: {}/token", folder.display());
    cases.with("a secret given twice", "token: ${TOKEN}", &both);
    cases.with("no token", "        token: ${TOKEN}\n", "");
    fs::write(folder.join("empty"), "\n").expect("writable");
    cases.with("an empty secret file", "token: ${TOKEN}", &format!("token_file: {}/empty", folder.display()));
}

fn kafka(cases: &mut Cases) {
    let servers = "pkc-1.confluent.cloud:9092";
    cases.with("a broker as the Confluent command line prints it", servers, &format!("SASL_SSL://{servers}"));
    cases.with("a broker without a port", servers, "pkc-1.confluent.cloud");
    cases.with("no topics", "      topics: [confluent-audit-log-events]\n", "");
    cases.with("an empty list of topics", "[confluent-audit-log-events]", "[]");
    cases.with("a pattern among the topics", "[confluent-audit-log-events]", "['confluent-.*']");
    cases.with("a broken pattern", "topics: [confluent-audit-log-events]", "topic_pattern: 'confluent-('");
    cases.with("a pattern in another dialect", "topics: [confluent-audit-log-events]", "topic_pattern: 'audit-\\d+'");
    cases.with("an API key without its secret", "      api_secret: ${SECRET}\n", "");
    cases.with("an API secret written into the file", "${SECRET}", CANARY);
    cases.with("credentials that are not used", "      topics", "      security: ssl\n      topics");
    let without_login =
        GOOD.replace("      api_key: ${KEY}\n      api_secret: ${SECRET}\n", "      security: sasl_ssl\n");
    cases.whole("no credentials", without_login);
    cases.with(
        "a login of an unknown kind",
        "api_key: ${KEY}",
        &format!("sasl: {{mechanism: scram-sha-512, username: u, password: {CANARY}}}"),
    );
    let properties = "      properties: {group.id: x, enable.auto.commit: true, isolation.level: read_uncommitted, \
                      ssl.key.password: c4n4ry-5ecret, client.rack: a}\n      topics";
    cases.with("properties that are refused", "      topics", properties);
    cases.with(
        "a session timeout with the new protocol",
        "      topics",
        "      group_protocol: consumer\n      session_timeout: 30s\n      topics",
    );
    cases.with("a session timeout the client refuses", "      topics", "      session_timeout: 10m\n      topics");
}

fn files(cases: &mut Cases, folder: &Path) {
    fs::write(folder.join("store.jks"), [0xFE, 0xED, 0xFE, 0xED, 0, 0]).expect("writable");
    fs::write(folder.join("store.jceks"), [0xCE, 0xCE, 0xCE, 0xCE, 0, 0]).expect("writable");
    fs::write(folder.join("store.p12"), [0x30, 0x82, 0, 3, 2, 1, 3]).expect("writable");
    fs::write(folder.join("key.pem"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n").expect("writable");
    let authority = rcgen::generate_simple_self_signed(vec!["authority".into()]).expect("a certificate");
    fs::write(folder.join("ca.pem"), authority.cert.pem()).expect("writable");
    fs::write(folder.join("ca.key"), authority.signing_key.serialize_pem()).expect("writable");
    let other = rcgen::generate_simple_self_signed(vec!["other".into()]).expect("a certificate");
    fs::write(folder.join("other.key"), other.signing_key.serialize_pem()).expect("writable");
    let at = |name: &str| folder.join(name).display().to_string();
    let tls = |keys: &str| format!("token: ${{TOKEN}}\n        tls: {{{keys}}}");
    let store = |name: &str| tls(&format!("trust_store: {}", at(name)));
    cases.with("a JKS trust store that is cut short", "token: ${TOKEN}", &store("store.jks"));
    cases.with("a JCEKS trust store", "token: ${TOKEN}", &store("store.jceks"));
    cases.with("a PKCS#12 trust store that is damaged", "token: ${TOKEN}", &store("store.p12"));
    cases.with("a trust store that is a key", "token: ${TOKEN}", &store("key.pem"));
    cases.with("a trust store that does not exist", "token: ${TOKEN}", &store("none.pem"));
    let lonely = tls("trust_store_password: '${SECRET}'");
    cases.with("a password without its trust store", "token: ${TOKEN}", &lonely);
    let plain = tls(&format!("trust_store: {}, trust_store_password: {CANARY}", at("ca.pem")));
    cases.with("a trust store's password written into the file", "token: ${TOKEN}", &plain);
    cases.with("a name that no certificate can carry", "token: ${TOKEN}", &tls("server_name: 'https://splunk'"));
    cases.with("a version of TLS that is not spoken", "token: ${TOKEN}", &tls("min_version: 1.1"));
    let pair = |key: &str| tls(&format!("certificate_file: {}, key_file: {}", at("ca.pem"), at(key)));
    cases.with("a key that belongs to another certificate", "token: ${TOKEN}", &pair("other.key"));
    cases.with("a client key that is no key", "token: ${TOKEN}", &pair("ca.pem"));
    let single = tls(&format!("certificate_file: {}", at("ca.pem")));
    cases.with("a client certificate without its key", "token: ${TOKEN}", &single);
    let kafka = format!(
        "      tls:\n        certificate_file: {0}/store.p12\n        key_file: {0}/key.pem\n      topics",
        folder.display()
    );
    cases.with("a PKCS#12 certificate and an encrypted key", "      topics", &kafka);
    let lonely =
        format!("      tls: {{key_file: {}/key.pem, key_password: \"${{SECRET}}\"}}\n      topics", folder.display());
    cases.with("a key without its certificate", "      topics", &lonely);
    let store = format!("      tls: {{trust_store: {}/store.jceks}}\n      topics", folder.display());
    cases.with("a JCEKS trust store for Kafka", "      topics", &store);
    let unverified = "      properties: {enable.ssl.certificate.verification: false}\n      topics";
    cases.with("verification turned off by a property", "      topics", unverified);
    let insecure = tls(&format!("insecure_skip_verify: true, trust_store: {}", at("ca.pem")));
    cases.with("warning: any certificate is accepted", "token: ${TOKEN}", &insecure).only_warns = true;
    let insecure = "      tls: {insecure_skip_verify: true}\n      topics";
    cases.with("warning: any certificate of a broker is accepted", "      topics", insecure).only_warns = true;
    let password = tls(&format!("trust_store: {}, trust_store_password: '${{SECRET}}'", at("ca.pem")));
    cases.with("warning: a password of a PEM file", "token: ${TOKEN}", &password).only_warns = true;
}

fn splunk(cases: &mut Cases) {
    cases.sink(
        "a login in the address of a proxy",
        &["proxy: {url: 'http://ferry:c4n4ry-5ecret@proxy.example.com:3128'}"],
    );
    cases.sink("half a login at a proxy", &["proxy: {url: 'http://proxy.example.com:3128', username: ferry}"]);
    let url = "https://splunk.example.com:8088";
    cases.with("an endpoint with a path", url, &format!("{url}/services/collector/event"));
    cases.with("an endpoint with a password", url, &format!("https://admin:{CANARY}@splunk.example.com:8088"));
    cases.with("an endpoint without a port", url, "https://splunk.example.com");
    cases.with("an endpoint without a scheme", url, "splunk.example.com:8088");
    cases.with(
        "an endpoint listed twice",
        &format!("'{url}'"),
        &format!("'{url}', 'https://Splunk.example.com.:8088/'"),
    );
    cases.with(
        "a connect timeout above the request timeout",
        "        delivery: accepted",
        "        delivery: accepted\n        connect_timeout: 90s",
    );
}

fn splunk_events(cases: &mut Cases) {
    cases.sink("a mode with a typing error", &["mode: preformated"]);
    let rules = [
        "per_topic:",
        "  - {topic: audit}",
        "  - {topic: audit, topic_pattern: 'a.*', index: x}",
        "  - {index: y}",
        "  - {topic: 'au dit', index: y}",
        "  - {topic_pattern: 'a(', index: y}",
    ];
    cases.sink("topic rules that say nothing, too much, or nonsense", &rules);
    let rules = ["per_topic: [{topic_pattern: 'a.*', index: x}, {topic: audit, index: y}]"];
    cases.sink("a topic rule that is never reached", &rules);
    cases.sink("a topic rule with an unknown key", &["per_topic: [{topic: audit, indx: y}]"]);
    let fields =
        ["fields: {kafka_topic: x, team: [], nested: {a: b}, env: prod}", "record_headers: {fields: [env, a, a]}"];
    cases.sink("fields that are not flat or come twice", &fields);
    cases.sink("headers that become a field that is tracked", &["record_headers: {fields: [kafka_offset]}"]);
    cases.sink("tracking of something unknown", &["tracking: [topic, ofset]"]);
    cases.sink("tracking of the same twice", &["tracking: [topic, topic]"]);
}

fn splunk_times(cases: &mut Cases) {
    cases.sink("a time from nowhere", &["time: events"]);
    cases.sink("a time that is extracted by nothing", &["time: {extract: {}}"]);
    let extract = ["time:", "  extract: {pattern: '(?<=at )(?<time>.*)', format: 'YYYY-MM-dd', zone: Berlin}"];
    cases.sink("a pattern and a date format of another dialect", &extract);
    let extract = ["time: {extract: {pattern: 'at (.*)', format: 'HH:mm:ss'}}"];
    cases.sink("a pattern without the group, and a format without a date", &extract);
    let extract = ["time: {extract: {pattern: '(?<time>.*)', format: epoch, zone: UTC}}"];
    cases.sink("a zone for seconds since 1970", &extract);
    let extract = ["time: {extract: {pattern: '(?<time>.*)', format: yyyy-MM-dd, zone: Mars/Olympus}}"];
    cases.sink("a zone that does not exist", &extract);
    cases.sink("two kinds of time", &["time: {extract: {pattern: '(?<time>.*)', format: epoch}, event: x}"]);
}

fn warnings_about_events(cases: &mut Cases) {
    let raw = ["mode: raw", "line_breaker: ''", "fields: {a: b}", "tracking: [topic]", "time: record"];
    cases.sink("warning: what the raw endpoint does not take", &raw).only_warns = true;
    cases
        .sink("warning: header fields on the raw endpoint", &["mode: raw", "record_headers: {fields: [a]}"])
        .only_warns = true;
    let own = ["mode: preformatted", "index: main", "per_topic: [{topic: t, index: x}]", "time: none"];
    cases.sink("warning: what an envelope says itself", &own).only_warns = true;
    cases.sink("warning: a line breaker without lines", &["line_breaker: \"\\n\""]).only_warns = true;
    cases.sink("warning: no tracking", &["tracking: []"]).only_warns = true;
    cases.sink("warning: a timestamp that is not looked for", &["auto_extract_timestamp: true"]).only_warns = true;
    cases
        .with(
            "warning: a channel that is not known in time",
            "        delivery: accepted",
            "        delivery: indexed\n        tracking: [topic, channel]",
        )
        .only_warns = true;
}

fn redaction(cases: &mut Cases) {
    const KEY: &str = "with: hmac-sha256, key: '${REDACT}'";
    let mut step = |name, step: &str| {
        cases.pipeline(name, &format!("    transforms:\n      - redact: {{{step}}}\n")).env("REDACT", CANARY_KEY);
    };
    step("redaction of nothing", "with: drop");
    step("redaction of a field that does not exist", "fields: [emails], with: drop");
    step("redaction of a field that is not a value", "fields: [outcome], with: drop");
    step("redaction without saying how", "fields: [email]");
    step("redaction in a way that does not exist", "fields: [email], with: hash");
    step("pseudonyms without a key", "fields: [email], with: hmac-sha256");
    step("a key written into the file", "fields: [email], with: hmac-sha256, key: c4n4ry-5ecret-and-more");
    step("a name that no key can have", &format!("fields: [email], {KEY}, key_id: 'my key'"));
    step("two keys that are the same", &format!("fields: [email], {KEY}, previous_key: '${{REDACT}}'"));
    step("a former key's name without the key", &format!("fields: [email], {KEY}, previous_key_id: k0"));
    step("a network in place of an e-mail address", "fields: [client_ip, email], with: truncate");
    step("paths that are none", "paths: [data..sql, 'data[0].sql', 'a.b*'], with: drop");
    step("a path given twice", "paths: [data.sql, data.sql], with: drop");
    step("a pattern that is none", "patterns: [{in: [data.message], match: '('}], with: drop");
    step("a pattern that matches nothing at all", "patterns: [{in: [email], match: 'x*'}], with: drop");
    step("a pattern for no place", "patterns: [{match: 'x'}], with: drop");
    step("a field in one step twice", "fields: [email], presets: [emails], with: drop");
    let two = "    transforms:\n      - redact: {fields: [email], with: drop}\n      - redact: {presets: [emails], with: mask}\n";
    cases.pipeline("a field in two steps", two);
    cases
        .pipeline(
            "a key that can be guessed",
            &format!("    transforms:\n      - redact: {{fields: [email], {KEY}}}\n"),
        )
        .env("REDACT", CANARY);
    let step = "    transforms:\n      - redact: {fields: [email], with: drop, keep_headers: [known]}\n";
    let sink =
        "        tracking: [topic, key]\n        record_headers: {index: secret-index, fields: [known, other]}\n";
    cases.whole("what a sink wants and redaction leaves behind", format!("{GOOD}{sink}{step}"));
    let store = |unclear: &str| format!("{step}    dead_letter: {{directory: /tmp, unclear: {unclear}}}\n");
    cases.pipeline("a public key for letters that is none", &store("{encrypt: {public_key: abc}}"));
    cases.pipeline("letters of unclear events in a way that does not exist", &store("encrypted"));
    let private = "auditferry-private-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    cases.pipeline(
        "a private key in place of the public one",
        &store(&format!("{{encrypt: {{public_key: {private}}}}}")),
    );
    cases.pipeline("letters without a store", "    dead_letter: {unclear: withhold}\n");
    let warns = "    dead_letter: {directory: /tmp, unclear: withhold}\n";
    cases.pipeline("unclear letters where nothing is redacted", warns).only_warns = true;
    let warns = "    transforms:\n      - redact: {fields: [email], with: drop, replacement: x, keep_last: 2, keep_members: [a]}\n";
    cases.pipeline("keys of other treatments", warns).only_warns = true;
}

/// Long enough for a key; holds the canary.
const CANARY_KEY: &str = "c4n4ry-5ecret-and-more";

fn relations(cases: &mut Cases) {
    cases.with("a source that does not exist", "source: audit", "source: audits");
    cases.pipeline("a drain deadline above the session timeout", "    drain_deadline: 1m\n");
    cases.pipeline("a batch above the memory budget", "    in_flight_bytes: 1 MiB\n");
    let sink = "sink: {splunk_hec: {endpoints: ['https://h:8088'], delivery: accepted, token: \"${TOKEN}\"}}";
    cases.pipeline(
        "two pipelines in one group",
        &format!("  second:\n    source: audit\n    group_id: auditferry-splunk\n    {sink}\n"),
    );
    let store = "    dead_letter:\n      topic:\n        name: dead\n        kafka:\n          bootstrap_servers: PKC-1.confluent.cloud:9092\n";
    cases.pipeline("dead letters on the audit cluster", store);
    let looped = GOOD.replace("[confluent-audit-log-events]", "[dead]");
    cases.whole("dead letters into the topic that is read", format!("{looped}{store}"));
}

fn environment(cases: &mut Cases) {
    cases.whole("an override with a typing error", GOOD).env("AUDITFERRY_PIPELINES__SPLUNK__MAX_INFLIGHT", "4");
    cases.whole("an override with a bad value", GOOD).env("AUDITFERRY_PIPELINES__SPLUNK__DRAIN_DEADLINE", CANARY);
    cases.whole("an override that is no list", GOOD).env("AUDITFERRY_SOURCES__AUDIT__KAFKA__TOPICS", "a,b");
    cases.whole("an empty override", GOOD).env("AUDITFERRY_PIPELINES__SPLUNK__GROUP_ID", "");
}

fn warnings(cases: &mut Cases) {
    cases.with("warning: a token in the clear", "https://splunk", "http://splunk").only_warns = true;
    cases
        .with(
            "warning: acknowledgements on Splunk Cloud",
            "['https://splunk.example.com:8088']\n        delivery: accepted",
            "['https://http-inputs-acme.splunkcloud.com:443']\n        delivery: indexed",
        )
        .only_warns = true;
    cases
        .with(
            "warning: an acknowledgement that is not asked for",
            "delivery: accepted",
            "delivery: accepted\n        ack_timeout: 1m",
        )
        .only_warns = true;
    cases
        .with("warning: a password in the clear", "      topics", "      security: sasl_plaintext\n      topics")
        .only_warns = true;
    cases
        .with(
            "warning: a source nobody reads",
            "  audit:\n",
            "  spare: {kafka: {bootstrap_servers: 'b:9092', topics: [t]}}\n  audit:\n",
        )
        .only_warns = true;
}
