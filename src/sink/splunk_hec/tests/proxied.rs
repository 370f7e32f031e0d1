//! Through an HTTP proxy, and without connections that are kept.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::demo::receiver::{Receiver, Reply};
use crate::sink::conformance_tests::over_tls::TlsServer;
use crate::tls::config::Proxy;

/// A proxy that passes everything on to one server, whatever the client calls it, and remembers the head of the first
/// request of each connection.
struct ProxyServer {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl ProxyServer {
    async fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let (seen, mut serving) = (Arc::clone(&heads), JoinSet::new());
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(pass_on(client, server.clone(), Arc::clone(&seen)));
            }
        });
        Self { url, heads, _serving: serving }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn pass_on(mut client: TcpStream, server: String, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        head.push(byte);
    }
    let mut server = TcpStream::connect(server).await.unwrap();
    let tunnel = head.starts_with(b"CONNECT ");
    let head = String::from_utf8(head).unwrap();
    seen.lock().unwrap().push(head.clone());
    match tunnel {
        true => client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap(),
        // Only a proxy is asked with the whole address (RFC 9112, section 3.2.2).
        false => server.write_all(head.replacen(ELSEWHERE, "", 1).as_bytes()).await.unwrap(),
    }
    copy_bidirectional(&mut client, &mut server).await.unwrap_or_default();
}

fn through(proxy: &ProxyServer, endpoint: &str) -> HecConfig {
    let login = Some(("ferry".to_owned(), Secret::new("proxy-password".into())));
    let mut config = config(&[endpoint]);
    config.transport.proxy = Some(Proxy { url: proxy.url.clone(), login });
    config
}

fn authority(url: &str) -> String {
    url.split_once("://").unwrap().1.to_owned()
}

/// A name that only a proxy can know: nothing goes past it.
const ELSEWHERE: &str = "http://splunk.invalid:8088";

/// `ferry:proxy-password` in base64.
const LOGIN: &str = "proxy-authorization: Basic ZmVycnk6cHJveHktcGFzc3dvcmQ=";

#[tokio::test]
async fn a_proxy_is_asked_for_every_request_with_its_own_login() {
    let server = HecStandIn::start(HecOptions::default()).await.unwrap();
    let proxy = ProxyServer::before(authority(&server.url())).await;
    let sink = SplunkHec::new(&through(&proxy, ELSEWHERE)).unwrap();
    assert_eq!(send(&sink, 0, &["{}"]).await, "delivered");
    assert_eq!(server.hec().count().events, 1);
    let head = &proxy.heads()[0];
    assert!(head.starts_with("POST http://splunk.invalid:8088/services/collector/event HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(LOGIN), "{head}");
}

#[tokio::test]
async fn to_a_server_with_tls_the_proxy_sees_where_to_and_nothing_else() {
    let receiver = Receiver::new(|_| Reply::Answer(hec_answer(0)));
    let server = TlsServer::named(&["localhost"], &receiver).await;
    let proxy = ProxyServer::before(format!("127.0.0.1:{}", server.port)).await;
    let mut config = through(&proxy, "https://localhost:8088");
    config.tls.verification = server.trust(None);
    assert_eq!(send(&SplunkHec::new(&config).unwrap(), 0, &["{}"]).await, "delivered");
    assert_eq!(receiver.requests().len(), 1);
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1);
    assert!(heads[0].starts_with("CONNECT localhost:8088 HTTP/1.1\r\n"), "{}", heads[0]);
    assert!(heads[0].to_ascii_lowercase().contains(&LOGIN.to_ascii_lowercase()), "{}", heads[0]);
    assert!(!heads[0].contains(TOKEN), "{}", heads[0]);
}

#[tokio::test]
async fn without_keep_alive_each_request_has_a_connection_of_its_own() {
    for (keep_alive, connections) in [(true, 1), (false, 3)] {
        let server = HecStandIn::start(HecOptions::default()).await.unwrap();
        let counted = ProxyServer::before(authority(&server.url())).await;
        let mut config = config(&[&counted.url]);
        config.transport.keep_alive = keep_alive;
        let sink = SplunkHec::new(&config).unwrap();
        for offset in 0..3 {
            assert_eq!(send(&sink, offset, &["{}"]).await, "delivered");
        }
        assert_eq!(counted.heads().len(), connections);
    }
}
