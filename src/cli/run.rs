//! `run`: all pipelines, until told to stop.

use std::path::Path;

use super::{Exit, load, logs};

pub(super) fn run(path: &Path) -> anyhow::Result<Exit> {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    logs::install();
    crate::pipeline::run(config)?;
    Ok(Exit::Done)
}
