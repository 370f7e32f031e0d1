//! Broken webhook sinks.

use super::{CANARY, Cases, GOOD};

const SLACK: &str = "https://hooks.slack.com/services/T0/B0/c4n4ry-5ecret";

/// The good file with a webhook in the place of its sink.
fn file(lines: &[&str]) -> String {
    let (before, _) = GOOD.split_once("      splunk_hec:").expect("the sink of the good file");
    let lines: String = lines.iter().map(|line| format!("        {line}\n")).collect();
    format!("{before}      webhook:\n{lines}")
}

pub(super) fn webhooks(cases: &mut Cases) {
    let mut broken = |name, lines: &[&str]| {
        cases.whole(name, file(lines)).env("SECRET_URL", SLACK);
    };
    let url = "url: https://receiver.example.com/audit";
    broken("a webhook without anything", &["compression: none"]);
    broken("a webhook to no URL, in no format that there is", &["url: receiver.example.com", "format: jsn"]);
    broken(
        "a webhook with a login in its URL",
        &["url: https://ferry:c4n4ry-5ecret@receiver.example.com/", "format: json"],
    );
    broken("a webhook that is not encrypted", &["url: http://receiver.example.com/audit", "format: json"]);
    broken("a webhook to the metadata of a cloud, in disguise", &["url: https://0xa9fea9fe/latest", "format: json"]);
    broken("a network that is none", &[url, "format: json", "allow_networks: [10.0.0.0/33, internal]"]);
    let slack = format!("url: https://hooks.slack.com/services/T0/B0/{CANARY}");
    broken("the secret URL of Slack in plain text", &[&slack, "format: slack"]);
    broken("compression for Slack", &["url: ${SECRET_URL}", "format: slack", "compression: gzip"]);
    broken("PagerDuty without a routing key", &["format: pagerduty"]);
    broken("settings of another format", &[url, "format: json", "pagerduty: {severity: info}", "template: {body: x}"]);
    broken("a template without one", &[url, "format: template"]);
    let body = r#"template: {body: '{"text": "{{principl}} did it"}'}"#;
    broken("a template with a field that does not exist", &[url, "format: template", body]);
    let body = r#"template: {body: '{"text": "{{principal}}" "x"}'}"#;
    broken("a template that is no JSON", &[url, "format: template", body]);
    let body = "template: {escape: form, body: 'who={{principal}} and more'}";
    broken("a form with spaces", &[url, "format: template", body]);
    broken(
        "two logins",
        &[url, "format: json", "bearer_token: ${TOKEN}", "basic: {username: a, password: '${TOKEN}'}"],
    );
    let headers = [
        url,
        "format: json",
        "headers: {Authorization: Basic, X-Api-Key: c4n4ry-5ecret, 'X Y': z, ce-id: a, X-Twice: a}",
        "secret_headers: {X-Twice: '${TOKEN}', X-Auth: c4n4ry-5ecret}",
    ];
    broken("headers that are made here, are secrets, or come twice", &headers);
    broken("a key that can be guessed", &[url, "format: json", "signature: {key: '${TOKEN}'}"]);
    broken("a signature without a key", &[url, "format: json", "signature: {previous_key: '${TOKEN}'}"]);

    let several = "    batch: {max_events: 500}\n";
    let batch = file(&[url, "format: json"]) + several;
    cases.whole("warning: a batch for a format of one event", batch).only_warns = true;
    let ids = file(&[url, "format: ndjson", "idempotency: {key: event_id}"]);
    cases.whole("warning: the ids of the events for a batch", ids).only_warns = true;
    let query = file(&["url: https://receiver.example.com/audit?code=1", "format: json"]);
    cases.whole("warning: a query in plain text", query).only_warns = true;
    let mapped = "    transforms: [{map: {to: ocsf}}]\n";
    let slack = file(&["url: ${SECRET_URL}", "format: slack"]);
    cases.whole("a message about a mapped event", slack + mapped).env("SECRET_URL", SLACK);
    let enriched = "    transforms: [{enrich: {fields: {team: soc}}}]\n";
    let json = file(&[url, "format: json"]);
    cases.whole("enrichment beside an event that has no beside", json + enriched);
}
