//! `verify`: whether an archive is what was written, and whether anything is missing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args as ClapArgs, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::archive::ArchivePlace;
use super::terminal::{clean, print_line, tell};
use super::{Exit, Wrong};
use crate::archive::key::PublicKey;
use crate::archive::verify::{Depth, Report, Severity, Task, verify};

#[derive(Debug, ClapArgs)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    place: ArchivePlace,

    /// The public key of the archive, as `archive keygen` wrote it. It must come from somewhere else than the archive. May be repeated.
    #[arg(long, value_name = "KEY.pub", required = true)]
    trust: Vec<PathBuf>,

    /// How closely to look: `chain` reads links and digests, `bytes` every segment, `records` every record.
    #[arg(long, value_enum, default_value_t = DepthArg::Bytes)]
    depth: DepthArg,

    /// Only this partition. May be repeated. Digests are then not looked at.
    #[arg(long, value_name = "N")]
    partition: Vec<i32>,

    /// Read only segments that may hold records since then, for example `2026-11-01T00:00:00Z`. Chains are always followed from the first link.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,

    /// Read only segments that may hold records before then.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,

    /// A digest that was kept elsewhere: the archive must hold at least what it has seen. May be repeated.
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,

    /// Also write the report as JSON into this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DepthArg {
    Chain,
    Bytes,
    Records,
}

impl From<DepthArg> for Depth {
    fn from(depth: DepthArg) -> Self {
        match depth {
            DepthArg::Chain => Self::Chain,
            DepthArg::Bytes => Self::Bytes,
            DepthArg::Records => Self::Records,
        }
    }
}

pub(super) fn run(config: &Path, args: &VerifyArgs) -> anyhow::Result<Exit> {
    let task = task(args)?;
    let store = match args.place.open(config)? {
        Ok(store) => store,
        Err(exit) => return Ok(exit),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let bar = progress_bar();
    let told = |done: u64, all: u64| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let report = runtime.block_on(verify(&store, &task, &told));
    bar.finish_and_clear();
    match report {
        Ok(report) => tell_report(&report, store.url(), &task, args.json.as_deref()),
        Err(error) => {
            tell(clean(&format!("error: {error}")));
            tell("could not check: nothing is proven");
            Ok(Exit::CouldNotCheck)
        }
    }
}

fn task(args: &VerifyArgs) -> anyhow::Result<Task> {
    let mut trust = Vec::new();
    for path in &args.trust {
        trust.push(public_key(path)?);
    }
    let anchors = args.anchor.iter().map(|path| fs::read(path).with_context(|| format!("read {}", path.display())));
    Ok(Task {
        trust,
        depth: args.depth.into(),
        partitions: args.partition.clone(),
        since_ms: args.since.map(Timestamp::as_millisecond),
        until_ms: args.until.map(Timestamp::as_millisecond),
        anchors: anchors.collect::<anyhow::Result<_>>()?,
    })
}

/// The public key in a file.
pub(super) fn public_key(path: &Path) -> anyhow::Result<PublicKey> {
    let text = fs::read_to_string(path).map_err(|error| Wrong(format!("read {}: {error}", path.display())))?;
    Ok(PublicKey::parse(&text).map_err(|error| Wrong(format!("{}: {error}", path.display())))?)
}

/// On standard error, and only on a terminal.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go");
    style.map_or_else(|_| ProgressBar::hidden(), |style| bar.with_style(style))
}

fn tell_report(report: &Report, url: &str, task: &Task, json: Option<&Path>) -> anyhow::Result<Exit> {
    let exit = exit_of(report);
    for finding in &report.findings {
        print_line(clean(&finding.to_string()))?;
    }
    for partition in &report.partitions {
        print_line(clean(&partition.sentence(task.depth)))?;
    }
    if let Some((first, last)) = &report.digest_hours {
        print_line(format!("{} hourly digests, of {first} to {last}", report.digests))?;
    }
    print_line(clean(&verdict(report, url, exit)))?;
    if let Some(path) = json {
        let text = format!("{:#}\n", as_json(report, url, task, exit));
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(exit)
}

/// 0 proven, 1 tampered, 2 incomplete, 3 nothing was found that could be proven.
fn exit_of(report: &Report) -> Exit {
    match report.findings.iter().map(|finding| finding.code.severity()).max() {
        Some(Severity::Tampered) => Exit::Failed,
        Some(Severity::Incomplete) => Exit::Usage,
        Some(Severity::Remark) | None if report.partitions.iter().all(|partition| partition.links == 0) => {
            Exit::CouldNotCheck
        }
        Some(Severity::Remark) | None => Exit::Done,
    }
}

fn verdict(report: &Report, url: &str, exit: Exit) -> String {
    let stored: u64 = report.partitions.iter().map(|partition| partition.stored).sum();
    match exit {
        Exit::Done => format!(
            "PROVEN: {stored} records in {} partition(s) of {url} are as they were written, and none is missing",
            report.partitions.len()
        ),
        Exit::Failed => format!("TAMPERED: something at {url} is not what was written; see above"),
        Exit::Usage => {
            format!("INCOMPLETE: what is at {url} is as it was written, and something is missing; see above")
        }
        Exit::CouldNotCheck => format!("NOTHING FOUND: there is no archive at {url} that could be proven"),
    }
}

fn as_json(report: &Report, url: &str, task: &Task, exit: Exit) -> Value {
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            let severity = match finding.code.severity() {
                Severity::Remark => "remark",
                Severity::Incomplete => "incomplete",
                Severity::Tampered => "tampered",
            };
            json!({
                "code": finding.code.as_str(), "severity": severity, "log": finding.log, "partition": finding.partition,
                "place": finding.place, "detail": finding.words,
            })
        })
        .collect();
    json!({
        "v": 1, "url": url, "archive": report.archive, "depth": task.depth.as_str(), "exit": exit.code(), "partitions": report.partitions,
        "digests": report.digests, "digest_hours": report.digest_hours, "findings": findings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::verify::PartitionReport;

    #[test]
    fn nothing_found_is_never_proven() {
        assert_eq!(exit_of(&Report::default()), Exit::CouldNotCheck);
        let mut report = Report::default();
        report.partitions.push(PartitionReport::default());
        assert_eq!(exit_of(&report), Exit::CouldNotCheck);
        report.partitions[0].links = 1;
        assert_eq!(exit_of(&report), Exit::Done);
    }
}
