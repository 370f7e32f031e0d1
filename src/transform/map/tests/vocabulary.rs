//! What the data models demand, as far as the mappings touch it: fields, types, allowed values, and what must not be missing.
//!
//! Written down from the published models (Splunk CIM 6, OCSF 1.8.0, ECS 9.4.0). A field that is not here is a mistake.

use serde_json::Value;

/// A data model of the Common Information Model, by its tags.
pub(super) struct CimModel {
    pub(super) tags: &'static [&'static str],
    /// Every event of the data model has these.
    pub(super) always: &'static str,
    /// Expected as well, but not in every audit event. `dvc` needs a network, of which few events tell; no event tells
    /// `object_size`, and of a cluster neither `image_id` nor `instance_type`.
    pub(super) expected: &'static str,
    /// The words that `action` may be, as far as they can come up.
    pub(super) actions: &'static str,
}

const CHANGES: &str = "created deleted modified read acl_modified";

pub(super) const CIM_MODELS: &[CimModel] = &[
    CimModel {
        tags: &["authentication"],
        always: "action app dest user",
        expected: "src",
        actions: "success failure pending error",
    },
    CimModel {
        tags: &["data", "access"],
        always: "action app dest object object_category user user_name vendor_account vendor_product",
        expected: "src object_id object_attrs",
        actions: "created read modified deleted granted revoked shared copied downloaded enabled disabled",
    },
    change(&["change"]),
    change(&["change", "account"]),
    change(&["change", "audit"]),
    change(&["change", "network"]),
    change(&["change", "instance"]),
];

const fn change(tags: &'static [&'static str]) -> CimModel {
    CimModel {
        tags,
        always: "action app change_type command dest object object_category status user vendor_product",
        expected: "src object_id object_attrs",
        actions: CHANGES,
    }
}

/// Fields of the three data models that are used.
pub(super) const CIM_FIELDS: &str = "action app authentication_method change_type command dest dvc object object_attrs \
    object_category object_id reason result session_id signature src src_ip src_user src_user_type status tag user user_id \
    user_name user_type vendor_account vendor_product";

/// Fields that no data model has.
pub(super) const CIM_CUSTOM: &str =
    "access_type action_result api_key_id client_id environment_id event_id operation request_id";

/// A class or an object of OCSF.
pub(super) struct OcsfObject {
    pub(super) name: &'static str,
    /// `name:type`; `!` when it is required, `[]` when it is a list.
    pub(super) members: &'static str,
    /// At least one of these must be there.
    pub(super) one_of: &'static str,
}

/// Members of every class.
pub(super) const OCSF_BASE: &str = "activity_id:integer! activity_name:string category_uid:integer! class_uid:integer! \
    type_uid:integer! severity_id:integer! time:time! metadata:metadata! status_id:integer status:string status_code:string \
    status_detail:string action_id:integer disposition_id:integer cloud:cloud! actor:actor api:api \
    observables:observable[] unmapped:any raw_data:string";

pub(super) struct OcsfClass {
    pub(super) uid: i64,
    pub(super) activities: &'static [i64],
    pub(super) object: OcsfObject,
}

const fn class(uid: i64, activities: &'static [i64], members: &'static str, one_of: &'static str) -> OcsfClass {
    OcsfClass { uid, activities, object: OcsfObject { name: "", members, one_of } }
}

pub(super) const OCSF_CLASSES: &[OcsfClass] = &[
    class(0, &[0, 99], "", ""),
    class(3001, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99], "user:user! src_endpoint:endpoint", ""),
    class(
        3002,
        &[0, 1, 2, 3, 4, 5, 6, 7, 99],
        "user:user! src_endpoint:endpoint dst_endpoint:endpoint service:service session:session auth_protocol_id:integer \
         auth_protocol:string",
        "service dst_endpoint",
    ),
    class(3004, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 99], "entity:entity! src_endpoint:endpoint", ""),
    class(3005, &[0, 1, 2, 99], "user:user! privileges:string[]! resources:resource[] src_endpoint:endpoint", ""),
    class(
        6003,
        &[0, 1, 2, 3, 4, 99],
        "actor:actor! api:api! src_endpoint:endpoint! dst_endpoint:endpoint resources:resource[]",
        "",
    ),
    class(
        6005,
        &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99],
        "actor:actor! src_endpoint:endpoint! dst_endpoint:endpoint databucket:databucket",
        "database databucket table",
    ),
];

const fn object(name: &'static str, members: &'static str, one_of: &'static str) -> OcsfObject {
    OcsfObject { name, members, one_of }
}

pub(super) const OCSF_OBJECTS: &[OcsfObject] = &[
    object(
        "metadata",
        "version:string! product:product! profiles:string[] uid:string log_name:string event_code:string \
         original_time:string logged_time:time correlation_uid:string",
        "",
    ),
    object("product", "name:string vendor_name:string", "name uid"),
    object("cloud", "provider:string! org:organization", ""),
    object("organization", "uid:string", "name uid"),
    object(
        "actor",
        "user:user session:session app_name:string authorizations:authorization[]",
        "process user invoked_by session app_name app_uid",
    ),
    object(
        "user",
        "uid:string name:string email_addr:mail type_id:integer programmatic_credentials:credential[]",
        "account name uid",
    ),
    object("credential", "uid:string!", ""),
    object("session", "uid:string", ""),
    object("authorization", "decision:string policy:policy", ""),
    object("policy", "uid:string name:string", "name type uid"),
    object("service", "name:string", "name uid"),
    object("api", "operation:string! service:service request:request response:response", ""),
    object("request", "uid:string! data:any", ""),
    object("response", "code:integer error:string error_message:string", ""),
    object(
        "endpoint",
        "ip:ip name:string uid:string",
        "ip uid name hostname svc_name instance_uid interface_uid interface_name domain",
    ),
    object("resource", "type:string name:string uid:string namespace:string group:group", "name uid"),
    object("group", "uid:string", "name uid"),
    object("databucket", "name:string type:string type_id:integer! namespace:string", "name uid"),
    object("entity", "uid:string name:string type:string policy:policy", "name uid device group org policy user"),
    object("observable", "name:string type_id:integer! value:string", ""),
];

/// Members with a closed list of numbers, in whatever object they stand.
pub(super) const OCSF_CODES: &[(&str, &[i64])] = &[
    ("category_uid", &[0, 3, 6]),
    ("severity_id", &[0, 1, 2, 3, 4, 5, 6, 99]),
    ("status_id", &[0, 1, 2, 99]),
    ("action_id", &[0, 1, 2, 3, 4, 99]),
    ("disposition_id", &[0, 1, 2, 99]),
    ("auth_protocol_id", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99]),
];

/// The fields of ECS that are used, and ours below `confluent`: `name:type`, `[]` for lists.
pub(super) const ECS_FIELDS: &str = "@timestamp:time ecs.version:keyword event.kind:keyword event.module:keyword \
    event.dataset:keyword event.provider:keyword event.category:keyword[] event.type:keyword[] event.outcome:keyword \
    event.id:keyword event.action:keyword event.code:keyword event.reason:keyword event.created:time event.original:keyword \
    error.message:keyword error.code:keyword cloud.provider:keyword cloud.account.id:keyword cloud.service.name:keyword \
    organization.id:keyword observer.product:keyword service.name:keyword service.type:keyword user.id:keyword \
    user.name:keyword user.email:keyword user.effective.id:keyword user.target.id:keyword user.target.name:keyword \
    user.target.email:keyword user.target.roles:keyword[] user.changes.roles:keyword[] source.ip:ip source.address:keyword \
    client.ip:ip client.address:keyword related.ip:ip[] http.request.id:keyword trace.id:keyword network.name:keyword \
    labels.principal_type:keyword";

pub(super) const ECS_CATEGORIES: &[(&str, &str)] = &[
    ("api", "access admin allowed change creation deletion denied end info start user"),
    ("authentication", "start end info"),
    ("configuration", "access change creation deletion info"),
    ("database", "access change info error"),
    ("iam", "admin change creation deletion group info user"),
    ("network", "access allowed connection denied end info protocol start"),
    ("session", "start end info"),
];

pub(super) fn has(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|known| known == word)
}

/// Whether a value is of a type of OCSF or ECS.
pub(super) fn is_of(kind: &str, value: &Value) -> bool {
    let text = value.as_str().filter(|text| !text.is_empty());
    match kind {
        "string" | "keyword" => text.is_some(),
        "integer" => value.is_i64(),
        // Milliseconds since 1970: seconds or microseconds of our days have fewer or more digits.
        "time" if value.is_i64() => value.as_i64().is_some_and(|ms| (10_i64.pow(11)..10_i64.pow(14)).contains(&ms)),
        "time" => text.is_some_and(|text| crate::event::EventTime::parse(text).is_some()),
        "ip" => text.is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
        "mail" => text.is_some_and(|text| text.split_once('@').is_some_and(|(_, domain)| domain.contains('.'))),
        "any" => value.is_object(),
        other => panic!("no such type: {other}"),
    }
}
