//! auditferry carries audit events from Kafka to a SIEM and signs nothing off until the far bank has said "received".

pub mod admin;
pub mod config;
pub mod dead_letter;
pub mod defaults;
pub mod delivery;
pub mod demo;
pub mod event;
pub mod metrics;
pub mod pipeline;
pub mod position;
pub mod reason;
pub mod secret;
pub mod sink;
pub mod source;
pub mod status;
pub mod tls;
pub mod transform;
pub mod units;
