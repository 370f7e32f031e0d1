//! The demonstration while it plays, on standard error: one line for each thing that happens, and below them, on a
//! terminal, a bar that follows the counts. Elsewhere the counts come as a line every few seconds.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::{OwoColorize, Stream, Style};

use super::super::terminal::tell;
use crate::demo::{Counts, Scene, thousands};
use crate::status::State;

/// Without a terminal.
const COUNTS_EVERY: Duration = Duration::from_secs(5);

pub(super) struct Screen {
    began: Instant,
    /// `None` when lines are all that can be shown.
    bar: Option<ProgressBar>,
    counted: Mutex<Instant>,
}

impl Screen {
    /// With `plain`, lines only: something else writes to the terminal too.
    pub(super) fn new(plain: bool) -> Self {
        let drawn = io::stderr().is_terminal() && !plain;
        Self { began: Instant::now(), bar: drawn.then(bar), counted: Mutex::new(Instant::now()) }
    }

    pub(super) fn show(&self, scene: &Scene) {
        match scene {
            Scene::Opening { .. } => self.opening(scene),
            Scene::Begins { text, .. } => self.happens("▸", Style::new().yellow(), text),
            Scene::Meanwhile { text, .. } => self.happens("·", Style::new().dimmed(), text),
            Scene::Ends { text, .. } => self.happens("✓", Style::new().green(), text),
            Scene::Missed { act } => {
                self.happens("✗", Style::new().red(), &format!("{} did not go as announced", act.as_str()));
            }
            Scene::Progress(counts) => self.progress(counts),
        }
    }

    /// Takes the bar away.
    pub(super) fn close(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn opening(&self, scene: &Scene) {
        let Scene::Opening { backlog, per_second, partitions, status_page, .. } = scene else { return };
        let title = painted("auditferry demo", Style::new().bold());
        self.line(&format!("\n{title}  from Kafka to Splunk, and nothing lost"));
        self.line("");
        self.line("  Kafka mock cluster  ──▶  auditferry  ──▶  Splunk stand-in   in one process");
        self.line("");
        let backlog = thousands(*backlog);
        self.line(&format!(
            "  {backlog} audit events wait in {partitions} partitions, then {per_second} come in each second."
        ));
        self.line("  Four things go wrong on the way, then the far side is counted. 20 seconds.");
        self.line(&painted(&format!("  Status page for as long as it runs: {status_page}\n"), Style::new().dimmed()));
    }

    fn happens(&self, mark: &str, style: Style, text: &str) {
        let at = format!("{:5.1} s", self.began.elapsed().as_secs_f64());
        self.line(&format!("{}  {} {text}", painted(&at, Style::new().dimmed()), painted(mark, style)));
    }

    fn progress(&self, counts: &Counts) {
        let Some(bar) = &self.bar else {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            if counted.elapsed() >= COUNTS_EVERY {
                *counted = Instant::now();
                self.happens(" ", Style::new(), &words(counts));
            }
            return;
        };
        bar.set_length(counts.produced.max(1));
        bar.set_position(counts.delivered + counts.dead_lettered);
        bar.set_message(words(counts));
        bar.tick();
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => tell(line),
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
    let template = if has_colors() { "         {bar:20.green/dim} {wide_msg}" } else { "         {bar:20} {wide_msg}" };
    // The template is ours; should it be wrong, the bar looks plain.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style.progress_chars("━╸─"))
}

fn words(counts: &Counts) -> String {
    let Counts { delivered, dead_lettered, duplicates, waiting, state, .. } = counts;
    let trouble = match state {
        State::BackingOff => "trying again: ",
        State::Holding => "on hold: ",
        State::Failed => "cannot go on: ",
        State::Starting | State::Running | State::Draining | State::Stopped => "",
    };
    let mut words = format!("{trouble}{} in Splunk, {} on the way", thousands(*delivered), thousands(*waiting));
    if *dead_lettered > 0 {
        words += &format!(", {dead_lettered} dead letter");
    }
    if *duplicates > 0 {
        words += &format!(", {duplicates} twice");
    }
    words
}

fn painted(text: &str, style: Style) -> String {
    if has_colors() { text.style(style).to_string() } else { text.to_owned() }
}

fn has_colors() -> bool {
    let supported = "x".if_supports_color(Stream::Stderr, |text| text.bold()).to_string() != "x";
    supported && io::stderr().is_terminal()
}
