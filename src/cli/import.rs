//! `import`: a connector's configuration becomes one of ours, on standard output; what became of each setting is told on
//! standard error.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args as ClapArgs;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::json;

use super::terminal::{Format, clean_lines, print, tell};
use super::{Exit, Wrong};
use crate::import::{self, Finding, Input, Level, Outcome, SecretFile, SecretsTo, Unreadable};

/// Owner only: the directory and the files that hold secrets.
const PRIVATE_DIRECTORY: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

const TABLE_WIDTH: u16 = 120;

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Exit codes: 0 imported, perhaps with warnings; 1 something has no counterpart, and the configuration \
                        is refused until you have decided about its list `not_imported`; 2 a file cannot be read."
)]
pub(super) struct ImportArgs {
    /// Connectors, each of which becomes a pipeline: JSON as Connect's REST interface or Confluent Cloud gives it, or a
    /// properties file; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The configuration of the Connect worker: it holds the brokers, the login and the default converters.
    #[arg(long, value_name = "FILE")]
    worker: Option<PathBuf>,

    /// Write each secret of the input into a file of its own in this directory, readable by you only, and refer to these
    /// files. Without it no secret is copied, and the configuration refers to environment variables.
    #[arg(long, value_name = "DIR")]
    include_secrets: Option<PathBuf>,

    /// The form of the findings on standard error.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn import(args: &ImportArgs) -> anyhow::Result<Exit> {
    let to = match &args.include_secrets {
        Some(directory) => SecretsTo::Directory(absolute(directory)?),
        None => SecretsTo::Variables,
    };
    let result = read(args).and_then(|(files, worker)| import::import(&files, worker.as_ref(), to));
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(unreadable) => {
            tell_unreadable(&unreadable, args.format);
            return Ok(Exit::Usage);
        }
    };
    write_secrets(&outcome.secret_files)?;
    let printed = outcome.config.as_ref().map_or(Ok(()), print);
    match args.format {
        Format::Text => tell(clean_lines(&report(&outcome))),
        Format::Json => tell_json(&outcome),
    }
    printed?;
    let refused = outcome.findings.iter().any(|finding| finding.level == Level::Refused);
    Ok(if refused { Exit::Failed } else { Exit::Done })
}

fn read(args: &ImportArgs) -> Result<(Vec<Input>, Option<Input>), Unreadable> {
    let files = args.files.iter().map(|path| read_file(path)).collect::<Result<_, _>>()?;
    let worker = args.worker.as_deref().map(read_file).transpose()?;
    Ok((files, worker))
}

fn read_file(path: &Path) -> Result<Input, Unreadable> {
    let is_stdin = path == Path::new("-");
    let mut bytes = Vec::new();
    let result = match is_stdin {
        true => std::io::stdin().lock().read_to_end(&mut bytes).map(drop),
        false => fs::read(path).map(|content| bytes = content),
    };
    let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    match result {
        Ok(()) => Ok(Input { name, bytes }),
        Err(error) => {
            let remedy = "check the path, and that this user may read it";
            Err(Unreadable { file: name, cause: format!("cannot read the file: {error}"), remedy })
        }
    }
}

/// The configuration may be used from elsewhere, so it names the files by absolute paths.
fn absolute(directory: &Path) -> anyhow::Result<PathBuf> {
    let absolute = std::path::absolute(directory).context("find the directory for secrets")?;
    let usable = absolute.to_str().is_some_and(|path| !path.contains(['}', '$', '\n']));
    if usable {
        Ok(absolute)
    } else {
        Err(Wrong("the path of --include-secrets cannot stand in a reference: use one without `}` and `$`".to_owned())
            .into())
    }
}

fn write_secrets(files: &[SecretFile]) -> anyhow::Result<()> {
    for file in files {
        let directory = file.path.parent().unwrap_or(Path::new("."));
        let path = file.path.display();
        DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE_DIRECTORY)
            .create(directory)
            .with_context(|| format!("create the directory {}", directory.display()))?;
        // A reference to a file takes its content without the last line break.
        let content = format!("{}\n", file.value.expose());
        match OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(&file.path) {
            Ok(mut open) => open.write_all(content.as_bytes()).with_context(|| format!("write {path}"))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let same = fs::read(&file.path).is_ok_and(|existing| existing == content.as_bytes());
                anyhow::ensure!(
                    same,
                    "{path} exists and holds something else: move it away, or name another directory"
                );
            }
            Err(error) => return Err(error).with_context(|| format!("create {path}")),
        }
    }
    Ok(())
}

fn tell_unreadable(unreadable: &Unreadable, format: Format) {
    match format {
        Format::Text => tell(clean_lines(&unreadable.to_string())),
        Format::Json => tell(
            json!({
                "finding": "error",
                "file": unreadable.file,
                "cause": unreadable.cause,
                "remedy": unreadable.remedy,
            })
            .to_string(),
        ),
    }
}

fn tell_json(outcome: &Outcome) {
    for Finding { level, file, key, cause, remedy } in &outcome.findings {
        let line = match level {
            Level::Carried => json!({"finding": level.as_str(), "file": file, "key": key, "to": cause}),
            Level::Refused | Level::Warning | Level::Note => {
                json!({"finding": level.as_str(), "file": file, "key": key, "cause": cause, "remedy": remedy})
            }
        };
        tell(line.to_string());
    }
    for set in &outcome.to_set {
        tell(json!({"finding": "to set", "name": set.name, "what": set.what}).to_string());
    }
    for file in &outcome.secret_files {
        tell(json!({"finding": "secret written", "file": file.path}).to_string());
    }
}

/// What has to be looked at comes first and in full; what needs nobody is a table.
fn report(outcome: &Outcome) -> String {
    let mut parts: Vec<String> = Vec::new();
    let of = |level| outcome.findings.iter().filter(move |finding| finding.level == level);
    parts.extend(of(Level::Refused).chain(of(Level::Warning)).map(Finding::to_string));
    let mut files: Vec<&str> = Vec::new();
    for finding in of(Level::Note) {
        if !files.contains(&finding.file.as_str()) {
            files.push(&finding.file);
        }
    }
    for file in files {
        let notes = of(Level::Note).filter(|finding| finding.file == file);
        let notes: Vec<[String; 2]> = notes.map(|finding| [finding.key.clone(), finding.cause.clone()]).collect();
        parts.extend(table(&format!("nothing to carry over from {file}:"), &notes));
    }
    let to_set: Vec<[String; 2]> = outcome.to_set.iter().map(|set| [set.name.clone(), set.what.clone()]).collect();
    parts.extend(table("to set before it is used:", &to_set));
    if outcome.to_set.iter().any(|set| !set.name.starts_with('/')) {
        parts.push("A secret may lie in a file instead: write ${file:/path} for ${NAME}.".to_owned());
    }
    let written = outcome.secret_files.iter().map(|file| [file.path.display().to_string(), String::new()]);
    parts.extend(table("secrets written, readable by you only:", &written.collect::<Vec<_>>()));
    let count = |level| of(level).count();
    let [refused, warnings, notes, carried] = [Level::Refused, Level::Warning, Level::Note, Level::Carried].map(count);
    parts.push(format!("{refused} refused, {warnings} warnings, {notes} notes, {carried} settings carried over"));
    if refused > 0 && outcome.config.is_some() {
        let hint = "The configuration is incomplete. Its pipeline has a list `not_imported`; decide about each entry and \
                    remove the list. Until then `check` and `run` refuse the file.";
        parts.push(hint.to_owned());
    }
    parts.join("\n\n")
}

fn table(title: &str, rows: &[[String; 2]]) -> Option<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(TABLE_WIDTH);
    table.add_rows(rows);
    let lines: Vec<String> = table.lines().map(|line| format!(" {}", line.trim_end())).collect();
    (!rows.is_empty()).then(|| format!("{title}\n{}", lines.join("\n")))
}
