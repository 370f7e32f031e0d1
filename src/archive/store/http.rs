//! Requests of the stores' client, through the HTTPS clients that all sinks use.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http_body_util::BodyExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};

use super::explain::Trouble;
use crate::tls::{self, HttpClient};

#[derive(Debug)]
pub(super) struct Connector(Arc<HttpClient>);

impl Connector {
    pub(super) fn new(http: &Arc<HttpClient>) -> Self {
        Self(Arc::clone(http))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<object_store::client::HttpClient> {
        Ok(object_store::client::HttpClient::new(Service(Arc::clone(&self.0))))
    }
}

#[derive(Debug)]
struct Service(Arc<HttpClient>);

/// Why a request came to no answer.
#[derive(Debug)]
pub(super) struct NoAnswer {
    pub(super) trouble: Trouble,
    words: String,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for NoAnswer {}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        // One piece of memory stays one piece: nothing is copied.
        let body = body.collect().await?.to_bytes();
        let url = parts.uri.to_string();
        let url = reqwest::Url::parse(&url).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(body.into());
        let response = self.0.get().execute(request).await.map_err(told)?;
        let response: ::http::Response<reqwest::Body> = response.into();
        let (parts, body) = response.into_parts();
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body.map_err(told))))
    }
}

fn told(error: reqwest::Error) -> HttpError {
    let (kind, trouble) = if error.is_timeout() {
        (HttpErrorKind::Timeout, Trouble::Timeout)
    } else if error.is_connect() {
        (HttpErrorKind::Connect, Trouble::Connect)
    } else {
        (HttpErrorKind::Interrupted, Trouble::Network)
    };
    // The address would be told twice.
    let error = error.without_url();
    HttpError::new(
        kind,
        match tls::explain(&error) {
            Some(words) => NoAnswer { trouble: Trouble::Tls, words },
            None => NoAnswer { trouble, words: tls::chain(&error) },
        },
    )
}
