//! `prove`: writes the proof that one record is in an archive. `prove-check`: checks such a proof, without the archive.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args as ClapArgs;

use super::archive::ArchivePlace;
use super::terminal::{clean, print_line, tell};
use super::verify::public_key;
use super::{Exit, Wrong};
use crate::archive::layout::Log;
use crate::archive::proof::{Proof, prove};
use crate::archive::store::Store;

#[derive(Debug, ClapArgs)]
pub(super) struct ProveArgs {
    #[command(flatten)]
    place: ArchivePlace,

    /// The log, as `archive show` names it; may be left out when there is only one.
    #[arg(long, value_name = "LOG")]
    log: Option<String>,

    #[arg(long, value_name = "N")]
    partition: i32,

    #[arg(long, value_name = "N")]
    offset: i64,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ProveCheckArgs {
    /// The proof, as `prove` has written it.
    #[arg(value_name = "FILE")]
    proof: PathBuf,

    /// The public key of the archive. May be repeated.
    #[arg(long, value_name = "KEY.pub", required = true)]
    trust: Vec<PathBuf>,
}

pub(super) fn run(config: &Path, args: &ProveArgs) -> anyhow::Result<Exit> {
    let store = match args.place.open(config)? {
        Ok(store) => store,
        Err(exit) => return Ok(exit),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let log = runtime.block_on(log(&store, args.log.as_deref()))?;
    match runtime.block_on(prove(&store, &log, args.partition, args.offset)) {
        Ok(proof) => {
            print_line(serde_json::to_string(&proof).context("write the proof")?)?;
            Ok(Exit::Done)
        }
        Err(problem) => {
            tell(clean(&format!("error: {problem}")));
            Ok(Exit::CouldNotCheck)
        }
    }
}

async fn log(store: &Store, name: Option<&str>) -> anyhow::Result<Log> {
    let folders = store.folders("v1").await.context("list the archive")?;
    let logs: Vec<Log> = folders.iter().filter_map(|name| Log::of_folder(name)).collect();
    let names = || logs.iter().map(Log::as_str).collect::<Vec<_>>().join(", ");
    match (name, logs.as_slice()) {
        (Some(name), logs) => logs.iter().find(|log| log.as_str() == name).cloned(),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
    .ok_or_else(|| Wrong(format!("say which log with --log; the archive has: {}", names())).into())
}

pub(super) fn check(args: &ProveCheckArgs) -> anyhow::Result<Exit> {
    let text = fs::read_to_string(&args.proof).with_context(|| format!("read {}", args.proof.display()))?;
    let trust = args.trust.iter().map(|path| public_key(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let proof = match Proof::parse(&text) {
        Ok(proof) => proof,
        Err(problem) => {
            tell(clean(&format!("error: {}: {problem}", args.proof.display())));
            return Ok(Exit::CouldNotCheck);
        }
    };
    match proof.check(&trust) {
        Ok(proven) => {
            tell(clean(&format!(
                "PROVEN: offset {} of {} partition {} is in archive {} (link {}), signed by {}",
                proven.offset, proven.log, proven.partition, proven.archive, proven.seq, proven.key
            )));
            print_line(&proof.line)?;
            Ok(Exit::Done)
        }
        Err(problem) => {
            tell(clean(&format!("NOT PROVEN: {problem}")));
            Ok(Exit::Failed)
        }
    }
}
