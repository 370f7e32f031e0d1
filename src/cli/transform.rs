//! `transform`: the chain of a pipeline as a pipe. Touches neither Kafka nor the sink.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use super::lines::for_each_line;
use super::terminal::{Gone, clean, tell};
use super::{Exit, load, pipeline};
use crate::config::PipelineConfig;
use crate::defaults;
use crate::event::{Cleared, Record};
use crate::position::{Offset, PartitionId};
use crate::transform::{Chain, Verdict};

#[derive(Debug, ClapArgs)]
pub(super) struct TransformArgs {
    /// The pipeline whose `transforms` are applied. May be left out when there is only one.
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,

    /// The topic that the events are taken to come from.
    #[arg(long, default_value = defaults::AUDIT_TOPIC)]
    topic: String,

    /// Writes each event as `{"event":…,"fields":{…}}`, with what enrichment puts beside it.
    #[arg(long)]
    with_fields: bool,

    /// Files with one event a line; standard input when there are none.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What has become of the events.
#[derive(Debug, Default)]
struct Sum {
    read: u64,
    written: u64,
    filtered: u64,
    unclear: u64,
}

pub(super) fn transform(path: &Path, args: &TransformArgs) -> anyhow::Result<Exit> {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let pipeline = pipeline(&config, args.pipeline.as_deref())?;
    let sum = run(pipeline, args)?;
    let Sum { read, written, filtered, unclear } = sum;
    tell(format!("{read} events read: {written} written, {filtered} filtered, {unclear} not cleared"));
    Ok(if unclear == 0 { Exit::Done } else { Exit::Failed })
}

fn run(pipeline: &PipelineConfig, args: &TransformArgs) -> anyhow::Result<Sum> {
    let mut chain = Chain::new(&pipeline.chain);
    let mut output = io::BufWriter::new(io::stdout().lock());
    let mut sum = Sum::default();
    for_each_line(&args.files, &mut |line, place| {
        let record = record(&args.topic, sum.read, line);
        sum.read += 1;
        match chain.clear(record) {
            Verdict::Cleared(event) => {
                sum.written += 1;
                write_event(&mut output, &event, args.with_fields)?;
            }
            Verdict::Filtered(_) => sum.filtered += 1,
            Verdict::Unclear(_, failure) => {
                sum.unclear += 1;
                tell(clean(&format!("error: {place}: {failure}; the event is not written")));
            }
        }
        Ok(())
    })?;
    output.flush().map_err(gone)?;
    Ok(sum)
}

/// The record that a line of a file stands for: one partition, offsets from 0.
pub(super) fn record<'a>(topic: &'a str, number: u64, value: &'a [u8]) -> Record<'a> {
    Record {
        topic,
        partition: PartitionId::new(0),
        offset: Offset::new(i64::try_from(number).unwrap_or(i64::MAX)),
        timestamp_ms: None,
        key: None,
        value: Some(value),
        headers: &[],
    }
}

fn write_event(output: &mut impl Write, event: &Cleared<'_>, with_fields: bool) -> anyhow::Result<()> {
    let value = event.record().value.unwrap_or_default();
    let parts: &[&[u8]] = match with_fields {
        true => &[b"{\"event\":", value, b",\"fields\":{", event.enrichment().as_bytes(), b"}}\n"],
        false => &[value, b"\n"],
    };
    parts.iter().try_for_each(|part| output.write_all(part)).map_err(gone)
}

/// A reader that has gone away is no failure.
fn gone(error: io::Error) -> anyhow::Error {
    if error.kind() == ErrorKind::BrokenPipe { Gone.into() } else { error.into() }
}
