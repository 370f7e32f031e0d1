//! Which value is a place of which field: by the names above it, by its type, or by what it holds.

use std::ops::Range;

use super::super::super::crn::Crn;
use super::super::super::document::Value;
use super::super::field::Field;
use super::super::source::{CLUSTER, ENVIRONMENT, KAFKA_TYPES, KSQL_TYPES, ORGANIZATION, REGISTRY_TYPES};
use super::super::words::{Context, Word};
use super::super::{principal, read};
use super::texts::{addresses, elements, is_id};

/// A value that can be a place, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Leaf<'d, 't> {
    pub(super) value: Value<'d>,
    /// `None` for a number.
    pub(super) text: Option<&'t str>,
    pub(super) context: Context,
    /// The object or array that it stands in.
    pub(super) container: Value<'d>,
}

/// What of a leaf is the field.
pub(super) enum Found {
    Nothing,
    Whole,
    Part(Range<usize>),
    /// Whatever this search finds in the text.
    Each(fn(&str, &mut dyn FnMut(Range<usize>))),
}

/// The names that [`found`] asks for.
pub(super) fn words_of(field: Field) -> &'static [Word] {
    use Word as W;
    match field {
        Field::Id => &[W::Id],
        Field::Source => &[W::Source],
        Field::Type | Field::Service | Field::Family => &[W::Type],
        Field::Time => &[W::Time],
        Field::Subject => &[W::Subject],
        Field::Verb | Field::Outcome | Field::OutcomeReason | Field::Denied | Field::PrincipalType => &[],
        Field::ServiceName => &[W::ServiceName],
        Field::Method => &[W::MethodName],
        Field::AccessType => &[W::AccessType],
        Field::ErrorMessage => &[W::Message, W::ErrorMessage, W::Detail],
        Field::Email => &[W::Email],
        Field::TargetEmail => &[W::Email, W::Request],
        Field::Identity => &[W::Identity],
        Field::Principal => PRINCIPALS,
        Field::OriginalPrincipal => &[W::OriginalPrincipal, W::Email, W::Type],
        Field::ActingPrincipal => &[W::ActingPrincipal, W::Email, W::Type],
        Field::AssignedPrincipals => &[W::AssignedPrincipals, W::Email, W::Type],
        Field::DelegatePrincipal => &[W::DelegatePrincipal, W::Email, W::Type],
        Field::TargetPrincipal => &[W::Request, W::Principal, W::Email, W::Type],
        Field::CredentialId => &[W::Identifier, W::CredentialId, W::Dname, W::IdToken, W::Subject, W::ResourceId],
        Field::Mechanism => &[W::Mechanism],
        Field::ClientIp => &[W::ClientAddress, W::ClientIp, W::Ip, W::Port],
        Field::ClientId => &[W::ClientId],
        Field::Resource | Field::ResourceId | Field::ResourceIds => {
            &[W::ResourceId, W::CloudResources, W::Scope, W::ResourceName, W::Subject, W::AuthorizationInfo]
        }
        Field::ResourceType => &[W::Type, W::CloudResources, W::Scope, W::ResourceType, W::ResourceName, W::Subject],
        Field::ResourceCrn => &[W::ResourceName, W::Subject],
        Field::PatternType => &[W::PatternType],
        Field::Organization | Field::Environment => &[W::ResourceId],
        Field::Cluster => &[W::ResourceId, W::Clusters],
        Field::Operation => &[W::Operation],
        Field::Role => &[W::Role],
        Field::RequestId => &[W::RequestId],
        Field::ConnectionId => &[W::ConnectionId],
        Field::NetworkId => &[W::NetworkId],
        Field::CorrelationId => &[W::CorrelationId],
        Field::TraceId => &[W::TraceId],
    }
}

/// Under these names a principal stands, and what is none.
const PRINCIPALS: &[Word] = &[
    Word::Principal,
    Word::PrincipalResourceId,
    Word::OriginalPrincipal,
    Word::ActingPrincipal,
    Word::AssignedPrincipals,
    Word::DelegatePrincipal,
    Word::IdToken,
    Word::Subject,
    Word::Email,
    Word::Type,
];

pub(super) fn found(field: Field, leaf: &Leaf<'_, '_>) -> Found {
    use Word as W;
    let at = leaf.context;
    let below = |words: &[Word]| whole_if(at.is_below_any(words));
    match field {
        Field::Id => whole_if(at.top() == Some(W::Id)),
        Field::Source => whole_if(at.top() == Some(W::Source)),
        Field::Type => whole_if(at.top() == Some(W::Type)),
        Field::Time => whole_if(at.top() == Some(W::Time)),
        Field::Subject => whole_if(at.top() == Some(W::Subject)),
        Field::Service => part_if(at.top() == Some(W::Type), leaf, read::service_of_type),
        Field::Family => part_if(at.top() == Some(W::Type), leaf, read::family_of_type),
        Field::Verb | Field::Outcome | Field::OutcomeReason | Field::Denied | Field::PrincipalType => Found::Nothing,
        Field::ServiceName => below(&[W::ServiceName]),
        Field::Method => below(&[W::MethodName]),
        Field::AccessType => below(&[W::AccessType]),
        Field::ErrorMessage => below(&[W::Message, W::ErrorMessage, W::Detail]),
        Field::Email => mail(at.is_below_any(&[W::Email]), true),
        Field::TargetEmail => mail(at.is_below_all(&[W::Request, W::Email]), at.is_below_any(&[W::Request])),
        Field::Identity => below(&[W::Identity]),
        Field::Principal => principal_anywhere(leaf),
        Field::OriginalPrincipal => principal_if(at.is_below_any(&[W::OriginalPrincipal]), leaf),
        Field::ActingPrincipal => principal_if(at.is_below_any(&[W::ActingPrincipal]), leaf),
        Field::AssignedPrincipals => principal_if(at.is_below_any(&[W::AssignedPrincipals]), leaf),
        Field::DelegatePrincipal => principal_if(at.is_below_any(&[W::DelegatePrincipal]), leaf),
        Field::TargetPrincipal => principal_if(at.is_below_all(&[W::Request, W::Principal]), leaf),
        Field::CredentialId => credential(leaf),
        Field::Mechanism => below(&[W::Mechanism]),
        Field::ClientIp => {
            let is_address = at.is_below_any(&[W::ClientAddress, W::ClientIp, W::Ip]);
            part_if(is_address && at.own() != Some(W::Port), leaf, read::after_slash)
        }
        Field::ClientId => below(&[W::ClientId]),
        Field::Resource | Field::ResourceId | Field::ResourceIds => resource(leaf),
        Field::ResourceType => resource_type(leaf),
        Field::ResourceCrn => whole_if(at.is_below_any(&[W::ResourceName]) || at.top() == Some(W::Subject)),
        Field::PatternType => below(&[W::PatternType]),
        Field::Organization => scope(leaf, &["ORGANIZATION"], &[], |text, each| elements(text, ORGANIZATION, each)),
        Field::Environment => scope(leaf, &["ENVIRONMENT"], &["env-"], |text, each| elements(text, ENVIRONMENT, each)),
        Field::Cluster => cluster(leaf),
        Field::Operation => below(&[W::Operation]),
        Field::Role => below(&[W::Role]),
        Field::RequestId => below(&[W::RequestId]),
        Field::ConnectionId => below(&[W::ConnectionId]),
        Field::NetworkId => below(&[W::NetworkId]),
        Field::CorrelationId => below(&[W::CorrelationId]),
        Field::TraceId => below(&[W::TraceId]),
    }
}

fn whole_if(holds: bool) -> Found {
    if holds { Found::Whole } else { Found::Nothing }
}

/// A number has no parts.
fn part_if(holds: bool, leaf: &Leaf<'_, '_>, part: fn(&str) -> Option<Range<usize>>) -> Found {
    match leaf.text {
        _ if !holds => Found::Nothing,
        None => Found::Whole,
        Some(text) => part(text).map_or(Found::Whole, Found::Part),
    }
}

fn mail(is_named: bool, is_searched: bool) -> Found {
    match is_named {
        true => Found::Whole,
        false if is_searched => Found::Each(addresses),
        false => Found::Nothing,
    }
}

/// An address and a kind are no ids.
fn principal_if(is_below: bool, leaf: &Leaf<'_, '_>) -> Found {
    let is_other = leaf.context.is_below_any(&[Word::Email]) || leaf.context.own() == Some(Word::Type);
    part_if(is_below && !is_other, leaf, principal::without_user)
}

fn principal_anywhere(leaf: &Leaf<'_, '_>) -> Found {
    use Word as W;
    let [names @ .., _, _, _, _] = PRINCIPALS else { return Found::Nothing };
    let is_subject = leaf.context.is_below_all(&[W::IdToken, W::Subject]);
    match principal_if(is_subject || leaf.context.is_below_any(names), leaf) {
        Found::Nothing => {}
        found @ (Found::Whole | Found::Part(_) | Found::Each(_)) => return found,
    }
    match leaf.text {
        Some(text) if text.starts_with("User:") => part_if(true, leaf, principal::without_user),
        Some(text) if principal::PREFIXES.iter().any(|(prefix, _)| is_id(text, prefix)) => Found::Whole,
        Some(_) => {
            Found::Each(|text, each| elements(text, &["user", "service-account", "identity", "identity-pool"], each))
        }
        None => Found::Nothing,
    }
}

fn credential(leaf: &Leaf<'_, '_>) -> Found {
    use Word as W;
    let at = leaf.context;
    let is_named = at.is_below_any(&[W::Identifier, W::CredentialId, W::Dname]);
    match () {
        () if is_named || at.is_below_all(&[W::IdToken, W::Subject]) => Found::Whole,
        () => scope(leaf, &["API_KEY"], &[], |text, each| elements(text, &["api-key"], each)),
    }
}

/// In an authorisation the name stands alone, elsewhere it is the end of a resource name.
fn resource(leaf: &Leaf<'_, '_>) -> Found {
    use Word as W;
    let at = leaf.context;
    let is_listed = at.own() == Some(W::ResourceId) && at.is_below_any(&[W::CloudResources]);
    let is_named = at.is_below_any(&[W::ResourceName]);
    match () {
        () if is_listed && !at.is_below_any(&[W::Scope]) => Found::Whole,
        () if is_named && at.is_below_any(&[W::AuthorizationInfo]) => Found::Whole,
        () => part_if(is_named || at.top() == Some(W::Subject), leaf, |text| Crn::parse(text)?.last()?.value_range()),
    }
}

fn resource_type(leaf: &Leaf<'_, '_>) -> Found {
    use Word as W;
    let at = leaf.context;
    let is_listed = at.own() == Some(W::Type) && at.is_below_any(&[W::CloudResources]);
    match () {
        () if at.is_below_any(&[W::ResourceType]) => Found::Whole,
        // The kind of a cluster stands in its name.
        () if at.own() == Some(W::ResourceName) && leaf.text.is_some_and(|text| text.ends_with("-cluster")) => {
            Found::Whole
        }
        () if is_listed && !at.is_below_any(&[W::Scope]) => Found::Whole,
        () => match leaf.text.and_then(Crn::parse) {
            Some(crn) if at.is_below_any(&[W::ResourceName]) || at.top() == Some(W::Subject) => {
                Found::Part(crn.last().map(|element| element.key_range()).unwrap_or_default())
            }
            Some(_) | None => Found::Nothing,
        },
    }
}

fn cluster(leaf: &Leaf<'_, '_>) -> Found {
    const TYPES: [&[&str]; 3] = [KAFKA_TYPES, REGISTRY_TYPES, KSQL_TYPES];
    match () {
        () if leaf.context.is_below_any(&[Word::Clusters]) => Found::Whole,
        () if TYPES.iter().any(|types| is_of_type(leaf, types)) => Found::Whole,
        () => scope(leaf, &[], &["lkc-", "lsrc-"], |text, each| elements(text, CLUSTER, each)),
    }
}

/// A part of the hierarchy that things belong to: by its type, by its prefix, or within a resource name or scope.
fn scope(
    leaf: &Leaf<'_, '_>,
    types: &[&str],
    prefixes: &[&str],
    search: fn(&str, &mut dyn FnMut(Range<usize>)),
) -> Found {
    match leaf.text {
        _ if is_of_type(leaf, types) => Found::Whole,
        Some(text) if prefixes.iter().any(|prefix| is_id(text, prefix)) => Found::Whole,
        Some(_) => Found::Each(search),
        None => Found::Nothing,
    }
}

/// Whether it is the `resourceId` of an object with one of these types.
fn is_of_type(leaf: &Leaf<'_, '_>, types: &[&str]) -> bool {
    leaf.context.own() == Some(Word::ResourceId)
        && leaf.container.children().filter(|member| Word::of(*member) == Some(Word::Type)).any(|kind| {
            read::text(kind).is_some_and(|kind| types.iter().any(|wanted| kind.eq_ignore_ascii_case(wanted)))
        })
}
