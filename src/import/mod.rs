//! `import`: the configuration of a Splunk Sink Connector, as one of ours.
//!
//! ```text
//! file --connect--> settings --kafka, hec, payload, …--> blocks --write--> YAML
//!                      └── what became of each setting --> findings
//! ```
//!
//! - Every setting ends as exactly what it is: carried over, explained, or refused with what to do. What has no counterpart
//!   and would change what arrives makes the result unusable until a person has decided: the pipeline gets a list
//!   `not_imported`, which no configuration may have.
//! - No secret is written into the configuration, nor quoted.
//! - Only files are read, and only those that the input names (with Connect's `file` provider); nothing is connected to.

mod carry;
mod connect;
mod consumer;
mod converters;
mod finding;
mod hec;
mod jaas;
mod kafka;
mod keys;
mod payload;
mod properties;
mod references;
mod secrets;
mod settings;
mod smt;
mod time;
mod topics;
mod trust;
mod write;

use std::path::Path;

use crate::defaults;

use carry::Carried;
pub use connect::{Input, Unreadable};
pub use finding::{Finding, Level};
use secrets::Secrets;
pub use secrets::{SecretFile, SecretsTo, ToSet};
use write::Block;

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// `None` when no file holds a connector to Splunk.
    pub config: Option<String>,
    /// Refusals first, then warnings, notes and what was carried over, each in the order of the files.
    pub findings: Vec<Finding>,
    pub to_set: Vec<ToSet>,
    pub secret_files: Vec<SecretFile>,
}

/// Imports connectors, each as a pipeline of its own.
///
/// # Errors
/// A file cannot be read as what it should be.
pub fn import(files: &[Input], worker: Option<&Input>, to: SecretsTo) -> Result<Outcome, Unreadable> {
    let worker = worker.map(connect::read_worker).transpose()?;
    let mut secrets = Secrets::new(to);
    let mut findings = Vec::new();
    let mut carried: Vec<Carried> = Vec::new();
    let mut unused: Vec<String> =
        worker.iter().flat_map(|worker| &worker.settings).map(|(key, _)| key.clone()).collect();
    for file in files {
        for connector in connect::read(file)? {
            let name = free_name(connector.name.as_deref(), &connector.file, &carried);
            let result = carry::carry(connector, worker.as_ref(), &name, &mut secrets);
            findings.extend(result.findings);
            carried.extend(result.pipeline);
            unused.retain(|key| result.unused.contains(key));
        }
    }
    findings.extend(worker.filter(|_| !unused.is_empty()).map(|worker| not_needed(worker.file, &unused)));
    // Each connector speaks for the worker's settings.
    let mut once: Vec<Finding> = Vec::new();
    for finding in findings {
        if !once.contains(&finding) {
            once.push(finding);
        }
    }
    once.sort_by_key(|finding| finding.level);
    let (to_set, secret_files) = secrets.into_lists();
    let config = (!carried.is_empty()).then(|| lay_out(carried, &to_set));
    Ok(Outcome { config, findings: once, to_set, secret_files })
}

/// Connect's own settings are many, and a line for each would hide the others.
fn not_needed(file: String, unused: &[String]) -> Finding {
    let cause = format!("settings of Connect itself, which are not needed: {}", unused.join(", "));
    Finding { level: Level::Note, file, key: "(others)".to_owned(), cause, remedy: String::new() }
}

/// The connector's name, as far as it can be a pipeline's, and not taken yet.
fn free_name(name: Option<&str>, file: &str, carried: &[Carried]) -> String {
    let stem = || Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '-' };
    // Room for a number.
    let name: String = name.unwrap_or_else(stem).chars().map(allowed).take(defaults::NAME_MAX_LEN - 4).collect();
    let name = if name.trim_matches('-').is_empty() { "splunk".to_owned() } else { name };
    let taken = |name: &str| carried.iter().any(|other| other.name == name);
    let numbered = (2_u32..).map(|n| format!("{name}-{n}"));
    [name.clone()].into_iter().chain(numbered).find(|name| !taken(name)).unwrap_or(name)
}

fn lay_out(carried: Vec<Carried>, to_set: &[ToSet]) -> String {
    let mut file = Block::default();
    let from: Vec<&str> = carried.iter().map(|pipeline| pipeline.file.as_str()).collect();
    file.comment(format!("Configuration of auditferry, imported from {}.", from.join(", ")));
    file.comment("");
    file.comment("  auditferry check --config FILE");
    file.comment("  auditferry check --config FILE --online");
    file.comment("  auditferry run   --config FILE");
    file.comment("");
    file.comment("Remarks on the right name the connector's settings. What is not written here has its default.");
    if !to_set.is_empty() {
        let names: Vec<&str> = to_set.iter().map(|set| set.name.as_str()).collect();
        file.comment(format!("Before it is used, these have to exist: {}.", names.join(", ")));
    }
    let mut sources = Block::default();
    let mut pipelines = Block::default();
    let mut known: Vec<(String, Block)> = Vec::new();
    for Carried { name, source, rest, .. } in carried {
        let shared = known.iter().find(|(_, other)| *other == source).map(|(name, _)| name.clone());
        let source_name = shared.unwrap_or_else(|| {
            let mut outer = Block::default();
            outer.block("kafka", source.clone());
            apart(&mut sources);
            sources.block(&name, outer);
            known.push((name.clone(), source));
            name.clone()
        });
        let mut pipeline = Block::default();
        pipeline.text("source", source_name, "");
        pipeline.append(rest);
        apart(&mut pipelines);
        pipelines.block(&name, pipeline);
    }
    file.blank();
    file.block("sources", sources);
    file.blank();
    file.block("pipelines", pipelines);
    file.blank();
    file.comment("Probes, metrics and status page. There is no login. In a container use 0.0.0.0:9470.");
    let mut admin = Block::default();
    admin.text("listen", defaults::ADMIN_LISTEN, "");
    file.block("admin", admin);
    file.render()
}

fn apart(block: &mut Block) {
    if !block.is_empty() {
        block.blank();
    }
}

#[cfg(test)]
mod tests;
