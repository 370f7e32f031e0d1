//! The verdict for people: one sentence, the counts behind it, and what to do next.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use owo_colors::{OwoColorize, Stream, Style};

use super::super::terminal::{clean, stdout_is_terminal};
use crate::demo::{Verdict, thousands};

/// As wide as any terminal is.
const WIDTH: u16 = 80;

pub(super) fn text(verdict: &Verdict) -> String {
    let sentence = sentence(verdict);
    let sentence = if verdict.passed() {
        painted(&format!(" ✓ {sentence}"), Style::new().green().bold())
    } else {
        painted(&format!(" ✗ {sentence}"), Style::new().red().bold())
    };
    format!("\n{}\n\n{sentence}\n\n{NEXT}", table(verdict))
}

const NEXT: &str = "\
 Next
   1. Copy config/audit-cluster-to-splunk.yaml to auditferry.yaml, and put your addresses in
   2. auditferry check --online      would it work? Changes nothing, writes no event
   3. README.md                      what is guaranteed, and how it is measured
";

fn sentence(verdict: &Verdict) -> String {
    if verdict.lost > 0 {
        return format!("LOST: {} of {} events", thousands(verdict.lost), thousands(verdict.produced));
    }
    if verdict.produced == 0 {
        return "NOTHING TO COUNT: no event was produced".to_owned();
    }
    if !verdict.uncommitted.is_empty() {
        let partitions = verdict.uncommitted.len();
        return format!("NOT COMMITTED: nothing was lost, but {partitions} partitions would be read again");
    }
    if !verdict.missed.is_empty() {
        let missed: Vec<&str> = verdict.missed.iter().map(|act| act.as_str()).collect();
        return format!("NOT AS ANNOUNCED: nothing was lost, but this went otherwise: {}", missed.join(", "));
    }
    if !verdict.duplicates.are_explained() {
        return "UNEXPLAINED DUPLICATES: nothing was lost, but more was sent twice than had to be".to_owned();
    }
    if !verdict.books_agree {
        return "WRONG BOOKS: nothing was lost, but auditferry's own counts are not those of the far side".to_owned();
    }
    format!("NOTHING LOST: all {} events are accounted for at the far side", thousands(verdict.produced))
}

fn table(verdict: &Verdict) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY.with_rounded_corners());
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    let mut row = |name: &str, figure: String, remark: String| {
        table.add_row([Cell::new(name), Cell::new(figure).set_alignment(CellAlignment::Right), Cell::new(remark)]);
    };
    row("produced", thousands(verdict.produced), format!("read by auditferry: {}", thousands(verdict.read)));
    row("delivered", thousands(verdict.delivered), "different events that Splunk has".to_owned());
    row("filtered", thousands(verdict.filtered), "by rules; there are none here".to_owned());
    row("dead-lettered", thousands(verdict.dead_lettered), letters(verdict));
    row("lost", thousands(verdict.lost), lost(verdict));
    row("duplicates", thousands(verdict.duplicates.total), duplicates(verdict));
    let at_end = verdict.partitions - verdict.uncommitted.len();
    row("committed", format!("{at_end} of {}", verdict.partitions), committed(verdict));
    row("events/s", thousands(verdict.backlog_per_second), "while it caught up on the backlog".to_owned());
    let (median, remark) = latency(verdict);
    row("latency", median, remark);
    table
}

fn letters(verdict: &Verdict) -> String {
    let Some(first) = verdict.letters.first() else { return String::new() };
    format!("partition {}, offset {}: {}", first.partition, first.offset, clean(&first.detail))
}

fn lost(verdict: &Verdict) -> String {
    match verdict.lost_at.first() {
        None => "neither in Splunk nor a dead letter".to_owned(),
        Some((partition, offset)) => format!("the first is partition {partition}, offset {offset}"),
    }
}

fn duplicates(verdict: &Verdict) -> String {
    let (total, expected) = (verdict.duplicates.total, verdict.duplicates.expected);
    if total == 0 {
        return "nothing was sent twice".to_owned();
    }
    if total != expected {
        return format!("the lost answer explains {expected} of them");
    }
    "Splunk took them and its answer was lost; each carries topic, partition and offset, so they can be removed"
        .to_owned()
}

fn committed(verdict: &Verdict) -> String {
    match verdict.uncommitted.first() {
        None => "partitions, each to its end".to_owned(),
        Some(first) => {
            let committed = first.committed.map_or("nothing".to_owned(), |at| at.to_string());
            format!("partition {} ends at {}, committed is {committed}", first.partition, first.end)
        }
    }
}

fn latency(verdict: &Verdict) -> (String, String) {
    let longest = format!("longest wait in the faults {:.1} s", seconds(verdict.latency.longest_ms));
    match (verdict.latency.p50_ms, verdict.latency.p99_ms) {
        (Some(p50), Some(p99)) => {
            (format!("{p50} ms"), format!("p50 from Kafka to Splunk while all was well, p99 {p99} ms; {longest}"))
        }
        _ => ("unknown".to_owned(), longest),
    }
}

fn seconds(millis: u64) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}

fn painted(text: &str, style: Style) -> String {
    if !stdout_is_terminal() {
        return text.to_owned();
    }
    text.if_supports_color(Stream::Stdout, |text| text.style(style)).to_string()
}
