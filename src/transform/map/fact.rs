//! What the tables can say about an event: canonical fields, and some places that have no canonical field.
//!
//! A fact is looked up when the first row asks for it and kept for the others. All of them come from the event as redaction
//! has left it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

use crate::event::{Field, Kind, Value, View};

use Derivation as D;
use Section as S;

macro_rules! facts {
    ($($fact:ident <= $source:expr;)*) => {
        /// A fact.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(super) enum Fact { $($fact,)* }

        impl Fact {
            pub(super) const ALL: &'static [Fact] = &[$(Fact::$fact,)*];

            pub(super) const fn source(self) -> Source {
                match self { $(Fact::$fact => $source,)* }
            }
        }
    };
}

/// Where a fact is looked up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Canonical(Field),
    /// The first of these members that has a text or a number.
    Members(&'static [(Section, &'static str)]),
    Derived(Derivation),
    /// Not in the event: when the record was written to Kafka.
    Recorded,
}

/// An object of the event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Section {
    /// `data.request.data.spec.owner`.
    Owner,
    /// `data.result.data`.
    Returned,
}

/// What is made of other facts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Derivation {
    /// The first client address that is an IP address.
    ClientAddress,
    /// The first client address, if it is no IP address: redaction may have made it something else.
    ClientName,
    /// The e-mail address, if it looks like one.
    MailAddress,
    TargetMailAddress,
    /// Whose account or rights the event is about: the principal in the request, else the resource if that is an account or an
    /// invitation, else the owner in the request.
    Target,
    /// Its type, by the prefix of the identifier.
    TargetType,
}

facts! {
    Id <= Source::Canonical(Field::Id);
    Type <= Source::Canonical(Field::Type);
    Family <= Source::Canonical(Field::Family);
    Time <= Source::Canonical(Field::Time);
    Recorded <= Source::Recorded;
    Method <= Source::Canonical(Field::Method);
    Service <= Source::Canonical(Field::Service);
    Verb <= Source::Canonical(Field::Verb);
    Outcome <= Source::Canonical(Field::Outcome);
    OutcomeReason <= Source::Canonical(Field::OutcomeReason);
    ErrorMessage <= Source::Canonical(Field::ErrorMessage);
    ErrorCode <= Source::Members(&[(S::Returned, "errorCode")]);
    Principal <= Source::Canonical(Field::Principal);
    PrincipalType <= Source::Canonical(Field::PrincipalType);
    Email <= Source::Canonical(Field::Email);
    MailAddress <= Source::Derived(D::MailAddress);
    ActingPrincipal <= Source::Canonical(Field::ActingPrincipal);
    OriginalPrincipal <= Source::Canonical(Field::OriginalPrincipal);
    Target <= Source::Derived(D::Target);
    TargetType <= Source::Derived(D::TargetType);
    TargetEmail <= Source::Canonical(Field::TargetEmail);
    TargetMailAddress <= Source::Derived(D::TargetMailAddress);
    Role <= Source::Canonical(Field::Role);
    CredentialId <= Source::Canonical(Field::CredentialId);
    Mechanism <= Source::Canonical(Field::Mechanism);
    ClientIp <= Source::Canonical(Field::ClientIp);
    ClientAddress <= Source::Derived(D::ClientAddress);
    ClientName <= Source::Derived(D::ClientName);
    ClientId <= Source::Canonical(Field::ClientId);
    RequestId <= Source::Canonical(Field::RequestId);
    CorrelationId <= Source::Canonical(Field::CorrelationId);
    ConnectionId <= Source::Canonical(Field::ConnectionId);
    TraceId <= Source::Canonical(Field::TraceId);
    NetworkId <= Source::Canonical(Field::NetworkId);
    Operation <= Source::Canonical(Field::Operation);
    AccessType <= Source::Canonical(Field::AccessType);
    ResourceType <= Source::Canonical(Field::ResourceType);
    Resource <= Source::Canonical(Field::Resource);
    ResourceId <= Source::Canonical(Field::ResourceId);
    Cluster <= Source::Canonical(Field::Cluster);
    Environment <= Source::Canonical(Field::Environment);
    Organization <= Source::Canonical(Field::Organization);
}

const FACTS: usize = Fact::ALL.len();

/// The types of resources that are accounts, or will be.
const ACCOUNTS: &[&str] = &["user", "service_account", "user_invitation", "identity_pool"];

/// What the beginning of an identifier says about whose it is; the words are those of the canonical `principal_type`.
const PREFIXES: &[(&str, &str)] =
    &[("u-", "user"), ("sa-", "service_account"), ("pool-", "identity_pool"), ("group-", "group")];

/// The facts of one event.
pub(super) struct Facts<'d> {
    view: View<'d>,
    /// When the record was written to Kafka, in milliseconds since 1970.
    pub(super) recorded_ms: Option<i64>,
    known: [OnceCell<Option<Cow<'d, str>>>; FACTS],
}

impl<'d> Facts<'d> {
    pub(super) fn new(view: View<'d>, recorded_ms: Option<i64>) -> Self {
        Self { view, recorded_ms, known: [const { OnceCell::new() }; FACTS] }
    }

    /// Of a list the first element. [`Fact::Recorded`] is a number and not among these.
    pub(super) fn get(&self, fact: Fact) -> Option<&str> {
        self.known(fact).as_deref()
    }

    /// Calls `each` with all elements of a list that are IP addresses. There is one such list.
    pub(super) fn each_address(&self, each: &mut dyn FnMut(&str)) {
        self.view.each(Field::ClientIp, &mut |text| {
            if is_address(&text) {
                each(&text);
            }
        });
    }

    fn known(&self, fact: Fact) -> &Option<Cow<'d, str>> {
        self.known[fact as usize].get_or_init(|| self.find(fact).filter(|text| !text.is_empty()))
    }

    fn find(&self, fact: Fact) -> Option<Cow<'d, str>> {
        match fact.source() {
            Source::Canonical(field) => self.view.text(field),
            Source::Members(places) => places.iter().find_map(|(section, name)| self.member(*section, name)),
            Source::Derived(derivation) => self.derived(derivation),
            Source::Recorded => None,
        }
    }

    fn derived(&self, derivation: Derivation) -> Option<Cow<'d, str>> {
        let copy = |fact| self.known(fact).clone();
        match derivation {
            D::ClientAddress => {
                // Nearly always the first one is one.
                if let Some(address) = copy(Fact::ClientIp).filter(|text| is_address(text)) {
                    return Some(address);
                }
                let mut first = None;
                self.view.each(Field::ClientIp, &mut |text| {
                    if first.is_none() && is_address(&text) {
                        first = Some(text);
                    }
                });
                first
            }
            D::ClientName => copy(Fact::ClientIp).filter(|text| !is_address(text)),
            D::MailAddress => copy(Fact::Email).filter(|text| is_mail_address(text)),
            D::TargetMailAddress => copy(Fact::TargetEmail).filter(|text| is_mail_address(text)),
            D::Target => {
                let is_account = || self.get(Fact::ResourceType).is_some_and(|found| ACCOUNTS.contains(&found));
                let account = || copy(Fact::ResourceId).filter(|_| is_account());
                self.view.text(Field::TargetPrincipal).or_else(account).or_else(|| self.member(S::Owner, "id"))
            }
            D::TargetType => {
                let target = self.get(Fact::Target)?;
                PREFIXES.iter().find(|(prefix, _)| target.starts_with(prefix)).map(|(_, word)| Cow::Borrowed(*word))
            }
        }
    }

    fn member(&self, section: Section, name: &str) -> Option<Cow<'d, str>> {
        let root = self.view.document().root();
        let section = section.path().iter().try_fold(root, |object, name| member(object, name))?;
        text_of(member(section, name)?)
    }
}

impl Section {
    pub(super) const fn path(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &["data", "request", "data", "spec", "owner"],
            Self::Returned => &["data", "result", "data"],
        }
    }
}

/// The last member of this name, in either spelling: `clientId` or `client_id`.
fn member<'d>(object: Value<'d>, name: &str) -> Option<Value<'d>> {
    let has_name = |child: &Value<'d>| child.key().is_some_and(|key| is_same_name(&key, name));
    object.children().filter(has_name).last()
}

fn is_same_name(key: &str, name: &str) -> bool {
    let mut key = key.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase());
    name.bytes().all(|byte| key.next() == Some(byte.to_ascii_lowercase())) && key.next().is_none()
}

/// A string, or a number as it is written.
fn text_of(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        Kind::String => value.text(),
        Kind::Number => std::str::from_utf8(value.raw()).ok().map(Cow::Borrowed),
        Kind::Array | Kind::Object | Kind::Bool(_) | Kind::Null => None,
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Whether OCSF would call it an e-mail address: a redacted one often is none.
fn is_mail_address(text: &str) -> bool {
    let is_domain = |domain: &str| {
        domain.contains('.') && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && name.is_ascii() && is_domain(domain))
}
