//! `run`: all pipelines, until told to stop.

use std::path::Path;

use super::{Exit, load};
use crate::config::Config;

pub(super) fn run(path: &Path) -> anyhow::Result<Exit> {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    // CALL SITE: logging is set up here, then `crate::pipeline::run(config)` in place of the stub.
    start(config)?;
    Ok(Exit::Done)
}

fn start(_config: Config) -> anyhow::Result<()> {
    anyhow::bail!("the pipelines are not wired to the command line yet")
}
