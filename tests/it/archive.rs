//! The sealed archive: from a topic into a store, killed on the way, verified with the public key alone.

mod kills;
mod reading;
mod rig;

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::support::kafka::{Kafka, NewRecord};
use crate::support::samples::Numbered;
use rig::{Place, Rig};

const LIMIT: Duration = Duration::from_secs(60);

/// To the partitions in turn.
fn spread(topic: &str) -> impl Fn(u64) -> i32 + use<> {
    let partitions = u64::try_from(Kafka::shared().partitions(topic)).unwrap();
    move |number| i32::try_from(number % partitions).unwrap()
}

/// Goal: every record of a topic is in the archive, byte by byte, also the odd ones. Method: keys, headers, values that are no JSON, a
/// tombstone; archived into a directory and into S3; read back without this program's reader.
#[test]
fn every_record_is_archived_byte_by_byte() {
    let kafka = Kafka::shared();
    for place in [Place::Directory, Place::S3] {
        let topic = kafka.topic("archive", 2);
        let rig = Rig::new(kafka, &topic, place);
        let odd: [Option<&[u8]>; 7] = [
            Some(b"{ \"a\" : 1 }"),
            Some(b"[1]"),
            Some(b"text\nlines"),
            Some(b"\xff\x00"),
            Some(b""),
            None,
            Some(b" {}"),
        ];
        for (at, value) in odd.into_iter().enumerate() {
            let headers: &[(&str, Option<&[u8]>)] = &[("n", Some(b"v")), ("n", None), ("b", Some(b"\xff"))];
            let key: &[u8] = if at % 2 == 0 { b"key" } else { b"\xfe" };
            let headers = if at % 3 == 0 { headers } else { &[] };
            let timestamp_ms = Some(1_763_654_400_000 + at as i64);
            kafka.produce_one(&topic, NewRecord { partition: Some(0), key: Some(key), value, headers, timestamp_ms });
        }
        let events = Numbered::new();
        kafka.produce(&topic, 500, |n| events.event(n), spread(&topic));
        let running = rig.start();
        rig.wait_until_archived(LIMIT);
        running.stop();
        rig.assert_proven("records");
        assert_eq!(reading::records(&rig), reading::of_topic(kafka, &topic));
    }
}

/// A partition that was never archived begins where its group stands; the archive then knows better than the group.
#[test]
fn the_archive_itself_says_where_it_goes_on() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("archive", 1);
    let rig = Rig::new(kafka, &topic, Place::Directory);
    let events = Numbered::new();
    kafka.produce(&topic, 50, |n| events.event(n), spread(&topic));
    kafka.commit_for(&rig.group(), &topic, [(0, 10)]);
    let running = rig.start();
    rig.wait_until_archived(LIMIT);
    running.stop();
    // Somebody sets the group back, and later ahead: neither repeats a record nor leaves one out.
    for committed in [20, 65] {
        kafka.produce(&topic, 10, |n| events.event(n), spread(&topic));
        kafka.commit_for(&rig.group(), &topic, [(0, committed)]);
        let mut running = rig.start();
        if committed == 65 {
            running.wait_for_complaint(&["archive_mismatch", "links were taken away"]);
        }
        rig.wait_until_archived(LIMIT);
        running.stop();
    }
    let offsets: Vec<i64> = reading::records(&rig).into_iter().map(|record| record.offset).collect();
    assert_eq!(offsets, (10..70).collect::<Vec<_>>());
    rig.assert_proven("records");
}

/// What retention removed before it could be archived is in the chain, in the log, and in the verdict.
#[test]
fn records_that_expired_are_recorded_as_lost() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("archive", 1);
    let rig = Rig::new(kafka, &topic, Place::Directory);
    let events = Numbered::new();
    kafka.produce(&topic, 20, |n| events.event(n), spread(&topic));
    let running = rig.start();
    rig.wait_until_archived(LIMIT);
    running.stop();
    kafka.produce(&topic, 40, |n| events.event(n), spread(&topic));
    kafka.delete_records(&topic, 0, 50);
    let mut running = rig.start();
    running.wait_for_complaint(&["20", "50"]);
    rig.wait_until_archived(LIMIT);
    running.stop();
    let finished = rig.verify("records");
    assert_eq!(finished.code(), Some(2), "{}{}", finished.stdout, finished.stderr);
    assert!(finished.stdout.contains("GAP_LOSS") && finished.stdout.contains("offsets 20..50"), "{}", finished.stdout);
    assert!(finished.stdout.contains("stored 30, without a record 0, lost 30"), "{}", finished.stdout);
}

/// Bad input: each place that cannot be an archive says what is wrong, holds everything, and goes on by itself where it can.
#[test]
fn a_store_that_cannot_be_used_is_named_and_nothing_is_committed() {
    let kafka = Kafka::shared();
    let cases: [(&str, serde_json::Value, &[&str]); 3] = [
        ("no bucket", json!({"url": "s3://no-such-bucket/x"}), &["no_bucket", "there is no such bucket"]),
        ("another access key", json!({"access_key_id": "stranger"}), &["store_access", "access_key_id"]),
        ("another secret", json!({"secret_access_key": "${OTHER_SECRET}"}), &["store_access", "secret_access_key"]),
    ];
    for (what, change, words) in cases {
        let topic = kafka.topic("archive", 1);
        let mut rig = Rig::new(kafka, &topic, Place::S3);
        for (key, value) in change.as_object().unwrap() {
            rig.sink()[key] = value.clone();
        }
        let events = Numbered::new();
        kafka.produce(&topic, 5, |n| events.event(n), spread(&topic));
        let mut running = rig.start();
        running.wait_for_complaint(words);
        running.stop();
        assert_eq!(kafka.committed(&rig.group(), &topic), [None], "{what}");
    }
}

/// The recipe in the documentation checks a note with nothing of this program; a changed note fails it.
#[test]
fn the_recipe_of_the_documentation_checks_a_note_with_openssl() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("archive", 1);
    let rig = Rig::new(kafka, &topic, Place::Directory);
    kafka.produce(&topic, 3, |n| Numbered::new().event(n), spread(&topic));
    let running = rig.start();
    rig.wait_until_archived(LIMIT);
    running.stop();
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/archive-format.md")).unwrap();
    let recipe = text.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(rig.trust(), folder.path().join("KEY.pub")).unwrap();
    let (_, takeover) = reading::objects(&rig)
        .into_iter()
        .find(|(name, _)| name.contains("/chain/") && name.ends_with("000000000000.note"))
        .unwrap();
    let check = |note: &[u8]| {
        fs::write(folder.path().join("link.note"), note).unwrap();
        let script = format!("set -e\n{recipe}");
        Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap()
    };
    let output = check(&takeover);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let changed = String::from_utf8(takeover).unwrap().replacen("\"epoch\":1", "\"epoch\":2", 1);
    assert!(!check(changed.as_bytes()).status.success());
}

/// A rolling change of the key: the new one is announced by the one before it, and one public key vouches for all.
#[test]
fn a_new_key_goes_on_with_the_archive_of_the_one_before() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("archive", 1);
    let mut rig = Rig::new(kafka, &topic, Place::Directory);
    let events = Numbered::new();
    kafka.produce(&topic, 5, |n| events.event(n), spread(&topic));
    let running = rig.start();
    rig.wait_until_archived(LIMIT);
    running.stop();
    let former = rig.sink()["sign"]["key_file"].clone();
    let new = rig.keygen("new");
    rig.sink()["sign"] = json!({"key_file": new});
    let mut running = rig.start();
    running.wait_for_complaint(&["archive_mismatch", "previous_key_file"]);
    running.stop();
    rig.sink()["sign"] = json!({"key_file": new, "previous_key_file": former});
    kafka.produce(&topic, 4, |n| events.event(n), spread(&topic));
    let running = rig.start();
    rig.wait_until_archived(LIMIT);
    running.stop();
    rig.assert_proven("records");
}

/// An archive is verified by its public key and its address; nothing found is never proven.
#[test]
fn nothing_found_is_not_proven() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    rig::command(&["archive", "keygen", "--out", key.to_str().unwrap()], 0);
    let again = rig::command(&["archive", "keygen", "--out", key.to_str().unwrap()], 1);
    assert!(again.stderr.contains("may not exist yet"), "{}", again.stderr);
    let trust = format!("{}.pub", key.display());
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for place in [&empty, &folder.path().join("none")] {
        let finished = rig::command(&["verify", place.to_str().unwrap(), "--trust", &trust], 3);
        assert!(!finished.stdout.contains("PROVEN"), "{}", finished.stdout);
        rig::command(&["archive", "show", place.to_str().unwrap()], 3);
    }
    let finished = rig::command(&["verify", empty.to_str().unwrap(), "--trust", key.to_str().unwrap()], 2);
    assert!(finished.stderr.contains("private key"), "{}", finished.stderr);
}

/// `check --online` reads and writes nothing.
#[test]
fn check_online_says_what_lies_there() {
    let kafka = Kafka::shared();
    let topic = kafka.topic("archive", 1);
    let mut rig = Rig::new(kafka, &topic, Place::S3);
    rig.assert_check_says(0, &["ok", "there is no archive yet"]);
    rig.sink()["url"] = json!("s3://no-such-bucket/x");
    rig.assert_check_says(1, &["there is no such bucket", "no_bucket"]);
}
