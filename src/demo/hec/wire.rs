//! HTTP/1.1 as far as a HEC server needs it, over any byte stream.
//!
//! Written by hand because the stand-in has to do what a server library prevents: to stop in the middle of an answer,
//! or to say nothing at all. It reads bodies with a length and chunked ones, keeps connections alive, and refuses
//! everything unusual by closing. It is no general web server.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A request's line and headers may not be longer, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Line and headers of one request.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Without the question mark; empty when there is none.
    pub query: String,
    /// Names in lower case, in the order of arrival.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The value of a query parameter, as it stands in the address.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.split('&').filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Self { method, path: path.to_owned(), query: query.to_owned(), headers })
    }
}

/// One answer as it goes over the wire; `Content-Length` is added when it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// This status with a JSON body.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json; charset=UTF-8".to_owned())];
        Self { status, headers, body: body.into() }
    }

    /// A page as a proxy or a load balancer sends it.
    pub fn html(status: u16) -> Self {
        let body = format!("<!doctype html><html><head><title>{status}</title></head><body>Not here</body></html>");
        Self { status, headers: vec![("Content-Type".to_owned(), "text/html".to_owned())], body: body.into_bytes() }
    }

    /// This status with an empty body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.body.len());
        // The reason phrase carries no meaning (RFC 9112, section 4) and may be empty.
        out.extend_from_slice(format!("HTTP/1.1 {} \r\n", self.status).as_bytes());
        for (name, value) in &self.headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
        out.extend_from_slice(&self.body);
        out
    }
}

/// One connection: what was read ahead, and the stream below.
pub(in crate::demo) struct Wire<S> {
    stream: S,
    /// Bytes read and not yet consumed.
    ahead: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(in crate::demo) fn new(stream: S) -> Self {
        Self { stream, ahead: Vec::with_capacity(16 * 1024) }
    }

    /// Reads one request, its body into `body`. `None` when the client has closed or does not speak HTTP.
    pub(in crate::demo) async fn read_request(&mut self, body: &mut Vec<u8>) -> io::Result<Option<Head>> {
        let end = loop {
            if let Some(end) = find(&self.ahead, b"\r\n\r\n") {
                break end;
            }
            if self.ahead.len() > MAX_HEAD || !self.fill().await? {
                return Ok(None);
            }
        };
        let Some(head) = std::str::from_utf8(&self.ahead[..end]).ok().and_then(Head::parse) else { return Ok(None) };
        self.ahead.drain(..end + 4);
        body.clear();
        if head.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let chunked = head.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let complete = if chunked {
            self.read_chunks(body).await?
        } else {
            let length = head.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
            self.read_exactly(length, body).await?
        };
        Ok(complete.then_some(head))
    }

    pub(in crate::demo) async fn write(&mut self, answer: &Answer) -> io::Result<()> {
        self.stream.write_all(&answer.to_bytes()).await?;
        self.stream.flush().await
    }

    /// Writes all but the last `missing` bytes and closes, as a server that dies while it answers.
    pub(super) async fn write_cut(&mut self, answer: &Answer, missing: usize) -> io::Result<()> {
        let bytes = answer.to_bytes();
        self.stream.write_all(&bytes[..bytes.len().saturating_sub(missing)]).await?;
        self.stream.flush().await?;
        self.stream.shutdown().await
    }

    async fn fill(&mut self) -> io::Result<bool> {
        self.ahead.reserve(16 * 1024);
        Ok(self.stream.read_buf(&mut self.ahead).await? > 0)
    }

    async fn read_exactly(&mut self, length: usize, body: &mut Vec<u8>) -> io::Result<bool> {
        let ready = length.min(self.ahead.len());
        body.extend_from_slice(&self.ahead[..ready]);
        self.ahead.drain(..ready);
        let mut missing = length - ready;
        body.reserve(missing);
        while missing > 0 {
            let read = (&mut self.stream).take(missing as u64).read_buf(body).await?;
            if read == 0 {
                return Ok(false);
            }
            missing -= read;
        }
        Ok(true)
    }

    /// RFC 9112, section 7.1, without trailers.
    async fn read_chunks(&mut self, body: &mut Vec<u8>) -> io::Result<bool> {
        loop {
            let Some(line) = self.read_line().await? else { return Ok(false) };
            let digits = line.split(';').next().unwrap_or_default().trim().to_owned();
            let Ok(length) = usize::from_str_radix(&digits, 16) else { return Ok(false) };
            if !self.read_exactly(length, body).await? || self.read_line().await?.is_none() {
                return Ok(false);
            }
            if length == 0 {
                return Ok(true);
            }
        }
    }

    async fn read_line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = find(&self.ahead, b"\r\n") {
                let line = String::from_utf8_lossy(&self.ahead[..end]).into_owned();
                self.ahead.drain(..end + 2);
                return Ok(Some(line));
            }
            if self.ahead.len() > MAX_HEAD || !self.fill().await? {
                return Ok(None);
            }
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(input: &[u8]) -> (Option<Head>, Vec<u8>) {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        client.write_all(input).await.unwrap();
        client.shutdown().await.unwrap();
        let mut body = Vec::new();
        let head = Wire::new(server).read_request(&mut body).await.unwrap();
        (head, body)
    }

    #[tokio::test]
    async fn a_body_with_a_length_is_read_whole() {
        let (head, body) = read(b"POST /a?channel=c&x=y HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello").await;
        let head = head.unwrap();
        assert_eq!((head.method.as_str(), head.path.as_str()), ("POST", "/a"));
        assert_eq!(head.parameter("channel"), Some("c"));
        assert_eq!(head.header("host"), Some("h"));
        assert_eq!(body, b"hello");
    }

    #[tokio::test]
    async fn a_chunked_body_is_joined() {
        let (head, body) =
            read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=1\r\nlo\r\n0\r\n\r\n").await;
        assert!(head.is_some());
        assert_eq!(body, b"hello");
    }

    #[tokio::test]
    async fn a_request_that_ends_early_is_no_request() {
        assert!(read(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhello").await.0.is_none());
        assert!(read(b"POST / HT").await.0.is_none());
    }
}
