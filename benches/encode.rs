//! What encoding one record costs in each mode of the HEC sink.
//!
//! `cargo bench --bench encode`. Each figure is the best of many rounds over the sample corpus, shuffled, into one body that is
//! used again, as a batch is filled. The name of the group is asked for as it is on the way in.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use auditferry::config::{self, Environment, SinkConfig};
use auditferry::event::{Record, headers};
use auditferry::position::{Offset, PartitionId};
use auditferry::sink::Sink;
use auditferry::sink::splunk_hec::SplunkHec;
use auditferry::transform::Chain;

const CORPUS: &str = include_str!("../src/demo/sample-events.jsonl");

const EVENTS: usize = 1024;

fn main() {
    let corpus: Vec<&str> = CORPUS.lines().filter(|line| !line.is_empty()).collect();
    fastrand::seed(1);
    let events: Vec<&str> = (0..EVENTS).map(|_| corpus[fastrand::usize(..corpus.len())]).collect();
    let wrapped: Vec<String> = events.iter().map(|event| format!("{{\"event\":{event}}}")).collect();
    let wrapped: Vec<&str> = wrapped.iter().map(String::as_str).collect();
    println!("nanoseconds per event of {} bytes", events.iter().map(|event| event.len()).sum::<usize>() / EVENTS);
    for (name, settings, events) in [
        ("event", "", &events),
        ("event, metadata", "index: i\n        source: s\n        sourcetype: t\n        host: h", &events),
        ("event, metadata by topic", "per_topic: [{topic: audit, index: i}]", &events),
        ("event, headers", "record_headers: {index: i, fields: [trace]}", &events),
        (
            "event, time by a pattern",
            "time: {extract: {pattern: '\"time\":\"(?<time>[^\"]*)', format: \"yyyy-MM-dd'T'HH:mm:ss.SSSX\"}}",
            &events,
        ),
        ("raw", "mode: raw", &events),
        (
            "raw, metadata",
            "mode: raw\n        index: i\n        source: s\n        sourcetype: t\n        host: h",
            &events,
        ),
        ("preformatted", "mode: preformatted", &wrapped),
    ] {
        println!("{name}: {:.0}", measure(&sink(settings), events));
    }
}

fn sink(settings: &str) -> SplunkHec {
    let file = format!(
        "sources: {{a: {{kafka: {{bootstrap_servers: 'b:9092', topics: [t]}}}}}}
pipelines:
  p:
    source: a
    sink:
      splunk_hec:
        endpoints: ['http://localhost:8088']
        delivery: accepted
        token: ${{T}}
        {settings}
"
    );
    let environment: Environment = [("T", "token")].into_iter().collect();
    let (config, _) = config::load_text(Path::new("bench.yaml"), &file, &environment).expect("the settings are valid");
    let SinkConfig::SplunkHec(hec) = &config.pipelines[0].sink else { unreachable!("the sink of the file") };
    SplunkHec::new(hec).expect("the sink can be built")
}

/// Nanoseconds per event in the fastest of 200 rounds: other work on the machine only ever adds.
fn measure(sink: &SplunkHec, events: &[&str]) -> f64 {
    let (mut group, mut body, mut flat) = (Vec::new(), Vec::new(), Vec::new());
    headers::push(&mut flat, "trace", Some(b"4bf92f3577b34da6a3ce929d0e0e4736"));
    let mut chain = Chain::default();
    let mut round = |_| {
        body.clear();
        let start = Instant::now();
        for (offset, event) in (0..).zip(events) {
            let record = Record {
                topic: "audit",
                partition: PartitionId::new(3),
                offset: Offset::new(1_000_000 + offset),
                timestamp_ms: Some(1_623_091_780_331),
                key: None,
                value: Some(black_box(event.as_bytes())),
                headers: &flat,
            };
            let event = chain.clear(record).cleared().expect("no rules");
            group.clear();
            sink.group(&event, &mut group);
            sink.encode(&event, &mut body).expect("every sample can be encoded");
        }
        start.elapsed().as_nanos() as f64 / events.len() as f64
    };
    (0..200).map(&mut round).fold(f64::INFINITY, f64::min)
}
