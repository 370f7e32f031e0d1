//! The command line: one file per subcommand.
//!
//! - The exit code says what happened: see [`Exit`].
//! - Help never needs a configuration; a command reads the configuration only if it needs one.

mod archive;
mod check;
mod completions;
mod deadletter;
mod demo;
mod exit;
mod health;
mod import;
mod lines;
mod offsets;
mod online;
mod prove;
mod pseudonym;
mod rehearsal;
mod resend;
mod reveal;
mod run;
mod schema;
mod terminal;
mod test;
mod transform;
mod verify;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use crate::config::{self, Config, PipelineConfig};
pub use exit::Exit;
use terminal::{Gone, clean_lines, tell};

/// Carries Confluent Cloud audit events from Kafka to a SIEM and signs nothing off until it is received.
#[derive(Debug, Parser)]
#[command(name = "auditferry", version, propagate_version = true, after_help = AFTER_HELP)]
struct Args {
    /// The configuration.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "AUDITFERRY_CONFIG",
        default_value = "auditferry.yaml",
        hide_env_values = true
    )]
    config: PathBuf,

    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str =
    "Exit codes: 0 done, 1 failed, 2 the command line or the configuration is wrong, 3 could not check.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs all pipelines until SIGTERM or SIGINT, then drains, commits and exits.
    Run(run::RunArgs),
    /// Checks the configuration and says what it means; with --online asks Kafka and Splunk whether it would work.
    Check(check::CheckArgs),
    /// Runs the tests that stand in the configuration: events, and what has to become of them.
    Test(test::TestArgs),
    /// Sends events from files or standard input through a pipeline's `transforms`, and writes what would be delivered.
    Transform(transform::TransformArgs),
    /// Turns the configuration of a Splunk Sink Connector (JSON or properties) into one of auditferry's.
    Import(import::ImportArgs),
    /// Shows what it does, with faults on the way; needs no account, no other program and no configuration.
    Demo(demo::DemoArgs),
    /// Looks at events that the sink refused, and sends them again.
    #[command(subcommand)]
    Deadletter(deadletter::DeadletterCommand),
    /// Prints the pseudonyms that redaction writes in the place of values, with the present key and the one before.
    Pseudonym(pseudonym::PseudonymArgs),
    /// Shows how far a consumer group is, and copies positions from one to another.
    #[command(subcommand)]
    Offsets(offsets::OffsetsCommand),
    /// Proves that an archive is what was written and that nothing is missing, or says what is. Exit codes: 0 proven, 1 tampered,
    /// 2 incomplete, 3 could not check.
    Verify(verify::VerifyArgs),
    /// Writes the proof that one record is in an archive, for somebody who has nothing but the public key.
    Prove(prove::ProveArgs),
    /// Checks a proof that `prove` has written, without the archive, and prints the record.
    ProveCheck(prove::ProveCheckArgs),
    /// Makes the keys of an archive, and shows what one holds.
    #[command(subcommand)]
    Archive(archive::ArchiveCommand),
    /// Prints the JSON Schema of the configuration, for editors.
    Schema,
    /// Asks a running auditferry on this machine whether it is well; for health checks of containers.
    Health(health::HealthArgs),
    /// Prints a completion script for a shell.
    Completions(completions::CompletionsArgs),
}

/// Runs the command line of this process.
pub fn main() -> Exit {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to standard output; nobody reading them is no failure.
            error.print().unwrap_or_default();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let result = match args.command {
        Command::Run(run) => run::run(&args.config, &run),
        Command::Check(check) => check::check(&args.config, &check),
        Command::Test(test) => test::test(&args.config, &test),
        Command::Transform(transform) => transform::transform(&args.config, &transform),
        Command::Import(import) => import::import(&import),
        Command::Demo(demo) => demo::demo(&demo),
        Command::Deadletter(command) => deadletter::deadletter(&args.config, &command),
        Command::Pseudonym(values) => pseudonym::pseudonym(&args.config, &values),
        Command::Offsets(command) => offsets::offsets(&args.config, &command),
        Command::Verify(verify) => verify::run(&args.config, &verify),
        Command::Prove(prove) => prove::run(&args.config, &prove),
        Command::ProveCheck(proof) => prove::check(&proof),
        Command::Archive(command) => archive::archive(&args.config, &command),
        Command::Schema => schema::schema(),
        Command::Health(health) => health::health(&args.config, &health),
        Command::Completions(completions) => completions::completions(&completions),
    };
    result.unwrap_or_else(|error| exit_of(&error))
}

/// The one place where an error becomes words and a code.
fn exit_of(error: &anyhow::Error) -> Exit {
    if error.is::<Gone>() {
        return Exit::Done;
    }
    tell(clean_lines(&format!("error: {error:#}")));
    match error.downcast_ref::<Wrong>() {
        Some(_) => Exit::Usage,
        None => Exit::Failed,
    }
}

/// Something is wrong with what the user wrote.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Wrong(String);

/// Loads the configuration; warnings and errors are told here.
///
/// # Errors
/// [`Exit::Usage`]: the configuration is wrong, and everything wrong with it has been said.
fn load(path: &Path) -> Result<Config, Exit> {
    match config::load(path) {
        Ok((config, warnings)) => {
            for warning in warnings {
                tell(clean_lines(&warning.to_string()));
            }
            Ok(config)
        }
        Err(errors) => {
            tell(clean_lines(&errors.to_string()));
            Err(Exit::Usage)
        }
    }
}

/// The pipeline of this name; without a name the only one there is.
fn pipeline<'c>(config: &'c Config, name: Option<&str>) -> Result<&'c PipelineConfig, Wrong> {
    let names = || config.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, config.pipelines.as_slice()) {
        (Some(name), pipelines) => pipelines
            .iter()
            .find(|pipeline| pipeline.name == name)
            .ok_or_else(|| Wrong(format!("there is no pipeline `{name}`; the configuration has: {}", names()))),
        (None, [only]) => Ok(only),
        (None, _) => Err(Wrong(format!("say which pipeline with --pipeline NAME: {}", names()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }
}
