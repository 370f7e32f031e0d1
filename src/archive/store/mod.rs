//! Where an archive lies: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage, or a directory.
//!
//! - Nothing is repeated here by itself: whoever writes decides what an unclear answer means. Reading may ask for repetition.
//! - [`Store::create`] never overwrites. That there is an object already is an answer, not an error; whether it is ours is for the
//!   caller to find out, because an answer may have been lost, and stores also say "conflict" for an object that does not exist.
//! - A directory is written durably: file and folder are synchronised before success is reported.
//! - Requests go through the same HTTPS clients as those of all sinks.

pub mod config;
mod explain;
mod http;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, RetryConfig, TagSet,
};

use crate::tls::HttpClient;
use config::{AzureLogin, Location, S3Encryption, S3Login, StoreConfig};
pub use explain::{StoreError, Trouble};

/// What became of an attempt to create an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Created {
    New,
    /// The store says that there is one, or that somebody else is creating it.
    Exists,
}

/// How often a request may be repeated by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeat {
    Never,
    /// A few times within some seconds, where that is harmless. For commands that read.
    Reading,
}

/// An object as a listing shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its name below the prefix.
    pub name: String,
    pub size: u64,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    prefix: Path,
    /// What people know it by; holds no credentials.
    url: String,
    attributes: Attributes,
    tags: TagSet,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.url)
    }
}

impl Store {
    /// Prepares access; connects to nothing. A directory is made if there is none. Blocks for as long as reading a few small files takes.
    ///
    /// # Errors
    /// The directory cannot be used, or what is configured does not fit together.
    pub fn open(config: &StoreConfig, http: &Arc<HttpClient>, repeat: Repeat) -> Result<Self, StoreError> {
        let (inner, prefix): (Arc<dyn ObjectStore>, &str) = match &config.location {
            Location::Directory(folder) => {
                std::fs::create_dir_all(folder).map_err(|error| explain::of_folder(folder, &error))?;
                let files = LocalFileSystem::new_with_prefix(folder).map_err(|error| explain::of(&error, "open"))?;
                (Arc::new(files.with_fsync(true).with_automatic_cleanup(false)), "")
            }
            Location::S3 { bucket, prefix } => (Arc::new(s3(config, bucket, http, repeat)?), prefix),
            Location::Gcs { bucket, prefix } => (Arc::new(gcs(config, bucket, http, repeat)?), prefix),
            Location::Azure { container, prefix } => (Arc::new(azure(config, container, http, repeat)?), prefix),
        };
        let prefix = Path::parse(prefix).map_err(|error| StoreError::new(Trouble::Setup, error.to_string()))?;
        let mut attributes = Attributes::new();
        if let Some(class) = &config.storage_class {
            attributes.insert(Attribute::StorageClass, class.clone().into());
        }
        let mut tags = TagSet::default();
        config.tags.iter().for_each(|(name, value)| tags.push(name, value));
        // A directory has no place for them.
        let is_directory = matches!(config.location, Location::Directory(_));
        let attributes = if is_directory { Attributes::new() } else { attributes };
        Ok(Self { inner, prefix, url: config.location.to_string(), attributes, tags })
    }

    /// A store around something that keeps objects, for tests with faults.
    #[cfg(test)]
    pub(crate) fn around(inner: Arc<dyn ObjectStore>) -> Self {
        let (attributes, tags) = (Attributes::new(), TagSet::default());
        Self { inner, prefix: Path::default(), url: "memory:".to_owned(), attributes, tags }
    }

    /// Free of credentials.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Writes an object unless there is one of this name.
    ///
    /// # Errors
    /// What has become of the object is unclear, or it was certainly not written.
    pub async fn create(&self, name: &str, bytes: Bytes, media_type: &'static str) -> Result<Created, StoreError> {
        match self.put_in_mode(name, bytes, media_type, PutMode::Create).await {
            Ok(()) => Ok(Created::New),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(Created::Exists),
            Err(error) => Err(explain::of(&error, "write")),
        }
    }

    /// Writes an object, in the place of one that there may be.
    ///
    /// # Errors
    /// As for [`Store::create`].
    pub async fn put(&self, name: &str, bytes: Bytes, media_type: &'static str) -> Result<(), StoreError> {
        self.put_in_mode(name, bytes, media_type, PutMode::Overwrite)
            .await
            .map_err(|error| explain::of(&error, "write"))
    }

    async fn put_in_mode(&self, name: &str, bytes: Bytes, media: &'static str, mode: PutMode) -> Result<(), Error> {
        let mut attributes = self.attributes.clone();
        if !self.url.starts_with('/') {
            attributes.insert(Attribute::ContentType, media.into());
        }
        let options =
            PutOptions { mode, tags: self.tags.clone(), attributes, extensions: object_store::Extensions::default() };
        self.inner.put_opts(&self.path(name), PutPayload::from_bytes(bytes), options).await.map(drop)
    }

    /// The object, `None` when there is none.
    ///
    /// # Errors
    /// Whether there is one cannot be told, or it cannot be read.
    pub async fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let read = async { self.inner.get(&self.path(name)).await?.bytes().await };
        absent(read.await, "read")
    }

    /// The object's bytes as they come, `None` when there is none.
    ///
    /// # Errors
    /// As for [`Store::get`].
    pub async fn stream(
        &self,
        name: &str,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, StoreError>>>, StoreError> {
        let got = absent(self.inner.get(&self.path(name)).await, "read")?;
        Ok(got.map(|got| got.into_stream().map(|part| part.map_err(|error| explain::of(&error, "read"))).boxed()))
    }

    /// The object's size in bytes, `None` when there is none.
    ///
    /// # Errors
    /// Whether there is one cannot be told.
    pub async fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        Ok(absent(self.inner.head(&self.path(name)).await, "look at")?.map(|meta| meta.size))
    }

    /// All objects below a folder, those after `after` only, in no particular order.
    pub fn list(&self, folder: &str, after: Option<&str>) -> BoxStream<'static, Result<Listed, StoreError>> {
        let folder = self.path(folder);
        let prefix = self.prefix.clone();
        let found = match after {
            Some(after) => self.inner.list_with_offset(Some(&folder), &self.path(after)),
            None => self.inner.list(Some(&folder)),
        };
        let named =
            move |meta: object_store::ObjectMeta| Listed { name: below(&prefix, &meta.location), size: meta.size };
        found.map(move |meta| meta.map(&named).map_err(|error| explain::of(&error, "list"))).boxed()
    }

    /// The names of the folders directly below a folder.
    ///
    /// # Errors
    /// They cannot be listed.
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let found = self.inner.list_with_delimiter(Some(&self.path(folder))).await;
        let found = found.map_err(|error| explain::of(&error, "list"))?;
        Ok(found.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect())
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').filter(|part| !part.is_empty()).fold(self.prefix.clone(), |path, part| path.join(part))
    }
}

/// Names of ours hold nothing that a path would escape.
fn below(prefix: &Path, path: &Path) -> String {
    match path.prefix_match(prefix) {
        Some(parts) => parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"),
        None => path.to_string(),
    }
}

fn absent<T>(result: Result<T, Error>, doing: &'static str) -> Result<Option<T>, StoreError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if explain::is_absent(&error) => Ok(None),
        Err(error) => Err(explain::of(&error, doing)),
    }
}

fn retry(repeat: Repeat) -> RetryConfig {
    match repeat {
        Repeat::Never => RetryConfig { max_retries: 0, ..RetryConfig::default() },
        Repeat::Reading => {
            RetryConfig { max_retries: 5, retry_timeout: Duration::from_secs(60), backoff: BackoffConfig::default() }
        }
    }
}

fn options(config: &StoreConfig) -> ClientOptions {
    ClientOptions::new().with_allow_http(config.allows_http())
}

fn s3(
    config: &StoreConfig,
    bucket: &str,
    http: &Arc<HttpClient>,
    repeat: Repeat,
) -> Result<impl ObjectStore, StoreError> {
    let mut builder = match &config.s3_login {
        // What every AWS client looks at: variables, web identity (IRSA), containers, Pod Identity, the instance.
        S3Login::Environment => AmazonS3Builder::from_env(),
        S3Login::Keys { access_key_id, secret_access_key, session_token } => {
            let builder = AmazonS3Builder::new()
                .with_access_key_id(access_key_id)
                .with_secret_access_key(secret_access_key.value().expose());
            match session_token {
                Some(token) => builder.with_token(token.value().expose()),
                None => builder,
            }
        }
    };
    builder = builder
        .with_bucket_name(bucket)
        .with_checksum_algorithm(object_store::aws::Checksum::SHA256)
        .with_virtual_hosted_style_request(!config.path_style)
        .with_client_options(options(config))
        .with_allow_http(config.allows_http())
        .with_retry(retry(repeat))
        .with_http_connector(http::Connector::new(http));
    if let Some(region) = &config.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder = match &config.encryption {
        S3Encryption::Default => builder,
        S3Encryption::Aes256 => match SSE.parse::<AmazonS3ConfigKey>() {
            Ok(key) => builder.with_config(key, "AES256"),
            Err(error) => return Err(explain::of(&error, "prepare")),
        },
        S3Encryption::Kms { key_id } => builder.with_sse_kms_encryption(key_id).with_bucket_key(true),
    };
    builder.build().map_err(|error| explain::of(&error, "prepare"))
}

/// The client names this setting only by its text.
const SSE: &str = "aws_server_side_encryption";

fn gcs(
    config: &StoreConfig,
    bucket: &str,
    http: &Arc<HttpClient>,
    repeat: Repeat,
) -> Result<impl ObjectStore, StoreError> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_client_options(options(config))
        .with_retry(retry(repeat))
        .with_http_connector(http::Connector::new(http));
    if let Some(file) = &config.service_account_file {
        builder = builder.with_service_account_path(file.to_string_lossy());
    }
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_base_url(endpoint).with_skip_signature(config.service_account_file.is_none());
    }
    builder.build().map_err(|error| explain::of(&error, "prepare"))
}

fn azure(
    config: &StoreConfig,
    container: &str,
    http: &Arc<HttpClient>,
    repeat: Repeat,
) -> Result<impl ObjectStore, StoreError> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_client_options(options(config))
        .with_allow_http(config.allows_http())
        .with_retry(retry(repeat))
        .with_http_connector(http::Connector::new(http));
    if let Some(account) = &config.account {
        builder = builder.with_account(account);
    }
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    builder = match &config.azure_login {
        AzureLogin::Environment => builder,
        AzureLogin::AccessKey(key) => builder.with_access_key(key.value().expose()),
    };
    builder.build().map_err(|error| explain::of(&error, "prepare"))
}

#[cfg(test)]
mod tests;
