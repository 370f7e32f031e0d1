//! Where an archive lies and how to get there, after every check has been passed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::secret::SecretSource;
use crate::tls::config::{TlsConfig, Transport};

#[derive(Clone, Debug)]
pub struct StoreConfig {
    pub location: Location,
    /// Of S3. `None` leaves it to the environment.
    pub region: Option<String>,
    /// `http(s)://host:port` of a store that is not the provider's own.
    pub endpoint: Option<String>,
    /// The bucket stands in the path and not in the host name.
    pub path_style: bool,
    pub s3_login: S3Login,
    pub encryption: S3Encryption,
    pub storage_class: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// Of Google Cloud Storage. `None` leaves it to the environment, as workload identity does.
    pub service_account_file: Option<PathBuf>,
    /// Of Azure.
    pub account: Option<String>,
    pub azure_login: AzureLogin,
    pub transport: Transport,
    pub tls: TlsConfig,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Location {
    Directory(PathBuf),
    S3 { bucket: String, prefix: String },
    Gcs { bucket: String, prefix: String },
    Azure { container: String, prefix: String },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum S3Login {
    /// What AWS clients find in the environment: variables, web identity, containers, the instance's role.
    Environment,
    Keys {
        access_key_id: String,
        secret_access_key: SecretSource,
        session_token: Option<SecretSource>,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum S3Encryption {
    /// As the bucket says.
    Default,
    Aes256,
    Kms {
        key_id: String,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AzureLogin {
    /// What Azure's clients find in the environment: variables, workload identity, managed identity.
    Environment,
    AccessKey(SecretSource),
}

/// Why an address is none of an archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadLocation(&'static str);

impl Location {
    /// `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, `file:///path`, or an absolute path.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn parse(url: &str) -> Result<Self, BadLocation> {
        if url.starts_with('/') {
            return Ok(Self::Directory(PathBuf::from(url)));
        }
        let (scheme, rest) =
            url.split_once("://").ok_or(BadLocation("this is neither an address nor an absolute path"))?;
        if scheme == "file" {
            let path = rest.starts_with('/').then(|| PathBuf::from(rest));
            return path.map(Self::Directory).ok_or(BadLocation("a `file://` address goes on with an absolute path"));
        }
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if name.is_empty() || name.contains(['@', ':', '?', '#']) {
            return Err(BadLocation("after `://` comes the name of the bucket, without a port or credentials"));
        }
        let (name, prefix) = (name.to_owned(), prefix.trim_matches('/').to_owned());
        if prefix.split('/').any(|part| part == "." || part == ".." || (part.is_empty() && !prefix.is_empty())) {
            return Err(BadLocation("the prefix may not hold `.`, `..` or an empty part"));
        }
        match scheme {
            "s3" => Ok(Self::S3 { bucket: name, prefix }),
            "gs" => Ok(Self::Gcs { bucket: name, prefix }),
            "az" => Ok(Self::Azure { container: name, prefix }),
            _ => Err(BadLocation("this kind of store is not known")),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, name, prefix) = match self {
            Self::Directory(path) => return write!(f, "{}", path.display()),
            Self::S3 { bucket, prefix } => ("s3", bucket, prefix),
            Self::Gcs { bucket, prefix } => ("gs", bucket, prefix),
            Self::Azure { container, prefix } => ("az", container, prefix),
        };
        let slash = if prefix.is_empty() { "" } else { "/" };
        write!(f, "{scheme}://{name}{slash}{prefix}")
    }
}

impl StoreConfig {
    /// Everything as usual for this place.
    pub fn of(location: Location, transport: Transport) -> Self {
        Self {
            location,
            region: None,
            endpoint: None,
            path_style: false,
            s3_login: S3Login::Environment,
            encryption: S3Encryption::Default,
            storage_class: None,
            tags: BTreeMap::new(),
            service_account_file: None,
            account: None,
            azure_login: AzureLogin::Environment,
            transport,
            tls: TlsConfig::default(),
        }
    }

    /// Only an endpoint that says so in its address is spoken to without encryption.
    pub(super) fn allows_http(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_alike() {
        for url in ["s3://acme-audit/confluent", "s3://b", "gs://b/a/b", "az://c/x", "/var/lib/archive"] {
            assert_eq!(Location::parse(url).unwrap().to_string(), url);
        }
        assert_eq!(Location::parse("file:///srv/a").unwrap(), Location::Directory("/srv/a".into()));
        assert_eq!(Location::parse("s3://b/p/").unwrap().to_string(), "s3://b/p");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for url in [
            "",
            "archive",
            "s3:/b",
            "s3://",
            "s3://user:pw@b",
            "s3://b:9000/p",
            "s3://b/../x",
            "s3://b/a//b",
            "ftp://b",
            "file://x",
        ] {
            assert!(Location::parse(url).is_err(), "{url}");
        }
    }
}
