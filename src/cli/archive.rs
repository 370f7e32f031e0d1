//! `archive`: makes the keys of an archive, and shows what one holds. Opening an archive, by its address or as a pipeline writes it, is
//! here for all commands that read one.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args as ClapArgs, Subcommand};
use comfy_table::{Table, presets};
use futures_util::TryStreamExt;
use serde_json::json;

use super::terminal::{Format, clean, print_json, print_line, tell};
use super::{Exit, Wrong, load, pipeline};
use crate::archive::key::SigningKey;
use crate::archive::layout::{self, Log};
use crate::archive::link::Body;
use crate::archive::store::config::{Location, StoreConfig};
use crate::archive::store::{Listed, Repeat, Store, StoreError};
use crate::archive::{chain, digest, note};
use crate::config::SinkConfig;
use crate::defaults;
use crate::tls::HttpClient;
use crate::tls::config::Transport;

#[derive(Debug, Subcommand)]
pub(super) enum ArchiveCommand {
    /// Makes a key to sign an archive with: writes KEY, for the pipeline, and KEY.pub, for everybody who verifies.
    Keygen(KeygenArgs),
    /// Shows where the chains of an archive stand, and what they hold. Proves nothing: see `verify`.
    Show(ShowArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct KeygenArgs {
    /// Where the private key is written; the public one is written beside it, as KEY.pub.
    #[arg(long, value_name = "KEY")]
    out: PathBuf,

    /// The key's name, as it is given in `sign.name` of the archive.
    #[arg(long, value_name = "NAME", default_value = defaults::SIGNER)]
    name: String,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    place: ArchivePlace,

    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Which archive.
#[derive(Debug, ClapArgs)]
pub(super) struct ArchivePlace {
    /// Where it lies: `s3://bucket/prefix`, `gs://…`, `az://…` or a directory. Without it, the archive of a pipeline of the configuration.
    #[arg(value_name = "URL")]
    url: Option<String>,

    /// The pipeline that writes it; may be left out when there is only one that writes an archive.
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    pipeline: Option<String>,

    /// With a URL: the bucket's region.
    #[arg(long, value_name = "REGION", requires = "url")]
    region: Option<String>,

    /// With a URL: `https://host:port` of a store that is not the provider's own.
    #[arg(long, value_name = "ENDPOINT", requires = "url")]
    endpoint: Option<String>,
}

impl ArchivePlace {
    /// Opens it for reading. Credentials of a URL come from the environment.
    ///
    /// # Errors
    /// The inner one: the configuration is wrong, and everything wrong with it has been said.
    pub(super) fn open(&self, config: &Path) -> anyhow::Result<Result<Store, Exit>> {
        let store = match &self.url {
            Some(url) => self.of_url(url)?,
            None => match self.of_pipeline(config)? {
                Ok(store) => store,
                Err(exit) => return Ok(Err(exit)),
            },
        };
        if let Location::Directory(folder) = &store.location
            && !folder.is_dir()
        {
            tell(clean(&format!("error: there is no directory {}", folder.display())));
            return Ok(Err(Exit::CouldNotCheck));
        }
        let http =
            Arc::new(HttpClient::new(&store.tls, &store.transport).context("prepare the connection to the store")?);
        Ok(Ok(Store::open(&store, &http, Repeat::Reading).context("open the archive")?))
    }

    fn of_url(&self, url: &str) -> anyhow::Result<StoreConfig> {
        // A directory may be named as a shell completes it.
        let absolute = || std::path::absolute(url).ok().map(|path| path.display().to_string());
        let url = if url.contains("://") { url.to_owned() } else { absolute().unwrap_or_else(|| url.to_owned()) };
        let location = Location::parse(&url).map_err(|error| Wrong(format!("{url}: {error}")))?;
        let (connect, request) = (defaults::CONNECT_TIMEOUT, defaults::REQUEST_TIMEOUT);
        let transport = Transport { connect, request, keep_alive: true, proxy: None };
        let mut store = StoreConfig::of(location, transport);
        store.region.clone_from(&self.region);
        store.endpoint.clone_from(&self.endpoint);
        store.path_style = self.endpoint.is_some();
        Ok(store)
    }

    fn of_pipeline(&self, config: &Path) -> anyhow::Result<Result<StoreConfig, Exit>> {
        let config = match load(config) {
            Ok(config) => config,
            Err(exit) => return Ok(Err(exit)),
        };
        let mut archives = config.pipelines.iter().filter(|pipeline| matches!(pipeline.sink, SinkConfig::Archive(_)));
        let only = match (&self.pipeline, archives.next(), archives.next()) {
            (None, Some(only), None) => only,
            (name, _, _) => pipeline(&config, name.as_deref())?,
        };
        match &only.sink {
            SinkConfig::Archive(archive) => Ok(Ok(archive.store.clone())),
            SinkConfig::SplunkHec(_) | SinkConfig::Webhook(_) => {
                Err(Wrong(format!("pipeline `{}` writes no archive: give a URL", only.name)).into())
            }
        }
    }
}

pub(super) fn archive(config: &Path, command: &ArchiveCommand) -> anyhow::Result<Exit> {
    match command {
        ArchiveCommand::Keygen(args) => keygen(args),
        ArchiveCommand::Show(args) => show(config, args),
    }
}

fn keygen(args: &KeygenArgs) -> anyhow::Result<Exit> {
    let key = SigningKey::generate(&args.name).map_err(|error| Wrong(error.to_string()))?;
    let mut public_path = args.out.clone().into_os_string();
    public_path.push(".pub");
    let public_path = PathBuf::from(public_path);
    // Neither is overwritten: whoever lost a key could prove nothing of what it has signed.
    write_new(&args.out, 0o600, key.to_pem()?.as_bytes())?;
    write_new(&public_path, 0o644, format!("{}\n", key.public()).as_bytes())?;
    tell(clean(&format!("wrote the private key to {}: give it to the pipeline as sign.key_file", args.out.display())));
    tell(clean(&format!(
        "wrote the public key to {}: whoever verifies needs it, keep it in several places",
        public_path.display()
    )));
    print_line(key.public().to_string())?;
    Ok(Exit::Done)
}

fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> anyhow::Result<()> {
    let open = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let write = open.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    write.with_context(|| format!("write {} (which may not exist yet)", path.display()))
}

fn show(config: &Path, args: &ShowArgs) -> anyhow::Result<Exit> {
    let store = match args.place.open(config)? {
        Ok(store) => store,
        Err(exit) => return Ok(exit),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    match runtime.block_on(look(&store)) {
        Ok(None) => {
            tell(clean(&format!("there is no archive at {}", store.url())));
            Ok(Exit::CouldNotCheck)
        }
        Ok(Some(seen)) => print_seen(&store, &seen, args.format),
        Err(problem) => {
            tell(clean(&format!("error: {problem}")));
            Ok(Exit::CouldNotCheck)
        }
    }
}

struct Seen {
    archive: String,
    key: String,
    begun: String,
    last_digest: Option<String>,
    chains: Vec<Standing>,
}

struct Standing {
    log: Log,
    partition: i32,
    head: Option<chain::Read>,
    segments: u64,
    bytes: u64,
}

async fn look(store: &Store) -> Result<Option<Seen>, String> {
    let told = |error: StoreError| error.to_string();
    let Some(first) = store.get(layout::ARCHIVE).await.map_err(told)? else { return Ok(None) };
    let first = note::Note::parse(&first).map_err(|error| error.to_string())?;
    let first: digest::ArchiveNote = digest::parse(first.text())?;
    let mut logs: Vec<Log> =
        store.folders("v1").await.map_err(told)?.iter().filter_map(|name| Log::of_folder(name)).collect();
    logs.sort();
    let mut chains = Vec::new();
    for log in logs {
        let segments: Vec<Listed> = store.list(&log.segments(), None).try_collect().await.map_err(told)?;
        let folders = store.folders(&log.chains()).await.map_err(told)?;
        let mut partitions: Vec<i32> = folders.iter().filter_map(|name| layout::partition_of(name)).collect();
        partitions.sort_unstable();
        for partition in partitions {
            let head = chain::head(store, &log, partition, None).await.map_err(|error| error.to_string())?;
            let folder = format!("/p={partition:05}/");
            let its = segments.iter().filter(|listed| listed.name.contains(&folder));
            let (count, bytes) = its.fold((0, 0), |(count, bytes), listed| (count + 1, bytes + listed.size));
            chains.push(Standing { log: log.clone(), partition, head, segments: count, bytes });
        }
    }
    let digests: Vec<Listed> = store.list(layout::DIGESTS, None).try_collect().await.map_err(told)?;
    let last_digest =
        digests.iter().filter_map(|listed| layout::hour_of_digest(&listed.name)).max().map(|hour| hour.to_string());
    Ok(Some(Seen { archive: first.archive, key: first.key.to_string(), begun: first.begun, last_digest, chains }))
}

fn print_seen(store: &Store, seen: &Seen, format: Format) -> anyhow::Result<Exit> {
    if format == Format::Text {
        print_line(format!("archive     {} at {}", clean(&seen.archive), clean(store.url())))?;
        print_line(format!("begun       {} with the key {}", clean(&seen.begun), clean(&seen.key)))?;
        let last = seen.last_digest.as_deref().unwrap_or("none yet");
        print_line(format!("last digest {last}\n"))?;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "LOG",
        "PARTITION",
        "LINK",
        "EPOCH",
        "NEXT OFFSET",
        "SEGMENTS",
        "BYTES",
    ]);
    for standing in &seen.chains {
        let Standing { log, partition, head, segments, bytes } = standing;
        let (seq, epoch, next) = head
            .as_ref()
            .map_or((None, None, None), |head| (Some(head.link.seq), Some(head.link.epoch), head.link.next()));
        let is_takeover = head.as_ref().is_some_and(|head| matches!(head.link.body, Body::Takeover { .. }));
        if format == Format::Json {
            print_json(&json!({
                "archive": seen.archive, "log": log.as_str(), "partition": partition, "link": seq, "epoch": epoch,
                "next": next, "segments": segments, "bytes": bytes, "last_link_is_takeover": is_takeover,
            }))?;
        } else {
            let or_dash = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
            table.add_row([
                log.as_str().to_owned(),
                partition.to_string(),
                or_dash(seq.map(|n| n.to_string())),
                or_dash(epoch.map(|n| n.to_string())),
                or_dash(next.map(|n| n.to_string())),
                segments.to_string(),
                bytes.to_string(),
            ]);
        }
    }
    if format == Format::Text {
        print_line(table.to_string())?;
    }
    Ok(Exit::Done)
}
