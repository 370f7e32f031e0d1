//! What the integration tests stand on: a Kafka broker, the program as a process, events to send, and waiting.
//!
//! Nothing here tests the program by itself. Whatever is started listens on 127.0.0.1 only, and is gone when its value
//! is dropped or the test process ends, however it ends.

#![allow(dead_code, unused_imports, reason = "a kit: it offers more than the tests of one day use")]

pub mod certificates;
pub mod child;
pub mod collector;
pub mod connect;
pub mod far_side;
pub mod ferry;
pub mod kafka;
pub mod ports;
pub mod process;
pub mod receiver;
pub mod s3;
pub mod samples;
pub mod tls_server;
pub mod waiting;
