//! What is added to events, after every check has been passed.

use super::literal::{push_list, push_member, push_string};
use super::table::Table;
use crate::event::Field;

/// What is added, and where. Names within one place are unique.
#[derive(Clone, Debug, Default)]
pub struct Enrichment {
    pub adds: Vec<(Place, Adds)>,
}

impl Enrichment {
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.adds.iter().filter_map(|(_, adds)| match adds {
            Adds::LookUp(table) => Some(table),
            Adds::Constant(_) | Adds::Parts(_) => None,
        })
    }
}

/// Where what is added goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// Beside the event: the indexed fields of Splunk.
    Fields,
    /// Into a member of the event.
    Event,
}

#[derive(Clone, Debug)]
pub enum Adds {
    /// JSON members that are the same for every event; see [`Constant`].
    Constant(String),
    LookUp(Table),
    Parts(Parts),
}

/// Parts of the event's resource name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parts {
    /// What is taken, and its name in the output.
    pub take: Vec<(Part, String)>,
}

/// A part of a resource name (CRN).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// A canonical field that the event has at whichever place.
    Field(Field),
    /// The last element of the resource name with this key.
    Element(String),
}

/// Members that are the same for every event, and their names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Constant {
    members: String,
}

impl Constant {
    pub fn text(&mut self, name: &str, text: &str) {
        push_member(&mut self.members, 0, name, |out| push_string(out, text));
    }

    pub fn list(&mut self, name: &str, texts: &[String]) {
        push_member(&mut self.members, 0, name, |out| push_list(out, texts));
    }

    /// The members as JSON, separated by commas.
    pub fn into_members(self) -> String {
        self.members
    }
}
