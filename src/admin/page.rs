//! `/statusz` for a browser: one page without scripts or anything fetched, that reloads itself and prints well.

use std::fmt::Display;

use super::statusz::{Document, Pipeline};

const HEAD: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width"><title>auditferry</title><style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
.verdict { font-size: 1.3rem; padding: .7rem 1rem; border-left: .4rem solid #2a8a3e; background: #2a8a3e1a }
.unwell { border-color: #c62828; background: #c628281a }
table { border-collapse: collapse; width: 100%; margin: .7rem 0 1.5rem; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #8885 }
th:first-child, td:first-child { text-align: left }
caption { text-align: left; font-weight: 600 }
small { opacity: .7 }
</style></head><body>
"#;

pub(super) fn render(document: &Document) -> String {
    let mut out = String::from(HEAD);
    out += "<h1>auditferry</h1>";
    push_verdict(&mut out, document.well, &document.verdict);
    for pipeline in &document.pipelines {
        push_pipeline(&mut out, pipeline);
    }
    out += &format!(
        "<small>{} {}, {}. The same as JSON: <code>curl -s …/statusz</code></small></body></html>\n",
        document.program,
        document.program_version,
        escaped(&document.time)
    );
    out
}

fn push_pipeline(out: &mut String, pipeline: &Pipeline) {
    out.push_str(&format!("<h2>{}</h2>", escaped(&pipeline.name)));
    push_verdict(out, pipeline.well, &pipeline.verdict);
    let about = format!("{} since {}; delivered means {}", pipeline.state, pipeline.since, pipeline.delivery);
    out.push_str(&format!("<p>{}</p>", escaped(&about)));
    if let Some(last) = &pipeline.last_failure {
        let text = format!("{}: {}: {}", last.at, last.trouble.reason, last.trouble.detail);
        out.push_str(&format!("<p>Last failure: {}</p>", escaped(&text)));
    }
    let p = &pipeline.progress;
    let counts = [p.read, p.delivered, p.filtered, p.dead_lettered, p.released, p.in_flight].map(|n| n.to_string());
    let heads = ["read", "delivered", "filtered", "dead-lettered", "given back", "in flight"];
    push_table(out, "Records since the start", &heads, [counts.to_vec()]);
    let rows = pipeline.partitions.iter().map(|p| {
        let left = p.retention_left_seconds / 3600.0;
        let place = format!("{} {}", p.topic, p.partition);
        vec![place, shown(p.committed), p.watermark.to_string(), shown(p.end), shown(p.lag), format!("{left:.1}")]
    });
    let heads = ["partition", "committed", "settled to", "end", "behind", "hours until records expire"];
    push_table(out, "Partitions", &heads, rows);
    let rows = pipeline.gaps.iter().map(|gap| {
        let place = format!("{} {}", gap.topic, gap.partition);
        let offsets = format!("{} to {}", gap.expected_offset, gap.resumed_offset);
        let unknown = || "unknown".to_owned();
        let times = [&gap.from_time, &gap.to_time].map(|time| time.clone().unwrap_or_else(unknown));
        vec![place, offsets, gap.records.to_string(), times.join(" to "), gap.found_at.clone()]
    });
    push_table(out, "Gaps: gone before they could be read", &["partition", "offsets", "count", "time", "found"], rows);
}

fn push_verdict(out: &mut String, well: bool, verdict: &str) {
    let class = if well { "verdict" } else { "verdict unwell" };
    out.push_str(&format!("<p class=\"{class}\">{}</p>", escaped(verdict)));
}

/// A table, unless it has no rows.
fn push_table(out: &mut String, caption: &str, heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    if rows.is_empty() {
        return;
    }
    let cells = |kind: &str, texts: &mut dyn Iterator<Item = &str>| {
        let cells: String = texts.map(|text| format!("<{kind}>{}</{kind}>", escaped(text))).collect();
        format!("<tr>{cells}</tr>")
    };
    out.push_str(&format!("<table><caption>{}</caption>", escaped(caption)));
    out.push_str(&cells("th", &mut heads.iter().copied()));
    for row in &rows {
        out.push_str(&cells("td", &mut row.iter().map(String::as_str)));
    }
    out.push_str("</table>");
}

fn shown(value: Option<impl Display>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
