//! Speed and memory of the whole program against a real Kafka broker, beside the bare client.
//!
//! Each figure comes from processes of their own: this one runs the broker, the receiver only counts, the drain is the
//! bare Kafka client reading the same topic in the same run. CPU time is what the kernel charges the process (user and
//! system); wall time on a shared machine is noise, so rounds alternate and medians are printed.
//!
//! `make bench` runs everything; `BENCH_EVENTS` sets the number of events (default 1,000,000). Words after
//! `cargo bench --bench pipeline --` select scenarios by their names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a benchmark panics to report and prints its result"
)]

mod children;
mod drain;
mod process;
mod receiver;
mod scenario;
#[path = "../../tests/it/support/mod.rs"]
mod support;

use receiver::Traits;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).filter(|a| *a != "--bench").collect();
    match arguments.as_slice() {
        ["receiver", traits @ ..] => {
            receiver::run(Traits::from_arguments(traits.try_into().expect("as written by Traits::to_arguments")));
        }
        ["drain", bootstrap, topic, events] => drain::run(bootstrap, topic, events.parse().expect("a number")),
        only => scenario::run_all(only),
    }
}
