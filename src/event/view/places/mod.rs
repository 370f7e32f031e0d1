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

mod rules;
mod texts;

use std::ops::Range;

use super::super::document::{Document, Kind, Value};
use super::field::Field;
use super::read;
use super::words::{Context, Vocabulary};
use rules::{Found, Leaf, found, words_of};

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
        // Most events have no address, and one look at the whole costs less than one at each text.
        let mails = self.mails && memchr::memchr2(b'@', b'%', document.bytes()).is_some();
        let of_event = Self { mails, ..*self };
        of_event.below(document.root(), Context::default(), each);
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
        // An escape may stand for an `@`, which nobody has looked for.
        let Some(text) = value.plain_text() else { return true };
        let is_name = text.starts_with(b"crn:");
        let is_mail = self.mails && (memchr::memchr(b'@', text).is_some() || is_name);
        let is_id = self.ids
            && (is_name
                || text.iter().take(ID_PREFIX).any(|byte| matches!(byte, b'-' | b':' | b'='))
                || memchr::memchr(b'=', text).is_some());
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
