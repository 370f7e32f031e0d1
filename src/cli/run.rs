//! `run`: all pipelines, until told to stop.

use std::path::Path;

use super::{Exit, Wrong, load};
use crate::log::{self, Format};

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// What is logged: a level (error, warn, info, debug, trace), or target=level,... [default: info]
    #[arg(long, value_name = "FILTER", env = "AUDITFERRY_LOG", hide_env_values = true)]
    log: Option<String>,
}

pub(super) fn run(path: &Path, args: &RunArgs) -> anyhow::Result<Exit> {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    log::init(Format::Auto, args.log.as_deref()).map_err(Wrong)?;
    crate::pipeline::run(config)?;
    Ok(Exit::Done)
}
