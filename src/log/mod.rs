//! The log: one line per event on standard error, JSON for machines, text for people at a terminal.
//!
//! - A JSON line holds `ts` (RFC 3339, UTC), `level`, `target`, `msg` and the event's own fields.
//! - Lines that repeat are shown once, counted, and summed up after [`LOG_REPEAT_WINDOW`](crate::defaults::LOG_REPEAT_WINDOW): see `repeats.rs`. DEBUG and TRACE are
//!   exempt: who asks for them wants them all.
//! - Nothing in a field can begin a new line or reach a terminal as a command.
//!
//! Spans are not shown; an event carries its own context in fields. Whether a line may hold something is not decided here:
//! payloads and secrets must not be given to `tracing` in the first place.

mod line;
mod repeats;

#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::defaults::LOG_UPKEEP_INTERVAL;
use crate::metrics::names;
use line::{Line, Value};
use repeats::{Repeats, Said, Verdict};

/// How lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Text when standard error is a terminal, else JSON.
    Auto,
    Json,
    Text,
}

/// Ours from INFO on; from other crates only what is unexpected. The Kafka client reports its errors in another way and
/// words its log lines for its own developers.
const DEFAULT_FILTER: &str = "warn,auditferry=info,librdkafka=off";

static LOG: OnceLock<Arc<Log>> = OnceLock::new();

/// Installs the log for the process. `filter` is a level for our own lines (`debug`), or directives of the form
/// `target=level,...` as [`EnvFilter`] takes them. Only the first call in a process has an effect; a subscriber that somebody
/// who embeds this crate has installed before is left in place.
///
/// # Errors
/// A sentence that says what is wrong with `filter`.
pub fn init(format: Format, filter: Option<&str>) -> Result<(), String> {
    let filter = parse_filter(filter)?;
    let terminal = std::io::stderr().is_terminal();
    let style = match format {
        Format::Json => Style::Json,
        Format::Auto if !terminal => Style::Json,
        Format::Auto | Format::Text => Style::Text { colour: terminal && wants_colour() },
    };
    let log = Arc::new(Log::new(style, Box::new(std::io::stderr())));
    let lines = Lines { log: Arc::clone(&log) };
    if tracing_subscriber::registry().with(lines.with_filter(filter)).try_init().is_ok() {
        LOG.get_or_init(|| log);
    }
    Ok(())
}

/// Writes the summaries that are due; never ends. Without it they come with the next line.
pub async fn run_upkeep() {
    let mut ticks = tokio::time::interval(LOG_UPKEEP_INTERVAL);
    loop {
        ticks.tick().await;
        if let Some(log) = LOG.get() {
            log.end_windows(Instant::now());
        }
    }
}

/// Writes all summaries now: for the end of the process.
pub fn flush() {
    if let Some(log) = LOG.get() {
        let mut inner = log.lock();
        let ended = inner.repeats.all();
        log.write_summaries(&mut inner, ended);
    }
}

fn parse_filter(filter: Option<&str>) -> Result<EnvFilter, String> {
    let filter = filter.map(str::trim).filter(|filter| !filter.is_empty());
    let directives = match filter {
        None => DEFAULT_FILTER.to_owned(),
        Some(level) if level.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            format!("{DEFAULT_FILTER},auditferry={level}")
        }
        Some(directives) => directives.to_owned(),
    };
    EnvFilter::builder().parse(&directives).map_err(|error| {
        let given = filter.unwrap_or_default();
        format!("`{given}` is no log filter ({error}): use error, warn, info, debug or trace, or target=level,...")
    })
}

/// Whether colours are wanted, by the conventions `NO_COLOR`, `FORCE_COLOR` and `TERM`.
fn wants_colour() -> bool {
    use owo_colors::{OwoColorize, Stream};
    "x".if_supports_color(Stream::Stderr, |text| text.red()).to_string() != "x"
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    Json,
    Text { colour: bool },
}

/// The same place in the code, about the same pipeline.
type Key = (Identifier, String);

struct Log {
    style: Style,
    inner: Mutex<Inner>,
}

struct Inner {
    repeats: Repeats<Key, Line>,
    writer: Box<dyn Write + Send>,
}

impl Log {
    fn new(style: Style, writer: Box<dyn Write + Send>) -> Self {
        Self { style, inner: Mutex::new(Inner { repeats: Repeats::new(), writer }) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // A writer that panicked left at worst a line cut short.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn event(&self, event: &Event<'_>, now: Instant) {
        let line = Line::of(event);
        let mut inner = self.lock();
        let ended = inner.repeats.ended(now);
        self.write_summaries(&mut inner, ended);
        if line.level <= Level::INFO {
            let key = (event.metadata().callsite(), line.text_of("pipeline").to_owned());
            let said = Said { line: &line, text: hash_of(&line), always: line.level == Level::ERROR };
            match inner.repeats.judge(key, said, now) {
                Verdict::Suppress => {
                    ::metrics::counter!(names::LOG_MESSAGES_SUPPRESSED).increment(1);
                    return;
                }
                Verdict::Show { before: 0 } => {}
                Verdict::Show { before } => self.write(&mut inner, &summary(&line, before)),
            }
        }
        self.write(&mut inner, &line);
    }

    fn end_windows(&self, now: Instant) {
        let mut inner = self.lock();
        let ended = inner.repeats.ended(now);
        self.write_summaries(&mut inner, ended);
    }

    fn write_summaries(&self, inner: &mut Inner, ended: Vec<(Line, u64)>) {
        for (line, count) in ended {
            self.write(inner, &summary(&line, count));
        }
    }

    fn write(&self, inner: &mut Inner, line: &Line) {
        let time = format!("{:.3}", jiff::Timestamp::now());
        let text = match self.style {
            Style::Json => line.to_json(&time),
            Style::Text { colour } => line.to_text(&time, colour),
        };
        // Nobody can be told that the log cannot be written.
        inner.writer.write_all(text.as_bytes()).unwrap_or_default();
    }
}

/// The line that stands for `count` lines of the kind of `line`. It has their level: what they reported goes on.
fn summary(line: &Line, count: u64) -> Line {
    let mut fields = vec![("like", Value::Text(line.message.clone())), ("count", Value::Plain(count.to_string()))];
    fields.extend(line.fields.iter().find(|(name, _)| *name == "pipeline").cloned());
    Line { message: "repeated lines were suppressed".to_owned(), fields, ..line.clone() }
}

/// Of everything in the line that is shown, except the time.
fn hash_of(line: &Line) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.message.hash(&mut hasher);
    for (name, value) in &line.fields {
        name.hash(&mut hasher);
        match value {
            Value::Text(text) | Value::Plain(text) => text.hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// The subscriber's layer.
struct Lines {
    log: Arc<Log>,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.log.event(event, Instant::now());
    }
}
