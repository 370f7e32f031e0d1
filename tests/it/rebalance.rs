//! Rebalances: members come, go and die while events flow.

use std::time::{Duration, Instant};

use crate::support::far_side::{CommitWatch, FarSide, Ferry, heavy_turn, seeded};
use crate::support::kafka::{Kafka, fresh_name};
use crate::support::process::Running;
use crate::support::samples::Numbered;
use crate::support::waiting::wait_until;

const LIMIT: Duration = Duration::from_secs(60);
const MEMBERS: usize = 3;
const PARTITIONS: i32 = 12;
/// Events a second, all the time.
const LOAD: u32 = 1_000;
const PIPELINE: &str = "drain_deadline: 2s";

/// Goal: whoever owns a partition, nothing is lost. Method: three members over twelve partitions; twenty times one of them
/// stops, dies or comes back, and each time every partition must flow again.
#[test]
fn twenty_rebalances_of_three_members_lose_nothing() {
    // A member learns by its heartbeat that the group rebalances.
    shuffle("session_timeout: 3s, properties: {heartbeat.interval.ms: \"300\"}", 20, true);
}

/// The same under the protocol of KIP-848, where the broker assigns. No member dies: the broker's session timeout is its own.
#[test]
fn rebalances_under_the_consumer_protocol_lose_nothing() {
    shuffle("group_protocol: consumer", 6, false);
}

fn shuffle(source: &str, changes: u32, with_deaths: bool) {
    let _turn = heavy_turn();
    let mut rng = seeded();
    let kafka = Kafka::shared();
    let (topic, group, far) = (kafka.topic("rebalance", PARTITIONS), fresh_name("group"), FarSide::start());
    far.hec().set_latency(Duration::from_millis(20));
    let ferry = Ferry { source, pipeline: PIPELINE, ..Ferry::new(kafka, &topic, &group, &far) };
    let (events, watch) = (Numbered::new(), CommitWatch::start(&ferry));
    let load = kafka.load(&topic, LOAD, move |n| events.event(n));

    let began = Instant::now();
    let mut members: Vec<Running> = (0..MEMBERS).map(|_| ferry.start()).collect();
    for member in &members {
        member.wait_for_metric(LIMIT, "auditferry_records_delivered_total", &[], |records| records > 0.0);
    }
    wait_until_every_partition_flows(&ferry);
    let mut deaths = 0;
    for change in 0..changes {
        let (before, at) = (members.len(), rng.usize(..members.len()));
        let what = match rng.u32(..10) {
            _ if before == 1 => "joins",
            0..3 if before < MEMBERS => "joins",
            3..6 if with_deaths => "dies",
            _ => "stops",
        };
        match what {
            "joins" => {
                let joined = ferry.start();
                // It has been given partitions, and taken them over.
                joined.wait_for_metric(LIMIT, "auditferry_records_delivered_total", &[], |records| records > 0.0);
                members.push(joined);
            }
            "dies" => {
                members.swap_remove(at).kill_9();
                deaths += 1;
            }
            _ => {
                let mut leaving = members.swap_remove(at);
                leaving.terminate();
                assert_eq!(leaving.wait(LIMIT), 0);
            }
        }
        let asked = Instant::now();
        wait_until_every_partition_flows(&ferry);
        println!("change {change}: a member of {before} {what}; all flows after {:?}", asked.elapsed());
    }

    let sent = load.stop();
    ferry.wait_until_all_is_across(LIMIT);
    let arrived = far.hec().count();
    println!("{sent} events, {} arrived again ({deaths} deaths), {:?}", arrived.duplicates, began.elapsed());
    assert_eq!(arrived.distinct, sent);
    if deaths == 0 {
        assert_eq!(arrived.duplicates, 0, "nobody died");
    }
    watch.assert_kept_the_rules();
}

/// What was produced to each partition before now, and one more event, has arrived.
#[track_caller]
fn wait_until_every_partition_flows(ferry: &Ferry<'_>) {
    let ends = ferry.kafka.end_offsets(ferry.topic);
    for (partition, end) in (0..).zip(ends) {
        let what = format!("partition {partition} flows");
        wait_until(LIMIT, &what, || ferry.far.hec().times(ferry.topic, partition, end) > 0);
    }
}
