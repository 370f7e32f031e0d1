//! Who: a principal is a text in one dialect and an object in the other.
//!
//! - Text: `User:u-1abc2d`, `User:sa-1abc2d`, `User:pool-1ab2`, `User:123456`, `None:UNKNOWN_USER` after a failed
//!   authentication, or the name in a client certificate.
//! - Object: the id under the member that names the kind. The id itself may carry `User:`, too.

use std::borrow::Cow;
use std::ops::Range;

use super::super::document::Value;
use super::members::Name;
use super::read::{cut, named, text};

/// The members of a principal that is an object, the type that each stands for, and where the id is.
const KINDS: &[(Name, &str, Name)] = &[
    (Name { camel: "confluentUser", snake: "confluent_user" }, "user", RESOURCE_ID),
    (Name { camel: "confluentServiceAccount", snake: "confluent_service_account" }, "service_account", RESOURCE_ID),
    (Name { camel: "identityPool", snake: "identity_pool" }, "identity_pool", RESOURCE_ID),
    (Name::same("group"), "group", RESOURCE_ID),
    (Name { camel: "externalAccount", snake: "external_account" }, "external_account", Name::same("subject")),
];

const RESOURCE_ID: Name = Name { camel: "resourceId", snake: "resource_id" };
const EMAIL: Name = Name::same("email");

/// Prefixes of ids, and the type that each stands for.
pub(super) const PREFIXES: &[(&str, &str)] =
    &[("u-", "user"), ("sa-", "service_account"), ("pool-", "identity_pool"), ("group-", "group")];

/// The principal's id.
pub(super) fn id(principal: Value<'_>) -> Option<Cow<'_, str>> {
    let id = text(principal).or_else(|| in_object(principal).map(|(id, _)| id))?;
    cut(id, without_user)
}

/// Its type, as far as the principal itself tells.
pub(super) fn kind(principal: Value<'_>) -> Option<&'static str> {
    match in_object(principal) {
        Some((id, kind)) => Some(kind_of_id(&id).unwrap_or(kind)),
        None => kind_of_id(&text(principal)?),
    }
}

/// The type that an id tells.
pub(super) fn kind_of_id(id: &str) -> Option<&'static str> {
    let id = id.strip_prefix("User:").unwrap_or(id);
    let by_prefix = PREFIXES.iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, kind)| *kind);
    by_prefix.or_else(|| common_name(id).map(|_| "certificate"))
}

/// The address that comes with a principal.
pub(super) fn mail(principal: Value<'_>) -> Option<Cow<'_, str>> {
    match text(principal) {
        Some(text) => {
            let id = cut(text, without_user)?;
            if common_name(&id).is_some() { cut(id, address_in_name) } else { Some(id).filter(|id| is_address(id)) }
        }
        None => named(principal, EMAIL),
    }
}

fn in_object(principal: Value<'_>) -> Option<(Cow<'_, str>, &'static str)> {
    KINDS.iter().find_map(|(member, kind, id)| {
        let holders = member.find(principal).into_iter().flatten();
        Some((holders.into_iter().find_map(|holder| named(holder, *id))?, *kind))
    })
}

/// Always a range: of a text that is nothing but `User:` an empty one.
pub(super) fn without_user(text: &str) -> Option<Range<usize>> {
    Some(if text.starts_with("User:") { 5..text.len() } else { 0..text.len() })
}

/// `alice@example.com` of `CN=alice@example.com,OU=ops`.
pub(super) fn address_in_name(name: &str) -> Option<Range<usize>> {
    common_name(name).filter(|range| is_address(&name[range.clone()]))
}

/// Where the common name of a certificate's name lies.
fn common_name(name: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for part in name.split(',') {
        let skipped = part.len() - part.trim_start().len();
        if part[skipped..].get(..3).is_some_and(|key| key.eq_ignore_ascii_case("CN=")) {
            return Some(start + skipped + 3..start + part.trim_end().len());
        }
        start += part.len() + 1;
    }
    None
}

/// Whether a text looks like an e-mail address: something on both sides of an `@`, and no space.
pub(super) fn is_address(text: &str) -> bool {
    let sides = text.rsplit_once('@');
    let has_both = sides.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    has_both && !text.contains(char::is_whitespace)
}
