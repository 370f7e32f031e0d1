//! Host, source, sourcetype and index of an event: from the configuration by topic, and from the record's headers.
//!
//! - What is configured is put together once per topic and remembered, not once per record.
//! - A header overrides what is configured. Of several headers of one name the last counts; when it is null, empty or not
//!   UTF-8 the configuration stands. Those that are not UTF-8 are counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ::metrics::Counter;

use super::literal::{push_escaped, push_member};
use crate::defaults::HEC_TOPICS_MAX;
use crate::event::{Record, headers};
use crate::sink::splunk_hec::config::{EventConfig, Metadata, RecordHeaders, TopicRule};

/// Names of the four, as they stand in an envelope and in the raw endpoint's address, in the order in which they are written.
pub(super) const MEMBERS: [&str; 4] = ["host", "source", "sourcetype", "index"];

/// Values of the four that a record's headers give.
pub(super) type Overrides<'a> = [Option<&'a str>; 4];

/// What is the same for all events of a topic.
#[derive(Debug)]
pub(super) struct Plan {
    values: [Option<String>; 4],
    /// `"host":"h",...,"event":`
    pub(super) members: Vec<u8>,
    /// `host=h&...`
    pub(super) query: Vec<u8>,
}

impl Plan {
    fn new(metadata: &Metadata) -> Self {
        let Metadata { host, source, sourcetype, index } = metadata.clone();
        let mut plan = Self { values: [host, source, sourcetype, index], members: Vec::new(), query: Vec::new() };
        let (mut members, mut query) = (Vec::new(), Vec::new());
        plan.push_members(&Overrides::default(), &mut members);
        plan.push_query(&Overrides::default(), &mut query);
        (plan.members, plan.query) = (members, query);
        plan
    }

    /// As `members`, with overrides.
    pub(super) fn push_members(&self, overrides: &Overrides<'_>, out: &mut Vec<u8>) {
        for (name, value) in self.with(overrides) {
            push_member(out, name, value);
        }
        out.extend_from_slice(b"\"event\":");
    }

    /// As `query`, with overrides. What is empty is not written: an empty parameter is not an absent one.
    pub(super) fn push_query(&self, overrides: &Overrides<'_>, out: &mut Vec<u8>) {
        for (name, value) in self.with(overrides).filter(|(_, value)| !value.is_empty()) {
            if !out.is_empty() {
                out.push(b'&');
            }
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            push_escaped(out, value);
        }
    }

    fn with<'a>(&'a self, overrides: &Overrides<'a>) -> impl Iterator<Item = (&'static str, &'a str)> {
        let values = self.values.iter().zip(*overrides).map(|(own, over)| over.or(own.as_deref()));
        MEMBERS.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?)))
    }
}

/// The plan of each topic.
#[derive(Debug)]
pub(super) enum Topics {
    Alike(Plan),
    /// Behind a lock that nobody else wants: one thread encodes.
    Each(Mutex<Each>),
}

#[derive(Debug)]
pub(super) struct Each {
    rules: Vec<TopicRule>,
    otherwise: Metadata,
    plans: Vec<Plan>,
    by_topic: HashMap<String, usize>,
    /// Records of one topic come in rows.
    last: (String, usize),
}

impl Topics {
    pub(super) fn new(config: &EventConfig) -> Self {
        if config.per_topic.is_empty() {
            return Self::Alike(Plan::new(&config.metadata));
        }
        let (rules, otherwise) = (config.per_topic.clone(), config.metadata.clone());
        let each =
            Each { rules, otherwise, plans: Vec::new(), by_topic: HashMap::new(), last: (String::new(), usize::MAX) };
        Self::Each(Mutex::new(each))
    }

    /// Calls `then` with the plan of the topic.
    #[inline]
    pub(super) fn with<T>(&self, topic: &str, then: impl FnOnce(&Plan) -> T) -> T {
        match self {
            Self::Alike(plan) => then(plan),
            Self::Each(each) => then(each.lock().unwrap_or_else(PoisonError::into_inner).plan(topic)),
        }
    }
}

impl Each {
    fn plan(&mut self, topic: &str) -> &Plan {
        if self.last.0 != topic || self.last.1 >= self.plans.len() {
            let place = self.place(topic);
            self.last = (topic.to_owned(), place);
        }
        &self.plans[self.last.1]
    }

    fn place(&mut self, topic: &str) -> usize {
        if let Some(place) = self.by_topic.get(topic) {
            return *place;
        }
        if self.plans.len() >= HEC_TOPICS_MAX {
            self.plans.clear();
            self.by_topic.clear();
        }
        let rule = self.rules.iter().find(|rule| rule.topics.covers(topic));
        let metadata = rule.map_or_else(|| self.otherwise.clone(), |rule| over(&rule.metadata, &self.otherwise));
        self.plans.push(Plan::new(&metadata));
        self.by_topic.insert(topic.to_owned(), self.plans.len() - 1);
        self.plans.len() - 1
    }
}

/// Member by member, `above` where it says something.
fn over(above: &Metadata, below: &Metadata) -> Metadata {
    let member = |above: &Option<String>, below: &Option<String>| above.clone().or_else(|| below.clone());
    Metadata {
        host: member(&above.host, &below.host),
        source: member(&above.source, &below.source),
        sourcetype: member(&above.sourcetype, &below.sourcetype),
        index: member(&above.index, &below.index),
    }
}

/// Reads the four from headers.
#[derive(Debug)]
pub(super) struct FromHeaders {
    /// Names of the headers; `None` when no header is named at all.
    names: Option<[Option<String>; 4]>,
    left_out: Counter,
}

impl FromHeaders {
    pub(super) fn new(config: &RecordHeaders, left_out: Counter) -> Self {
        let names = [&config.host, &config.source, &config.sourcetype, &config.index].map(Clone::clone);
        Self { names: names.iter().any(Option::is_some).then_some(names), left_out }
    }

    /// What the record's headers say; `None` when they say nothing.
    #[inline]
    pub(super) fn read<'r>(&self, record: &Record<'r>) -> Option<Overrides<'r>> {
        let names = self.names.as_ref()?;
        if record.headers.is_empty() {
            return None;
        }
        let mut found = Overrides::default();
        for (name, value) in names.iter().zip(&mut found) {
            let text = name.as_ref().and_then(|name| last_text(record.headers, name, &self.left_out));
            *value = text.filter(|text| !text.is_empty());
        }
        found.iter().any(Option::is_some).then_some(found)
    }
}

/// The last header of this name, if it is text.
pub(super) fn last_text<'r>(flat: &'r [u8], name: &str, left_out: &Counter) -> Option<&'r str> {
    let (_, value) = headers::iter(flat).filter(|(known, _)| *known == name).last()?;
    let text = std::str::from_utf8(value?);
    if text.is_err() {
        left_out.increment(1);
    }
    text.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::TopicName;
    use crate::sink::splunk_hec::config::TopicMatch;

    fn named(index: &str) -> Metadata {
        Metadata { index: Some(index.into()), ..Metadata::default() }
    }

    fn members(topics: &Topics, topic: &str) -> String {
        topics.with(topic, |plan| String::from_utf8(plan.members.clone()).unwrap())
    }

    #[test]
    fn the_first_rule_that_matches_a_topic_overrides_member_by_member() {
        let pattern = |text: &str| TopicMatch::Pattern(regex::Regex::new(text).unwrap());
        let config = EventConfig {
            metadata: Metadata { source: Some("s".into()), ..named("main") },
            per_topic: vec![
                TopicRule { topics: TopicMatch::Name(TopicName::new("a")), metadata: named("first") },
                TopicRule { topics: pattern("^(?:a)"), metadata: named("second") },
            ],
            ..EventConfig::default()
        };
        let topics = Topics::new(&config);
        for _ in 0..2 {
            assert_eq!(members(&topics, "a"), r#""source":"s","index":"first","event":"#);
            assert_eq!(members(&topics, "ab"), r#""source":"s","index":"second","event":"#);
            assert_eq!(members(&topics, "b"), r#""source":"s","index":"main","event":"#);
        }
    }

    #[test]
    fn topics_without_end_take_no_memory_without_end() {
        let rule = TopicRule { topics: TopicMatch::Name(TopicName::new("0")), metadata: named("zero") };
        let topics = Topics::new(&EventConfig { per_topic: vec![rule], ..EventConfig::default() });
        for topic in 0..=HEC_TOPICS_MAX {
            members(&topics, &topic.to_string());
        }
        assert_eq!(members(&topics, "0"), r#""index":"zero","event":"#);
        let Topics::Each(each) = &topics else { panic!("there is a rule") };
        let each = each.lock().unwrap();
        assert!(each.plans.len() <= HEC_TOPICS_MAX && each.by_topic.len() == each.plans.len());
    }

    #[test]
    fn the_last_header_of_a_name_decides_and_says_nothing_when_it_is_null_empty_or_not_text() {
        let read = |values: &[Option<&[u8]>]| {
            let mut flat = Vec::new();
            for value in values {
                headers::push(&mut flat, "i", *value);
                headers::push(&mut flat, "other", Some(b"x"));
            }
            let from = FromHeaders::new(
                &RecordHeaders { index: Some("i".into()), ..RecordHeaders::default() },
                Counter::noop(),
            );
            let record = Record {
                topic: "t",
                partition: crate::position::PartitionId::new(0),
                offset: crate::position::Offset::new(0),
                timestamp_ms: None,
                key: None,
                value: None,
                headers: &flat,
            };
            from.read(&record).map(|found| found[3].unwrap().to_owned())
        };
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[Some(b"a"), Some(b"b")]).as_deref(), Some("b"));
        for silent in [None, Some(&b""[..]), Some(b"\xff")] {
            assert_eq!(read(&[Some(b"a"), silent]), None, "{silent:?}");
        }
    }
}
