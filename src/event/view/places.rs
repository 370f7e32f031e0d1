//! Everywhere the value of a field can stand: what redaction has to find.
//!
//! The view answers with one value from where it should be; this goes through all values of the document and looks further:
//!
//! - Every spelling of a name counts (`clientIp`, `client_ip`, `CLIENT-IP`, `client\u0049p`), at any depth, in repeated members
//!   too, and whatever stands below a member of that name.
//! - Values that carry their meaning with them are found under any name: e-mail addresses, ids of principals (`User:…`,
//!   `sa-…`), elements of resource names and scopes (`…/environment=env-1/…`).
//! - Texts, numbers: whatever can hold a value. `true`, `false` and `null` hold none.
//!
//! So a place is rather found in vain than missed. Two things it cannot know: a value in free text under no telling name (who
//! must be sure looks for the values found here in all other texts), and values that are names of members.

use std::ops::Range;

use super::super::crn::Crn;
use super::super::document::{Document, Kind, Value};
use super::field::Field;
use super::source::{CLUSTER, ENVIRONMENT, KAFKA_TYPES, KSQL_TYPES, ORGANIZATION, REGISTRY_TYPES};
use super::words::{Context, Vocabulary, Word};
use super::{principal, read};

/// A set of fields.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Fields(u64);

/// Where the value of a field stands, or can stand.
#[derive(Clone, Debug)]
pub struct Place<'d> {
    pub field: Field,
    /// A string or a number.
    pub value: Value<'d>,
    /// Bytes of [`Value::text`] (with escapes resolved), never empty; `None` for the whole value. In a resource name the
    /// part may be percent-encoded.
    pub part: Option<Range<usize>>,
}

const _: () = assert!(Field::ALL.len() <= 64, "a set of fields has 64 bits");

impl Fields {
    pub const NONE: Self = Self(0);

    #[must_use]
    pub const fn with(self, field: Field) -> Self {
        Self(self.0 | 1 << field as u32)
    }

    pub const fn contains(self, field: Field) -> bool {
        self.0 & 1 << field as u32 != 0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn iter(self) -> impl Iterator<Item = Field> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let at = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            Field::ALL.get(at).copied()
        })
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        fields.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Finds the places of some fields.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    fields: Fields,
    vocabulary: Vocabulary,
    /// Whether a text without a telling name must be looked at: for an `@`, or for what ids and resource names begin with.
    mails: bool,
    ids: bool,
}

impl Places {
    /// Fields that follow from others ([`Field::is_derived`]) have no places.
    pub fn of(fields: Fields) -> Self {
        let words = fields.iter().flat_map(words_of).fold(0, |words, word| words | word.bit());
        let any = |of: &[Field]| of.iter().any(|field| fields.contains(*field));
        Self {
            fields,
            vocabulary: Vocabulary::of(words),
            mails: any(&[Field::Email, Field::TargetEmail]),
            ids: any(&[Field::Principal, Field::CredentialId, Field::Organization, Field::Environment, Field::Cluster]),
        }
    }

    /// Calls `each` with every place, in the order of the text. One value can be a place of several fields, and have several
    /// parts.
    pub fn each<'d>(&self, document: &'d Document<'d>, each: &mut dyn FnMut(Place<'d>)) {
        self.below(document.root(), Context::default(), each);
    }

    fn below<'d>(&self, container: Value<'d>, context: Context, each: &mut dyn FnMut(Place<'d>)) {
        for value in container.children() {
            let context = context.within(value, &self.vocabulary);
            match value.kind() {
                Kind::Object | Kind::Array => self.below(value, context, each),
                Kind::String if context.is_known() || self.may_tell(value) => {
                    if let Some(text) = read::text(value) {
                        self.leaf(&Leaf { value, text: Some(&text), context, container }, each);
                    }
                }
                Kind::Number if context.is_known() => {
                    self.leaf(&Leaf { value, text: None, context, container }, each);
                }
                Kind::String | Kind::Number | Kind::Bool(_) | Kind::Null => {}
            }
        }
    }

    /// Whether a string may carry its meaning with it.
    fn may_tell(&self, value: Value<'_>) -> bool {
        let Some(text) = value.plain_text() else { return self.mails || self.ids };
        let is_name = text.starts_with(b"crn:");
        let is_mail = self.mails && (text.contains(&b'@') || (is_name && text.contains(&b'%')));
        let is_id = self.ids
            && (is_name
                || text.iter().take(ID_PREFIX).any(|byte| matches!(byte, b'-' | b':' | b'='))
                || text.contains(&b'='));
        is_mail || is_id
    }

    fn leaf<'d>(&self, leaf: &Leaf<'d, '_>, each: &mut dyn FnMut(Place<'d>)) {
        for field in self.fields.iter() {
            let mut emit = |part| each(Place { field, value: leaf.value, part });
            match found(field, leaf) {
                Found::Nothing => {}
                Found::Whole => emit(None),
                Found::Part(part) if part.is_empty() => {}
                Found::Part(part) => emit(Some(part)),
                Found::Each(search) => search(leaf.text.unwrap_or_default(), &mut |part| emit(Some(part))),
            }
        }
    }
}

/// The longest prefix of an id: `group-`.
const ID_PREFIX: usize = 6;

/// A value that can be a place, and where it stands.
#[derive(Clone, Copy)]
struct Leaf<'d, 't> {
    value: Value<'d>,
    /// `None` for a number.
    text: Option<&'t str>,
    context: Context,
    /// The object or array that it stands in.
    container: Value<'d>,
}

/// What of a leaf is the field.
enum Found {
    Nothing,
    Whole,
    Part(Range<usize>),
    /// Whatever this search finds in the text.
    Each(fn(&str, &mut dyn FnMut(Range<usize>))),
}

/// The names that [`found`] asks for.
fn words_of(field: Field) -> &'static [Word] {
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

fn found(field: Field, leaf: &Leaf<'_, '_>) -> Found {
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
        found => return found,
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

fn is_id(text: &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The values of these keys in a resource name or a scope.
fn elements(text: &str, keys: &[&str], each: &mut dyn FnMut(Range<usize>)) {
    if !text.contains('=') {
        return;
    }
    let crn = Crn::parse(text).unwrap_or(Crn::of_path(text));
    crn.elements()
        .filter(|element| keys.contains(&element.key()))
        .filter_map(|element| element.value_range())
        .for_each(each);
}

/// E-mail addresses within a text, and in a resource name also those that are percent-encoded.
fn addresses(text: &str, each: &mut dyn FnMut(Range<usize>)) {
    let encoded = if text.contains('%') { Crn::parse(text) } else { None };
    match encoded {
        None => plain_addresses(text, each),
        Some(crn) => {
            let mut all = Vec::new();
            plain_addresses(text, &mut |range| all.push(range));
            for element in crn.elements().filter(|element| element.value().is_some_and(|value| value.contains('@'))) {
                all.extend(element.value_range().filter(|range| !text[range.clone()].contains('@')));
            }
            all.sort_by_key(|range| range.start);
            all.into_iter().for_each(each);
        }
    }
}

fn plain_addresses(text: &str, each: &mut dyn FnMut(Range<usize>)) {
    let mut from = 0;
    while let Some(at) = text[from..].find('@').map(|at| from + at) {
        let local: usize =
            text[from..at].chars().rev().take_while(|letter| is_local(*letter)).map(char::len_utf8).sum();
        let domain: usize = text[at + 1..].chars().take_while(|letter| is_domain(*letter)).map(char::len_utf8).sum();
        let end = at + 1 + text[at + 1..at + 1 + domain].trim_end_matches(['.', '-']).len();
        if local > 0 && end > at + 1 {
            each(at - local..end);
        }
        from = end;
    }
}

/// What stands before the `@`, apart from what ends a value in a resource name or in a certificate's name.
fn is_local(letter: char) -> bool {
    letter.is_alphanumeric() || ".!#$%&'*+-?^_`{|}~".contains(letter)
}

fn is_domain(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '.' | '-')
}
