//! The canonical view: one set of names over both dialects in which audit events are written.
//!
//! - A field is looked up when somebody asks for it, in the event as it was read. Nothing is changed, only the place of `data`
//!   is remembered, and nothing is allocated unless a text has to be decoded.
//! - Missing is missing: never an empty string, never a word that the event does not hold. The exceptions: `outcome` is
//!   `unknown` when an event does not say, what follows from other fields (`verb`, `principal_type`) has words of its own, and
//!   `resource_type` has one spelling.
//! - What has another type than it should, and `null`, is missing; the next place counts.
//! - Names of members are compared as the vendor writes them, in both dialects.
//! - [`Places`] is the other way round: everywhere a field's value can stand. It looks further than the view, because
//!   what is overlooked there is not redacted.

mod field;
mod members;
mod outcome;
mod places;
mod principal;
mod read;
mod resource_type;
mod source;
mod verb;
mod words;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;

pub use field::{Field, Shape};
pub use places::{Fields, Place, Places};

use super::document::{Document, Value};
use members::{Data, Envelope, Index, Name};
use outcome::Outcome;
use source::{Head, Source};
pub use verb::Verb;

/// Canonical names over one event.
#[derive(Clone, Debug)]
pub struct View<'d> {
    document: &'d Document<'d>,
    /// The number of `data` in the document, 0 for none: found by the first who asks.
    data: OnceCell<u32>,
    /// Where the members are; not for whoever asks for few fields.
    index: Option<Index>,
}

const PRINCIPAL: Name = Name::same("principal");

impl<'d> View<'d> {
    pub fn new(document: &'d Document<'d>) -> Self {
        Self { document, data: OnceCell::new(), index: None }
    }

    /// The same, prepared for whoever asks for many fields.
    pub fn of_many_fields(document: &'d Document<'d>) -> Self {
        Self { document, data: OnceCell::new(), index: Some(Index::of(document)) }
    }

    pub fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// A field of shape [`Shape::Text`] or [`Shape::Method`]; of a list the first element; of a truth value `true` or `false`.
    pub fn text(&self, field: Field) -> Option<Cow<'d, str>> {
        if field.is_derived() {
            return self.derived(field);
        }
        let text = if field == Field::Principal { self.principal() } else { self.first(field) };
        if field == Field::ResourceType { text.map(resource_type::spelled) } else { text }
    }

    /// Calls `each` with every element of a list, each once; with the one value of any other field, if it is there.
    pub fn each(&self, field: Field, each: &mut dyn FnMut(Cow<'d, str>)) {
        match field.shape() {
            Shape::List => self.each_once(field, each),
            Shape::Text | Shape::Method | Shape::Bool => {
                if let Some(text) = self.text(field) {
                    each(text);
                }
            }
        }
    }

    /// A field of shape [`Shape::Bool`]; `false` for any other.
    pub fn is(&self, field: Field) -> bool {
        field == Field::Denied && outcome::decide(self).outcome == Outcome::Failure
    }

    /// What follows from other fields.
    fn derived(&self, field: Field) -> Option<Cow<'d, str>> {
        let word = match () {
            () if field == Field::OutcomeReason => return outcome::decide(self).word(),
            () if field == Field::Outcome => outcome::decide(self).outcome.as_str(),
            () if field == Field::Denied => ["false", "true"][usize::from(self.is(Field::Denied))],
            () if field == Field::Verb => self.verb()?.as_str(),
            () => self.principal_type()?,
        };
        Some(Cow::Borrowed(word))
    }

    fn verb(&self) -> Option<Verb> {
        let verb = Verb::of_method(&self.first(Field::Method)?);
        let access_type = self.first(Field::AccessType);
        Some(access_type.map_or(verb, |access_type| verb.corrected(&access_type)))
    }

    /// A number is of no use to anybody who has the resource id.
    fn principal(&self) -> Option<Cow<'d, str>> {
        let [named, with_id] = Field::Principal.sources() else { return None };
        let id = self.first_of(named);
        let is_number = id.as_ref().is_none_or(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
        if is_number { self.first_of(with_id).or(id) } else { id }
    }

    fn principal_type(&self) -> Option<&'static str> {
        let principals = self.data(Data::AuthenticationInfo).into_iter().flatten();
        let mut principals = principals.flat_map(|holder| PRINCIPAL.find(holder)).flatten();
        let told = principals.find_map(principal::kind);
        told.or_else(|| principal::kind_of_id(&self.principal()?))
    }

    fn first(&self, field: Field) -> Option<Cow<'d, str>> {
        field.sources().iter().find_map(|source| self.first_of(source))
    }

    fn first_of(&self, source: &Source) -> Option<Cow<'d, str>> {
        self.at(source, &mut |value| read::part(source.part, value, &mut Some))
    }

    /// The second of several that differ is rare, so only then is there anything to remember.
    fn each_once(&self, field: Field, each: &mut dyn FnMut(Cow<'d, str>)) {
        let mut first: Option<Cow<'d, str>> = None;
        let mut others: BTreeSet<Cow<'d, str>> = BTreeSet::new();
        let mut next = |text: Cow<'d, str>| -> Option<()> {
            match &first {
                None => first = Some(text.clone()),
                Some(first) if *first == text || !others.insert(text.clone()) => return None,
                Some(_) => {}
            }
            each(text);
            None
        };
        for source in field.sources() {
            self.at(source, &mut |value| read::part(source.part, value, &mut next));
        }
    }

    /// Calls `take` with every value at the end of a source's path, until it gives something.
    fn at<R, F>(&self, source: &Source, take: &mut F) -> Option<R>
    where
        F: FnMut(Value<'d>) -> Option<R>,
    {
        match source.head {
            Head::Envelope(member) => self.envelope(member).and_then(|value| read::along(value, source.steps, take)),
            Head::Data(member) => {
                let values = self.data(member).into_iter().flatten();
                values.into_iter().find_map(|value| read::along(value, source.steps, take))
            }
        }
    }

    fn envelope(&self, member: Envelope) -> Option<Value<'d>> {
        if let Some(index) = &self.index {
            return index.envelope(member, self.document);
        }
        let find = || self.document.root().get(member.name());
        match member {
            Envelope::Data => {
                let number = self.data.get_or_init(|| find().map_or(0, |data| data.number()));
                self.document.at(*number)
            }
            Envelope::Id | Envelope::Source | Envelope::Type | Envelope::Time | Envelope::Subject => find(),
        }
    }

    /// A member of `data`, in both spellings.
    fn data(&self, member: Data) -> [Option<Value<'d>>; 2] {
        if let Some(index) = &self.index {
            return index.data(member, self.document);
        }
        self.envelope(Envelope::Data).map_or([None, None], |data| member.name().find(data))
    }
}
