//! One way to build an HTTPS client.

pub mod config;
