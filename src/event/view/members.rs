//! The members of the envelope and of `data`, where nearly every field begins.
//!
//! Both dialects are known: what stands in `methodName` may stand in `method_name`. The first spelling counts before the
//! second, and of a repeated member the last one, as for most parsers. Where more than one could be meant, that is
//! remembered with the document ([`met_repeated`](super::Document::met_repeated)): readers may disagree about it.

use super::super::document::Value;

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

    /// The members that this name can mean, in the order in which they count.
    pub(super) fn find(self, object: Value<'_>) -> [Option<Value<'_>>; 2] {
        object.get_either([self.camel, self.snake])
    }
}

impl Envelope {
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
