//! The verdict for people: one sentence, the counts behind it, and what to do next.

use std::time::Duration;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use owo_colors::{OwoColorize, Stream, Style};

use super::super::terminal::{clean, stdout_is_terminal};
use crate::demo::{Verdict, thousands};

/// As wide as any terminal is.
const WIDTH: u16 = 80;

pub(super) fn text(verdict: &Verdict) -> String {
    let (mark, style) = if verdict.passed() { ('✓', Style::new().green()) } else { ('✗', Style::new().red()) };
    let mut text = String::from("\n");
    for line in table(verdict).lines() {
        let is_lost = line.contains("│ lost ");
        text += &if is_lost { painted(&line, style) } else { line };
        text.push('\n');
    }
    let sentence = painted(&format!(" {mark} {}", sentence(verdict)), style.bold());
    let next = if verdict.passed() { NEXT } else { REPORT };
    text + &format!("\n{sentence}\n\n{next}")
}

const REPORT: &str = " Please report this, with the output of `auditferry demo --verbose`.\n";

const NEXT: &str = " Next
   1. Copy config/audit-cluster-to-splunk.yaml to auditferry.yaml and adapt it
   2. auditferry check --online      would it work? Writes no event
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
    let latency = verdict.latency;
    row("latency p50", millis(latency.p50_ms), "from Kafka to Splunk, while all was well".to_owned());
    let longest = Duration::from_millis(latency.longest_ms).as_secs_f64();
    row("latency p99", millis(latency.p99_ms), format!("the longest wait, in the faults: {longest:.1} s"));
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

fn millis(millis: Option<u64>) -> String {
    millis.map_or("unknown".to_owned(), |millis| format!("{millis} ms"))
}

fn painted(text: &str, style: Style) -> String {
    if !stdout_is_terminal() {
        return text.to_owned();
    }
    text.if_supports_color(Stream::Stdout, |text| text.style(style)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{Duplicates, Latency, Uncommitted};

    fn good() -> Verdict {
        Verdict {
            produced: 1_000,
            read: 1_000,
            delivered: 1_000,
            filtered: 0,
            dead_lettered: 0,
            letters: Vec::new(),
            duplicates: Duplicates { total: 0, expected: 0 },
            lost: 0,
            lost_at: Vec::new(),
            uncommitted: Vec::new(),
            partitions: 6,
            books_agree: true,
            missed: Vec::new(),
            backlog_per_second: 1,
            latency: Latency::default(),
            seconds: 1.0,
        }
    }

    #[test]
    fn the_sentence_says_what_is_wrong_and_good_news_only_when_it_passed() {
        assert!(sentence(&good()).starts_with("NOTHING LOST"));
        let uncommitted = vec![Uncommitted { partition: 0, committed: None, end: 9 }];
        for (verdict, begins) in [
            (Verdict { lost: 1, lost_at: vec![(0, 7)], ..good() }, "LOST: 1 of 1,000"),
            (Verdict { produced: 0, ..good() }, "NOTHING TO COUNT"),
            (Verdict { uncommitted, ..good() }, "NOT COMMITTED"),
            (Verdict { duplicates: Duplicates { total: 2, expected: 1 }, ..good() }, "UNEXPLAINED DUPLICATES"),
            (Verdict { books_agree: false, ..good() }, "WRONG BOOKS"),
            (Verdict { missed: vec![crate::demo::Act::Busy], ..good() }, "NOT AS ANNOUNCED"),
        ] {
            assert!(!verdict.passed() && sentence(&verdict).starts_with(begins), "{}", sentence(&verdict));
            assert!(text(&verdict).contains('✗'));
        }
    }

    #[test]
    fn the_result_fits_a_small_terminal() {
        let text = text(&good());
        let too_wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > usize::from(WIDTH)).collect();
        assert!(too_wide.is_empty(), "{too_wide:?}");
    }
}
