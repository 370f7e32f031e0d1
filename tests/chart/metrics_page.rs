//! `docs/metrics.md`, made from the code that defines the metrics: their names, labels and help stand there once.

use super::helm::{golden, read};

struct Metric {
    name: String,
    kind: &'static str,
    labels: String,
    help: String,
}

/// The string literals of a piece of code, in order, with the place where each ends.
fn literals(code: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + code.get(from..)?.find('"')? + 1;
        let end = start + code[start..].find('"')?;
        from = end + 1;
        Some((&code[start..end], from))
    })
}

fn kind_of(name: &str, is_histogram: bool) -> &'static str {
    if is_histogram {
        "histogram"
    } else if name.ends_with("_total") {
        "counter"
    } else {
        "gauge"
    }
}

/// What is counted where it happens: a constant with its labels above it, and its help in `describe`.
fn counted() -> Vec<Metric> {
    let code = read("src/metrics/mod.rs");
    let (constants, rest) = code.split_once("Content type of").expect("the constants come first");
    let (_, described) = rest.split_once("fn describe()").expect("the help follows");
    let histograms = described.find("Unit::Seconds").map_or(described, |end| {
        let start = described[..end].rfind("for (name, help)").expect("a loop");
        &described[start..]
    });
    let blocks = constants.split("/// ").skip(1).filter(|block| block.contains("pub const"));
    blocks
        .map(|block| {
            let labels = block.lines().next().expect("a line").trim_start_matches("Labels: ").trim_end_matches('.');
            let constant =
                block.split("pub const ").nth(1).and_then(|text| text.split(':').next()).expect("a constant");
            let (name, _) = literals(block.split("pub const").nth(1).expect("a constant")).next().expect("its name");
            let mention = format!("names::{constant},");
            let at = described.find(&mention).unwrap_or_else(|| panic!("{constant} has no help"));
            let (help, _) = literals(&described[at..]).next().expect("a help");
            let labels = labels.replace("No labels", "");
            let kind = kind_of(name, histograms.contains(&mention));
            Metric { name: name.to_owned(), kind, labels, help: help.to_owned() }
        })
        .collect()
}

/// What is taken from the status board, and from the process.
fn shown() -> Vec<Metric> {
    let board = read("src/metrics/board.rs");
    let code = board.clone() + &read("src/metrics/process.rs");
    let places =
        ["type PerFilter", "type PerPartition", "pub(super) fn render"].map(|mark| code.find(mark).expect("a mark"));
    let all: Vec<(&str, usize)> = literals(&code).collect();
    let names: Vec<usize> = (0..all.len()).filter(|index| all[*index].0.starts_with("auditferry_")).collect();
    names
        .iter()
        .enumerate()
        .filter(|(_, index)| all[**index + 1].0.ends_with('.'))
        .map(|(place, index)| {
            let (name, end) = all[*index];
            let next = names.get(place + 1).map_or(code.len(), |next| all[*next].1);
            let labels = match end {
                end if end < places[0] => "pipeline".to_owned(),
                end if end < places[1] => "pipeline, rule".to_owned(),
                end if end < places[2] => "pipeline, topic, partition".to_owned(),
                _ => labels_in(&code[end..next]),
            };
            Metric { name: name.to_owned(), kind: kind_of(name, false), labels, help: all[*index + 1].0.to_owned() }
        })
        .collect()
}

/// The keys of pairs like `("pipeline", &pipeline.name)`.
fn labels_in(code: &str) -> String {
    let pairs = code.split("(\"").skip(1).filter_map(|rest| rest.split_once("\", "));
    let keys: Vec<&str> = pairs.map(|(key, _)| key).filter(|key| key.chars().all(|c| c.is_ascii_lowercase())).collect();
    keys.join(", ")
}

#[test]
fn the_page_of_metrics_is_what_the_code_says() {
    let mut metrics = shown();
    metrics.extend(counted());
    metrics.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(metrics.len() > 40, "{} metrics", metrics.len());
    let mut text = "\
# Metrics

<!-- Made from the code: `make chart-golden` writes this page. -->

At `/metrics` of the admin server, in Prometheus' text format. A label's value comes from the configuration or from a closed list, or is a topic or
partition that is assigned at the moment. A counter that has not counted yet is not there, except for those of records. At every scrape
`auditferry_records_read_total` is the sum of delivered, filtered, dead-lettered, released and in flight.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
"
    .to_owned();
    for Metric { name, kind, labels, help } in metrics {
        text.push_str(&format!("| `{name}` | {kind} | {labels} | {help} |\n"));
    }
    golden("docs/metrics.md", &text);
}
