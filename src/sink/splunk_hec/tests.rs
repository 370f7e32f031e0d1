//! The sink against the stand-in, over the wire.

use std::io::Write;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::config::{EventConfig, Metadata};
use super::*;
use crate::defaults::{DETAIL_MAX_CHARS, HEC_ANSWER_MAX_BYTES};
use crate::delivery::attempt::Coding;
use crate::demo::hec::{
    Answer, Fault, Hec, HecOptions, HecStandIn, Oversize, Poison, PoisonAnswer, Route, Spell, TOKEN, Token, hec_answer,
};
use crate::event::Record;
use crate::position::{Offset, PartitionId};
use crate::reason::Reason;
use crate::secret::{Secret, SecretSource};
use crate::sink::conformance_tests::{failure, rig, short};
use crate::tls::config::{TlsConfig, Transport};

mod condition;
mod conformance;
mod defects;
mod golden;
mod indexed;
mod poison;
mod proxied;
mod rotated;
mod untrue;

fn transport(request: Duration) -> Transport {
    Transport { connect: Duration::from_secs(2), request, keep_alive: true, proxy: None }
}

pub(super) fn config(endpoints: &[&str]) -> HecConfig {
    HecConfig {
        endpoints: endpoints.iter().map(|endpoint| (*endpoint).to_owned()).collect(),
        delivery: DeliveryLevel::Accepted,
        token: SecretSource::fixed(Secret::new(TOKEN.into())),
        events: EventConfig::default(),
        compression: Coding::Identity,
        transport: transport(Duration::from_secs(10)),
        ack_timeout: Duration::from_secs(10),
        ack_poll_interval: Duration::from_millis(2),
        tls: TlsConfig::default(),
    }
}

fn sink(server: &HecStandIn) -> SplunkHec {
    SplunkHec::new(&config(&[&server.url()])).unwrap()
}

/// The events of these values, at offsets from `first` of partition 0 of topic `audit`.
fn parcel(sink: &SplunkHec, first: i64, values: &[&str]) -> Parcel {
    let (mut group, mut body) = (Vec::new(), Vec::new());
    for (offset, value) in (first..).zip(values) {
        let record = Record {
            topic: "audit",
            partition: PartitionId::new(0),
            offset: Offset::new(offset),
            timestamp_ms: Some(1_623_091_780_331),
            key: None,
            value: Some(value.as_bytes()),
            headers: &[],
        };
        let event = Cleared::from_chain(record);
        group.clear();
        sink.group(&event, &mut group);
        sink.encode(&event, &mut body).unwrap();
    }
    Parcel::plain(group, body, values.len())
}

fn gzipped(parcel: Parcel) -> Parcel {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&parcel.body).unwrap();
    Parcel { body: encoder.finish().unwrap().into(), coding: Coding::Gzip, ..parcel }
}

async fn send(sink: &SplunkHec, first: i64, values: &[&str]) -> String {
    short(sink.attempt(0, parcel(sink, first, values)).await).await
}

#[tokio::test]
async fn events_arrive_as_they_were_with_the_documented_headers() {
    let server = HecStandIn::start(HecOptions { keep_texts: 10, ..HecOptions::default() }).await.unwrap();
    let sink = sink(&server);
    assert_eq!(send(&sink, 5, &[r#"{"a":1}"#, "text"]).await, "delivered");
    let zipped = gzipped(parcel(&sink, 7, &["[2]"]));
    assert_eq!(short(sink.attempt(0, zipped).await).await, "delivered");

    let hec = server.hec();
    assert_eq!(hec.missing("audit", 0, 5..8), Vec::<i64>::new());
    assert_eq!((hec.count().events, hec.count().duplicates), (3, 0));
    assert!(hec.texts()[0].contains(r#""event":{"a":1},"#), "{:?}", hec.texts());
    let requests = hec.requests();
    let header = |name| requests[0].header(name);
    assert_eq!(requests[0].path, "/services/collector/event");
    assert_eq!(header("authorization"), Some(format!("Splunk {TOKEN}").as_str()));
    assert_eq!(header("content-type"), Some("application/json; profile=urn:splunk:event:1.0; charset=utf-8"));
    assert_eq!(header("__splunk_app_name"), Some("auditferry"));
    assert_eq!(header("__splunk_app_version"), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(header("content-encoding"), None);
    assert!(uuid::Uuid::try_parse(header("x-splunk-request-channel").unwrap()).is_ok());
    assert_eq!(requests[1].header("content-encoding"), Some("gzip"));
}

#[tokio::test]
async fn each_kind_of_answer_has_its_outcome() {
    let server = HecStandIn::start(HecOptions::default()).await.unwrap();
    let sink = sink(&server);
    let huge = Answer::json(200, format!(r#"{{"text":"{}","code":0}}"#, "x".repeat(HEC_ANSWER_MAX_BYTES)));
    let redirect = Answer::status(307).with_header("Location", &format!("{}/services/collector", server.url()));
    let date = httpdate::fmt_http_date(std::time::SystemTime::UNIX_EPOCH);
    for (fault, expected) in [
        (Fault::Answer(hec_answer(9)), "retry busy"),
        (Fault::Answer(hec_answer(26).with_header("Retry-After", "7")), "retry busy in 7s"),
        (Fault::Answer(Answer::status(503).with_header("Retry-After", &date)), "retry busy in 0ns"),
        (Fault::Answer(Answer::status(500)), "retry server_error"),
        (Fault::Answer(Answer::html(200)), "retry unexpected_answer"),
        (Fault::Answer(Answer::json(200, r#"{"text":"Succ"#)), "retry unexpected_answer"),
        (Fault::Answer(huge), "retry unexpected_answer"),
        (Fault::Answer(redirect), "hold unexpected_answer"),
        (Fault::Answer(hec_answer(4)), "hold unauthorized"),
        (Fault::Answer(hec_answer(7)), "hold wrong_index"),
        (Fault::Answer(Answer::html(404)), "hold unexpected_answer"),
        (Fault::Answer(Answer::status(413)), "split too_large"),
        (Fault::Close, "retry network"),
        (Fault::ProcessThenClose, "retry network"),
        (Fault::ProcessThenCut, "retry unexpected_answer"),
        (Fault::ProcessThenAnswer(hec_answer(24)), "slower, delivered"),
        (Fault::Pass, "delivered"),
    ] {
        let before = server.hec().count().requests;
        server.hec().push(Route::Event, fault.clone());
        assert_eq!(send(&sink, 0, &["x"]).await, expected, "{fault:?}");
        assert_eq!(server.hec().count().requests, before + 1, "one request per attempt: {fault:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_repaired_is_accepted_again() {
    let server = HecStandIn::start(HecOptions { tokens: vec![Token::new("other")], ..HecOptions::default() });
    let server = server.await.unwrap();
    let sink = sink(&server);
    assert_eq!(send(&sink, 0, &["x"]).await, "hold unauthorized");
    server.hec().set_tokens(vec![Token { disabled: true, ..Token::new(TOKEN) }]);
    assert_eq!(send(&sink, 0, &["x"]).await, "hold unauthorized");
    server.hec().set_tokens(vec![Token { indexes: Some(vec!["main".into()]), ..Token::new(TOKEN) }]);
    assert_eq!(send(&sink, 0, &["x"]).await, "delivered");
}

#[tokio::test]
async fn a_forbidden_index_holds() {
    let tokens = vec![Token { indexes: Some(vec!["main".into()]), ..Token::new(TOKEN) }];
    let server = HecStandIn::start(HecOptions { tokens, ..HecOptions::default() }).await.unwrap();
    let metadata = Metadata { index: Some("secret".into()), ..Metadata::default() };
    let events = EventConfig { metadata, ..EventConfig::default() };
    let config = HecConfig { events, ..config(&[&server.url()]) };
    let sink = SplunkHec::new(&config).unwrap();
    assert_eq!(send(&sink, 0, &["x", "y"]).await, "hold wrong_index");
}

#[tokio::test]
async fn a_named_event_is_poison_and_those_before_it_are_delivered() {
    let server = HecStandIn::start(HecOptions::default()).await.unwrap();
    let sink = sink(&server);
    let poison = |answer| vec![Poison { needle: "BAD".into(), answer }];
    server.hec().set_poison(poison(PoisonAnswer::Named(6)));
    assert_eq!(send(&sink, 0, &["a", "b", "BAD", "c"]).await, "poison 2 2 invalid_format");
    assert_eq!(server.hec().missing("audit", 0, 0..4), [2, 3]);
    server.hec().set_poison(poison(PoisonAnswer::Named(13)));
    assert_eq!(send(&sink, 0, &["BAD"]).await, "poison 0 0 event_refused");
    server.hec().set_poison(poison(PoisonAnswer::Unnamed(5)));
    assert_eq!(send(&sink, 0, &["a", "BAD"]).await, "split refused");
    assert_eq!(send(&sink, 0, &["BAD"]).await, "split invalid_format");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_split_in_whatever_way_the_server_says_so() {
    for oversize in [Oversize::Status413, Oversize::Code6Object0] {
        let options = HecOptions { max_content_length: 1_100_000, oversize, ..HecOptions::default() };
        let server = HecStandIn::start(options).await.unwrap();
        let sink = sink(&server);
        let value = "x".repeat(600_000);
        let both = parcel(&sink, 0, &[&value, &value]);
        assert_eq!(short(sink.attempt(0, both.clone()).await).await, "split request_too_large");
        assert_eq!(short(sink.attempt(0, gzipped(both)).await).await, "split request_too_large", "{oversize:?}");
        assert_eq!(send(&sink, 0, &[&value]).await, "delivered");
        assert_eq!(send(&sink, 0, &[&"x".repeat(1_100_000)]).await, "split too_large");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_says_nothing_is_tried_again() {
    let server = HecStandIn::start(HecOptions::default()).await.unwrap();
    let config = HecConfig { transport: transport(Duration::from_millis(100)), ..config(&[&server.url()]) };
    let sink = SplunkHec::new(&config).unwrap();
    server.hec().push(Route::Event, Fault::Hang(Duration::from_secs(60)));
    assert_eq!(send(&sink, 0, &["x"]).await, "retry timeout");
    let (address, hec) = (server.address().to_string(), server.hec().clone());
    drop(server);
    // The port closes when the runtime has dropped the task: until then a connection may be accepted and closed.
    while send(&sink, 0, &["x"]).await != "retry connect" {
        tokio::task::yield_now().await;
    }
    let _server = HecStandIn::start_on(&address, hec).await.unwrap();
    assert_eq!(send(&sink, 0, &["x"]).await, "delivered");
    let unknown = SplunkHec::new(&self::config(&["https://hec.invalid:8088"])).unwrap();
    assert_eq!(send(&unknown, 0, &["x"]).await, "retry connect");
}

#[tokio::test]
async fn what_is_shown_is_bounded_and_free_of_the_token() {
    let server = HecStandIn::start(HecOptions::default()).await.unwrap();
    let sink = sink(&server);
    let body = format!("<p>\u{7}your token {TOKEN} is bad {}", "y".repeat(9_000));
    server.hec().push(Route::Event, Fault::Answer(Answer::json(403, body)));
    let failure = failure(sink.attempt(0, parcel(&sink, 0, &["x"])).await);
    assert!(!failure.detail.contains(TOKEN), "{failure}");
    assert!(failure.detail.contains(r"\u{7}your token *** is bad"), "{failure}");
    assert_eq!(failure.detail.chars().count(), DETAIL_MAX_CHARS);
    assert!(!format!("{sink:?}").contains(TOKEN));
}

#[tokio::test]
async fn endpoints_are_named_by_their_address_and_used_as_chosen() {
    let (first, second) =
        tokio::join!(HecStandIn::start(HecOptions::default()), HecStandIn::start(HecOptions::default()));
    let (first, second) = (first.unwrap(), second.unwrap());
    let sink = SplunkHec::new(&config(&[&first.url(), &second.url()])).unwrap();
    assert_eq!(sink.endpoints(), [first.url(), second.url()]);
    assert_eq!(short(sink.attempt(1, parcel(&sink, 0, &["x"])).await).await, "delivered");
    assert_eq!((first.hec().count().events, second.hec().count().events), (0, 1));
}

#[tokio::test]
async fn a_sink_that_cannot_work_is_not_built() {
    let bad = |config: HecConfig| SplunkHec::new(&config).unwrap_err().to_string();
    assert!(bad(config(&["splunk"])).contains("https://host:port"));
    let token = SecretSource::fixed(Secret::new("secret\n".into()));
    let message = bad(HecConfig { token, ..config(&["http://localhost:8088"]) });
    assert!(message.contains("line break") && !message.contains("secret"), "{message}");
}

#[tokio::test]
async fn a_probe_tells_health_and_token_and_writes_no_event() {
    let server = HecStandIn::start(HecOptions::default()).await.unwrap();
    let sink = sink(&server);
    assert_eq!(sink.probe(0).await, Probe { health: Health::Healthy, token: TokenState::Accepted });

    server.hec().push(Route::Health, Fault::Answer(hec_answer(18)));
    server.hec().set_tokens(vec![Token::new("other")]);
    let probe = sink.probe(0).await;
    assert!(
        matches!(&probe.health, Health::Unhealthy(failure) if failure.detail.contains("queues are full")),
        "{probe:?}"
    );
    assert!(
        matches!(&probe.token, TokenState::Refused(failure) if failure.reason == Reason::Unauthorized),
        "{probe:?}"
    );

    for route in [Route::Event, Route::Health] {
        server.hec().stand(route, Fault::Answer(Answer::html(200)), Spell::UntilCleared);
    }
    let probe = sink.probe(0).await;
    assert!(matches!(probe.health, Health::Unreachable(_)), "{probe:?}");
    assert!(matches!(probe.token, TokenState::Unknown(_)), "{probe:?}");
    assert_eq!(server.hec().count().events, 0);
}

#[tokio::test]
async fn a_probe_tells_whether_the_token_has_acknowledgement() {
    let server = HecStandIn::start(HecOptions::default()).await.unwrap();
    let config = HecConfig { delivery: DeliveryLevel::Indexed, ..config(&[&server.url()]) };
    let sink = SplunkHec::new(&config).unwrap();
    assert!(matches!(sink.probe(0).await.token, TokenState::WithoutAcknowledgement(_)));
    server.hec().set_tokens(vec![Token::new(TOKEN).with_acknowledgement()]);
    assert_eq!(sink.probe(0).await.token, TokenState::Accepted);
    assert_eq!(server.hec().count().events, 0);
}
