//! What an error of a store means and what to do about it.
//!
//! The client tells a status and an answer only within its text, so that is where they are looked for: first the store's own code, which
//! says most, then the status.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;

use object_store::Error;

use super::http::NoAnswer;
use crate::defaults::DETAIL_MAX_CHARS;
use crate::delivery::attempt::Failure;
use crate::reason::Reason;

/// What is wrong, by what has to happen next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    // Goes by: to be tried again.
    Connect,
    Network,
    Timeout,
    Busy,
    ServerError,
    /// The file system: full, or failing.
    Disk,
    // A human must act.
    /// What is configured cannot work.
    Setup,
    Tls,
    /// The credentials are not accepted, or lack a permission.
    Unauthorized,
    /// There is no such bucket or container.
    NoBucket,
    /// The store understood and said no.
    Refused,
}

impl Trouble {
    /// Whether a human must act before trying again makes sense.
    pub const fn needs_human(self) -> bool {
        match self {
            Self::Connect | Self::Network | Self::Timeout | Self::Busy | Self::ServerError | Self::Disk => false,
            Self::Setup | Self::Tls | Self::Unauthorized | Self::NoBucket | Self::Refused => true,
        }
    }

    const fn reason(self) -> Reason {
        match self {
            Self::Connect => Reason::Connect,
            Self::Network => Reason::Network,
            Self::Timeout => Reason::Timeout,
            Self::Busy => Reason::Busy,
            Self::ServerError => Reason::ServerError,
            Self::Disk => Reason::Disk,
            Self::Setup | Self::Refused => Reason::Refused,
            Self::Tls => Reason::Tls,
            Self::Unauthorized => Reason::StoreAccess,
            Self::NoBucket => Reason::NoBucket,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreError {
    pub trouble: Trouble,
    words: String,
}

impl StoreError {
    pub(super) fn new(trouble: Trouble, words: impl Into<String>) -> Self {
        let words: String = words.into();
        Self { trouble, words: words.chars().take(DETAIL_MAX_CHARS).collect() }
    }

    /// An object that was written a moment ago is not there.
    pub fn vanished() -> Self {
        Self::new(Trouble::ServerError, "the store took an object and does not find it")
    }

    pub fn to_failure(&self) -> Failure {
        Failure::new(self.trouble.reason(), self.words.clone())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl StdError for StoreError {}

/// Codes of S3 (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>), of Azure
/// (<https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>) and reasons of Google Cloud Storage.
#[rustfmt::skip]
const CODES: &[(&str, Trouble, &str)] = &[
    ("NoSuchBucket", Trouble::NoBucket, "there is no such bucket: check the url, or make the bucket"),
    ("ContainerNotFound", Trouble::NoBucket, "there is no such container: check the url, or make the container"),
    ("The specified bucket does not exist", Trouble::NoBucket, "there is no such bucket: check the url, or make the bucket"),
    ("RequestTimeTooSkewed", Trouble::Unauthorized, "the clock of this machine is too far from the store's: set it"),
    ("ExpiredToken", Trouble::Unauthorized, "the credentials have expired: renew them"),
    ("InvalidAccessKeyId", Trouble::Unauthorized, "the store does not know this access key: check access_key_id"),
    ("SignatureDoesNotMatch", Trouble::Unauthorized, "the secret key is not the one of this access key: check secret_access_key"),
    ("AuthorizationHeaderMalformed", Trouble::Setup, "the bucket is in another region: set region"),
    ("PermanentRedirect", Trouble::Setup, "the bucket is in another region, or the endpoint is not the bucket's: set region or endpoint"),
    ("IllegalLocationConstraint", Trouble::Setup, "the bucket is in another region: set region"),
    ("AccessDenied", Trouble::Unauthorized, "a permission is missing: the archive needs PutObject, GetObject and ListBucket"),
    ("AuthorizationPermissionMismatch", Trouble::Unauthorized, "a role is missing: the archive needs to read, write and list blobs"),
    ("AuthenticationFailed", Trouble::Unauthorized, "the account key is not accepted: check it, and the clock"),
    ("KMS.", Trouble::Unauthorized, "the encryption key cannot be used: check kms_key_id and the permissions on it"),
    ("InvalidObjectState", Trouble::Refused, "the object lies in a storage class that has to be restored first"),
    ("SlowDown", Trouble::Busy, "the store asks for fewer requests"),
    ("ServerBusy", Trouble::Busy, "the store asks for fewer requests"),
    ("RequestTimeout", Trouble::Timeout, "the store waited too long for the request"),
    ("InternalError", Trouble::ServerError, "the store has an error of its own"),
];

pub(super) fn is_absent(error: &Error) -> bool {
    let text = chain_of(error);
    matches!(error, Error::NotFound { .. })
        && !CODES.iter().any(|(code, trouble, _)| *trouble == Trouble::NoBucket && text.contains(code))
}

/// `doing` is a verb: write, read, list.
pub(super) fn of(error: &Error, doing: &str) -> StoreError {
    let text = chain_of(error);
    let (trouble, remedy) = sort(error, &text);
    let said = said_in(&text);
    let remedy = if remedy.is_empty() { String::new() } else { format!("{remedy}; ") };
    StoreError::new(trouble, format!("{remedy}cannot {doing} an object: {said}"))
}

pub(super) fn of_folder(folder: &Path, error: &io::Error) -> StoreError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "an enum of std: only what has a remedy is named")]
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied => "let this user write there",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "give a directory",
        _ => "check the path and the disk",
    };
    StoreError::new(Trouble::Disk, format!("cannot make the directory {}: {error}; {remedy}", folder.display()))
}

fn sort(error: &Error, text: &str) -> (Trouble, &'static str) {
    if let Some(no_answer) = find::<NoAnswer>(error) {
        return (no_answer.trouble, "");
    }
    if let Some(error) = find::<io::Error>(error) {
        return (Trouble::Disk, of_io(error.kind()));
    }
    if let Some((_, trouble, remedy)) = CODES.iter().find(|(code, _, _)| text.contains(code)) {
        return (*trouble, remedy);
    }
    match status_in(text) {
        Some(401 | 403) => (Trouble::Unauthorized, "the credentials are not accepted, or lack a permission"),
        Some(408) => (Trouble::Timeout, ""),
        Some(429 | 503) => (Trouble::Busy, ""),
        Some(500..) => (Trouble::ServerError, ""),
        Some(404) => (Trouble::NoBucket, "there is no such bucket: check the url and the endpoint"),
        Some(300..=399) => (Trouble::Setup, "the bucket is elsewhere: set region or endpoint"),
        Some(409) => (Trouble::ServerError, "the store was busy with another request for this object"),
        Some(_) => (Trouble::Refused, ""),
        // Credentials that cannot be fetched, an answer that cannot be read: it may go by.
        None => (Trouble::ServerError, ""),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of std: only what has a remedy is named")]
const fn of_io(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull => "the disk is full: make room",
        ErrorKind::QuotaExceeded => "the quota is used up: make room",
        ErrorKind::PermissionDenied => "let this user write in the archive's directory",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only: mount it for writing",
        _ => "check the disk",
    }
}

fn find<T: StdError + 'static>(error: &Error) -> Option<&T> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn chain_of(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = error.source();
    }
    text
}

fn status_in(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

/// The store's own words, out of the XML around them.
fn said_in(text: &str) -> String {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    let answer = match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code,
        (None, _) => return text.to_owned(),
    };
    match status_in(text) {
        Some(status) => format!("{status} {answer}"),
        None => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Told(&'static str);
    impl fmt::Display for Told {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }
    impl StdError for Told {}

    fn generic(text: &'static str) -> Error {
        Error::Generic { store: "S3", source: Box::new(Told(text)) }
    }

    #[test]
    fn what_a_store_says_is_sorted_by_what_has_to_happen() {
        let cases = [
            (
                "Server returned non-2xx status code: 403 Forbidden: <Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
                Trouble::Unauthorized,
                "403 AccessDenied: Access Denied",
            ),
            (
                "Server returned non-2xx status code: 403 Forbidden: <Error><Code>RequestTimeTooSkewed</Code></Error>",
                Trouble::Unauthorized,
                "the clock of this machine",
            ),
            (
                "Server returned non-2xx status code: 400 Bad Request: <Error><Code>AuthorizationHeaderMalformed</Code><Message>expecting 'eu-west-1'</Message></Error>",
                Trouble::Setup,
                "set region",
            ),
            (
                "Server returned non-2xx status code: 503 Service Unavailable: <Error><Code>SlowDown</Code></Error>",
                Trouble::Busy,
                "SlowDown",
            ),
            ("Server returned non-2xx status code: 500 Internal Server Error: ", Trouble::ServerError, "500"),
            ("Server returned non-2xx status code: 400 Bad Request: no", Trouble::Refused, "400"),
            ("Server returned non-2xx status code: 429 Too Many Requests: ", Trouble::Busy, "429"),
            ("Received redirect without LOCATION", Trouble::ServerError, "redirect"),
        ];
        for (text, trouble, words) in cases {
            let told = of(&generic(text), "write");
            assert_eq!(told.trouble, trouble, "{text}");
            assert!(told.to_string().contains(words), "{told}");
        }
    }

    #[test]
    fn a_missing_bucket_is_not_a_missing_object() {
        let missing = |text| Error::NotFound { path: "p".into(), source: Box::new(Told(text)) };
        assert!(is_absent(&missing("status code: 404 Not Found: <Code>NoSuchKey</Code>")));
        let bucket = missing("status code: 404 Not Found: <Code>NoSuchBucket</Code>");
        assert!(!is_absent(&bucket));
        assert_eq!(of(&bucket, "read").trouble, Trouble::NoBucket);
        assert!(!is_absent(&generic("x")));
    }

    #[test]
    fn a_full_disk_goes_by_and_is_named() {
        let full = io::Error::from(ErrorKind::StorageFull);
        let told = of(&Error::Generic { store: "LocalFileSystem", source: Box::new(full) }, "write");
        assert_eq!((told.trouble, told.trouble.needs_human()), (Trouble::Disk, false));
        assert!(told.to_string().contains("make room"), "{told}");
    }
}
