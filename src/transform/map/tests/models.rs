//! Every sample is valid in every model: allowed words, required fields, types, arithmetic.

use serde_json::{Map, Value};

use super::vocabulary::{
    CIM_CUSTOM, CIM_FIELDS, CIM_MODELS, ECS_CATEGORIES, ECS_FIELDS, OCSF_BASE, OCSF_CLASSES, OCSF_CODES, OCSF_OBJECTS,
    OcsfObject, has, is_of,
};
use super::{Model, document, samples};

/// What is wrong with a mapped event.
type Complaints = Vec<String>;

#[track_caller]
fn assert_valid(to: Model, validate: impl Fn(&Value, &mut Complaints)) {
    let mut all = Vec::new();
    for event in samples() {
        let mapped = document(to, event);
        let mut complaints = Vec::new();
        validate(&mapped, &mut complaints);
        all.extend(complaints.iter().map(|complaint| format!("{complaint}\n  {event}\n  {mapped}")));
    }
    assert!(all.is_empty(), "{} complaints\n{}", all.len(), all.join("\n"));
}

#[test]
fn every_sample_is_valid_in_cim() {
    assert_valid(Model::Cim, cim);
}

#[test]
fn every_sample_is_valid_in_ocsf() {
    assert_valid(Model::Ocsf, ocsf);
}

#[test]
fn every_sample_is_valid_in_ecs() {
    assert_valid(Model::Ecs, ecs);
}

fn cim(event: &Value, complaints: &mut Complaints) {
    let members = event.as_object().expect("an object");
    for (name, value) in members {
        if !has(CIM_FIELDS, name) && !has(CIM_CUSTOM, name) {
            complaints.push(format!("{name} is no field"));
        }
        if name != "tag" && value.as_str().is_none_or(str::is_empty) {
            complaints.push(format!("{name} is no text"));
        }
        // The data models take no quotation marks here.
        if name.starts_with("object") && value.as_str().is_some_and(|text| text.contains('"')) {
            complaints.push(format!("{name} has a quotation mark"));
        }
    }
    if event["status"].as_str().is_some_and(|status| !has("success failure", status)) {
        complaints.push(format!("status {}", event["status"]));
    }
    let Some(tags) = event["tag"].as_array() else { return };
    let is_it = |known: &[&str]| known.iter().eq(tags.iter());
    let Some(model) = CIM_MODELS.iter().find(|model| is_it(model.tags)) else {
        complaints.push(format!("no data model has the tags {tags:?}"));
        return;
    };
    for name in model.always.split_whitespace().filter(|name| !members.contains_key(*name)) {
        complaints.push(format!("{name} is missing for {tags:?}"));
    }
    if event["action"].as_str().is_none_or(|action| !has(model.actions, action)) {
        complaints.push(format!("action {} is not allowed for {tags:?}", event["action"]));
    }
    let is_change = tags[0] == "change";
    if is_change && event["status"] == "failure" && event["result"].is_null() {
        complaints.push("a change that failed has no result".to_owned());
    }
    let is_account = tags.last().is_some_and(|tag| tag == "account");
    if event["object_category"] == "user" && !(is_account && event["src_user"].is_string()) {
        complaints.push("a user is changed outside Account_Management, or by nobody".to_owned());
    }
}

#[test]
fn what_a_data_model_expects_comes_from_the_events_that_have_it() {
    let events: Vec<Value> = samples().map(|event| document(Model::Cim, event)).collect();
    for model in CIM_MODELS {
        let of_model: Vec<&Value> = events.iter().filter(|event| event["tag"][0] == model.tags[0]).collect();
        for name in model.expected.split_whitespace() {
            assert!(of_model.iter().any(|event| event[name].is_string()), "{:?}: nowhere {name}", model.tags);
        }
    }
}

fn ocsf(event: &Value, complaints: &mut Complaints) {
    let Some(class) = OCSF_CLASSES.iter().find(|class| event["class_uid"] == class.uid) else {
        complaints.push(format!("no class {}", event["class_uid"]));
        return;
    };
    let members = [class.object.members, OCSF_BASE].join(" ");
    object("", &members, class.object.one_of, (event, complaints));
    let (activity, type_uid) = (event["activity_id"].as_i64().unwrap_or(-1), event["type_uid"].as_i64().unwrap_or(-1));
    if !class.activities.contains(&activity) {
        complaints.push(format!("class {} has no activity {activity}", class.uid));
    }
    if type_uid != class.uid * 100 + activity {
        complaints.push(format!("type_uid {type_uid} is not {} × 100 + {activity}", class.uid));
    }
    if event["category_uid"] != class.uid / 1000 {
        complaints.push(format!("category_uid {}", event["category_uid"]));
    }
    if activity == 99 && !event["activity_name"].is_string() {
        complaints.push("an activity without a number has no name".to_owned());
    }
    let profiles = &event["metadata"]["profiles"];
    let has_profile = |name: &str| profiles.as_array().is_some_and(|list| list.iter().any(|profile| profile == name));
    for (member, profile) in
        [("cloud", "cloud"), ("action_id", "security_control"), ("disposition_id", "security_control")]
    {
        if !event[member].is_null() && !has_profile(profile) {
            complaints.push(format!("{member} without the profile {profile}"));
        }
    }
}

/// `members` as in the vocabulary; the first type of a name counts.
fn object(path: &str, members: &str, one_of: &str, (value, complaints): (&Value, &mut Complaints)) {
    let Some(object) = value.as_object() else {
        complaints.push(format!("{path} is no object"));
        return;
    };
    let known: Vec<(&str, &str)> = members.split_whitespace().filter_map(|member| member.split_once(':')).collect();
    for (name, kind) in &known {
        if kind.ends_with('!') && !object.contains_key(*name) {
            complaints.push(format!("{path}.{name} is required"));
        }
    }
    if !one_of.is_empty() && !one_of.split_whitespace().any(|name| object.contains_key(name)) {
        complaints.push(format!("{path} has none of {one_of}"));
    }
    for (name, value) in object {
        let path = format!("{path}.{name}");
        let Some((_, kind)) = known.iter().find(|(known, _)| known == name) else {
            complaints.push(format!("{path} is no attribute"));
            continue;
        };
        let codes = OCSF_CODES.iter().find(|(known, _)| known == name);
        if codes.is_some_and(|(_, codes)| value.as_i64().is_none_or(|code| !codes.contains(&code))) {
            complaints.push(format!("{path} has the code {value}"));
        }
        typed(&path, kind.trim_end_matches('!'), (value, complaints));
    }
}

fn typed(path: &str, kind: &str, (value, complaints): (&Value, &mut Complaints)) {
    if let Some(kind) = kind.strip_suffix("[]") {
        let Some(elements) = value.as_array().filter(|elements| !elements.is_empty()) else {
            complaints.push(format!("{path} is no list"));
            return;
        };
        elements.iter().for_each(|element| typed(path, kind, (element, complaints)));
        return;
    }
    let is_object = |object: &&OcsfObject| object.name == kind;
    match OCSF_OBJECTS.iter().find(is_object) {
        Some(known) => object(path, known.members, known.one_of, (value, complaints)),
        None if is_of(kind, value) => {}
        None => complaints.push(format!("{path} is no {kind}: {value}")),
    }
}

fn ecs(event: &Value, complaints: &mut Complaints) {
    let mut fields = Vec::new();
    flatten("", event.as_object().expect("an object"), &mut fields);
    for (name, value) in &fields {
        let known =
            |field: &str| field.split_once(':').filter(|(known, _)| known == name).map(|(_, kind)| kind.to_owned());
        let kind = match ECS_FIELDS.split_whitespace().find_map(known) {
            Some(kind) => kind,
            None if name.starts_with("confluent.") => "keyword".to_owned(),
            None => {
                complaints.push(format!("{name} is no field"));
                continue;
            }
        };
        typed(name, &kind, (value, complaints));
    }
    for name in ["@timestamp", "ecs.version", "event.kind", "event.id", "event.category", "event.type", "event.outcome"]
    {
        if !fields.iter().any(|(known, _)| known == name) {
            complaints.push(format!("{name} is missing"));
        }
    }
    let words = |name: &str| event["event"][name].as_array().cloned().unwrap_or_default();
    for kind in words("type") {
        for category in words("category") {
            let allowed = ECS_CATEGORIES.iter().find(|(known, _)| category == *known).map_or("", |(_, types)| types);
            if !has(allowed, kind.as_str().unwrap_or_default()) {
                complaints.push(format!("the category {category} has no type {kind}"));
            }
        }
    }
    if !has("success failure unknown", event["event"]["outcome"].as_str().unwrap_or_default()) {
        complaints.push(format!("outcome {}", event["event"]["outcome"]));
    }
}

fn flatten<'v>(path: &str, object: &'v Map<String, Value>, fields: &mut Vec<(String, &'v Value)>) {
    for (name, value) in object {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match value {
            Value::Object(object) => flatten(&path, object, fields),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                fields.push((path, value));
            }
        }
    }
}
