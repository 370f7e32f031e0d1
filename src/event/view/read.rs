//! Goes along the paths of a field and takes what is the field from what stands at their ends.
//!
//! What is not there, is of another type or is empty is passed over: the next place counts.

use std::borrow::Cow;
use std::ops::Range;

use super::super::crn::Crn;
use super::super::document::{Kind, Value};
use super::members::Name;
use super::principal;
use super::source::{Part, Step};

const IP: Name = Name::same("ip");
const TYPE: Name = Name::same("type");
const CN: Name = Name::same("cn");
const RESOURCE_ID: Name = Name { camel: "resourceId", snake: "resource_id" };
const RESOURCE_NAME: Name = Name { camel: "resourceName", snake: "resource_name" };
const RESOURCE_TYPE: Name = Name { camel: "resourceType", snake: "resource_type" };

/// Calls `take` with every value at the end of a path, until it gives something.
pub(super) fn along<'d, R, F>(value: Value<'d>, steps: &[Step], take: &mut F) -> Option<R>
where
    F: FnMut(Value<'d>) -> Option<R>,
{
    let Some((step, rest)) = steps.split_first() else { return take(value) };
    let name = match *step {
        Step::Each => return elements(value).find_map(|element| along(element, rest, take)),
        Step::One(name) => Name::same(name),
        Step::Two(camel, snake) => Name { camel, snake },
    };
    name.find(value).into_iter().flatten().find_map(|member| along(member, rest, take))
}

/// Calls `take` with every text of a part, until it gives something.
pub(super) fn part<'d, R, F>(part: Part, value: Value<'d>, take: &mut F) -> Option<R>
where
    F: FnMut(Cow<'d, str>) -> Option<R>,
{
    if let Part::Texts | Part::Address = part {
        return several(part, value, take);
    }
    let text = match part {
        Part::Text | Part::Texts | Part::Address => text(value),
        Part::ServiceOfType => text(value).and_then(|text| cut(text, service_of_type)),
        Part::FamilyOfType => text(value).and_then(|text| cut(text, family_of_type)),
        Part::Principal => principal::id(value),
        Part::MailOfPrincipal => principal::mail(value),
        Part::MailOfIdentity => innermost(value).filter(|text| principal::is_address(text)),
        Part::MailOfName => match named(value, CN) {
            Some(name) => Some(name).filter(|text| principal::is_address(text)),
            None => text(value).and_then(|text| cut(text, principal::address_in_name)),
        },
        Part::DistinguishedName => named(value, CN).or_else(|| text(value)),
        Part::Key(keys) => text(value).and_then(|text| key_of(text, keys)),
        Part::IdOfType(types) => {
            let kind = named(value, TYPE)?;
            let is_wanted = types.iter().any(|wanted| kind.eq_ignore_ascii_case(wanted));
            is_wanted.then(|| named(value, RESOURCE_ID)).flatten()
        }
        Part::Crn => text(value).filter(|text| Crn::parse(text).is_some()),
        Part::Innermost => innermost(value),
        Part::InnermostKey => text(value).and_then(|text| cut(text, innermost_key)),
        Part::ProperName => proper_name(value),
        Part::ProperType => proper_type(value),
    };
    text.and_then(take)
}

fn several<'d, R, F>(part: Part, value: Value<'d>, take: &mut F) -> Option<R>
where
    F: FnMut(Cow<'d, str>) -> Option<R>,
{
    let is_address = matches!(part, Part::Address);
    let whole = |text: Cow<'d, str>| if is_address { cut(text, after_slash) } else { Some(text) };
    let mut element = |value| {
        let in_object = || named(value, IP).filter(|_| is_address);
        text(value).or_else(in_object).and_then(whole).and_then(&mut *take)
    };
    match value.kind() {
        Kind::Array => elements(value).find_map(element),
        Kind::Object | Kind::String | Kind::Number | Kind::Bool(_) | Kind::Null => element(value),
    }
}

/// A string that is not empty.
pub(super) fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    value.text().filter(|text| !text.is_empty())
}

/// The text of a member.
pub(super) fn named(object: Value<'_>, name: Name) -> Option<Cow<'_, str>> {
    name.find(object).into_iter().flatten().find_map(text)
}

/// A part of a text; nothing when it is empty.
pub(super) fn cut<'d>(text: Cow<'d, str>, find: impl FnOnce(&str) -> Option<Range<usize>>) -> Option<Cow<'d, str>> {
    let range = find(&text).filter(|range| !range.is_empty())?;
    Some(match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
        Cow::Owned(text) => Cow::Owned(text[range].to_owned()),
    })
}

fn elements(value: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    value.children().filter(move |_| value.kind() == Kind::Array)
}

pub(super) fn service_of_type(text: &str) -> Option<Range<usize>> {
    let prefix = "io.confluent.";
    let end = text.find('/')?;
    let name = text.get(..end)?.strip_prefix(prefix)?;
    let name = name.strip_suffix(".server").unwrap_or(name);
    Some(prefix.len()..prefix.len() + name.len())
}

pub(super) fn family_of_type(text: &str) -> Option<Range<usize>> {
    Some(text.find('/')? + 1..text.len())
}

/// Java prints an address as `host/1.2.3.4`, without a host as `/1.2.3.4`.
pub(super) fn after_slash(text: &str) -> Option<Range<usize>> {
    Some(text.rfind('/').map_or(0, |at| at + 1)..text.len())
}

/// The value of the first key that is there, in a resource name or a scope.
fn key_of<'d>(text: Cow<'d, str>, keys: &[&str]) -> Option<Cow<'d, str>> {
    let crn = Crn::parse(&text).unwrap_or(Crn::of_path(&text));
    let rank = |element: &super::super::crn::Element<'_>| keys.iter().position(|key| *key == element.key());
    let ranked = crn.elements().filter_map(|element| Some((rank(&element)?, element.value_range()?)));
    let (_, range) = ranked.reduce(|best, next| if next.0 <= best.0 { next } else { best })?;
    decoded(text, range)
}

fn innermost(value: Value<'_>) -> Option<Cow<'_, str>> {
    let text = text(value)?;
    let range = Crn::parse(&text)?.last()?.value_range()?;
    decoded(text, range)
}

fn innermost_key(text: &str) -> Option<Range<usize>> {
    let element = Crn::parse(text)?.last()?;
    let value = element.value_range()?;
    let end = value.start - 1;
    Some(end - element.key().len()..end)
}

/// A value of a resource name; a name with nothing to decode stays borrowed.
fn decoded<'d>(text: Cow<'d, str>, range: Range<usize>) -> Option<Cow<'d, str>> {
    let value = cut(text, |_| Some(range))?;
    Some(match value {
        Cow::Borrowed(value) => super::super::crn::percent_decoded(value),
        Cow::Owned(value) => Cow::Owned(super::super::crn::percent_decoded(&value).into_owned()),
    })
}

/// `cloud-cluster` of a `CloudCluster` and `kafka-cluster` of a `Cluster` say nothing about which one it is.
fn proper_name(authorization: Value<'_>) -> Option<Cow<'_, str>> {
    let name = named(authorization, RESOURCE_NAME)?;
    let kind = named(authorization, RESOURCE_TYPE).unwrap_or_default();
    let repeats = is_kind_of_cluster(&kind, &name) || letters(&name).eq(letters(&kind));
    (!repeats).then_some(name)
}

fn proper_type(authorization: Value<'_>) -> Option<Cow<'_, str>> {
    let kind = named(authorization, RESOURCE_TYPE)?;
    let name = named(authorization, RESOURCE_NAME).filter(|name| is_kind_of_cluster(&kind, name));
    Some(name.unwrap_or(kind))
}

fn is_kind_of_cluster(kind: &str, name: &str) -> bool {
    kind.eq_ignore_ascii_case("cluster") && name.ends_with("-cluster")
}

fn letters(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().filter(|byte| !matches!(byte, b'-' | b'_')).map(|byte| byte.to_ascii_lowercase())
}
