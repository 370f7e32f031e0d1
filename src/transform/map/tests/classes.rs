//! The class of every group of methods, and that no row of the table is idle.

use serde_json::{Value, json};

use super::super::class::{ROWS, Sign};
use super::{Model, document};

const CLOUD: &str = "io.confluent.cloud/request";

/// An event with just enough to have a class.
fn event(method: &str, family: &str, failed: bool) -> String {
    let status = if failed { "FAILURE" } else { "SUCCESS" };
    json!({
        "id": "1", "type": family, "time": "2026-01-01T00:00:00Z",
        "data": {
            "methodName": method,
            "authenticationInfo": {"principal": {"confluentUser": {"resourceId": "u-1"}}},
            "authorizationInfo": {"result": if failed { "DENY" } else { "ALLOW" }, "operation": "Create"},
            "cloudResources": [{"resource": {"type": "USER", "resourceId": "u-2"}}],
            "request": {"data": {"principal": "User:u-2", "role_name": "OrganizationAdmin"}},
            "result": {"status": status},
        },
    })
    .to_string()
}

/// The tags of the data model and the action, class and activity, categories and types.
fn classes(method: &str, family: &str, failed: bool) -> (String, String, String) {
    let event = event(method, family, failed);
    let joined = |list: &Value| {
        let words: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        words.join(" ")
    };
    let (cim, ocsf, ecs) = (document(Model::Cim, &event), document(Model::Ocsf, &event), document(Model::Ecs, &event));
    let action = cim["action"].as_str().unwrap_or_default();
    (
        if cim["tag"].is_null() { String::new() } else { format!("{}: {action}", joined(&cim["tag"])) },
        format!("{}/{}", ocsf["class_uid"], ocsf["activity_id"]),
        format!("{} / {}", joined(&ecs["event"]["category"]), joined(&ecs["event"]["type"])),
    )
}

#[test]
fn every_group_of_methods_has_its_classes() {
    let kafka = "io.confluent.kafka.server/authorization";
    let logon = ("authentication: success", "3002/1", "authentication session / start");
    let (created, updated, deleted) = (
        ("change: created", "6003/1", "configuration / creation"),
        ("change: modified", "6003/3", "configuration / change"),
        ("change: deleted", "6003/4", "configuration / deletion"),
    );
    let bound = ("change account: acl_modified", "3005/1", "iam / admin change user");
    let unbound = ("change account: acl_modified", "3005/2", "iam / admin change user");
    for (method, family, expected) in [
        ("kafka.Authentication", "io.confluent.kafka.server/authentication", logon),
        ("schema-registry.Authentication", "io.confluent.sg.server/authentication", logon),
        ("flink.Authenticate", "io.confluent.flink.server/authentication", logon),
        ("ksql.Authenticate", "io.confluent.ksql.server/authentication", logon),
        ("SignIn", CLOUD, logon),
        ("mds.Authorize", kafka, ("", "6003/1", "api / creation allowed")),
        ("kafka.DeleteTopics", kafka, ("", "6003/4", "api / deletion allowed")),
        ("ip-filter.Authorize", "io.confluent.cloud/authorization", ("", "6003/99", "api network / allowed")),
        ("kafka.Fetch", "io.confluent.kafka.server/request", ("data access: read", "6005/1", "database / access")),
        (
            "kafka.Produce",
            "io.confluent.kafka.server/request",
            ("data access: modified", "6005/5", "database / change"),
        ),
        ("kafka.CreateTopics", "io.confluent.kafka.server/request", created),
        ("kafka.IncrementalAlterConfigs", "io.confluent.kafka.server/request", updated),
        ("kafka.CreateClusterLinks", "io.confluent.kafka.server/request", created),
        ("CreateEnvironment", CLOUD, created),
        ("CreateOrUpdateConnector", CLOUD, updated),
        ("DeleteNetwork", CLOUD, deleted),
        ("DeleteStatement", CLOUD, deleted),
        ("CreateKafkaCluster", CLOUD, ("change instance: created", "6003/1", "configuration / creation")),
        ("DeleteSchemaRegistryCluster", CLOUD, ("change instance: deleted", "6003/4", "configuration / deletion")),
        (
            "kafka.CreateAcls",
            "io.confluent.kafka.server/request",
            ("change: acl_modified", "6003/1", "iam configuration / change"),
        ),
        ("BindRoleForPrincipal", CLOUD, bound),
        ("CreateRoleBinding", CLOUD, bound),
        ("GrantRoleResourcesForPrincipal", CLOUD, bound),
        ("UnbindRoleForPrincipal", CLOUD, unbound),
        ("UnBindAllRolesForPrincipal", CLOUD, unbound),
        ("RevokeRoleResourcesForPrincipal", CLOUD, unbound),
        ("CreateUser", CLOUD, ("change account: created", "3001/1", "iam / user creation")),
        ("InviteUser", CLOUD, ("change account: created", "3001/1", "iam / user creation")),
        ("DeleteServiceAccount", CLOUD, ("change account: deleted", "3001/6", "iam / user deletion")),
        ("UpdateUser", CLOUD, ("change account: modified", "3001/99", "iam / user change")),
        ("CreateAPIKey", CLOUD, ("change account: created", "6003/1", "iam / creation")),
        ("DeleteAPIKey", CLOUD, ("change account: deleted", "6003/4", "iam / deletion")),
        ("CreateSSOConnection", CLOUD, ("change audit: created", "3004/1", "iam / change")),
        ("UpdateIdentityProvider", CLOUD, ("change audit: modified", "3004/3", "iam / change")),
        ("DeleteIdentityPool", CLOUD, ("change audit: deleted", "3004/4", "iam / change")),
        ("UpdateIpFilter", CLOUD, ("change network: modified", "3004/3", "configuration / change")),
        ("schema-registry.RegisterSchema", "io.confluent.sg.server/request", created),
        ("schema-registry.UpdateGlobalConfig", "io.confluent.sg.server/request", updated),
        ("schema-registry.DeregisterKek", "io.confluent.sg.server/request", deleted),
        (
            "confluent.privileged.access",
            "io.confluent.cloud/access-transparency",
            ("data access: read", "6003/2", "api / admin access"),
        ),
        ("GetAPIKeys", CLOUD, ("", "6003/2", "api / access")),
        ("schema-registry.GetQuery", "io.confluent.sg.server/request", ("", "6003/2", "api / access")),
        ("ScheduledJwksRefresh", CLOUD, ("", "6003/99", "api / info")),
    ] {
        let (cim, ocsf, ecs) = classes(method, family, false);
        assert_eq!((cim.as_str(), ocsf.as_str(), ecs.as_str()), expected, "{method}");
    }
}

#[test]
fn what_was_denied_is_told_from_what_succeeded() {
    let kafka = "io.confluent.kafka.server/authorization";
    for (method, family, expected) in [
        ("mds.Authorize", kafka, ("data access: created", "6003/1", "api / creation denied")),
        ("kafka.DeleteTopics", kafka, ("data access: created", "6003/4", "api / deletion denied")),
        (
            "ip-filter.Authorize",
            "io.confluent.cloud/authorization",
            ("data access: created", "6003/99", "api network / denied"),
        ),
        (
            "kafka.Authentication",
            "io.confluent.kafka.server/authentication",
            ("authentication: failure", "3002/1", "authentication / start"),
        ),
        ("GetAPIKeys", CLOUD, ("data access: read", "6003/2", "api / access")),
    ] {
        let (cim, ocsf, ecs) = classes(method, family, true);
        assert_eq!((cim.as_str(), ocsf.as_str(), ecs.as_str()), expected, "{method}");
    }
}

#[test]
fn methods_are_recognised_in_any_case() {
    assert_eq!(classes("UNBINDROLEFORPRINCIPAL", CLOUD, false), classes("UnbindRoleForPrincipal", CLOUD, false));
    assert_eq!(classes("IP-Filter.authorize", CLOUD, true), classes("ip-filter.Authorize", CLOUD, true));
}

#[test]
fn signs_are_in_lower_case_and_only_the_last_row_takes_anything() {
    for (at, row) in ROWS.iter().enumerate() {
        for sign in row.signs {
            let is_last = at == ROWS.len() - 1;
            match sign {
                Sign::Method(word) | Sign::Service(word) | Sign::Named(word) | Sign::Resource(word) => {
                    assert_eq!(*word, word.to_lowercase());
                }
                Sign::Any => assert!(is_last),
                Sign::Family(_) | Sign::Verb(_) | Sign::NoMethod => {}
            }
        }
    }
    assert!(matches!(ROWS.last().expect("rows").signs, [Sign::Any]));
}

#[test]
fn what_a_class_requires_and_the_event_lacks_makes_it_an_api_activity() {
    let without = |method: &str, cut: fn(&mut Value)| {
        let mut event: Value = serde_json::from_str(&event(method, CLOUD, false)).expect("an event");
        cut(&mut event["data"]);
        let mapped = document(Model::Ocsf, &event.to_string());
        format!("{}/{}", mapped["class_uid"], mapped["activity_id"])
    };
    let no_request = |data: &mut Value| data["request"] = Value::Null;
    let no_resource = |data: &mut Value| data["cloudResources"] = Value::Null;
    let neither = |data: &mut Value| (data["request"], data["cloudResources"]) = (Value::Null, Value::Null);
    assert_eq!(without("BindRoleForPrincipal", no_request), "6003/1");
    assert_eq!(without("UnBindAllRolesForPrincipal", no_request), "6003/4");
    assert_eq!(without("DeleteUser", no_request), "3001/6");
    assert_eq!(without("DeleteUser", neither), "6003/4");
    assert_eq!(without("UpdateIdentityProvider", no_resource), "6003/3");
    assert_eq!(without("kafka.Fetch", no_resource), "6003/2");
}
