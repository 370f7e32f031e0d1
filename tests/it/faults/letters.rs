//! Dead-letter stores that are missing, in the way, full, or not to be had.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use auditferry::demo::hec::{Poison, PoisonAnswer};

use super::{assert_heals, assert_nothing_committed, topic_with_events};
use crate::support::collector::Collector;
use crate::support::ferry::{PIPELINE, Setup, wait_for_commit};
use crate::support::kafka::{Kafka, fresh_name};
use crate::support::process::PROGRAM;
use crate::support::waiting::wait_until;

const LIMIT: Duration = Duration::from_secs(30);

/// A topic with nine good events around one in the middle that no collector takes.
fn topic_with_poison(kafka: &Kafka, name: &str) -> String {
    let topic = kafka.topic(name, 1);
    kafka.produce(
        &topic,
        10,
        |n| if n == 5 { b"\xff".to_vec() } else { format!(r#"{{"n":{n}}}"#).into_bytes() },
        |_| 0,
    );
    topic
}

/// How many letters `deadletter list` finds.
#[track_caller]
fn letters(setup: &Setup) -> usize {
    let listed = setup.run(&["deadletter", "list", "--format", "json"]);
    assert_eq!(listed.code(), Some(0), "{}", listed.stderr);
    listed.stdout.lines().count()
}

#[test]
fn a_poison_event_without_a_store_holds_until_there_is_one() {
    let kafka = Kafka::shared();
    let topic = topic_with_poison(kafka, "no-store");
    let collector = Collector::start();
    let setup = Setup::new(kafka, &topic, collector.url());
    setup.assert_check_says(0, &["warning", "no store"]);

    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "no_dead_letter_store", &["not UTF-8", &topic, "offset 5", "configure `dead_letter`"]);
    ferry.wait_for_status(PIPELINE, Some("holding"), "no_dead_letter_store");
    let committed = kafka.committed(setup.group(), &topic)[0].unwrap_or(0);
    assert!(committed <= 5, "the poison event was committed: {committed}");
    ferry.stop();
    let committed = kafka.committed(setup.group(), &topic)[0].unwrap_or(0);
    assert!(committed <= 5, "the poison event was committed by stopping: {committed}");

    let home = tempfile::tempdir().unwrap();
    let setup = setup.with_letters_in(home.path());
    let ferry = setup.start();
    assert_heals(kafka, &setup, &topic, ferry);
    assert_eq!((letters(&setup), collector.hec().count().distinct), (1, 9));
}

/// Here it is the collector that refuses the event, at a time when others are under way.
#[test]
fn an_event_that_splunk_refuses_without_a_store_holds() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "refused-no-store", 10);
    let collector = Collector::start();
    let poison = Poison { needle: "poisonous".to_owned(), answer: PoisonAnswer::Named(15) };
    collector.hec().set_poison(vec![poison]);
    kafka.produce(&topic, 1, |_| r#"{"poisonous":true}"#, |_| 0);
    let setup = Setup::new(kafka, &topic, collector.url());

    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "no_dead_letter_store", &["Error in handling indexed fields", "dead_letter"]);
    ferry.wait_for_status(PIPELINE, Some("holding"), "no_dead_letter_store");
    ferry.stop();
    let committed = kafka.committed(setup.group(), &topic)[0].unwrap_or(0);
    assert!(committed <= 10, "the poison event was committed by stopping: {committed}");
}

#[test]
fn a_store_that_cannot_be_used_is_refused_at_the_start() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "store-is-a-file", 1);
    let collector = Collector::start();
    let home = tempfile::tempdir().unwrap();
    let in_the_way = home.path().join(PIPELINE);
    fs::write(&in_the_way, "a file").unwrap();
    let setup = Setup::new(kafka, &topic, collector.url()).with_letters_in(home.path());

    let words = ["a file is in the way", in_the_way.to_str().unwrap()];
    setup.assert_check_says(1, &[&["failed", "dead letters", "dead_letter_store"], &words[..]].concat());
    let finished = setup.run(&["run"]);
    assert_eq!(finished.code(), Some(1));
    assert!(words.iter().all(|word| finished.stderr.contains(word)), "{}", finished.stderr);
    assert_nothing_committed(kafka, &setup, &topic);
}

#[test]
fn a_store_that_is_taken_away_holds_and_delivery_resumes_when_it_is_back() {
    let kafka = Kafka::shared();
    let topic = topic_with_events(kafka, "store-taken-away", 1);
    let collector = Collector::start();
    let home = tempfile::tempdir().unwrap();
    let (store, away) = (home.path().join("letters"), home.path().join("away"));
    let setup = Setup::new(kafka, &topic, collector.url()).with_letters_in(&store);
    let mut ferry = setup.start();
    wait_for_commit(kafka, setup.group(), &topic, &[Some(1)]);

    fs::rename(&store, &away).unwrap();
    fs::write(&store, "a file").unwrap();
    kafka.produce(&topic, 3, |n| if n == 0 { b"\xff".to_vec() } else { b"{}".to_vec() }, |_| 0);
    ferry.wait_for_line("ERROR", "dead_letter_store", &["a file is in the way", "make room or give access"]);
    ferry.wait_for_status(PIPELINE, Some("holding"), "dead_letter_store");
    assert_eq!(kafka.committed(setup.group(), &topic), [Some(1)]);

    fs::remove_file(&store).unwrap();
    fs::rename(&away, &store).unwrap();
    ferry.wait_for_message("delivery resumes");
    assert_heals(kafka, &setup, &topic, ferry);
    assert_eq!((letters(&setup), collector.hec().count().distinct), (1, 3));
}

/// The store lies on a file system of its own, which only the program sees: it goes with the process.
#[test]
fn a_full_disk_holds_and_delivery_resumes_when_there_is_room() {
    let Some(unshare) = unshare_that_may_mount() else {
        println!("skipped: this user may not mount a file system of its own");
        return;
    };
    let kafka = Kafka::shared();
    let topic = topic_with_poison(kafka, "disk-full");
    let collector = Collector::start();
    let home = tempfile::tempdir().unwrap();
    let setup = Setup::new(kafka, &topic, collector.url()).with_letters_in(home.path());
    let mut command = Command::new("unshare");
    let script = r#"
        mount -t tmpfs -o size=256k tmpfs "$0" && mkdir "$0/splunk" || exit 1
        dd if=/dev/zero of="$0/filler" bs=1k count=1000 2>/dev/null
        exec "$@""#;
    command.args(unshare).args(["sh", "-c", script]).arg(home.path()).arg(PROGRAM);

    let mut ferry = setup.start_as(command);
    ferry.wait_for_line("ERROR", "dead_letter_store", &["the disk is full", "make room"]);
    ferry.wait_for_status(PIPELINE, Some("holding"), "dead_letter_store");
    let committed = kafka.committed(setup.group(), &topic)[0].unwrap_or(0);
    assert!(committed <= 5, "the poison event was committed: {committed}");

    // The program's own view of the file system.
    let seen =
        Path::new("/proc").join(ferry.id().to_string()).join("root").join(home.path().strip_prefix("/").unwrap());
    fs::remove_file(seen.join("filler")).unwrap();
    ferry.wait_for_message("delivery resumes");
    wait_for_commit(kafka, setup.group(), &topic, &[Some(10)]);
    let stored = fs::read_dir(seen.join(PIPELINE)).unwrap().count();
    assert_eq!((stored, collector.hec().count().distinct), (1, 9));
    ferry.stop();
}

/// The arguments of `unshare` with which a file system may be mounted that nobody else sees.
fn unshare_that_may_mount() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["-m"], &["-r", "-m"]];
    let works = |way: &&[&str]| {
        let mut command = Command::new("unshare");
        command.args(*way).args(["sh", "-c", "mount -t tmpfs tmpfs /mnt"]);
        command.output().is_ok_and(|output| output.status.success())
    };
    ways.into_iter().find(works)
}

#[test]
fn a_missing_letter_topic_holds_and_delivery_resumes_when_it_exists() {
    let kafka = Kafka::shared();
    let topic = topic_with_poison(kafka, "letters-nowhere");
    let collector = Collector::start();
    let letter_topic = fresh_name("letters-created-later");
    let setup = Setup::new(kafka, &topic, collector.url()).with_letter_topic(kafka, &letter_topic);

    setup.assert_check_says(1, &["failed", "dead letters", &letter_topic, "no such topic"]);
    let mut ferry = setup.start();
    ferry.wait_for_line("ERROR", "dead_letter_store", &[&letter_topic, "no such topic"]);
    ferry.wait_for_status(PIPELINE, Some("holding"), "dead_letter_store");
    let committed = kafka.committed(setup.group(), &topic)[0].unwrap_or(0);
    assert!(committed <= 5, "the poison event was committed: {committed}");

    kafka.create_topic(&letter_topic, 1, &[]);
    wait_until(LIMIT, "the letter is stored", || !kafka.read(&letter_topic).is_empty());
    assert_heals(kafka, &setup, &topic, ferry);
    assert_eq!((letters(&setup), collector.hec().count().distinct), (1, 9));
}
