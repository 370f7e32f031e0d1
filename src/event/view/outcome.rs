//! What came of it. Success and failure have five spellings in four places; which place decides depends on the family.
//!
//! | family | decides, the first word that is set | says no when nothing has decided |
//! | --- | --- | --- |
//! | authorization | `granted`, `authorizationInfo.result`, `result.status` | `authenticationInfo.result` |
//! | authentication | `authenticationInfo.result`, `result.status` | `granted`, `authorizationInfo.result` |
//! | any other | `result.status` | `authenticationInfo.result`, `granted`, `authorizationInfo.result` |
//!
//! A place of the last column never makes a success: that a caller was known, or was allowed to, is not yet a result. But a
//! refusal is one wherever it stands, so nothing that was denied is taken for undecided.

use std::borrow::Cow;

use super::super::document::{Kind, Value};
use super::View;
use super::members::{Data, Envelope, Name};
use super::read::text;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Success,
    Failure,
    Unknown,
}

/// What came of it, and the value that says so.
pub(super) struct Decision<'d> {
    pub(super) outcome: Outcome,
    said: Option<Value<'d>>,
}

#[derive(Clone, Copy)]
enum Place {
    Granted,
    Authorization,
    Authentication,
    Status,
}

const GRANTED: Name = Name::same("granted");
const RESULT: Name = Name::same("result");
const STATUS: Name = Name::same("status");

impl Outcome {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }

    /// `Unknown` for a word that says that nothing was said; `None` for what is no word.
    fn said_by(place: Place, value: Value<'_>) -> Option<Self> {
        match (place, value.kind()) {
            (Place::Granted, Kind::Bool(true)) => Some(Self::Success),
            (Place::Granted, Kind::Bool(false)) => Some(Self::Failure),
            (Place::Authorization | Place::Authentication | Place::Status, Kind::String) => match value.plain_text() {
                Some(word) => Self::of_word(word),
                None => Self::of_word(value.text()?.as_bytes()),
            },
            (Place::Granted | Place::Authorization | Place::Authentication | Place::Status, _) => None,
        }
    }

    fn of_word(word: &[u8]) -> Option<Self> {
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        match () {
            () if word.is_empty() => None,
            () if is("SUCCESS") || is("ALLOW") || is("true") => Some(Self::Success),
            () if is("UNSET") => Some(Self::Unknown),
            () => Some(Self::Failure),
        }
    }
}

impl<'d> Decision<'d> {
    /// The word that says what came of it.
    pub(super) fn word(&self) -> Option<Cow<'d, str>> {
        let said = self.said?;
        match said.kind() {
            Kind::Bool(true) => Some(Cow::Borrowed("true")),
            Kind::Bool(false) => Some(Cow::Borrowed("false")),
            Kind::String => text(said),
            Kind::Object | Kind::Array | Kind::Number | Kind::Null => None,
        }
    }
}

pub(super) fn decide<'d>(view: &View<'d>) -> Decision<'d> {
    let (deciding, refusing): (&[Place], &[Place]) = match family(view) {
        Family::Authorization => (&[Place::Granted, Place::Authorization, Place::Status], &[Place::Authentication]),
        Family::Authentication => (&[Place::Authentication, Place::Status], &[Place::Granted, Place::Authorization]),
        Family::Other => (&[Place::Status], &[Place::Authentication, Place::Granted, Place::Authorization]),
    };
    let mut unset = None;
    for place in deciding {
        match said_at(view, *place) {
            None => {}
            Some((Outcome::Unknown, value)) => unset = unset.or(Some(value)),
            Some((outcome, value)) => return Decision { outcome, said: Some(value) },
        }
    }
    let mut said = refusing.iter().filter_map(|place| said_at(view, *place));
    match said.find(|(outcome, _)| *outcome == Outcome::Failure) {
        Some((outcome, value)) => Decision { outcome, said: Some(value) },
        None => Decision { outcome: Outcome::Unknown, said: unset },
    }
}

enum Family {
    Authorization,
    Authentication,
    Other,
}

fn family(view: &View<'_>) -> Family {
    let of = |name: &[u8]| match name {
        name if name.ends_with(b"/authorization") => Family::Authorization,
        name if name.ends_with(b"/authentication") => Family::Authentication,
        _ => Family::Other,
    };
    let Some(name) = view.envelope(Envelope::Type) else { return Family::Other };
    match name.plain_text() {
        Some(name) => of(name),
        None => of(name.text().unwrap_or_default().as_bytes()),
    }
}

fn said_at<'d>(view: &View<'d>, place: Place) -> Option<(Outcome, Value<'d>)> {
    let (member, name) = match place {
        Place::Granted => (Data::AuthorizationInfo, GRANTED),
        Place::Authorization => (Data::AuthorizationInfo, RESULT),
        Place::Authentication => (Data::AuthenticationInfo, RESULT),
        Place::Status => (Data::Result, STATUS),
    };
    let holders = view.data(member).into_iter().flatten();
    let mut values = holders.flat_map(|holder| name.find(holder)).flatten();
    values.find_map(|value| Some((Outcome::said_by(place, value)?, value)))
}
