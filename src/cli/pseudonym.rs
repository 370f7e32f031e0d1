//! `pseudonym`: which pseudonyms stand for a value, with the present key and with the one before.
//!
//! So somebody who may know a value finds it in the SIEM, and a table of both pseudonyms of each value joins what was written
//! before a change of keys to what was written after it.

use std::io::{BufRead, stdin};
use std::path::Path;

use anyhow::Context;
use clap::Args as ClapArgs;
use serde_json::json;

use super::terminal::{Format, clean, print_json, print_line, tell};
use super::{Exit, Wrong, load, pipeline};
use crate::config::PipelineConfig;
use crate::transform::redact::{Keys, Treatment};

#[derive(Debug, ClapArgs)]
pub(super) struct PseudonymArgs {
    /// The pipeline; may be left out when there is only one.
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,

    /// Values to look up. Without any they are read from standard input, one a line, and stand in no shell's history.
    #[arg(value_name = "VALUE")]
    values: Vec<String>,

    /// Leave the values out of the output: a table that joins old pseudonyms to new ones and tells nobody's name.
    #[arg(long)]
    no_values: bool,

    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn pseudonym(path: &Path, args: &PseudonymArgs) -> anyhow::Result<Exit> {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let pipeline = pipeline(&config, args.pipeline.as_deref())?;
    let keys = keys_of(pipeline);
    if keys.is_empty() {
        return Err(Wrong(format!("no `redact` step of pipeline `{}` has `with: hmac-sha256`", pipeline.name)).into());
    }
    if args.format == Format::Text {
        tell("PSEUDONYM  PREVIOUS  VALUE");
    }
    if args.values.is_empty() {
        for line in stdin().lock().lines() {
            let line = line.context("read the values from standard input")?;
            if !line.trim().is_empty() {
                look_up(&line, &keys, args)?;
            }
        }
    }
    args.values.iter().try_for_each(|value| look_up(value, &keys, args))?;
    Ok(Exit::Done)
}

/// The keys of the pipeline's steps; those that several steps share once.
fn keys_of(pipeline: &PipelineConfig) -> Vec<&Keys> {
    let mut all: Vec<&Keys> = Vec::new();
    let ids = |keys: &Keys| (keys.current.id().to_owned(), keys.previous.as_ref().map(|key| key.id().to_owned()));
    for step in &pipeline.chain.redact.steps {
        let Treatment::Hmac(keys) = &step.treatment else { continue };
        // Two keys may have been given the same name by hand.
        let same =
            |known: &&Keys| ids(known) == ids(keys) && known.current.pseudonym("x") == keys.current.pseudonym("x");
        if !all.iter().any(same) {
            all.push(keys);
        }
    }
    all
}

fn look_up(value: &str, keys: &[&Keys], args: &PseudonymArgs) -> anyhow::Result<()> {
    for keys in keys {
        let current = keys.current.pseudonym(value);
        let previous = keys.previous.as_ref().map(|key| key.pseudonym(value));
        let shown = (!args.no_values).then(|| value.trim());
        match args.format {
            Format::Json => print_json(&json!({"pseudonym": current, "previous": previous, "value": shown}))?,
            Format::Text => {
                let previous = previous.as_deref().unwrap_or("-");
                print_line(clean(format!("{current}  {previous}  {}", shown.unwrap_or_default()).trim_end()))?;
            }
        }
    }
    Ok(())
}
