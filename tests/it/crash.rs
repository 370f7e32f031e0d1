//! Crashes: the process is killed (SIGKILL) at any moment and started again.

use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::support::far_side::{CommitWatch, FarSide, Ferry, heavy_turn, side_by_side};
use crate::support::kafka::{Kafka, fresh_name};
use crate::support::samples::Numbered;
use crate::support::waiting::wait_until;

const LIMIT: Duration = Duration::from_secs(90);
const KILLS: u32 = 60;
/// Pipelines that are killed beside each other, each a process with a topic, a group and a far side of its own: a life is
/// mostly waiting for its end.
const PIPELINES: u32 = 4;
const PARTITIONS: i32 = 6;
/// Events a second for each pipeline, all the time.
const LOAD: u32 = 1_000;
/// A life ends at a random moment of this span. It reaches from before the first record is read to several commits.
const LONGEST_LIFE: Duration = Duration::from_millis(3_500);
/// After this long a life must have committed: the group gives the partitions back, and commits are a second apart.
const SURE_TO_COMMIT: Duration = Duration::from_millis(3_000);
/// What requests may be under way with is at most this much and one batch (256 KiB), of events of at least this size.
const UNDER_WAY_BYTES: u64 = 2 * 1024 * 1024 + 256 * 1024;
const SMALLEST_EVENT: u64 = 400;

/// Goal: a crash loses nothing, and repeats at most what was in flight. Method: kill and restart under continuous load; after
/// each kill compare what has arrived with what is committed, after the next one what was repeated.
///
/// In flight is every record between being read and being committed, for only the commit takes it out of the program's
/// hands. So a crash may repeat two things: what a request was under way with, which is bounded in bytes, and what was
/// delivered and not yet committed, which is bounded in time by the second between two commits. The first alone would be a
/// bound only for a program that commits after each request and waits for the answer. Here the second is not guessed: it is
/// counted at the far side before each start.
#[test]
fn sixty_kills_under_load_lose_nothing_and_repeat_only_what_was_not_committed() {
    const { assert!(KILLS.is_multiple_of(PIPELINES)) };
    let _turn = heavy_turn();
    side_by_side(PIPELINES, |rng| kill_again_and_again(KILLS / PIPELINES, rng));
}

fn kill_again_and_again(kills: u32, mut rng: Rng) {
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("crash", PARTITIONS), fresh_name("group"), FarSide::start());
    let ferry = Ferry {
        source: "session_timeout: 6s, group_instance_id: one",
        pipeline: "in_flight_bytes: 2 MiB, batch: {max_bytes: 256 KiB}, drain_deadline: 5s",
        ..Ferry::new(kafka, &topic, &group, &far)
    };
    let (events, watch) = (Numbered::new(), CommitWatch::start(&ferry));
    let load = kafka.load(&topic, LOAD, move |n| events.event(n));

    let (began, mut repeated_before, mut worst) = (Instant::now(), 0, 0);
    for kill in 0..kills {
        let committed_before: i64 = kafka.committed(&group, &topic).iter().flatten().sum();
        let not_committed = far.arrived_from(kafka, &topic, &kafka.committed(&group, &topic));
        let life = LONGEST_LIFE.mul_f64(rng.f64());
        let (mut running, born) = (ferry.start(), Instant::now());
        wait_until(LIMIT, "the moment of the kill", || born.elapsed() >= life);
        assert_eq!(running.ended(), None, "it ended by itself:\n{}", running.stderr());
        running.kill_9();

        let repeated = far.hec().count().duplicates - repeated_before;
        repeated_before += repeated;
        worst = worst.max(repeated);
        let bound = not_committed + UNDER_WAY_BYTES / SMALLEST_EVENT;
        assert!(repeated <= bound, "kill {kill}: {repeated} repeated, {bound} could be");
        let committed: i64 = kafka.committed(&group, &topic).iter().flatten().sum();
        assert!(life < SURE_TO_COMMIT || committed > committed_before, "kill {kill}: nothing committed in {life:?}");
    }
    println!("{kills} kills in {:?}; at most {worst} events repeated after one", began.elapsed());

    let sent = load.stop();
    let _running = ferry.start();
    ferry.wait_until_all_is_across(LIMIT);
    let arrived = far.hec().count();
    println!("{sent} events, {} arrived again; all across after {:?}", arrived.duplicates, began.elapsed());
    assert_eq!((arrived.distinct, arrived.unpositioned), (sent, 0));
    watch.assert_kept_the_rules();
}
