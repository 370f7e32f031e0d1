//! `offsets copy`: says what it would do, and does it only when told to.

use clap::Args as ClapArgs;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

use super::words;
use crate::cli::terminal::{Format, clean, print_json, print_line, tell};
use crate::cli::{Exit, Wrong};
use crate::config::{Config, SourceConfig};
use crate::position::ResumeAt;
use crate::source::kafka::copy::{Check, GroupAt, Move, Plan, apply, plan};
use crate::source::kafka::members::Membership;

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct CopyArgs {
    /// The group whose positions are taken: the name of a source in the configuration, a slash, the group.
    #[arg(long, value_name = "SOURCE/GROUP")]
    from: String,

    /// The group that gets them.
    #[arg(long, value_name = "SOURCE/GROUP")]
    to: String,

    /// Write the positions. Without this, nothing is changed.
    #[arg(long)]
    execute: bool,

    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn copy(config: &Config, args: &CopyArgs) -> anyhow::Result<Exit> {
    let (from, to) = (group_at(config, "--from", &args.from)?, group_at(config, "--to", &args.to)?);
    if args.from == args.to {
        return Err(Wrong("--from and --to name the same group: there is nothing to copy".to_owned()).into());
    }
    let plan = match plan(from, to) {
        Ok(plan) => plan,
        Err(failure) => {
            tell(format!("error: {}", words(&failure)));
            return Ok(Exit::of(failure.reason));
        }
    };
    if args.format == Format::Text {
        print_line(table_of(&plan))?;
    }
    let refused = refusals(&plan, from, to);
    refused.iter().for_each(|refusal| tell(format!("refused: {refusal}")));
    if !refused.is_empty() {
        report(&plan, "refused", args.format)?;
        tell("nothing was changed");
        return Ok(Exit::Failed);
    }
    if !args.execute {
        report(&plan, "would_copy", args.format)?;
        tell(format!("nothing was changed: add --execute to write {} positions", plan.moves.len()));
        return Ok(Exit::Done);
    }
    if let Err(failure) = apply(&plan, to) {
        tell(format!("error: {}", words(&failure)));
        return Ok(Exit::of(failure.reason));
    }
    report(&plan, "copied", args.format)?;
    tell(format!("copied {} positions to group {}, and read them back", plan.moves.len(), clean(to.group)));
    Ok(Exit::Done)
}

fn group_at<'c>(config: &'c Config, option: &str, text: &'c str) -> Result<GroupAt<'c>, Wrong> {
    let form = || Wrong(format!("{option} {text}: write SOURCE/GROUP, for example audit/connect-splunk"));
    let (source, group) = text.split_once('/').filter(|(_, group)| !group.is_empty()).ok_or_else(form)?;
    match config.sources.get(source) {
        Some(SourceConfig::Kafka(kafka)) => Ok(GroupAt { config: kafka, group }),
        None => {
            let names: Vec<&str> = config.sources.keys().map(String::as_str).collect();
            let known = names.join(", ");
            Err(Wrong(format!("{option} {text}: there is no source `{source}`; the configuration has: {known}")))
        }
    }
}

/// Why nothing may be copied; empty when it may.
fn refusals(plan: &Plan, from: GroupAt<'_>, to: GroupAt<'_>) -> Vec<String> {
    let mut refusals = Vec::new();
    for (side, membership) in [(from, &plan.from), (to, &plan.to)] {
        if let Membership::Live { members, .. } = membership {
            let who = clean(&members.join(", ")).into_owned();
            refusals.push(format!("group {} is live: stop {who} first", clean(side.group)));
        }
    }
    for planned in plan.moves.iter().filter(|planned| planned.check.refuses()) {
        let Move { from_topic, partition, .. } = planned;
        refusals.push(format!("{} partition {partition}: {}", clean(from_topic.as_str()), why(planned)));
    }
    refusals
}

fn why(planned: &Move) -> String {
    match planned.check {
        Check::Same => "both sides agree".to_owned(),
        Check::Unproven => "no record there that could be compared".to_owned(),
        Check::Expired { low } => {
            let missing = planned.position.distance_to(low);
            format!("{missing} offsets are not there any more: reading will begin at {low} and report the gap")
        }
        Check::Behind { end } => {
            let missing = end.distance_to(planned.position);
            format!("the mirror is behind by {missing} offsets; wait until it has caught up")
        }
        Check::Different => "the two sides hold different records; the target does not mirror the source".to_owned(),
        Check::Missing => {
            "no topic of the target corresponds, or it has no such partition; check its `topics`".to_owned()
        }
    }
}

fn position(at: Option<ResumeAt>) -> String {
    at.map_or_else(|| "none".to_owned(), |at| at.to_string())
}

fn table_of(plan: &Plan) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["FROM TOPIC", "PARTITION", "TO TOPIC", "POSITION", "BEFORE", "CHECK"]);
    for planned in &plan.moves {
        table.add_row([
            clean(planned.from_topic.as_str()).into_owned(),
            planned.partition.to_string(),
            planned.to_topic.as_ref().map_or_else(|| "-".to_owned(), |topic| clean(topic.as_str()).into_owned()),
            planned.position.to_string(),
            position(planned.before),
            why(planned),
        ]);
    }
    for column in [1, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

fn report(plan: &Plan, outcome: &str, format: Format) -> anyhow::Result<()> {
    if format == Format::Text {
        return Ok(());
    }
    for planned in &plan.moves {
        print_json(&json!({
            "outcome": outcome,
            "from_topic": planned.from_topic.as_str(),
            "partition": planned.partition.get(),
            "to_topic": planned.to_topic.as_ref().map(|topic| topic.as_str()),
            "position": planned.position.get(),
            "before": planned.before.map(ResumeAt::get),
            "refused": planned.check.refuses(),
            "check": why(planned),
        }))?;
    }
    Ok(())
}
