//! Killed while it archives.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::reading;
use super::rig::{Place, Rig};
use crate::support::far_side::{heavy_turn, side_by_side};
use crate::support::kafka::Kafka;
use crate::support::samples::Numbered;
use crate::support::waiting::wait_until;

const LIMIT: Duration = Duration::from_secs(90);
const KILLS: u32 = 40;
/// Pipelines that are killed beside each other.
const PIPELINES: u32 = 4;
const PARTITIONS: i32 = 3;
/// Events a second for each pipeline, all the time.
const LOAD: u32 = 500;
/// A life ends at a random moment of this span: from before the archive is opened to several segments a partition.
const LONGEST_LIFE: Duration = Duration::from_millis(3_500);

/// Goal: a crash leaves neither a hole nor a repetition in an archive, and it is proven with the public key alone. Method: SIGKILL at random
/// moments under continuous load, with segments of 300 ms, against a real S3 server; in the end every record is compared with the topic's.
#[test]
fn forty_kills_leave_neither_holes_nor_repetitions() {
    const { assert!(KILLS.is_multiple_of(PIPELINES)) };
    let _turn = heavy_turn();
    side_by_side(PIPELINES, |rng| kill_again_and_again(KILLS / PIPELINES, rng));
}

fn kill_again_and_again(kills: u32, mut rng: Rng) {
    let kafka = Kafka::shared();
    let topic = kafka.topic("archive-kills", PARTITIONS);
    let mut rig = Rig::new(kafka, &topic, Place::S3);
    // So that whoever comes next need not wait for the group to give up the one that was killed.
    rig.source()["session_timeout"] = "6s".into();
    rig.source()["group_instance_id"] = "one".into();
    rig.pipeline()["drain_deadline"] = "5s".into();
    let events = Numbered::new();
    let load = kafka.load(&topic, LOAD, move |n| events.event(n));
    let mut archived = 0;
    for kill in 0..kills {
        let life = LONGEST_LIFE.mul_f64(rng.f64());
        let (mut running, born) = (rig.start(), Instant::now());
        wait_until(LIMIT, "the moment of the kill", || born.elapsed() >= life);
        assert_eq!(running.ended(), None, "it ended by itself:\n{}", running.stderr());
        running.kill_9();
        let standings: i64 = rig.standings().into_iter().sum();
        assert!(standings >= archived, "kill {kill}: the archive went back");
        archived = standings;
    }
    let sent = load.stop();
    let running = rig.start();
    rig.wait_until_archived(LIMIT);
    running.stop();
    rig.assert_proven("records");
    let records = reading::records(&rig);
    assert_eq!(records.len() as u64, sent, "a record is missing or there twice");
    assert_eq!(records, reading::of_topic(kafka, &topic));
    println!("{kills} kills, {sent} records, {archived} of them archived before the last start");
}
