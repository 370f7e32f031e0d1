//! The stand-in for Splunk's collector with a runtime of its own, for tests that have none; with TLS on request.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use auditferry::demo::hec::{Hec, HecOptions, HecStandIn};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::waiting::wait_until;

/// How long events may take to arrive: joining a group takes seconds, and a machine of two cores has other work.
const LIMIT: Duration = Duration::from_secs(40);

#[derive(Debug)]
pub struct Collector {
    hec: Hec,
    url: String,
    /// Closes its connections when it is dropped, so before the runtime.
    stand_in: Option<HecStandIn>,
    runtime: Runtime,
}

impl Collector {
    pub fn start() -> Self {
        Self::start_with(HecOptions::default())
    }

    pub fn start_with(options: HecOptions) -> Self {
        let runtime = runtime();
        let stand_in = runtime.block_on(HecStandIn::start(options)).expect("listen on a free port");
        let (hec, url) = (stand_in.hec().clone(), stand_in.url());
        Self { hec, url, stand_in: Some(stand_in), runtime }
    }

    /// Behind TLS, at `https://localhost:port`, with a certificate signed by nobody but itself. The certificate is also
    /// written below `directory`, for whoever wants to trust it.
    pub fn start_self_signed(directory: &Path) -> (Self, PathBuf) {
        Self::start_self_signed_with(directory, HecOptions::default())
    }

    pub fn start_self_signed_with(directory: &Path, options: HecOptions) -> (Self, PathBuf) {
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a plain certificate");
        let file = directory.join("collector.pem");
        std::fs::write(&file, certified.cert.pem()).expect("write below the temporary directory");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the defaults are safe")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .expect("key and certificate belong together");
        (Self::start_behind(config, options), file)
    }

    /// Behind TLS, at `https://localhost:port`.
    pub fn start_behind(config: ServerConfig, options: HecOptions) -> Self {
        let runtime = runtime();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("listen on a free port");
        let url = format!("https://localhost:{}", listener.local_addr().expect("it listens").port());
        let hec = Hec::new(options);
        let (served, handle) = (hec.clone(), runtime.handle().clone());
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (served, acceptor) = (served.clone(), acceptor.clone());
                handle.spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        served.serve(stream).await;
                    }
                });
            }
        });
        Self { hec, url, stand_in: None, runtime }
    }

    /// The state and the controls.
    pub fn hec(&self) -> &Hec {
        &self.hec
    }

    /// `http://127.0.0.1:port`, or `https://localhost:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until this many different events have been indexed.
    #[track_caller]
    pub fn wait_for_events(&self, events: u64) {
        wait_until(LIMIT, &format!("{events} events are indexed"), || self.hec.count().distinct >= events);
    }

    /// Waits until this many requests with events have come, whatever became of them.
    #[track_caller]
    pub fn wait_for_requests(&self, requests: u64) {
        wait_until(LIMIT, &format!("{requests} requests have come"), || self.hec.count().requests >= requests);
    }
}

fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("start a runtime")
}
