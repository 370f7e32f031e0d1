//! Who did it, in every form that a principal has.

use super::*;

pub(super) fn without_user(text: String) -> Option<String> {
    Some(text.strip_prefix("User:").map_or(text.clone(), str::to_owned)).filter(some)
}

pub(super) fn in_object(principal: &Value) -> Option<(String, &'static str)> {
    [
        ("confluentUser.resourceId", "user"),
        ("confluentServiceAccount.resourceId", "service_account"),
        ("identityPool.resourceId", "identity_pool"),
        ("group.resourceId", "group"),
        ("externalAccount.subject", "external_account"),
    ]
    .into_iter()
    .find_map(|(path, kind)| Some((all(principal, path).into_iter().find_map(text)?, kind)))
}

pub(super) fn principal(principal: &Value) -> Option<String> {
    without_user(text(principal).or_else(|| in_object(principal).map(|(id, _)| id))?)
}

pub(super) fn who(event: &Value) -> Option<String> {
    let id = all(event, "data.authenticationInfo.principal").into_iter().find_map(principal);
    let resource_id = all(event, "data.authenticationInfo.principalResourceId").into_iter().find_map(principal);
    match id {
        Some(id) if id.chars().any(|letter| !letter.is_ascii_digit()) => Some(id),
        id => resource_id.or(id),
    }
}

pub(super) fn kind_of_id(id: &str) -> Option<&'static str> {
    let id = id.strip_prefix("User:").unwrap_or(id);
    let prefixes = [("u-", "user"), ("sa-", "service_account"), ("pool-", "identity_pool"), ("group-", "group")];
    let known = prefixes.into_iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, kind)| kind);
    known.or(common_name(id).map(|_| "certificate"))
}

pub(super) fn principal_type(event: &Value) -> Option<String> {
    let told =
        all(event, "data.authenticationInfo.principal").into_iter().find_map(|principal| match in_object(principal) {
            Some((id, kind)) => Some(kind_of_id(&id).unwrap_or(kind)),
            None => kind_of_id(&text(principal)?),
        });
    told.or_else(|| kind_of_id(&who(event)?)).map(str::to_owned)
}

pub(super) fn common_name(name: &str) -> Option<String> {
    let parts = name.split(',').map(str::trim);
    let mut names = parts.filter(|part| part.to_ascii_uppercase().starts_with("CN="));
    names.next().map(|part| part[3..].to_owned())
}

pub(super) fn is_address(text: &str) -> bool {
    let at = text.rfind('@');
    at.is_some_and(|at| at > 0 && at + 1 < text.len()) && !text.chars().any(char::is_whitespace)
}

pub(super) fn email(event: &Value) -> Option<String> {
    let of_principal = |path| {
        all(event, path).into_iter().find_map(|principal| match text(principal).and_then(without_user) {
            Some(id) => common_name(&id).or(Some(id)).filter(|name| is_address(name)),
            None => all(principal, "email").into_iter().find_map(text),
        })
    };
    let of_name = |path| {
        all(event, path).into_iter().find_map(|name| {
            let inner = all(name, "cn").into_iter().find_map(text);
            inner.or_else(|| common_name(&text(name)?)).filter(|name| is_address(name))
        })
    };
    let identities = all(event, "data.authenticationInfo.identity").into_iter().filter_map(text);
    of_principal("data.authenticationInfo.principal")
        .or_else(|| identities.filter_map(|crn| Some(innermost(&crn)?.1)).find(|value| is_address(value)))
        .or_else(|| of_name("data.authenticationInfo.credentials.certificateCredentials.dname"))
        .or_else(|| of_name("data.authenticationInfo.metadata.identifier"))
        .or_else(|| of_principal("data.authenticationInfo.originalPrincipal"))
}
