//! `offsets show | copy`: how far a pipeline's consumer group is, and taking over another group's positions.

mod copy;
mod show;

use std::path::Path;

use clap::Subcommand;

use super::terminal::clean;
use super::{Exit, load};
use crate::delivery::attempt::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum OffsetsCommand {
    /// Shows each partition's position, what is unread, how long until it expires, and who holds the partition.
    Show(show::ShowArgs),
    /// Copies a group's positions to another cluster that mirrors the topic, or to another group. Says what it would do;
    /// does it only with --execute.
    Copy(copy::CopyArgs),
}

pub(super) fn offsets(path: &Path, command: &OffsetsCommand) -> anyhow::Result<Exit> {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    match command {
        OffsetsCommand::Show(args) => show::show(&config, args),
        OffsetsCommand::Copy(args) => copy::copy(&config, args),
    }
}

/// A failure in words, with its remedy.
fn words(Failure { reason, detail }: &Failure) -> String {
    let remedy = reason.remedy().map_or_else(String::new, |remedy| format!("; {remedy}"));
    clean(&format!("{detail}{remedy} [{reason}]")).into_owned()
}
