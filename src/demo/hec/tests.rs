//! The stand-in over its own wire. Raw requests, so that nothing is hidden by a client library.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CHANNEL: &str = "0f3d7d1c-8d3e-4d5c-9a39-9a2d3b6c0b11";

/// One request on a fresh connection; the status and the body, or `None` when the server closes without an answer.
async fn ask(server: &HecStandIn, request: &str) -> Option<(u16, String)> {
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = head.rsplit_once("Content-Length: ").unwrap().1.parse().unwrap();
            if body.len() >= length {
                return Some((head[9..12].parse().unwrap(), body.to_owned()));
            }
        }
        if stream.read_buf(&mut seen).await.unwrap() == 0 {
            return None;
        }
    }
}

fn post(path: &str, headers: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: h\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn auth(token: &str) -> String {
    format!("Authorization: Splunk {token}\r\n")
}

fn event(partition: i32, offset: i64) -> String {
    format!(
        r#"{{"event":{{"n":{offset}}},"fields":{{"kafka_topic":"t","kafka_partition":"{partition}","kafka_offset":"{offset}"}}}}"#
    )
}

#[tokio::test]
async fn the_token_is_checked_with_the_documented_codes() {
    let mut options = HecOptions::default();
    options.tokens.push(Token { disabled: true, ..Token::new("old") });
    let server = HecStandIn::start(options).await.unwrap();
    let path = "/services/collector/event";
    for (path, headers, status, code) in [
        (path, String::new(), 401, 2),
        (path, "Authorization: Bearer x\r\n".to_owned(), 401, 3),
        (path, auth("wrong"), 403, 4),
        (path, auth("old"), 403, 1),
        ("/services/collector/event?token=x", auth(TOKEN), 400, 16),
        (path, auth(TOKEN), 400, 5),
    ] {
        let (seen, body) = ask(&server, &post(path, &headers, "")).await.unwrap();
        assert_eq!(seen, status, "{headers}");
        assert!(body.ends_with(&format!("\"code\":{code}}}")), "{body}");
    }
    assert_eq!(ask(&server, "OPTIONS /services/collector HTTP/1.1\r\n\r\n").await.unwrap().0, 200);
    assert_eq!(ask(&server, "GET /services/collector/health HTTP/1.1\r\n\r\n").await.unwrap().0, 200);
    assert_eq!(ask(&server, "GET /services/collector/event HTTP/1.1\r\n\r\n").await.unwrap().0, 405);
    assert_eq!(ask(&server, "GET /elsewhere HTTP/1.1\r\n\r\n").await.unwrap().0, 404);
}

#[tokio::test]
async fn what_arrives_is_counted_by_position() {
    let server = HecStandIn::start(HecOptions { keep_texts: 1, ..HecOptions::default() }).await.unwrap();
    let hec = server.hec();
    let body = format!("{}\n{}\n{}\n{}", event(0, 1), event(0, 2), event(0, 2), r#"{"event":1}"#);
    let (status, answer) = ask(&server, &post("/services/collector", &auth(TOKEN), &body)).await.unwrap();
    assert_eq!((status, answer.as_str()), (200, r#"{"text":"Success","code":0}"#));
    let count = hec.count();
    assert_eq!((count.events, count.distinct, count.duplicates, count.unpositioned), (4, 2, 1, 1));
    assert_eq!((hec.times("t", 0, 2), hec.times("t", 1, 2)), (2, 0));
    assert_eq!(hec.missing("t", 0, 0..4), [0, 3]);
    assert_eq!(hec.texts(), [event(0, 1)]);
    assert!(hec.until(Duration::from_secs(5), |count| count.events == 4).await);
    assert!(!hec.until(Duration::from_millis(1), |count| count.events > 4).await);
}

#[tokio::test]
async fn an_acknowledging_token_needs_a_channel_and_answers_with_identifiers() {
    let tokens = vec![Token::new(TOKEN).with_acknowledgement(), Token::new("plain")];
    let server = HecStandIn::start(HecOptions { tokens, ..HecOptions::default() }).await.unwrap();
    let path = "/services/collector/event";
    let with_channel = format!("{}X-Splunk-Request-Channel: {CHANNEL}\r\n", auth(TOKEN));
    let bad_channel = format!("{}X-Splunk-Request-Channel: 7\r\n", auth(TOKEN));
    let code = |answer: Option<(u16, String)>| answer.unwrap().1;
    assert!(code(ask(&server, &post(path, &auth(TOKEN), &event(0, 0))).await).contains("\"code\":10"));
    assert!(code(ask(&server, &post(path, &bad_channel, &event(0, 0))).await).contains("\"code\":11"));
    for id in 0..2 {
        let answer = code(ask(&server, &post(path, &with_channel, &event(0, id))).await);
        assert!(answer.ends_with(&format!("\"ackId\":{id}}}")), "{answer}");
    }
    let refused = format!("{}7", event(0, 9));
    let answer = code(ask(&server, &post(path, &with_channel, &refused)).await);
    assert!(answer.contains(r#""code":6,"invalid-event-number":1,"ackId":2"#), "{answer}");

    let ack = "/services/collector/ack";
    let query = r#"{"acks":[0,7]}"#;
    assert_eq!(code(ask(&server, &post(ack, &with_channel, query)).await), r#"{"acks":{"0":true,"7":false}}"#);
    assert_eq!(code(ask(&server, &post(ack, &with_channel, query)).await), r#"{"acks":{"0":false,"7":false}}"#);
    assert!(code(ask(&server, &post(ack, &auth("plain"), query)).await).contains("\"code\":14"));
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_in_either_way() {
    for (oversize, expected) in [(Oversize::Status413, "\"code\":413"), (Oversize::Code6Object0, "event-number\":0")] {
        let options = HecOptions { max_content_length: 50, oversize, ..HecOptions::default() };
        let server = HecStandIn::start(options).await.unwrap();
        let (_, answer) = ask(&server, &post("/services/collector", &auth(TOKEN), &event(0, 0))).await.unwrap();
        assert!(answer.contains(expected), "{answer}");
        assert_eq!(server.hec().count().events, 0);
    }
}

#[tokio::test]
async fn faults_happen_in_order_and_only_the_processing_ones_index() {
    let server = HecStandIn::start(HecOptions::default()).await.unwrap();
    let hec = server.hec();
    hec.push(Route::Event, Fault::Answer(hec_answer(9).with_header("Retry-After", "3")));
    hec.push(Route::Event, Fault::Close);
    hec.push(Route::Event, Fault::ProcessThenClose);
    hec.push(Route::Event, Fault::ProcessThenCut);
    hec.push(Route::Event, Fault::Delay(Duration::from_millis(1)));
    let request = post("/services/collector", &auth(TOKEN), &event(0, 0));
    let mut seen = Vec::new();
    for _ in 0..6 {
        let status = ask(&server, &request).await.map(|(status, _)| status);
        seen.push((status, hec.count().events));
    }
    assert_eq!(seen, [(Some(503), 0), (None, 0), (None, 1), (None, 2), (Some(200), 3), (Some(200), 4)]);
}

#[tokio::test]
async fn counting_only_counts_lines() {
    let server = HecStandIn::start(HecOptions { count_only: true, ..HecOptions::default() }).await.unwrap();
    ask(&server, &post("/services/collector", &auth(TOKEN), "not json\nat all\n")).await.unwrap();
    assert_eq!(server.hec().count().events, 2);
}

#[tokio::test]
async fn the_raw_endpoint_takes_lines_and_acknowledges_them() {
    let tokens = vec![Token::new(TOKEN).with_acknowledgement()];
    let server = HecStandIn::start(HecOptions { tokens, keep_texts: 9, ..HecOptions::default() }).await.unwrap();
    let with_channel = format!("{}X-Splunk-Request-Channel: {CHANNEL}\r\n", auth(TOKEN));
    for path in ["/services/collector/raw?source=s", "/services/collector/raw/1.0"] {
        let (status, answer) = ask(&server, &post(path, &with_channel, "one\ntwo\n")).await.unwrap();
        assert!(status == 200 && answer.contains("ackId"), "{answer}");
    }
    assert_eq!(server.hec().texts(), ["one", "two", "one", "two"]);
    assert_eq!(server.hec().requests()[0].parameter("source"), Some("s"));
    let (status, answer) = ask(&server, &post("/services/collector/raw", &with_channel, " \n")).await.unwrap();
    assert!(status == 400 && answer.contains("\"code\":5"), "{answer}");
}
