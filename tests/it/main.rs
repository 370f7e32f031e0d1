//! Integration tests: the program and its parts against real servers. One binary, so it links once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    unreachable_pub,
    reason = "in a test a panic is the report, and a test binary exports nothing"
)]

mod support;

mod archive;
mod bad_input;
mod broker;
mod cli;
mod conditions;
mod config;
mod crash;
mod dead_letters;
mod demo;
mod end_to_end;
mod enrichment;
mod event_fields;
mod faults;
mod filters;
mod harness;
mod import;
mod indexed;
mod listeners;
mod logs;
mod modes;
mod offsets;
mod outage;
mod positions;
mod rebalance;
mod redaction;
mod stop;
mod takeover;
mod trust;
mod webhook;
