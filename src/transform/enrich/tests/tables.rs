//! What stands in tables, networks and databases is found and added.

use super::super::testing::database;
use super::*;

#[test]
fn a_row_is_found_by_the_key_and_what_is_unknown_gets_the_default() {
    let csv = "id,owner,team,note\nsa-1,alice,pay,\nsa-2,\"Bob, jr.\",,\"said \"\"no\"\"\"\n";
    let (_folder, path) = file("owners.csv", csv);
    let mut rig = Rig::new(json!([{"enrich": {"lookup": {
        "file": path, "field": "id", "take": {"owner": "owner", "team": "owner_team", "note": "n"}, "prefix": "x_",
        "default": {"x_owner": "nobody"},
    }}}]));
    rig.assert_fields(r#"{"id":"sa-1"}"#, json!({"x_owner": "alice", "x_owner_team": "pay"}));
    rig.assert_fields(r#"{"id":"sa-2"}"#, json!({"x_owner": "Bob, jr.", "x_n": "said \"no\""}));
    rig.assert_fields(r#"{"id":"sa\u002d1"}"#, json!({"x_owner": "alice", "x_owner_team": "pay"}));
    rig.assert_fields(r#"{"id":"SA-1"}"#, json!({"x_owner": "nobody"}));
    rig.assert_fields(r#"{"id":1}"#, json!({}));
    rig.assert_fields("[]", json!({}));
    assert_eq!(rig.seen(), ["owners hit 3", "owners miss 1", "owners no_key 2"]);
}

#[test]
fn without_take_all_columns_but_the_keys_are_added() {
    let (_folder, path) = file("t.csv", "owner,id,team\nalice,sa-1,pay\n");
    let mut rig = Rig::new(json!([{"enrich": {"lookup": {"file": path, "field": "id", "column": "id"}}}]));
    rig.assert_fields(r#"{"id":"sa-1"}"#, json!({"owner": "alice", "team": "pay"}));
}

#[test]
fn case_counts_unless_told_otherwise_and_never_for_methods() {
    let (_folder, path) = file("m.json", r#"{"Kafka.CreateTopics": "create"}"#);
    let lookup = |field: &str, more: Value| {
        let mut lookup = json!({"file": path, "field": field, "take": {"value": "kind"}});
        lookup.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Rig::new(json!([{"enrich": {"lookup": lookup}}]))
    };
    let by_id = r#"{"id":"kafka.createtopics"}"#;
    lookup("id", json!({})).assert_fields(by_id, json!({}));
    lookup("id", json!({"ignore_case": true})).assert_fields(by_id, json!({"kind": "create"}));
    let by_method = r#"{"data":{"methodName":"kafka.CREATETopics"}}"#;
    lookup("method", json!({})).assert_fields(by_method, json!({"kind": "create"}));
}

#[test]
fn tables_are_read_in_every_form() {
    let row = json!({"owner": "alice", "team": "pay"});
    for (name, content, column) in [
        ("t.csv", "id,owner,team\nk,alice,pay\n", None),
        ("t.csv", "\u{feff}id;owner;team\r\nk;alice;pay\r\n", None),
        ("t.tsv", "owner\tteam\tid\nalice\tpay\tk", Some("id")),
        ("t.csv", " id , owner,team\n\n  k,  alice ,\"pay\"\n", None),
        ("t.json", r#"{"k": {"owner": "alice", "team": "pay"}}"#, None),
        ("t.json", r#"[{"id": "k", "owner": "alice", "team": "pay", "other": null}]"#, Some("id")),
        ("t", r#" {"x": {"n": "k", "owner": "alice", "team": "pay"}}"#, Some("n")),
        ("t", "id,owner,team\nk,alice,pay\n", None),
        ("t.JSON", r#"{"\u006b": {"o\u0077ner": "al\u0069ce", "team": "pay"}}"#, None),
    ] {
        let (_folder, path) = file(name, content);
        let mut lookup = json!({"file": path, "field": "id", "take": ["owner", "team"]});
        if let Some(column) = column {
            lookup["column"] = json!(column);
        }
        let mut rig = Rig::new(json!([{"enrich": {"lookup": lookup}}]));
        rig.assert_fields(r#"{"id":"k"}"#, row.clone());
    }
}

#[test]
fn json_values_become_texts_or_lists_of_texts_and_null_is_missing() {
    let content = r#"{"k": {"n": 1.50, "b": true, "none": null, "list": ["a", "b"], "t": "x"}}"#;
    let (_folder, path) = file("t.json", content);
    let mut rig = Rig::new(json!([{"enrich": {"lookup": {"file": path, "field": "id"}}}]));
    rig.assert_fields(r#"{"id":"k"}"#, json!({"n": "1.50", "b": "true", "list": ["a", "b"], "t": "x"}));
}

#[test]
fn an_address_gets_what_its_network_is_called() {
    let (_folder, path) = file("sites.csv", "network,site,zone\n10.0.0.0/8,hq,inside\n10.9.0.0/16,lab,test\n");
    let mut rig = Rig::new(json!([
        {"enrich": {"networks": {"field": "id", "inline": {"10.0.0.0/8": "internal", "2001:db8::/32": "six"},
                                 "default": {"client_network": "external"}}}},
        {"enrich": {"networks": {"field": "id", "file": path, "prefix": "c_"}}},
    ]));
    let expected = json!({"client_network": "internal", "c_site": "lab", "c_zone": "test"});
    rig.assert_fields(r#"{"id":"10.9.1.1"}"#, expected);
    rig.assert_fields(r#"{"id":"2001:db8::17"}"#, json!({"client_network": "six"}));
    rig.assert_fields(r#"{"id":"192.0.2.1"}"#, json!({"client_network": "external"}));
    rig.assert_fields(r#"{"id":"no address"}"#, json!({"client_network": "external"}));
    rig.assert_fields("{}", json!({}));
    assert_eq!(
        rig.seen(),
        ["networks hit 2", "networks miss 2", "networks no_key 1", "sites hit 1", "sites miss 3", "sites no_key 1"]
    );
}

#[test]
fn a_file_of_single_values_gets_one_name() {
    let (_folder, path) = file("n.json", r#"{"10.0.0.0/8": "internal"}"#);
    let mut rig = Rig::new(json!([{"enrich": {"networks": {"field": "id", "file": path, "into": "net"}}}]));
    rig.assert_fields(r#"{"id":"10.0.0.1"}"#, json!({"net": "internal"}));
}

pub(super) fn city() -> Vec<u8> {
    let place = json!({
        "continent": {"code": "EU", "names": {"de": "Europa", "en": "Europe"}},
        "country": {"geoname_id": 1, "iso_code": "NO", "names": {"de": "Norwegen", "en": "Norway"}},
        "subdivisions": [{"iso_code": "03", "names": {"en": "Oslo County"}}, {"names": {"en": "second"}}],
        "city": {"names": {"en": "Oslo \"Q\""}},
        "location": {"latitude": 59.5, "longitude": 10.25, "time_zone": "Europe/Oslo"},
    });
    let other = json!({"country": {"iso_code": "SE"}});
    let damaged = json!({"country": "SE"});
    database("GeoLite2-City", &[("203.0.113.0/24", place), ("2001:db8::/32", other), ("192.0.2.0/24", damaged)])
}

#[test]
fn a_geoip_database_gives_names_and_coordinates_only_when_asked() {
    let (_folder, path) = file("GeoLite2-City.mmdb", city());
    let mut rig = Rig::new(json!([
        {"enrich": {"geoip": {"field": "id", "file": path}}},
        {"enrich": {"geoip": {"name": "all", "field": "id", "file": path, "prefix": "", "take": [
            "continent", "region", "latitude", "longitude", "asn"]}}},
    ]));
    rig.assert_fields(
        r#"{"id":"203.0.113.20"}"#,
        json!({"client_country": "Norway", "client_country_code": "NO", "client_city": "Oslo \"Q\"",
               "continent": "Europe", "region": "Oslo County", "latitude": "59.5", "longitude": "10.25"}),
    );
    rig.assert_fields(r#"{"id":"2001:db8::1"}"#, json!({"client_country_code": "SE"}));
    rig.assert_fields(r#"{"id":"198.51.100.1"}"#, json!({}));
    rig.assert_fields(r#"{"id":"192.0.2.1"}"#, json!({}));
    rig.assert_fields(r#"{"id":"x"}"#, json!({}));
    let expected = ["GeoLite2-City hit 2", "GeoLite2-City miss 2", "GeoLite2-City unreadable 1"];
    assert_eq!(rig.seen()[..3], expected);
}

#[test]
fn an_asn_database_gives_the_autonomous_system() {
    let system = json!({"autonomous_system_number": 64_500, "autonomous_system_organization": "Example"});
    let (_folder, path) = file("asn.mmdb", database("GeoLite2-ASN", &[("10.0.0.0/8", system)]));
    let mut rig = Rig::new(json!([{"enrich": {"geoip": {"field": "id", "file": path}}}]));
    rig.assert_fields(r#"{"id":"10.2.3.4"}"#, json!({"client_asn": "64500", "client_as_organization": "Example"}));
}
