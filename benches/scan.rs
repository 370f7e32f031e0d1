//! What the structure check of a payload costs, beside `serde_json` skipping the same payload.
//!
//! `cargo bench --bench scan`. Each figure is the best of many rounds over the sample corpus, in the order of the corpus
//! and in a shuffled one, which the branch predictor cannot learn by heart.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::hint::black_box;
use std::time::Instant;

use auditferry::event::{EventTime, Json, scan};
use serde::de::IgnoredAny;

const CORPUS: &str = include_str!("../src/demo/sample-events.jsonl");

fn main() {
    let corpus: Vec<&str> = CORPUS.lines().filter(|line| !line.is_empty()).collect();
    let bytes: usize = corpus.iter().map(|line| line.len()).sum();
    println!("{} events, {} bytes on average; nanoseconds per event", corpus.len(), bytes / corpus.len());
    fastrand::seed(1);
    let shuffled: Vec<&str> = (0..4096).map(|_| corpus[fastrand::usize(..corpus.len())]).collect();
    for (order, events) in [("in order", &corpus), ("shuffled", &shuffled)] {
        let ours = measure(events, |event| matches!(scan(event.as_bytes()), Json::Object { .. }));
        let theirs = measure(events, |event| serde_json::from_slice::<IgnoredAny>(event.as_bytes()).is_ok());
        println!("{order}: scan {ours:.0}, serde_json {theirs:.0}, {:.0} % of it", 100.0 * ours / theirs);
    }
    let times = measure(&["2021-06-07T18:49:40.331Z"; 64], |text| EventTime::parse(text).is_some());
    println!("time: {times:.1}");
}

/// Nanoseconds per event in the fastest of 200 rounds: other work on the machine only ever adds.
fn measure(events: &[&str], check: impl Fn(&str) -> bool) -> f64 {
    let round = |_| {
        let start = Instant::now();
        let good = events.iter().filter(|event| check(black_box(event))).count();
        let nanos = start.elapsed().as_nanos() as f64;
        assert_eq!(good, events.len(), "every sample passes");
        nanos / events.len() as f64
    };
    (0..200).map(round).fold(f64::INFINITY, f64::min)
}
