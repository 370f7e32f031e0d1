//! The tables as Markdown, for `docs/mappings.md`.

use std::fmt::Write as _;

use super::cim::{Action, Cim, Model, ObjectCategory};
use super::class::{ROWS, Sign};
use super::ecs::{Ecs, Word};
use super::fact::{Derivation, Fact, Source};
use super::ocsf::{Activity, Ocsf};
use super::row::{From, How, Row, Target, When};

/// The tables, by the names under which the documentation holds them.
pub fn tables() -> [(&'static str, String); 5] {
    [
        ("classes", classes()),
        ("facts", facts()),
        ("cim", rows::<Cim>()),
        ("ocsf", rows::<Ocsf>()),
        ("ecs", rows::<Ecs>()),
    ]
}

fn classes() -> String {
    let lines = ROWS.iter().map(|row| {
        let (cim, ocsf, ecs) = (row.cim, row.ocsf, row.ecs);
        let only = if cim.only_denied { "failures: " } else { "" };
        let cim = match cim.model {
            Model::None => "none".to_owned(),
            model @ (Model::Authentication
            | Model::DataAccess
            | Model::Change
            | Model::Account
            | Model::Auditing
            | Model::Network
            | Model::Instance) => format!(
                "{only}{model:?} ({}), {}, {}",
                model.tags().join(", "),
                action(cim.action),
                category(cim.category)
            ),
        };
        let (success, failure) = ocsf.severity;
        let ocsf = format!(
            "{} {:?}, {}; severity {success}, failed {failure}",
            ocsf.class.uid(),
            ocsf.class,
            activity(ocsf.activity)
        );
        [row.events.to_owned(), signs(row.signs), cim, ocsf, format!("{} / {}", words(ecs.category), words(ecs.types))]
    });
    table(["event", "recognised by", "CIM", "OCSF", "ECS category / type"], lines)
}

fn facts() -> String {
    table(["fact", "where from"], Fact::ALL.iter().map(|fact| [format!("{fact:?}"), source(*fact)]))
}

fn rows<T: Target>() -> String {
    let lines = T::ROWS.iter().map(|row| [format!("`{}`", row.to), value(row), conditions(row.when)]);
    table(["field", "value", "when"], lines)
}

fn table<const N: usize>(head: [&str; N], lines: impl Iterator<Item = [String; N]>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(N));
    for line in lines {
        writeln!(text, "| {} |", line.map(|cell| cell.replace('|', "\\|")).join(" | "))
            .expect("writing to memory cannot fail");
    }
    text
}

fn listed(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn signs(signs: &[Sign]) -> String {
    listed(signs.iter().map(|sign| match sign {
        Sign::Method(method) => format!("method `{method}`"),
        Sign::Service(service) => format!("method `{service}.…`"),
        Sign::Named(part) => format!("method `…{part}…`"),
        Sign::Family(family) => format!("type `…/{family}`"),
        Sign::Verb(verb) => format!("verb {verb:?}").to_lowercase(),
        Sign::Resource(name) => format!("resource type `{name}`"),
        Sign::NoMethod => "no method".to_owned(),
        Sign::Any => "anything".to_owned(),
    }))
}

fn action(action: Action) -> String {
    match action {
        Action::None => "no action".to_owned(),
        Action::Is(word) => format!("action `{word}`"),
        Action::Outcome => "action `success` or `failure`".to_owned(),
        Action::Verb => "action by the verb".to_owned(),
        Action::Operation => "action by the operation".to_owned(),
    }
}

fn category(category: ObjectCategory) -> String {
    match category {
        ObjectCategory::Is(word) => format!("object `{word}`"),
        ObjectCategory::ResourceType => "object by its type".to_owned(),
    }
}

fn activity(activity: Activity) -> String {
    match activity {
        Activity::Is(code) => format!("activity {code}"),
        Activity::Verb => "by the verb: 1 create, 2 read, 3 update, 4 delete, 99".to_owned(),
        Activity::Lifetime => "by the verb: 1 create, 6 delete, 99".to_owned(),
        Activity::Grant => "by the verb: 1 create, 2 delete, 99".to_owned(),
    }
}

fn words(words: &[Word]) -> String {
    listed(words.iter().map(|word| match word {
        Word::Is(word) => format!("`{word}`"),
        Word::OnSuccess(word) => format!("`{word}` after a success"),
        Word::Verb => "by the verb".to_owned(),
        Word::Decision => "`allowed` or `denied`".to_owned(),
    }))
}

fn source(fact: Fact) -> String {
    match fact.source() {
        Source::Canonical(field) => format!("canonical field `{}`", field.as_str()),
        Source::Members(places) => {
            listed(places.iter().map(|(section, name)| format!("`{}.{name}`", section.path().join("."))))
        }
        Source::Derived(derivation) => derivation.doc().to_owned(),
        Source::Recorded => "when the record was written to Kafka".to_owned(),
    }
}

fn value<T: Target>(row: &Row<T>) -> String {
    let from = match row.from {
        From::Fact(fact) => format!("{fact:?}"),
        From::Class(part) => T::says(part).to_owned(),
        From::Word(word) => format!("`{word}`"),
        From::Code(code) => format!("`{code}`"),
        From::Raw => "the event as text, if it is to be kept".to_owned(),
    };
    let pairs = |pairs: &mut dyn Iterator<Item = String>| listed(pairs);
    let codes = |codes: &[(&str, i64)]| pairs(&mut codes.iter().map(|(text, code)| format!("{text} → {code}")));
    match row.how {
        How::AsItIs => from,
        How::EachAddress => format!("{from}, all of them"),
        How::Integer => format!("{from} as a number"),
        How::Millis => format!("{from} in milliseconds since 1970"),
        How::Instant => format!("{from} in RFC 3339"),
        How::Title => format!("{from} with capitals and spaces"),
        How::After(before) => format!("`{before}` and {from}"),
        How::Words(words) => {
            format!("{from}: {}", pairs(&mut words.iter().map(|(text, word)| format!("{text} → `{word}`"))))
        }
        How::Codes(known) => format!("{from}: {}", codes(known)),
        How::CodesOr(known, other) => format!("{from}: {}, else {other}", codes(known)),
    }
}

fn conditions<T: Target>(when: &[When<T>]) -> String {
    let classes = |classes: &[T::Class]| listed(classes.iter().map(|class| format!("{class:?}")));
    listed(when.iter().map(|when| match when {
        When::In(among) => format!("for {}", classes(among)),
        When::NotIn(among) => format!("not for {}", classes(among)),
        When::Failed => "after a failure".to_owned(),
        When::Checked => "a permission was checked".to_owned(),
        When::With(fact) => format!("with {fact:?}"),
        When::Without(fact) => format!("without {fact:?}"),
        When::Is(fact, text) => format!("{fact:?} is `{text}`"),
        When::Alone => "nothing else stands beside it".to_owned(),
    }))
}

impl Derivation {
    const fn doc(self) -> &'static str {
        match self {
            Self::ClientAddress => "the first `client_ip` that is an IP address",
            Self::ClientName => "the first `client_ip`, if it is no IP address (redaction may have replaced it)",
            Self::MailAddress => "`email`, if it has the form of an e-mail address",
            Self::TargetMailAddress => "TargetEmail, if it has the form of an e-mail address",
            Self::Target => {
                "whose account or rights are meant: `target_principal`; else `resource_id`, if the resource is a user, a service \
                 account, an identity pool or an invitation; else `data.request.data.spec.owner.id`"
            }
            Self::TargetType => "by the prefix of Target: `u-`, `sa-`, `pool-`, `group-`",
        }
    }
}
