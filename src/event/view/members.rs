//! The members of the envelope and of `data`, where nearly every field begins.
//!
//! Both dialects are known: what stands in `methodName` may stand in `method_name`. The first spelling counts before the
//! second, and of a repeated member the last one, as for most parsers. Where more than one could be meant, that is
//! remembered with the document ([`met_repeated`](super::Document::met_repeated)): readers may disagree about it.

use super::super::document::{Document, Value};

/// A member's name in both dialects; the same twice when they do not differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) camel: &'static str,
    pub(super) snake: &'static str,
}

/// A member of the envelope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Envelope {
    Id,
    Source,
    Type,
    Time,
    Subject,
    Data,
}

/// A member of `data`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Data {
    ServiceName,
    MethodName,
    ResourceName,
    AuthenticationInfo,
    AuthorizationInfo,
    CloudResources,
    ClientAddress,
    RequestMetadata,
    Request,
    Result,
}

impl Name {
    pub(super) const fn same(name: &'static str) -> Self {
        Self { camel: name, snake: name }
    }

    const fn both(self) -> [&'static str; 2] {
        [self.camel, self.snake]
    }

    /// The members that this name can mean, in the order in which they count.
    pub(super) fn find(self, object: Value<'_>) -> [Option<Value<'_>>; 2] {
        object.get_either(self.both())
    }
}

impl Envelope {
    /// In the order of their numbers.
    const ALL: [Self; 6] = [Self::Id, Self::Source, Self::Type, Self::Time, Self::Subject, Self::Data];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Source => "source",
            Self::Type => "type",
            Self::Time => "time",
            Self::Subject => "subject",
            Self::Data => "data",
        }
    }
}

impl Data {
    /// In the order of their numbers.
    const ALL: [Self; 10] = [
        Self::ServiceName,
        Self::MethodName,
        Self::ResourceName,
        Self::AuthenticationInfo,
        Self::AuthorizationInfo,
        Self::CloudResources,
        Self::ClientAddress,
        Self::RequestMetadata,
        Self::Request,
        Self::Result,
    ];

    pub(super) const fn name(self) -> Name {
        let (camel, snake) = match self {
            Self::ServiceName => ("serviceName", "service_name"),
            Self::MethodName => ("methodName", "method_name"),
            Self::ResourceName => ("resourceName", "resource_name"),
            Self::AuthenticationInfo => ("authenticationInfo", "authentication_info"),
            Self::AuthorizationInfo => ("authorizationInfo", "authorization_info"),
            Self::CloudResources => ("cloudResources", "cloud_resources"),
            Self::ClientAddress => ("clientAddress", "client_address"),
            Self::RequestMetadata => ("requestMetadata", "request_metadata"),
            Self::Request => ("request", "request"),
            Self::Result => ("result", "result"),
        };
        Name { camel, snake }
    }
}

/// Where the members of the envelope and of `data` are, found in one pass over each: worth it for whoever asks for many.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    envelope: [Entry; Envelope::ALL.len()],
    data: [Entry; Data::ALL.len()],
}

/// The numbers of a member in both spellings, 0 for none.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    numbers: [u32; 2],
    repeated: bool,
}

impl Entry {
    fn note(&mut self, member: Value<'_>, names: [&str; 2]) -> bool {
        let Some(which) = names.iter().position(|name| member.is_named(name)) else { return false };
        self.repeated |= self.numbers != [0, 0];
        self.numbers[which] = member.number();
        true
    }

    fn values<'d>(&self, document: &'d Document<'d>) -> [Option<Value<'d>>; 2] {
        if self.repeated {
            document.note_repeated();
        }
        self.numbers.map(|number| document.at(number))
    }
}

impl Index {
    pub(super) fn of(document: &Document<'_>) -> Self {
        let mut index = Self::default();
        for member in document.root().children() {
            Envelope::ALL
                .into_iter()
                .zip(&mut index.envelope)
                .any(|(name, entry)| entry.note(member, [name.name(); 2]));
        }
        let [data, _] = index.envelope[Envelope::Data as usize].numbers.map(|number| document.at(number));
        for member in data.into_iter().flat_map(|data| data.children()) {
            Data::ALL.into_iter().zip(&mut index.data).any(|(name, entry)| entry.note(member, name.name().both()));
        }
        index
    }

    pub(super) fn envelope<'d>(&self, member: Envelope, document: &'d Document<'d>) -> Option<Value<'d>> {
        let [value, _] = self.envelope[member as usize].values(document);
        value
    }

    pub(super) fn data<'d>(&self, member: Data, document: &'d Document<'d>) -> [Option<Value<'d>>; 2] {
        // As without an index, where `data` would be looked for, too.
        let _ = self.envelope(Envelope::Data, document);
        self.data[member as usize].values(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Tape;
    use proptest::prelude::*;

    proptest! {
        /// Members come in any order and spelling, repeated and escaped, at the right and at the wrong level.
        #[test]
        fn the_index_finds_what_a_search_finds(
            envelope in proptest::collection::vec(member(), 0..8), data in proptest::collection::vec(member(), 0..12), at in 0..8usize
        ) {
            let mut members = envelope.clone();
            members.insert(at.min(members.len()), format!("\"data\":{{{}}}", data.join(",")));
            let text = format!("{{{}}}", members.join(","));
            for (name, name_of_data) in Envelope::ALL.into_iter().zip(Data::ALL.into_iter().cycle()).chain(Data::ALL.map(|data| (Envelope::Id, data))) {
                let (mut one, mut other) = (Tape::default(), Tape::default());
                let (searched, indexed) = (one.read(text.as_bytes()).expect("valid"), other.read(text.as_bytes()).expect("valid"));
                let index = Index::of(&indexed);
                let number = |value: Option<Value<'_>>| value.map(|value| value.number());
                prop_assert_eq!(number(searched.root().get(name.name())), number(index.envelope(name, &indexed)));
                prop_assert_eq!(searched.met_repeated(), indexed.met_repeated());
                let expected = searched.root().get("data").map_or([None, None], |data| name_of_data.name().find(data));
                prop_assert_eq!(expected.map(number), index.data(name_of_data, &indexed).map(number));
                prop_assert_eq!(searched.met_repeated(), indexed.met_repeated(), "{}", text);
            }
        }
    }

    fn member() -> impl Strategy<Value = String> {
        let names = (Data::ALL.map(|data| data.name().both()).concat().into_iter())
            .chain(Envelope::ALL.map(Envelope::name))
            .chain(["r\\u0065sult", "d\\u0061ta", "other", ""])
            .map(str::to_owned);
        (proptest::sample::select(names.collect::<Vec<_>>()), "1|\\{\\}|\\[1\\]|\"x\"|\\{\"result\":1\\}")
            .prop_map(|(name, value)| format!("\"{name}\":{value}"))
    }

    #[test]
    fn members_stand_in_the_order_of_their_numbers() {
        assert!(Envelope::ALL.into_iter().enumerate().all(|(at, member)| member as usize == at));
        assert!(Data::ALL.into_iter().enumerate().all(|(at, member)| member as usize == at));
    }
}
