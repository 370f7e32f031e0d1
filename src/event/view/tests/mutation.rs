//! Events made odd: the other dialect, escapes, another order, repeated members, wrong types, things left out.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// What is done to an event, each with some probability.
#[derive(Clone, Copy, Debug)]
pub(super) struct Oddity {
    pub(super) renamed: bool,
    pub(super) escaped: bool,
    pub(super) shuffled: bool,
    pub(super) repeated: bool,
    pub(super) mistyped: bool,
    pub(super) grafted: bool,
}

/// The text of the event, and what a parser makes of it.
pub(super) fn odd(event: &Value, oddity: Oddity, rng: &mut Rng) -> String {
    let mut event = event.clone();
    if oddity.grafted {
        graft(&mut event, rng);
    }
    if oddity.renamed {
        event = renamed(event, rng);
    }
    if oddity.mistyped {
        mistype(&mut event, rng);
    }
    let mut text = String::new();
    write(&event, oddity, rng, &mut text);
    text
}

/// Members that the samples lack: below which member of `data`, the name, the value.
fn grafts() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "authenticationInfo",
            "originalPrincipal",
            json!({"email": "o@x.org", "identityPool": {"resourceId": "pool-9"}}),
        ),
        ("authenticationInfo", "principal", json!("User:CN=eve@x.org, OU=ops")),
        (
            "authenticationInfo",
            "principal",
            json!({"externalAccount": {"subject": "User:ext", "namespace": [{"type": "ORGANIZATION", "id": "o-1"}]}}),
        ),
        ("authenticationInfo", "principal", json!({"group": {"resourceId": "group-1"}})),
        ("authenticationInfo", "principal", json!("User:mallory@x.org")),
        ("authenticationInfo", "metadata", json!({"identifier": "CN=api@x.org,O=y", "mechanism": "SSL"})),
        ("authenticationInfo", "result", json!("UNSET")),
        ("authenticationInfo", "result", json!("failure")),
        ("authenticationInfo", "errorMessage", json!("no")),
        ("authenticationInfo", "credentials", json!({"certificateCredentials": {"dname": {"cn": "c@x.org"}}})),
        ("authenticationInfo", "credentials", json!({"certificateCredentials": {"dname": "O=x,cn=d@x.org "}})),
        (
            "authenticationInfo",
            "credentials",
            json!({"delegateCredentials": {"delegatePrincipal": {"confluentUser": {"resourceId": "u-7"}}}}),
        ),
        ("authenticationInfo", "identity", json!("crn://confluent.cloud/sso-connection=c/identity=f%40x.org")),
        ("authorizationInfo", "granted", json!(false)),
        ("authorizationInfo", "result", json!("UNSET")),
        ("authorizationInfo", "result", json!("DENY")),
        ("authorizationInfo", "ipfilterAuthorization", json!({"clientIp": "10.0.0.9", "client_ip": "10.0.0.8"})),
        (
            "authorizationInfo",
            "aclAuthorization",
            json!({"actingPrincipal": {"confluentUser": {"resourceId": "u-8"}}, "patternType": "PREFIX"}),
        ),
        (
            "authorizationInfo",
            "assignedPrincipals",
            json!(["User:u-1", "u-1", {"group": {"resourceId": "group-2"}}, 5]),
        ),
        (
            "authorizationInfo",
            "rbacAuthorization",
            json!({"operation": "Op", "scope": {"outerScope": ["organization=o-2", "environment=env-2/x=y"]}}),
        ),
        ("requestMetadata", "client_address", json!("host/10.1.1.1")),
        (
            "requestMetadata",
            "clientAddress",
            json!(["10.2.2.2", {"ip": "/10.2.2.2", "port": 5}, {"ip": "fe80::1"}, "10.2.2.2"]),
        ),
        ("requestMetadata", "requestId", json!("r-1")),
        ("requestMetadata", "networkId", json!("n-1")),
        ("requestMetadata", "clientTraceId", json!("t-1")),
        (
            "request",
            "data",
            json!({"principal": {"confluentServiceAccount": {"resourceId": "sa-5"}}, "role": "Reader", "email": "t@x.org"}),
        ),
        ("result", "data", json!({"errors": [{"status": 401}, {"detail": "bad g@x.org token"}]})),
        ("result", "status", json!("PERMISSION_DENIED")),
    ]
}

/// Puts some of [`grafts`] into the event.
fn graft(event: &mut Value, rng: &mut Rng) {
    let Some(data) = event.get_mut("data").and_then(Value::as_object_mut) else { return };
    let grafts = grafts();
    for _ in 0..rng.usize(1..6) {
        let (parent, name, value) = &grafts[rng.usize(..grafts.len())];
        let parent = data.entry(*parent).or_insert_with(|| json!({}));
        if let Some(parent) = parent.as_object_mut() {
            parent.insert((*name).to_owned(), value.clone());
        }
    }
    if rng.u8(..4) == 0 {
        let crn = "crn:///organization=o-3/environment=env%2D3/kafka=lkc-3/topic=a%2Fb/kafka=lkc-4";
        data.insert("resourceName".to_owned(), json!(crn));
        data.remove("cloudResources");
    }
}

/// Names in the other dialect, each with even odds.
fn renamed(value: Value, rng: &mut Rng) -> Value {
    match value {
        Value::Object(members) => {
            let mut other = Map::new();
            for (name, value) in members {
                let value = renamed(value, rng);
                let name = if rng.bool() { in_other_dialect(&name) } else { name };
                other.insert(name, value);
            }
            Value::Object(other)
        }
        Value::Array(elements) => elements.into_iter().map(|element| renamed(element, rng)).collect(),
        scalar => scalar,
    }
}

fn in_other_dialect(name: &str) -> String {
    let mut other = String::new();
    let mut letters = name.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '_' => other.extend(letters.next().map(|next| next.to_ascii_uppercase())),
            letter if letter.is_ascii_uppercase() => other.extend(['_', letter.to_ascii_lowercase()]),
            letter => other.push(letter),
        }
    }
    other
}

/// Some value becomes something else, or goes.
fn mistype(value: &mut Value, rng: &mut Rng) {
    let children: Vec<&mut Value> = match value {
        Value::Object(members) => members.values_mut().collect(),
        Value::Array(elements) => elements.iter_mut().collect(),
        _ => Vec::new(),
    };
    for child in children {
        if rng.u8(..12) == 0 {
            let old = child.take();
            *child = match rng.u8(..9) {
                0 => Value::Null,
                1 => json!(17),
                2 => json!(true),
                3 => json!(""),
                4 => json!([old]),
                5 => json!({"x": old}),
                6 => json!([]),
                7 => json!("User:"),
                _ => json!("crn://"),
            };
        } else {
            mistype(child, rng);
        }
    }
}

fn write(value: &Value, oddity: Oddity, rng: &mut Rng, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            if oddity.shuffled {
                rng.shuffle(&mut members);
            }
            text.push('{');
            for (at, (name, value)) in members.into_iter().enumerate() {
                text.push_str(if at == 0 { "" } else { ", " });
                if oddity.repeated && rng.u8(..8) == 0 {
                    write_text(name, oddity, rng, text);
                    text.push_str(": \"decoy\", ");
                }
                write_text(name, oddity, rng, text);
                text.push(':');
                write(value, oddity, rng, text);
            }
            text.push('}');
        }
        Value::Array(elements) => {
            text.push('[');
            for (at, element) in elements.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { "," });
                write(element, oddity, rng, text);
            }
            text.push(']');
        }
        Value::String(string) => write_text(string, oddity, rng, text),
        scalar => text.push_str(&scalar.to_string()),
    }
}

fn write_text(string: &str, oddity: Oddity, rng: &mut Rng, text: &mut String) {
    let is_escaped = oddity.escaped && rng.u8(..3) == 0;
    if !is_escaped {
        text.push_str(&Value::from(string).to_string());
        return;
    }
    text.push('"');
    for unit in string.encode_utf16() {
        match u8::try_from(unit) {
            Ok(letter) if letter.is_ascii_alphanumeric() && rng.bool() => text.push(letter.into()),
            _ => text.push_str(&format!("\\u{unit:04x}")),
        }
    }
    text.push('"');
}
