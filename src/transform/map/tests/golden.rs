//! A handful of samples in each model, to be read beside the tables: `tests/golden/map/`.
//! `UPDATE_GOLDEN=1 cargo test --lib map::` rewrites the files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::{MODELS, Model, document, samples};

/// Lines of the sample corpus, and what they show.
const SHOWN: &[(usize, &str)] = &[
    (24, "kafka.Authentication that failed"),
    (30, "kafka.CreateTopics that was denied"),
    (28, "mds.Authorize that was granted"),
    (15, "ip-filter.Authorize that was denied"),
    (43, "kafka.Produce"),
    (61, "DeleteKafkaCluster"),
    (65, "BindRoleForPrincipal"),
    (66, "DeleteRoleBindingById, which names neither user nor role"),
    (54, "CreateUser"),
    (47, "CreateAPIKey"),
    (23, "CreateIdentityProvider"),
    (71, "schema-registry.RegisterSchema that failed"),
    (16, "confluent.privileged.access"),
    (10, "ListFlinkRegions, in the spelling with underscores"),
];

fn sample(line: usize) -> &'static str {
    samples().nth(line - 1).expect("a line of the corpus")
}

#[test]
fn a_handful_of_samples_is_mapped_as_recorded() {
    for to in MODELS {
        let name = format!("{to:?}.txt").to_lowercase();
        let mut shown = String::new();
        for (line, what) in SHOWN {
            let pretty = serde_json::to_string_pretty(&document(to, sample(*line))).expect("a document");
            writeln!(shown, "# {line}: {what}\n{pretty}\n").expect("writing to memory cannot fail");
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/map").join(&name);
        #[allow(clippy::disallowed_methods, reason = "a switch of the test itself")]
        let update = std::env::var("UPDATE_GOLDEN").is_ok();
        if update {
            fs::create_dir_all(file.parent().expect("a folder")).expect("writable");
            fs::write(&file, &shown).expect("writable");
        }
        let recorded = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            recorded == shown,
            "{name} has changed: UPDATE_GOLDEN=1 rewrites the record, and git shows what changed"
        );
    }
}

/// The example that the mappings were worked out with: a service account may not create the topic `payments`.
#[test]
fn a_denied_topic_creation_is_mapped_as_the_worked_example_says() {
    let event = sample(30);
    let cim = document(Model::Cim, event);
    for (field, value) in [
        ("tag", json!(["data", "access"])),
        ("action", json!("created")),
        ("status", json!("failure")),
        ("user", json!("sa-1abc2d")),
        ("object", json!("payments")),
        ("object_category", json!("topic")),
        ("dest", json!("lkc-a1b2c")),
        ("app", json!("confluent:kafka")),
        ("vendor_product", json!("Confluent Cloud")),
        ("vendor_account", json!("1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d")),
    ] {
        assert_eq!(cim[field], value, "{field}");
    }
    let ocsf = document(Model::Ocsf, event);
    for (path, value) in [
        ("/class_uid", json!(6003)),
        ("/activity_id", json!(1)),
        ("/type_uid", json!(600_301)),
        ("/category_uid", json!(6)),
        ("/severity_id", json!(3)),
        ("/status_id", json!(2)),
        ("/action_id", json!(2)),
        ("/actor/user/uid", json!("sa-1abc2d")),
        ("/actor/user/type_id", json!(4)),
        ("/api/operation", json!("kafka.CreateTopics")),
        ("/api/service/name", json!("kafka")),
        ("/src_endpoint/uid", json!("11122268623890002")),
        ("/resources/0/type", json!("Topic")),
        ("/resources/0/name", json!("payments")),
        ("/time", json!(1_793_614_210_001_i64)),
    ] {
        assert_eq!(ocsf.pointer(path), Some(&value), "{path}");
    }
    let ecs = document(Model::Ecs, event);
    for (path, value) in [
        ("/event/category", json!(["api"])),
        ("/event/type", json!(["creation", "denied"])),
        ("/event/action", json!("kafka.CreateTopics")),
        ("/event/outcome", json!("failure")),
        ("/user/id", json!("sa-1abc2d")),
        ("/confluent/audit/resource", json!({"type": "topic", "name": "payments", "id": "payments"})),
        ("/source/ip", json!("198.51.100.7")),
    ] {
        assert_eq!(ecs.pointer(path), Some(&value), "{path}");
    }
}
