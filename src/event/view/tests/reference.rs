//! The canonical view once more, slow and simple, over `serde_json::Value`: written from the facts, not from the table.

mod who;

use serde_json::Value;

use crate::event::Field;
use who::{email, principal, principal_type, who};

/// All values of a field: at most one, unless it is a list.
pub(super) fn values(event: &Value, field: Field) -> Vec<String> {
    let texts = |path: &str| all(event, path).into_iter().filter_map(text).collect::<Vec<_>>();
    let first = |paths: &[&str]| paths.iter().flat_map(|path| texts(path)).take(1).collect::<Vec<_>>();
    let principals =
        |paths: &[&str]| paths.iter().flat_map(|path| all(event, path)).filter_map(principal).collect::<Vec<_>>();
    match field {
        Field::Id => first(&["id"]),
        Field::Source => first(&["source"]),
        Field::Type => first(&["type"]),
        Field::Time => first(&["time"]),
        Field::Subject => first(&["subject"]),
        Field::Family => {
            texts("type").iter().filter_map(|name| Some(name.split_once('/')?.1.to_owned())).filter(some).collect()
        }
        Field::Service => texts("type").iter().filter_map(|name| service(name)).filter(some).collect(),
        Field::ServiceName => first(&["data.serviceName"]),
        Field::Method => first(&["data.methodName"]),
        Field::Verb => verb(event).into_iter().collect(),
        Field::AccessType => first(&["data.request.accessType"]),
        Field::Outcome => vec![outcome(event).0.to_owned()],
        Field::OutcomeReason => outcome(event).1.into_iter().collect(),
        Field::Denied => vec![(outcome(event).0 == "failure").to_string()],
        Field::ErrorMessage => first(&[
            "data.result.message",
            "data.authenticationInfo.errorMessage",
            "data.result.data.errors[].detail",
            "data.result.data.errorMessage",
        ]),
        Field::Principal => who(event).into_iter().collect(),
        Field::PrincipalType => principal_type(event).into_iter().collect(),
        Field::Email => email(event).into_iter().collect(),
        Field::Identity => first(&["data.authenticationInfo.identity"]),
        Field::OriginalPrincipal => {
            principals(&["data.authenticationInfo.originalPrincipal"]).into_iter().take(1).collect()
        }
        Field::ActingPrincipal => principals(&[
            "data.authorizationInfo.rbacAuthorization.actingPrincipal",
            "data.authorizationInfo.aclAuthorization.actingPrincipal",
        ])
        .into_iter()
        .take(1)
        .collect(),
        Field::AssignedPrincipals => once(principals(&["data.authorizationInfo.assignedPrincipals[]"])),
        Field::DelegatePrincipal => {
            principals(&["data.authenticationInfo.credentials.delegateCredentials.delegatePrincipal"])
                .into_iter()
                .take(1)
                .collect()
        }
        Field::TargetPrincipal => principals(&["data.request.data.principal"]).into_iter().take(1).collect(),
        Field::TargetEmail => first(&["data.request.data.email"]),
        Field::CredentialId => first(&[
            "data.authenticationInfo.metadata.identifier",
            "data.authenticationInfo.credentials.idSecretCredentials.credentialId",
            "data.authenticationInfo.credentials.idTokenCredentials.subject",
            "data.authenticationInfo.credentials.certificateCredentials.dname.cn",
            "data.authenticationInfo.credentials.certificateCredentials.dname",
        ]),
        Field::Mechanism => {
            first(&["data.authenticationInfo.metadata.mechanism", "data.authenticationInfo.credentials.mechanism"])
        }
        Field::ClientIp => client_ip(event),
        Field::ClientId => first(&["data.request.clientId", "data.requestMetadata.clientId"]),
        Field::Resource => proper_name(event).into_iter().chain(resource_id(event)).take(1).collect(),
        Field::ResourceType => resource_type(event).into_iter().collect(),
        Field::ResourceId => resource_id(event).into_iter().collect(),
        Field::ResourceIds => once(texts("data.cloudResources[].resource.resourceId")),
        Field::ResourceCrn => crns(event).into_iter().take(1).collect(),
        Field::PatternType => first(&[
            "data.authorizationInfo.patternType",
            "data.authorizationInfo.rbacAuthorization.patternType",
            "data.authorizationInfo.aclAuthorization.patternType",
        ]),
        Field::Organization => scope(event, &["organization"], &[&["ORGANIZATION"]]).into_iter().collect(),
        Field::Environment => scope(event, &["environment"], &[&["ENVIRONMENT"]]).into_iter().collect(),
        Field::Cluster => scope(
            event,
            &["kafka", "kafka-cluster", "cloud-cluster", "schema-registry", "ksql"],
            &[
                &["KAFKA_CLUSTER", "CLOUD_CLUSTER"],
                &["SCHEMA_REGISTRY", "SCHEMA_REGISTRY_CLUSTER"],
                &["KSQL", "KSQL_CLUSTER"],
            ],
        )
        .into_iter()
        .collect(),
        Field::Operation => {
            first(&["data.authorizationInfo.operation", "data.authorizationInfo.rbacAuthorization.operation"])
        }
        Field::Role => first(&[
            "data.request.data.roleName",
            "data.request.data.role",
            "data.authorizationInfo.rbacAuthorization.role",
        ]),
        Field::RequestId => {
            all(event, "data.requestMetadata.requestId").into_iter().flat_map(text_or_texts).take(1).collect()
        }
        Field::ConnectionId => first(&["data.requestMetadata.connectionId"]),
        Field::NetworkId => first(&["data.requestMetadata.networkId"]),
        Field::CorrelationId => first(&["data.request.correlationId", "data.requestMetadata.correlationId"]),
        Field::TraceId => first(&["data.requestMetadata.clientTraceId"]),
    }
}

/// Every value at a path, names in both dialects.
fn all<'v>(value: &'v Value, path: &str) -> Vec<&'v Value> {
    let mut found = vec![value];
    for step in path.split('.') {
        let name = step.trim_end_matches("[]");
        found = found.into_iter().flat_map(|value| both(value, name)).collect();
        if step.ends_with("[]") {
            found = found.into_iter().filter_map(Value::as_array).flatten().collect();
        }
    }
    found
}

fn both<'v>(object: &'v Value, name: &str) -> Vec<&'v Value> {
    let snake: String = name
        .chars()
        .flat_map(|letter| {
            let begins = letter.is_ascii_uppercase();
            begins.then_some('_').into_iter().chain([letter.to_ascii_lowercase()])
        })
        .collect();
    let second = if snake == name { None } else { object.get(snake) };
    object.get(name).into_iter().chain(second).collect()
}

fn some(text: &String) -> bool {
    !text.is_empty()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).filter(some)
}

fn text_or_texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(elements) => elements.iter().filter_map(text).collect(),
        single => text(single).into_iter().collect(),
    }
}

fn once(texts: Vec<String>) -> Vec<String> {
    let mut seen = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen
}

fn service(name: &str) -> Option<String> {
    let (product, _) = name.split_once('/')?;
    let product = product.strip_prefix("io.confluent.")?;
    Some(product.strip_suffix(".server").unwrap_or(product).to_owned())
}

fn client_ip(event: &Value) -> Vec<String> {
    let paths = [
        "data.clientAddress",
        "data.requestMetadata.clientAddress",
        "data.authorizationInfo.ipfilterAuthorization.clientIp",
    ];
    let address = |value: &Value| {
        let text = text(value)?;
        Some(text.rsplit('/').next().unwrap_or_default().to_owned()).filter(some)
    };
    let one = |value: &Value| {
        address(value).or_else(|| all(value, "ip").into_iter().find_map(text).and_then(|ip| address(&ip.into())))
    };
    let found = paths.into_iter().flat_map(|path| all(event, path)).flat_map(|value| match value {
        Value::Array(elements) => elements.iter().filter_map(one).collect::<Vec<_>>(),
        single => one(single).into_iter().collect(),
    });
    once(found.collect())
}

/// Keys and values of a resource name.
fn elements(path: &str) -> Vec<(String, String)> {
    let pieces = path.split('/').filter_map(|piece| piece.split_once('='));
    pieces.filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), decoded(value))).collect()
}

fn path_of(crn: &str) -> Option<&str> {
    let rest = crn.strip_prefix("crn://")?;
    Some(rest.split_once('/').map_or("", |(_, path)| path))
}

fn innermost(crn: &str) -> Option<(String, String)> {
    let path = path_of(crn)?;
    let last = path.split('/').rfind(|piece| !piece.is_empty())?;
    elements(last).into_iter().next()
}

fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value;
    while let Some(letter) = rest.chars().next() {
        let code = (letter == '%')
            .then(|| rest.get(1..3))
            .flatten()
            .filter(|code| code.chars().all(|c| c.is_ascii_hexdigit()));
        match code {
            Some(code) => {
                bytes.push(u8::from_str_radix(code, 16).expect("two digits"));
                rest = &rest[3..];
            }
            None => {
                bytes.extend(letter.to_string().bytes());
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    String::from_utf8(bytes).unwrap_or(value.to_owned())
}

fn crns(event: &Value) -> Vec<String> {
    let names = ["data.resourceName", "subject"].into_iter().flat_map(|path| all(event, path)).filter_map(text);
    names.filter(|name| name.starts_with("crn://")).collect()
}

fn resource_id(event: &Value) -> Option<String> {
    let listed = all(event, "data.cloudResources[].resource.resourceId").into_iter().find_map(text);
    listed.or_else(|| crns(event).iter().find_map(|crn| Some(innermost(crn)?.1)))
}

/// The name and the type in an authorisation; the name is `Err` when it only repeats the type.
fn authorized(event: &Value) -> Vec<(Option<Result<String, String>>, Option<String>)> {
    let fold = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
    let infos = all(event, "data.authorizationInfo").into_iter();
    infos
        .map(|info| {
            let name = all(info, "resourceName").into_iter().find_map(text);
            let kind = all(info, "resourceType").into_iter().find_map(text);
            let repeats = |name: &str| {
                let kind = fold(kind.as_deref()?);
                Some(kind == fold(name) || (kind == "cluster" && name.ends_with("-cluster")))
            };
            let name = name.map(|name| if repeats(&name) == Some(true) { Err(name) } else { Ok(name) });
            (name, kind)
        })
        .collect()
}

fn proper_name(event: &Value) -> Option<String> {
    authorized(event).into_iter().find_map(|(name, _)| name?.ok())
}

fn resource_type(event: &Value) -> Option<String> {
    let of_authorization = authorized(event).into_iter().find_map(|(name, kind)| match (name, kind?) {
        (Some(Err(name)), kind) if kind.eq_ignore_ascii_case("cluster") => Some(name),
        (_, kind) => Some(kind),
    });
    let listed = || all(event, "data.cloudResources[].resource.type").into_iter().find_map(text);
    let kind = of_authorization
        .or_else(listed)
        .or_else(|| crns(event).iter().find_map(|crn| Some(innermost(crn)?.0).filter(some)))?;
    let mut spelled = String::new();
    let mut previous = '_';
    for letter in kind.chars() {
        if letter.is_uppercase() && previous.is_alphanumeric() && !previous.is_uppercase() {
            spelled.push('_');
        }
        spelled.extend(if letter == '-' || letter == ' ' { '_' } else { letter }.to_lowercase());
        previous = letter;
    }
    Some(if spelled == "kafka" { "kafka_cluster".to_owned() } else { spelled })
}

fn scope(event: &Value, keys: &[&str], types: &[&[&str]]) -> Option<String> {
    let of_text = |text: String| {
        let path = path_of(&text).unwrap_or(&text);
        let elements = elements(path);
        keys.iter()
            .find_map(|key| elements.iter().rev().find(|(found, _)| found == key).map(|(_, value)| value.clone()))
    };
    let of_path = |path: &str| all(event, path).into_iter().filter_map(text).find_map(of_text);
    let of_type = |path: &str, types: &[&str]| {
        all(event, path).into_iter().find_map(|resource| {
            let kind = all(resource, "type").into_iter().find_map(text)?;
            let is_wanted = types.iter().any(|wanted| kind.eq_ignore_ascii_case(wanted));
            is_wanted.then(|| all(resource, "resourceId").into_iter().find_map(text)).flatten()
        })
    };
    let of_resources = |types: &&[&str]| {
        let in_scope = of_type("data.cloudResources[].scope.resources[]", types);
        in_scope.or_else(|| of_type("data.cloudResources[].resource", types))
    };
    of_path("data.resourceName")
        .or_else(|| types.iter().find_map(of_resources))
        .or_else(|| of_path("subject"))
        .or_else(|| of_path("source"))
        .or_else(|| of_path("data.authorizationInfo.rbacAuthorization.scope.outerScope[]").filter(|_| types.len() == 1))
}

fn outcome(event: &Value) -> (&'static str, Option<String>) {
    let granted = || {
        let found = all(event, "data.authorizationInfo.granted").into_iter().find_map(Value::as_bool);
        found.map(|granted| granted.to_string())
    };
    let word = |path| all(event, path).into_iter().find_map(text);
    let result = || word("data.authorizationInfo.result");
    let status = || word("data.result.status");
    let known = || word("data.authenticationInfo.result");
    let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
    let (deciding, refusing) = match () {
        () if kind.ends_with("/authorization") => (vec![granted(), result(), status()], vec![known()]),
        () if kind.ends_with("/authentication") => (vec![known(), status()], vec![granted(), result()]),
        () => (vec![status()], vec![known(), granted(), result()]),
    };
    let meaning = |word: &str| match word.to_ascii_uppercase().as_str() {
        "SUCCESS" | "ALLOW" | "TRUE" => "success",
        "UNSET" => "unknown",
        _ => "failure",
    };
    let words: Vec<String> = deciding.into_iter().flatten().collect();
    if let Some(word) = words.iter().find(|word| meaning(word) != "unknown") {
        return (meaning(word), Some(word.clone()));
    }
    match refusing.into_iter().flatten().find(|word| meaning(word) == "failure") {
        Some(word) => ("failure", Some(word)),
        None => ("unknown", words.into_iter().next()),
    }
}

fn verb(event: &Value) -> Option<String> {
    let method = all(event, "data.methodName").into_iter().find_map(text)?;
    let access =
        all(event, "data.request.accessType").into_iter().find_map(text).unwrap_or_default().to_ascii_uppercase();
    let name = method.rsplit('.').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let name = match lower.strip_prefix("tableflow") {
        Some(rest) if !rest.is_empty() => &name["tableflow".len()..],
        _ => name,
    };
    let is_one_case = !name.chars().any(char::is_uppercase);
    let begins = |verb: &str| {
        let rest = name.to_ascii_lowercase().starts_with(&verb.to_ascii_lowercase()).then(|| &name[verb.len()..]);
        rest.is_some_and(|rest| is_one_case || !rest.chars().next().is_some_and(char::is_lowercase))
    };
    let any = |verbs: &str| verbs.split_whitespace().any(begins);
    let verb = match () {
        () if any("CreateOrUpdate IncrementalAlter") => "update",
        () if any("Create Register Add Grant Bind Invite Claim") => "create",
        () if any("Update Alter Set Pause Resume") => "update",
        () if any("Delete Remove Deregister Revoke Unbind") => "delete",
        () if any("Get List Describe Search Query Fetch") => "read",
        () if any("Produce") => "write",
        () if any("Authenticate Authentication SignIn") => "logon",
        () if any("Authorize") => "access-check",
        () => "other",
    };
    Some(match (verb, access.as_str()) {
        ("create" | "update" | "delete" | "write" | "other", "READ_ONLY") => "read".to_owned(),
        ("read" | "other", "MODIFICATION") => "update".to_owned(),
        (verb, _) => verb.to_owned(),
    })
}
