//! A store in memory that can be told to misbehave, and an archive on it.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};

use super::super::opening::Signer;
use super::super::{Archive, writer};
use crate::archive::key::SigningKey;
use crate::archive::key::testing::key;
use crate::archive::layout::Log;
use crate::archive::line;
use crate::archive::link::Link;
use crate::archive::store::Store;
use crate::archive::verify::{Depth, Report, Task, verify};
use crate::delivery::attempt::{Attempt, Coding, Parcel};
use crate::event::Record;
use crate::position::{NewPartitions, Offset, PartitionId, ResumeAt, TopicName};
use crate::reason::Reason;
use crate::sink::Sink;
use crate::tls::HttpClient;
use crate::tls::config::{TlsConfig, Transport};

/// How a write goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// 500, and nothing was written.
    Refused,
    /// 409, and nothing was written: S3 says so when somebody else is writing.
    Conflict,
    /// 500, although it was written.
    Applied,
    /// No answer, although it was written.
    AppliedAndTimedOut,
}

type Plan = Mutex<Box<dyn FnMut(&Path) -> Option<Fault> + Send>>;

pub(super) struct Faulty {
    inner: Arc<InMemory>,
    plan: Plan,
    /// A store that knows no conditions.
    overwrites: bool,
}

#[derive(Debug)]
struct Told(&'static str);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Told {}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

fn told(words: &'static str) -> Error {
    Error::Generic { store: "S3", source: Box::new(Told(words)) }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let fault = (self.plan.lock().unwrap())(path);
        if self.overwrites {
            options.mode = PutMode::Overwrite;
        }
        match fault {
            None => self.inner.put_opts(path, payload, options).await,
            Some(Fault::Refused) => Err(told("Server returned non-2xx status code: 500 Internal Server Error: ")),
            Some(Fault::Conflict) => {
                Err(Error::AlreadyExists { path: path.to_string(), source: Box::new(Told("409")) })
            }
            Some(Fault::Applied) => {
                // Repeated inside the client, as it may be: the second time it exists.
                self.inner.put_opts(path, payload, options).await?;
                Err(Error::AlreadyExists { path: path.to_string(), source: Box::new(Told("412 after 500")) })
            }
            Some(Fault::AppliedAndTimedOut) => {
                self.inner.put_opts(path, payload, options).await?;
                Err(told("Server returned non-2xx status code: 504 Gateway Timeout: "))
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

pub(super) struct Bench {
    pub(super) inner: Arc<InMemory>,
    faulty: Arc<Faulty>,
    pub(super) store: Store,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::over(false)
    }

    /// On a store that overwrites whatever it is told.
    pub(super) fn without_conditions() -> Self {
        Self::over(true)
    }

    fn over(overwrites: bool) -> Self {
        let inner = Arc::new(InMemory::new());
        let plan = Mutex::new(Box::new(|_: &Path| None) as Box<dyn FnMut(&Path) -> Option<Fault> + Send>);
        let faulty = Arc::new(Faulty { inner: Arc::clone(&inner), plan, overwrites });
        Self { inner, store: Store::around(Arc::clone(&faulty) as Arc<dyn ObjectStore>), faulty }
    }

    pub(super) fn plan(&self, plan: impl FnMut(&Path) -> Option<Fault> + Send + 'static) {
        *self.faulty.plan.lock().unwrap() = Box::new(plan);
    }

    /// The write of this number, counted from now, goes wrong.
    pub(super) fn fail_write(&self, number: usize, fault: Fault) {
        let mut count = 0;
        self.plan(move |_| {
            count += 1;
            (count == number + 1).then_some(fault)
        });
    }

    /// Another process.
    pub(super) fn archive(&self) -> Archive {
        self.signed_by(key("acme", 1), None)
    }

    pub(super) fn signed_by(&self, signing: SigningKey, previous: Option<SigningKey>) -> Archive {
        let time = std::time::Duration::from_secs(5);
        let transport = Transport { connect: time, request: time, keep_alive: true, proxy: None };
        let http = Arc::new(HttpClient::new(&TlsConfig::default(), &transport).unwrap());
        Archive::over(self.store.clone(), Signer::of(signing, previous), Some("lkc".into()), http)
    }

    /// Partition 0 of topic `t` is assigned.
    pub(super) async fn take_over(&self, archive: &Archive) -> Result<Option<i64>, Reason> {
        let keys = vec![(TopicName::new("t"), PartitionId::new(0))];
        let taken = archive.take_over(NewPartitions { cluster_id: None, keys }).await;
        taken.map(|next| next[0].map(ResumeAt::get)).map_err(|failure| failure.reason)
    }

    pub(super) async fn link(&self, seq: u64) -> Link {
        let bytes = self.store.get(&log().link(0, seq)).await.unwrap().unwrap();
        crate::archive::chain::parse("it", &bytes).unwrap().link
    }

    pub(super) async fn verify(&self, depth: Depth) -> Report {
        let trust = vec![key("acme", 1).public().clone()];
        verify(&self.store, &task(trust, depth), &|_, _| {}).await.unwrap()
    }

    pub(super) async fn raw(&self, name: &str) -> Bytes {
        self.inner.get(&Path::from(name)).await.unwrap().bytes().await.unwrap()
    }
}

pub(super) fn task(trust: Vec<crate::archive::key::PublicKey>, depth: Depth) -> Task {
    Task { trust, depth, partitions: Vec::new(), since_ms: None, until_ms: None, anchors: Vec::new() }
}

pub(super) fn log() -> Log {
    Log::new("lkc", "t")
}

pub(super) fn record(offset: i64, value: &str) -> Record<'_> {
    Record {
        topic: "t",
        partition: PartitionId::new(0),
        offset: Offset::new(offset),
        timestamp_ms: Some(1_763_654_400_000 + offset),
        key: None,
        value: Some(value.as_bytes()),
        headers: &[],
    }
}

/// What the lane would send for these offsets of partition 0.
pub(super) fn parcel(offsets: Range<i64>) -> Parcel {
    let (mut body, mut notes, events) = (Vec::new(), Vec::new(), offsets.clone().count());
    for offset in offsets {
        let value = format!("{{\"n\":{offset}}}");
        let record = record(offset, &value);
        line::push(&record, &mut body);
        writer::Note::of(&record).push(&mut notes);
    }
    Parcel {
        group: Bytes::from_static(b"t/0"),
        plain_len: body.len(),
        body: zstd::encode_all(&body[..], 3).unwrap().into(),
        coding: Coding::Zstd { level: 3 },
        events,
        notes: notes.into(),
    }
}

pub(super) fn name_of(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Delivered => "delivered".into(),
        Attempt::Pending(_) => "pending".into(),
        Attempt::Slower { .. } => "slower".into(),
        Attempt::Retry { failure, .. } => format!("retry: {failure}"),
        Attempt::Poison { failure, .. } => format!("poison: {failure}"),
        Attempt::Split(failure) => format!("split: {failure}"),
        Attempt::Hold(failure) => format!("hold: {failure}"),
        Attempt::Lost(failure) => format!("lost: {failure}"),
    }
}
