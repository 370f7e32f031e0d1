//! `test`: runs the tests that stand in the configuration. Touches neither Kafka nor the sink.

mod content;

use std::path::Path;

use anyhow::Context;
use clap::Args as ClapArgs;
use serde_json::json;

use super::lines::for_each_line;
use super::terminal::{Format, clean_lines, print_json, print_line, tell};
use super::transform::record;
use super::{Exit, load};
use crate::config::Config;
use crate::config::case::{Expectation, TestCase, TestEvents};
use crate::transform::filter::RuleId;
use crate::transform::{Chain, Verdict};

#[derive(Debug, ClapArgs)]
pub(super) struct TestArgs {
    /// Only tests whose name contains this.
    #[arg(value_name = "TEXT")]
    filter: Option<String>,

    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn test(path: &Path, args: &TestArgs) -> anyhow::Result<Exit> {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let wanted = |case: &&TestCase| args.filter.as_ref().is_none_or(|text| case.name.contains(text.as_str()));
    let cases: Vec<&TestCase> = config.tests.iter().filter(wanted).collect();
    if cases.is_empty() {
        let why = if config.tests.is_empty() { "the configuration has no `tests`" } else { "no test has such a name" };
        tell(format!("error: {why}; nothing was shown"));
        return Ok(Exit::CouldNotCheck);
    }
    let mut failed = 0;
    for case in &cases {
        let report = run(&config, case).with_context(|| format!("test `{}`", case.name))?;
        failed += usize::from(!report.problems.is_empty());
        match args.format {
            Format::Text => print_line(clean_lines(&report.for_people(case)))?,
            Format::Json => print_json(&json!({
                "test": case.name,
                "pipeline": case.pipeline,
                "events": report.events,
                "passed": report.problems.is_empty(),
                "problems": report.problems,
            }))?,
        }
    }
    if args.format == Format::Text {
        print_line(format!("\n{} passed, {failed} failed", cases.len() - failed))?;
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

/// What a test has come to.
struct Report {
    events: usize,
    problems: Vec<String>,
}

/// Problems of a test that are shown; the rest is counted. A rule that is wrong is wrong for every event.
const PROBLEMS_SHOWN: usize = 5;

impl Report {
    fn for_people(&self, case: &TestCase) -> String {
        let noun = if self.events == 1 { "event" } else { "events" };
        if self.problems.is_empty() {
            return format!("ok      {} ({} {noun})", case.name, self.events);
        }
        let mut text = format!("FAILED  {} ({} {noun})", case.name, self.events);
        for problem in self.problems.iter().take(PROBLEMS_SHOWN) {
            text.push_str("\n        ");
            text.push_str(&problem.replace('\n', "\n        "));
        }
        if let Some(more) = self.problems.len().checked_sub(PROBLEMS_SHOWN).filter(|more| *more > 0) {
            text.push_str(&format!("\n        … and {more} more"));
        }
        text
    }
}

fn run(config: &Config, case: &TestCase) -> anyhow::Result<Report> {
    let pipeline = config.pipelines.iter().find(|pipeline| pipeline.name == case.pipeline);
    let pipeline = pipeline.context("its pipeline is not in the configuration")?;
    let rule_names: Vec<String> = pipeline.chain.filters.iter().map(|rule| rule.name.clone()).collect();
    let mut chain = Chain::new(&pipeline.chain);
    let mut report = Report { events: 0, problems: Vec::new() };
    let mut one = |event: &[u8], place: String| {
        let record = record(case.topic.as_str(), report.events as u64, event);
        report.events += 1;
        let problems = judge(chain.clear(record), &case.expect, &rule_names);
        report.problems.extend(problems.into_iter().map(|problem| format!("{place}: {problem}")));
    };
    match &case.events {
        TestEvents::Inline(events) => {
            for (number, event) in (1..).zip(events) {
                one(event.trim().as_bytes(), format!("event {number}"));
            }
        }
        TestEvents::File(path) => for_each_line(std::slice::from_ref(path), &mut |line, place| {
            one(line, place.to_string());
            Ok(())
        })?,
    }
    if report.events == 0 {
        report.problems.push("the file has no events".to_owned());
    }
    Ok(report)
}

/// What is wrong with a verdict: nothing, or some sentences.
fn judge(verdict: Verdict<'_>, expect: &Expectation, rule_names: &[String]) -> Vec<String> {
    let rule_of = |rule: RuleId| rule_names.get(rule.index()).map_or("?", String::as_str);
    match (expect, verdict) {
        (Expectation::Delivered(content), Verdict::Cleared(event)) => content::problems(content, &event),
        (Expectation::DeadLettered, Verdict::Unclear(..)) => Vec::new(),
        (Expectation::Filtered { rule }, Verdict::Filtered(by)) => match rule {
            Some(rule) if rule != rule_of(by) => {
                vec![format!("expected to be filtered by `{rule}`, and `{}` has filtered it", rule_of(by))]
            }
            Some(_) | None => Vec::new(),
        },
        (expect, Verdict::Cleared(_)) => vec![format!("expected to be {}, and it is delivered", word(expect))],
        (expect, Verdict::Filtered(by)) => {
            vec![format!("expected to be {}, and the rule `{}` filters it", word(expect), rule_of(by))]
        }
        (expect, Verdict::Unclear(_, failure)) => {
            vec![format!("expected to be {}, and it becomes a dead letter: {failure}", word(expect))]
        }
    }
}

fn word(expect: &Expectation) -> &'static str {
    match expect {
        Expectation::Delivered(_) => "delivered",
        Expectation::Filtered { .. } => "filtered",
        Expectation::DeadLettered => "dead-lettered",
    }
}
