//! What the chain costs per event: nanoseconds on one thread, and allocations beside them.
//!
//! `cargo bench --bench transform`. Each figure is the best of many rounds over the sample corpus in a shuffled order, which the
//! branch predictor cannot learn by heart. The chain is made from the text of a configuration, as a user writes it.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use auditferry::config::{Environment, load_text};
use auditferry::event::Record;
use auditferry::position::{Offset, PartitionId};
use auditferry::transform::{Chain, Verdict};

const CORPUS: &str = include_str!("../src/demo/sample-events.jsonl");

/// Name, the steps of the chain, and the goal in nanoseconds per event.
const CHAINS: [(&str, &str, f64); 4] = [
    ("pass-through", "[]", 100.0),
    (
        "one drop with three clauses",
        r#"[{drop: {name: routine, when: 'method == "mds.Authorize" && outcome == "success" && principal != "u-0"'}}]"#,
        400.0,
    ),
    (
        "drop, redact two fields, enrich one",
        r#"[{drop: {name: routine, when: 'method == "mds.Authorize" && outcome == "success" && principal != "u-0"'}},
            {redact: {fields: [email, client_ip], with: hmac-sha256, key: "${KEY}", key_id: k1}},
            {enrich: {fields: {team: soc}}}]"#,
        1_500.0,
    ),
    ("map to CIM", "[{map: {to: cim}}]", 4_000.0),
];

fn main() {
    let corpus: Vec<&str> = CORPUS.lines().filter(|line| !line.is_empty()).collect();
    fastrand::seed(1);
    let shuffled: Vec<&str> = (0..4096).map(|_| corpus[fastrand::usize(..corpus.len())]).collect();
    println!("{:<40} {:>10} {:>8} {:>20}", "chain", "ns/event", "goal", "allocations/event");
    for (name, steps, goal) in CHAINS {
        let mut chain = chain(steps);
        let nanos = measure(&mut chain, &shuffled);
        let allocations = allocation_counter::measure(|| {
            round(&mut chain, &shuffled);
        });
        let allocations = allocations.count_total as f64 / shuffled.len() as f64;
        println!("{name:<40} {nanos:>10.0} {goal:>8.0} {allocations:>20.3}");
    }
}

fn chain(steps: &str) -> Chain {
    let text = format!(
        "sources: {{audit: {{kafka: {{bootstrap_servers: 'a:9092', topics: [audit]}}}}}}\npipelines:\n  splunk:\n    source: audit\n    \
         transforms: {steps}\n    sink: {{splunk_hec: {{endpoints: ['http://a:8088'], delivery: accepted, token: '${{TOKEN}}'}}}}\n"
    );
    let environment: Environment =
        [("TOKEN", "token"), ("KEY", "a key of thirty-two bytes and more")].into_iter().collect();
    let (config, _) = load_text(Path::new("bench.yaml"), &text, &environment).unwrap_or_else(|errors| {
        println!("{errors}");
        std::process::exit(1)
    });
    Chain::new(&config.pipelines[0].chain)
}

/// Nanoseconds per event. Of each part of the events the fastest of 200 rounds counts: other work on the machine only ever adds,
/// and a part is short enough that some round of it goes undisturbed.
fn measure(chain: &mut Chain, events: &[&str]) -> f64 {
    const PART: usize = 128;
    let mut best = vec![f64::INFINITY; events.len().div_ceil(PART)];
    for _ in 0..200 {
        for (best, part) in best.iter_mut().zip(events.chunks(PART)) {
            let start = Instant::now();
            round(chain, part);
            *best = best.min(start.elapsed().as_nanos() as f64);
        }
    }
    best.iter().sum::<f64>() / events.len() as f64
}

fn round(chain: &mut Chain, events: &[&str]) {
    for (offset, event) in (0..).zip(events) {
        let record = Record {
            topic: "audit",
            partition: PartitionId::new(3),
            offset: Offset::new(1_000_000 + offset),
            timestamp_ms: Some(1_623_091_780_331),
            key: None,
            value: Some(black_box(event.as_bytes())),
            headers: &[],
        };
        match black_box(chain.clear(record)) {
            Verdict::Cleared(_) | Verdict::Filtered(_) => {}
            Verdict::Unclear(..) => println!("a sample is not cleared"),
        }
    }
}
