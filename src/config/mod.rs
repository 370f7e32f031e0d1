//! The configuration: what the file and the environment say, checked once, as values that need no further check.
//!
//! ```text
//! file --node--> tree --environment--> --interpolate--> --check--> raw --resolve--> Config
//! ```
//!
//! - [`load`] reports every mistake at once, each with its place, cause and remedy.
//! - The tree knows line and column of everything; `raw` knows none. Findings carry paths, and the tree turns a path
//!   into a place.
//! - The environment is read here and nowhere else. A component's own configuration type lies beside the component.
//! - No message and no `Debug` output holds a secret. Secrets are only overwritten in memory once they are a
//!   [`Secret`](crate::secret::Secret); copies made while loading are freed as they are.
//! - Nothing here connects to anything. Files are only read.

pub mod case;
mod check;
mod environment;
mod error;
mod findings;
mod interpolate;
mod node;
mod pointer;
mod raw;
mod resolve;
mod schema;

pub use environment::Environment;
pub use error::{ConfigError, ConfigErrors, Warning};
pub use schema::schema;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

pub use crate::dead_letter::config::{DeadLetterConfig, UnclearLetters};
use crate::sink::archive::config::ArchiveConfig;
use crate::sink::splunk_hec::config::HecConfig;
use crate::sink::webhook::config::WebhookConfig;
use crate::source::kafka::config::KafkaConfig;
use crate::transform::config::ChainConfig;
use crate::units::ByteSize;
use case::TestCase;

use findings::Findings;
use node::Node;

#[derive(Clone, Debug)]
pub struct Config {
    /// By name; also those that no pipeline reads.
    pub sources: BTreeMap<String, SourceConfig>,
    /// At least one; names are unique.
    pub pipelines: Vec<PipelineConfig>,
    pub admin: AdminConfig,
    /// For `auditferry test`.
    pub tests: Vec<TestCase>,
}

/// The server of probes, metrics and the status page.
#[derive(Clone, Debug)]
pub enum AdminConfig {
    Disabled,
    Enabled { listen: SocketAddr },
}

#[derive(Clone, Debug)]
pub struct PipelineConfig {
    pub name: String,
    pub source: SourceConfig,
    /// The Kafka consumer group whose committed offsets are this pipeline's progress.
    pub group_id: String,
    pub chain: ChainConfig,
    pub sink: SinkConfig,
    pub dead_letter: DeadLetterConfig,
    /// What is kept of an event that could not be redacted.
    pub unclear_letters: UnclearLetters,
    pub batch: BatchConfig,
    /// What the pipeline holds in memory at most; at least `batch.max_bytes`.
    pub in_flight_bytes: ByteSize,
    /// Requests under way at most; with 1 the order of each partition is kept at the sink.
    pub max_in_flight: usize,
    /// Shorter than the source's session timeout.
    pub drain_deadline: Duration,
}

/// A batch is due at whichever limit is reached first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchConfig {
    pub max_events: usize,
    pub max_bytes: ByteSize,
    pub max_age: Duration,
}

#[derive(Clone, Debug)]
pub enum SourceConfig {
    Kafka(KafkaConfig),
}

#[derive(Clone, Debug)]
pub enum SinkConfig {
    SplunkHec(Box<HecConfig>),
    Archive(Box<ArchiveConfig>),
    Webhook(Box<WebhookConfig>),
}

/// Reads and checks a configuration file, with the environment of this process.
///
/// # Errors
/// Every mistake in the file and in the variables that override it.
pub fn load(path: &Path) -> Result<(Config, Vec<Warning>), ConfigErrors> {
    load_with(path, &Environment::of_process())
}

/// As [`load`], with a given environment.
///
/// # Errors
/// Every mistake in the file and in the variables that override it.
pub fn load_with(path: &Path, environment: &Environment) -> Result<(Config, Vec<Warning>), ConfigErrors> {
    let source = fs::read_to_string(path).map_err(|error| {
        let remedy = "give the path with `--config FILE`, or in AUDITFERRY_CONFIG";
        ConfigError::new(path, format!("cannot read the configuration: {error}"), remedy.to_owned())
    })?;
    load_text(path, &source, environment)
}

/// As [`load_with`], for a text that has been read already; `file` is only its name in messages.
///
/// # Errors
/// Every mistake in the text and in the variables that override it.
pub fn load_text(file: &Path, source: &str, environment: &Environment) -> Result<(Config, Vec<Warning>), ConfigErrors> {
    // Offsets of the parser are of the text without a byte order mark.
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut tree = Node::parse(source).map_err(|error| findings::syntax_error(file, source, error))?;
    let root = node::Path::default();
    let mut findings = Findings::default();
    environment::overlay(&mut tree, environment);
    interpolate::interpolate(&mut tree, &root, environment, &mut findings);
    let folder = file.parent().unwrap_or(Path::new(""));
    let checked = check::check(&tree, &schema(), &root, &mut findings).unwrap_or_default();
    let config =
        serde_json::from_value(checked).ok().and_then(|raw: raw::File| resolve::resolve(raw, folder, &mut findings));
    let (errors, warnings) = findings.report(file, source, &tree);
    match (ConfigErrors::new(errors), config) {
        (Some(errors), _) => Err(errors),
        (None, Some(config)) => Ok((config, warnings)),
        // Nothing is known to be wrong, and yet the checked tree does not fit: our schema and our types disagree.
        (None, None) => {
            let remedy = "please report this as a bug, with the file (without secrets)";
            Err(ConfigError::new(file, "the configuration cannot be read".to_owned(), remedy.to_owned()).into())
        }
    }
}
