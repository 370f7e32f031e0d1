//! Looking at what has not been redacted: only on request, and of encrypted letters only with the key.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args as ClapArgs;

use super::Exit;
use super::terminal::{print_line, tell};
use crate::dead_letter::{PrivateKey, StoredLetter, new_keys};
use crate::delivery::letter::{Content, Letter};
use crate::secret::read_secret;

#[derive(Debug, ClapArgs)]
pub(super) struct Reveal {
    /// Also print what could not be redacted.
    #[arg(long)]
    reveal: bool,

    /// The private key of encrypted letters; without --reveal it has no effect.
    #[arg(long, value_name = "FILE", requires = "reveal")]
    key_file: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct KeygenArgs {
    /// Where to write the private key. An existing file is not overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// A letter as it may be printed.
pub(super) enum Opened {
    Shown(StoredLetter),
    /// Without its content.
    Hidden {
        letter: StoredLetter,
        why: &'static str,
    },
}

/// `redacts` says whether the pipeline redacts today: then what was read before that is hidden, too.
///
/// # Errors
/// The key cannot be read, or does not open the letter.
pub(super) fn open(stored: StoredLetter, redacts: bool, reveal: &Reveal) -> anyhow::Result<Opened> {
    let why = match stored.letter.content {
        Content::Cleared => return Ok(Opened::Shown(stored)),
        Content::AsRead if !redacts || reveal.reveal => return Ok(Opened::Shown(stored)),
        Content::Unclear if reveal.reveal => return Ok(Opened::Shown(stored)),
        Content::AsRead | Content::Unclear => "the content has not been redacted and is not shown: --reveal shows it",
        Content::Withheld => "the content was not kept: read the record again from Kafka",
        Content::Encrypted => match &reveal.key_file {
            Some(file) => {
                let letter = private_key(file)?.open(&stored.letter).map_err(|problem| anyhow!(problem))?;
                return Ok(Opened::Shown(StoredLetter { letter, ..stored }));
            }
            None => "the content is encrypted: --reveal with --key-file FILE, the private key, shows it",
        },
    };
    let stored = without_foreign_words(stored, redacts);
    let letter = Letter { key: None, headers: Vec::new(), value: None, ..stored.letter };
    Ok(Opened::Hidden { letter: StoredLetter { letter, ..stored }, why })
}

/// The letter without the server's words, which may quote the event, if that was sent before the pipeline redacted anything.
pub(super) fn without_foreign_words(mut stored: StoredLetter, redacts: bool) -> StoredLetter {
    if redacts && stored.letter.content == Content::AsRead {
        stored.letter.failure.detail = "(not shown: it is from before the pipeline redacted anything)".to_owned();
    }
    stored
}

/// # Errors
/// The file cannot be read, or holds something else.
pub(super) fn private_key(file: &Path) -> anyhow::Result<PrivateKey> {
    let in_file = || format!("read the private key in {}", file.display());
    let text = read_secret(file).with_context(in_file)?;
    PrivateKey::parse(&text).map_err(|problem| anyhow!(problem)).with_context(in_file)
}

pub(super) fn keygen(args: &KeygenArgs) -> anyhow::Result<Exit> {
    let (private, public) = new_keys().map_err(|problem| anyhow!(problem)).context("make the keys")?;
    let written = || format!("write the private key to {}", args.out.display());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.out).with_context(written)?;
    writeln!(file, "{}", private.expose()).with_context(written)?;
    file.sync_all().with_context(written)?;
    print_line(public.to_string())?;
    tell(
        "the line above belongs into the configuration, the file to whoever may read the letters: without it nobody can",
    );
    Ok(Exit::Done)
}
