//! `run`: all pipelines, until told to stop.

use std::path::Path;

use super::{Exit, Wrong, load};
use crate::log;

#[derive(clap::Args, Debug)]
pub(super) struct RunArgs {
    /// How log lines look; by default text at a terminal, else JSON.
    #[arg(long, value_enum, default_value_t = LogFormat::Auto)]
    log_format: LogFormat,

    /// What is logged: a level such as debug, or directives such as info,librdkafka=debug.
    #[arg(long, env = "AUDITFERRY_LOG", value_name = "FILTER")]
    log_filter: Option<String>,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum LogFormat {
    Auto,
    Json,
    Text,
}

pub(super) fn run(path: &Path, args: &RunArgs) -> anyhow::Result<Exit> {
    let format = match args.log_format {
        LogFormat::Auto => log::Format::Auto,
        LogFormat::Json => log::Format::Json,
        LogFormat::Text => log::Format::Text,
    };
    log::init(format, args.log_filter.as_deref()).map_err(Wrong)?;
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let ended = crate::pipeline::run(config);
    log::flush();
    ended.map(|()| Exit::Done)
}
