//! The bare Kafka client: a group member that reads every record, touches its payload and does nothing.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;

use crate::process::cpu_of_self;

/// Reads `events` records; prints wall seconds from the first to the last record and CPU seconds of the process.
pub fn run(bootstrap: &str, topic: &str, events: u64) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", format!("bare-{}", std::process::id()))
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .create()
        .expect("create the consumer");
    consumer.subscribe(&[topic]).expect("subscribe");
    let (mut read, mut bytes) = (0u64, 0usize);
    let mut began = None;
    while read < events {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            began.get_or_insert_with(Instant::now);
            bytes += message.payload().map_or(0, <[u8]>::len);
            read += 1;
        }
    }
    let wall = began.expect("a record").elapsed().as_secs_f64();
    println!("{wall} {} {bytes}", cpu_of_self());
}
