//! The chart in `helm/auditferry`, against the real tools: Helm, a Kubernetes API server, Prometheus' rule checker, and the program
//! itself, started with what the chart renders.
//!
//! `make chart-test` fetches the tools and runs this; `make test` does not, so that it needs neither Go nor Helm.
//! `make chart-golden` writes again what is made from other files: the schema and the table of values, the rendered examples,
//! the plain manifests. Read the diff.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    unreachable_pub,
    reason = "in a test a panic is the report, and a test binary exports nothing"
)]

#[path = "../it/support/mod.rs"]
mod support;

mod alerts;
mod cluster;
mod examples;
mod generated;
mod helm;
mod installing;
mod manifests;
mod metrics_page;
mod pods;
mod refusals;
mod running;
mod values;
