//! `deadletter list | show | retry`: the letters of one pipeline.
//!
//! A retry goes letter by letter: it is encoded by the pipeline's own sink, sent, and leaves the store only after the sink's
//! proof of delivery. A letter that is refused again stays. What is no refusal (nobody answers, the token is not taken) ends
//! the retry: the next letter would fare no better.
//!
//! What has not been redacted is printed only when somebody asks for it: see [`super::reveal`].

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args as ClapArgs, Subcommand};
use comfy_table::{Table, presets};
use jiff::Timestamp;
use serde_json::json;

use super::resend::{Resender, Sent};
use super::reveal::{KeygenArgs, Opened, Reveal, keygen, open, private_key, without_foreign_words};
use super::terminal::{Format, clean, clean_lines, print, print_json, print_line, tell};
use super::{Exit, Wrong, load, pipeline};
use crate::config::{DeadLetterConfig, PipelineConfig};
use crate::dead_letter::{Cursor, Found, PrivateKey, Selection, Store, StoredLetter};
use crate::delivery::attempt::Failure;
use crate::delivery::letter::Content;
use crate::reason::Reason;

#[derive(Debug, Subcommand)]
pub(super) enum DeadletterCommand {
    /// Lists the letters of a pipeline.
    List(ListArgs),
    /// Shows one letter.
    Show(ShowArgs),
    /// Sends letters to the sink again; those that it proves to have leave the store.
    Retry(RetryArgs),
    /// Makes the keys for letters that are to be encrypted: `dead_letter: {unclear: {encrypt: {public_key: …}}}`.
    Keygen(KeygenArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct ListArgs {
    #[command(flatten)]
    of: Of,

    /// In a table, show at most this many.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,

    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    of: Of,

    /// The letter, as `list` names it.
    id: String,

    /// Print the record's value and nothing else, byte for byte.
    #[arg(long, conflicts_with = "format")]
    raw: bool,

    #[command(flatten)]
    reveal: Reveal,

    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RetryArgs {
    #[command(flatten)]
    of: Of,

    #[command(flatten)]
    which: Which,

    /// Say what would be sent, and send nothing.
    #[arg(long)]
    dry_run: bool,

    /// The private key of encrypted letters.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
struct Which {
    /// The letters, as `list` names them.
    #[arg(value_name = "ID")]
    ids: Vec<String>,

    /// All letters of the pipeline.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, ClapArgs)]
struct Of {
    /// The pipeline; may be left out when there is only one.
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
}

pub(super) fn deadletter(path: &Path, command: &DeadletterCommand) -> anyhow::Result<Exit> {
    let of = match command {
        DeadletterCommand::List(ListArgs { of, .. })
        | DeadletterCommand::Show(ShowArgs { of, .. })
        | DeadletterCommand::Retry(RetryArgs { of, .. }) => of,
        DeadletterCommand::Keygen(args) => return keygen(args),
    };
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let pipeline = pipeline(&config, of.pipeline.as_deref())?;
    let store = match Store::existing(&pipeline.name, &pipeline.dead_letter) {
        Ok(Some(store)) => store,
        Ok(None) => return Err(Wrong(format!("pipeline `{}` has no dead-letter store", pipeline.name)).into()),
        Err(failure) => return Ok(unreadable(&failure)),
    };
    match command {
        DeadletterCommand::List(args) => list(pipeline, &store, args),
        DeadletterCommand::Show(args) => show(pipeline, &store, args),
        DeadletterCommand::Retry(args) => retry(pipeline, &store, args),
        DeadletterCommand::Keygen(args) => keygen(args),
    }
}

fn unreadable(failure: &Failure) -> Exit {
    tell(clean(&format!("error: {}", failure.detail)));
    Exit::CouldNotCheck
}

fn list(pipeline: &PipelineConfig, store: &Store, args: &ListArgs) -> anyhow::Result<Exit> {
    let mut letters = match store.letters(Selection::All) {
        Ok(letters) => letters,
        Err(failure) => return Ok(unreadable(&failure)),
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["ID", "TOPIC", "PARTITION", "OFFSET", "TIME", "REASON", "DETAIL"]);
    let (mut count, mut exit) = (0usize, Exit::Done);
    loop {
        let Found { id, letter } = match letters.next_letter() {
            Ok(Some(found)) => found,
            Ok(None) => break,
            Err(failure) => {
                exit = exit.worse(unreadable(&failure));
                break;
            }
        };
        let letter = letter.map(|letter| without_foreign_words(letter, pipeline.chain.redact.is_enabled()));
        match letter {
            Ok(letter) if args.format == Format::Json => print_json(&listed(&id, &letter))?,
            Ok(letter) if count < args.limit => drop(table.add_row(row(&id, &letter))),
            Ok(_) => {}
            Err(failure) => {
                tell(clean(&format!("error: {}", failure.detail)));
                exit = exit.worse(Exit::Failed);
                continue;
            }
        }
        count += 1;
    }
    if args.format == Format::Text && count > 0 {
        print_line(table.trim_fmt())?;
    }
    if args.format == Format::Text && count > args.limit {
        tell(format!("{} more are not shown: use --limit or --format json", count - args.limit));
    }
    tell(format!("{count} letters in {}", clean(&store.place())));
    Ok(exit)
}

fn row(id: &str, StoredLetter { letter, .. }: &StoredLetter) -> [String; 7] {
    [
        clean(id).into_owned(),
        clean(letter.topic.as_str()).into_owned(),
        letter.partition.to_string(),
        letter.offset.to_string(),
        time(letter.timestamp_ms),
        letter.failure.reason.to_string(),
        clean(&letter.failure.detail).into_owned(),
    ]
}

fn time(timestamp_ms: Option<i64>) -> String {
    let time = timestamp_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "-".to_owned(), |time| time.to_string())
}

fn listed(id: &str, StoredLetter { pipeline, quarantined_at, letter }: &StoredLetter) -> serde_json::Value {
    json!({
        "id": id,
        "pipeline": pipeline,
        "topic": letter.topic.as_str(),
        "partition": letter.partition.get(),
        "offset": letter.offset.get(),
        "timestamp_ms": letter.timestamp_ms,
        "reason": letter.failure.reason,
        "detail": letter.failure.detail,
        "quarantined_at": quarantined_at,
        "redaction": words_for(letter.content).split(':').next(),
        "value_bytes": letter.value.as_ref().map(Vec::len),
    })
}

fn show(pipeline: &PipelineConfig, store: &Store, args: &ShowArgs) -> anyhow::Result<Exit> {
    let found = store.letters(Selection::Ids(vec![args.id.clone()])).and_then(|mut letters| letters.next_letter());
    let letter = match found {
        Ok(Some(Found { letter, .. })) => letter,
        Ok(None) => return Err(anyhow!("there is no letter {} in {}", args.id, store.place())),
        Err(failure) => return Ok(unreadable(&failure)),
    };
    let letter = letter.map_err(|failure| anyhow!(failure.detail))?;
    let (letter, hidden) = match open(letter, pipeline.chain.redact.is_enabled(), &args.reveal)? {
        Opened::Shown(letter) => (letter, None),
        Opened::Hidden { letter, why } => (letter, Some(why)),
    };
    match (args.raw, args.format) {
        (true, _) if hidden.is_some() => {}
        (true, _) => print(letter.letter.value.unwrap_or_default())?,
        (false, Format::Json) => print(letter.to_json())?,
        (false, Format::Text) => print_line(clean_lines(&for_people(&args.id, &letter, hidden)))?,
    }
    if let (Some(why), true) = (hidden, args.raw || args.format == Format::Json) {
        tell(why);
    }
    Ok(if hidden.is_some() && args.raw { Exit::Failed } else { Exit::Done })
}

fn for_people(
    id: &str,
    StoredLetter { pipeline, quarantined_at, letter }: &StoredLetter,
    hidden: Option<&'static str>,
) -> String {
    let bytes = |bytes: Option<&[u8]>| match bytes.map(|bytes| (std::str::from_utf8(bytes), bytes.len())) {
        None => "none".to_owned(),
        Some((Ok(text), _)) => text.to_owned(),
        Some((Err(_), len)) => format!("{len} bytes that are not UTF-8; see --raw or --format json"),
    };
    let mut lines = vec![
        format!("letter          {id}"),
        format!("pipeline        {pipeline}"),
        format!("record          topic {}, partition {}, offset {}", letter.topic, letter.partition, letter.offset),
        format!("time            {}", time(letter.timestamp_ms)),
        format!("quarantined at  {quarantined_at}"),
        format!("reason          {}", letter.failure.reason),
        format!("detail          {}", letter.failure.detail),
        format!("redaction       {}", words_for(letter.content)),
    ];
    if let Some(why) = hidden {
        lines.extend([String::new(), why.to_owned()]);
        return lines.join("\n");
    }
    lines.push(format!("key             {}", bytes(letter.key.as_deref())));
    for (name, value) in &letter.headers {
        lines.push(format!("header          {name}: {}", bytes(value.as_deref())));
    }
    lines.push(String::new());
    lines.push(bytes(letter.value.as_deref()));
    lines.join("\n")
}

const fn words_for(content: Content) -> &'static str {
    match content {
        Content::AsRead => "none: the record as it was read",
        Content::Cleared => "done: what was left of the record",
        Content::Unclear => "not possible: the record as it was read",
        Content::Withheld => "not possible: the content was not kept",
        Content::Encrypted => "not possible: the record as it was read, encrypted",
    }
}

/// What became of the letters of a retry.
#[derive(Default)]
struct Tally {
    delivered: usize,
    refused: usize,
    unreadable: usize,
    /// Why the rest was not tried.
    stopped: Option<Failure>,
}

fn retry(pipeline: &PipelineConfig, store: &Store, args: &RetryArgs) -> anyhow::Result<Exit> {
    let is_topic = matches!(pipeline.dead_letter, DeadLetterConfig::Topic { .. });
    if is_topic && !args.which.all {
        let remedy = "letters in a topic are sent again in their order, up to a position: use --all";
        return Err(Wrong(remedy.to_owned()).into());
    }
    let selection = if args.which.all { Selection::All } else { Selection::Ids(args.which.ids.clone()) };
    let key = args.key_file.as_deref().map(private_key).transpose()?;
    let mut resender = Resender::new(&pipeline.sink, &pipeline.chain)?;
    let mut letters = store.letters(selection).map_err(|failure| anyhow!(failure.detail))?;
    let mut tally = Tally::default();
    while tally.stopped.is_none() {
        let Some(found) = letters.next_letter().map_err(|failure| anyhow!(failure.detail))? else { break };
        match found.letter {
            Err(failure) => {
                tell(clean(&format!("error: {}", failure.detail)));
                tally.unreadable += 1;
            }
            Ok(letter) if args.dry_run => say("would send", &found.id, Some(&letter.letter.failure), args.format)?,
            Ok(letter) => {
                let mut attempt = Attempt { resender: &mut resender, key: key.as_ref(), format: args.format };
                one(&mut attempt, &mut letters, (&found.id, letter), &mut tally)?;
            }
        }
    }
    Ok(conclude(&tally, args.dry_run))
}

/// What a letter is sent with.
struct Attempt<'a> {
    resender: &'a mut Resender,
    key: Option<&'a PrivateKey>,
    format: Format,
}

fn one(
    Attempt { resender, key, format }: &mut Attempt<'_>,
    letters: &mut Cursor<'_>,
    (id, stored): (&str, StoredLetter),
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let format = *format;
    let mut letter = stored.letter;
    let sent = match key.filter(|_| letter.content == Content::Encrypted).map(|key| key.open(&letter)) {
        None => resender.send(&letter),
        Some(Ok(opened)) => resender.send(&opened),
        Some(Err(problem)) => Sent::Refused(Failure::new(Reason::Unredactable, problem)),
    };
    match sent {
        Sent::Delivered => {
            letters.delivered(id).map_err(|failure| anyhow!(failure.detail)).context("forget a delivered letter")?;
            tally.delivered += 1;
            say("delivered", id, None, format)
        }
        Sent::Refused(failure) => {
            letter.failure = failure;
            letters.refused(&letter).map_err(|failure| anyhow!(failure.detail)).context("keep a refused letter")?;
            tally.refused += 1;
            say("refused", id, Some(&letter.failure), format)
        }
        Sent::NotNow(failure) => {
            say("not sent", id, Some(&failure), format)?;
            tally.stopped = Some(failure);
            Ok(())
        }
    }
}

fn say(outcome: &str, id: &str, failure: Option<&Failure>, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => print_json(&json!({
            "id": id,
            "outcome": outcome.replace(' ', "_"),
            "reason": failure.map(|failure| failure.reason),
            "detail": failure.map(|failure| &failure.detail),
        })),
        Format::Text => {
            let why = failure.map_or_else(String::new, |failure| format!("  {failure}"));
            print_line(clean(&format!("{outcome:<10} {id}{why}")))
        }
    }
}

fn conclude(tally: &Tally, dry_run: bool) -> Exit {
    let Tally { delivered, refused, unreadable, stopped } = tally;
    if !dry_run {
        tell(format!("{delivered} delivered, {refused} refused again, {unreadable} could not be read"));
    }
    if let Some(failure) = stopped {
        tell(clean(&format!("stopped: {failure}; the letters that are left are untouched")));
    }
    match refused + unreadable == 0 && stopped.is_none() {
        true => Exit::Done,
        false => Exit::Failed,
    }
}
