//! The configured steps, put together for one walk over an event.

use ::metrics::Counter;
use regex::Regex;

use super::class::{Class, Classes};
use super::config::{RedactConfig, StepConfig};
use super::edits::Label;
use super::path::{Path, Reached};
use super::treatment::Treatment;

/// One bit per pattern.
pub(super) type PatternSet = u64;

/// What a path asks for at its end.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Whole(Label),
    /// The pattern of this number, in what lies there.
    Pattern(usize),
}

#[derive(Clone, Debug)]
struct Pattern {
    label: Label,
    regex: Regex,
}

#[derive(Clone, Debug)]
struct Target {
    treatment: usize,
    counter: Counter,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    treatments: Vec<Treatment>,
    /// By label: in the order of the configuration, so that of two labels the smaller one has precedence.
    targets: Vec<Target>,
    /// Redacted by name.
    pub(super) active: Classes,
    by_class: [Option<Label>; Class::ALL.len()],
    paths: Vec<(Path, Asked)>,
    patterns: Vec<Pattern>,
    /// Patterns that are searched for where a class stands.
    patterns_by_class: [PatternSet; Class::ALL.len()],
    /// Classes whose places are looked for: active, or searched by a pattern.
    pub(super) wanted: Classes,
    pub(super) keep_members: Vec<String>,
}

impl Plan {
    /// `counter` makes the counter of what is redacted under a name from the configuration.
    pub(super) fn new(config: &RedactConfig, counter: &dyn Fn(&str) -> Counter) -> Self {
        let mut plan = Self::default();
        for step in &config.steps {
            plan.add(step, counter);
        }
        plan
    }

    fn add(&mut self, step: &StepConfig, counter: &dyn Fn(&str) -> Counter) {
        self.treatments.push(step.treatment.clone());
        for class in &step.classes {
            let label = self.label(counter(class.as_str()));
            self.by_class[class.index()] = Some(label);
            self.active = self.active.with(*class);
        }
        for path in &step.paths {
            let label = self.label(counter(path.as_str()));
            self.paths.push((path.clone(), Asked::Whole(label)));
        }
        for pattern in &step.patterns {
            let label = self.label(counter("patterns"));
            let number = self.patterns.len();
            self.patterns.push(Pattern { label, regex: pattern.pattern.clone() });
            for class in &pattern.classes {
                self.patterns_by_class[class.index()] |= 1 << number;
                self.wanted = self.wanted.with(*class);
            }
            self.paths.extend(pattern.paths.iter().map(|path| (path.clone(), Asked::Pattern(number))));
        }
        self.wanted = self.wanted.or(self.active);
        self.keep_members.extend(step.keep_members.iter().cloned());
    }

    fn label(&mut self, counter: Counter) -> Label {
        let label = Label::try_from(self.targets.len()).unwrap_or(Label::MAX);
        self.targets.push(Target { treatment: self.treatments.len() - 1, counter });
        label
    }

    pub(super) fn treatment(&self, label: Label) -> &Treatment {
        &self.treatments[self.targets[usize::from(label)].treatment]
    }

    pub(super) fn count(&self, label: Label) {
        self.targets[usize::from(label)].counter.increment(1);
    }

    pub(super) fn label_of(&self, class: Class) -> Option<Label> {
        self.by_class[class.index()]
    }

    /// Whether values of CRNs are looked at.
    pub(super) fn reads_crns(&self) -> bool {
        let in_crns = [
            Class::Principal,
            Class::CredentialId,
            Class::Organization,
            Class::Environment,
            Class::Cluster,
            Class::Name,
        ];
        in_crns.into_iter().any(|class| self.active.has(class))
    }

    /// Whether the type beside a resource is looked at.
    pub(super) fn reads_types(&self) -> bool {
        !self.wanted.without(Class::Email).without(Class::ClientIp).without(Class::RequestId).is_empty()
    }

    pub(super) fn patterns_at(&self, classes: Classes) -> PatternSet {
        if self.patterns.is_empty() {
            return 0;
        }
        classes.iter().fold(0, |set, class| set | self.patterns_by_class[class.index()])
    }

    /// The patterns of a set, each with its label.
    pub(super) fn patterns(&self, set: PatternSet) -> impl Iterator<Item = (Label, &Regex)> {
        let in_set = move |(number, _): &(usize, &Pattern)| set >> number & 1 == 1;
        self.patterns.iter().enumerate().filter(in_set).map(|(_, pattern)| (pattern.label, &pattern.regex))
    }

    pub(super) fn path_count(&self) -> usize {
        self.paths.len()
    }

    /// Appends what the event itself is reached by, path by path.
    pub(super) fn start(&self, reached: &mut Vec<Reached>) {
        reached.extend(self.paths.iter().map(|(path, _)| path.start()));
    }

    /// Appends what a member is reached by; `parent` is where that of its container begins.
    pub(super) fn step(&self, reached: &mut Vec<Reached>, parent: usize, name: &str) {
        for (at, (path, _)) in self.paths.iter().enumerate() {
            let from = reached.get(parent + at).copied().unwrap_or_default();
            reached.push(if from == 0 { 0 } else { path.step(from, name) });
        }
    }

    /// What the paths ask for that end here.
    pub(super) fn asked(&self, reached: &[Reached]) -> (Option<Label>, PatternSet) {
        let mut asked: (Option<Label>, PatternSet) = (None, 0);
        for ((path, what), reached) in self.paths.iter().zip(reached) {
            match what {
                _ if !path.is_end(*reached) => {}
                Asked::Whole(label) => asked.0 = Some(asked.0.map_or(*label, |other| other.min(*label))),
                Asked::Pattern(number) => asked.1 |= 1 << number,
            }
        }
        asked
    }
}
