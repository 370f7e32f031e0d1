//! Against a real socket: what a probe, a scraper, a browser and a hostile client get.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::delivery::attempt::Failure;
use crate::position::{PartitionId, ResumeAt, Slot, TopicName};
use crate::reason::Reason;
use crate::sink::DeliveryLevel;
use crate::source::{Gap, GapKind};
use crate::status::{FilterStatus, LastFailure, PartitionStatus, PipelineBoard, Progress, State};

struct Server {
    address: SocketAddr,
    board: StatusBoard,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<io::Result<()>>,
}

impl Server {
    #[allow(clippy::disallowed_methods, reason = "the test plays the pipeline")]
    fn start() -> Self {
        let bound = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let (board, shutdown) = (StatusBoard::new(), CancellationToken::new());
        let address = bound.address();
        let serving = tokio::spawn(bound.serve(board.clone(), shutdown.clone()));
        Self { address, board, shutdown, serving }
    }

    /// Sends these bytes and reads to the end: status code, headers, body.
    async fn exchange(&self, request: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let mut lines = head.lines();
        let code = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        Reply {
            code: code.unwrap_or(0),
            headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
            body: body.to_owned(),
        }
    }

    async fn get(&self, path: &str) -> Reply {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await
    }

    async fn status(&self) -> Json {
        serde_json::from_str(&self.get("/statusz").await.body).unwrap()
    }
}

#[derive(Debug)]
struct Reply {
    code: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

fn failure() -> Failure {
    Failure::new(Reason::Unauthorized, "403: <b>Invalid token</b> \"x\"\n\u{1b}[2J")
}

fn partition(lag: Option<u64>) -> PartitionStatus {
    PartitionStatus {
        topic: "audit".into(),
        partition: 3,
        committed: Some(10),
        watermark: 12,
        next: 15,
        end: Some(20),
        lag,
        oldest_unsettled: Some(Duration::from_secs(2)),
        retention_left: Duration::from_secs(6 * 86_400 + 23 * 3_600),
    }
}

fn assigned(pipeline: &PipelineBoard, lag: Option<u64>) {
    pipeline.update(|status| {
        status.was_assigned = true;
        status.enter(State::Running);
        status.partitions = vec![partition(lag)];
    });
}

#[tokio::test]
async fn a_taken_port_and_a_foreign_address_are_named() {
    let first = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let error = bind(first.address()).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains(&format!("port {} is taken", first.address().port())), "{error}");
    let error = bind(SocketAddr::from(([192, 0, 2, 1], 0))).err().unwrap();
    assert!(error.to_string().contains("192.0.2.1 is no address of this machine"), "{error}");
}

#[tokio::test]
async fn only_get_and_head_are_answered_on_known_paths() {
    let server = Server::start();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let reply =
            server.exchange(&format!("{method} /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")).await;
        assert_eq!((reply.code, &*reply.headers["allow"]), (405, "GET, HEAD"), "{method}");
    }
    let head = server.exchange("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!((head.code, &*head.body), (200, ""));
    assert_ne!(head.headers["content-length"], "0");
    let unknown = server.get("/etc/passwd").await;
    assert_eq!(unknown.code, 404);
    assert!(unknown.body.contains("/statusz"));
    assert_eq!(server.get("/livez?x=1").await.code, 200);
    assert_eq!(server.exchange("nonsense\r\n\r\n").await.code, 400);
    assert_eq!(server.exchange(&format!("GET /livez HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(20_000))).await.code, 431);
}

#[tokio::test]
async fn a_connection_carries_one_request() {
    let server = Server::start();
    let twice = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
    let reply = server.exchange(&twice).await;
    assert_eq!((reply.code, &*reply.body, &*reply.headers["connection"]), (200, "ok\n", "close"));
}

/// Goal: clients that never finish take nothing from others for longer than the limit. Method: fill every place, on a
/// clock that runs by itself only while nothing else can.
#[tokio::test(start_paused = true)]
async fn silent_clients_are_dropped_and_others_are_served() {
    let server = Server::start();
    let mut silent = Vec::new();
    for _ in 0..defaults::ADMIN_CONNECTIONS_MAX {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /livez HT").await.unwrap();
        silent.push(stream);
    }
    let start = tokio::time::Instant::now();
    assert_eq!(server.get("/livez").await.code, 200);
    assert!(start.elapsed() >= defaults::ADMIN_CONNECTION_TIME, "the places were taken");
    let mut rest = Vec::new();
    for mut stream in silent {
        // Closed in whichever way; an open one would never end.
        stream.read_to_end(&mut rest).await.unwrap_or_default();
    }
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn started_when_everything_is_set_up() {
    let server = Server::start();
    assert_eq!(server.get("/startupz").await.code, 503);
    server.board.started();
    assert_eq!(server.get("/startupz").await.code, 200);
}

#[tokio::test]
async fn live_until_a_poll_thread_is_silent_that_should_turn() {
    let server = Server::start();
    assert_eq!(server.get("/livez").await.code, 200, "no pipelines yet");
    let pipeline = server.board.pipeline("splunk", DeliveryLevel::Accepted);
    let long_ago = Instant::now().checked_sub(defaults::POLL_SILENCE_MAX + Duration::from_secs(1)).unwrap();
    for state in State::ALL {
        pipeline.update(|status| {
            status.enter(state);
            status.polled_at = Instant::now();
        });
        assert_eq!(server.get("/livez").await.code, 200, "{state:?}");
        pipeline.update(|status| status.polled_at = long_ago);
        let expected = if matches!(state, State::Stopped | State::Failed) { 200 } else { 503 };
        let reply = server.get("/livez").await;
        assert_eq!(reply.code, expected, "{state:?}: {}", reply.body);
        assert_eq!(reply.body.contains("pipeline splunk: the poll thread has not turned"), expected == 503);
    }
    pipeline.failed(&failure());
    assert_eq!(server.get("/livez").await.code, 200, "it is started again, which is all that a restart would do");
    pipeline.update(|status| {
        let at = SystemTime::now() - defaults::POLL_SILENCE_MAX * 2;
        status.last_failure = Some(LastFailure { failure: failure(), at });
    });
    assert_eq!(server.get("/livez").await.code, 503, "nobody starts it again");
}

#[tokio::test]
async fn ready_after_assignment_and_an_answer_and_from_then_on_until_draining() {
    let server = Server::start();
    assert_eq!(server.get("/readyz").await.code, 503, "no pipeline yet");
    let pipeline = server.board.pipeline("splunk", DeliveryLevel::Accepted);
    let says = async |words: &str| {
        let reply = server.get("/readyz").await;
        assert_eq!(reply.code, 503, "{reply:?}");
        assert!(reply.body.contains(words), "{reply:?}");
    };
    says("splunk: no partitions are assigned yet").await;
    assigned(&pipeline, Some(8));
    says("splunk: the sink has not answered yet").await;
    pipeline.update(|status| {
        status.holding = Some(failure());
        status.enter(State::Holding);
    });
    says("until a human acts: unauthorized: 403").await;
    says("check the token").await;
    pipeline.update(|status| {
        status.holding = None;
        status.was_accepted = true;
        status.enter(State::BackingOff);
    });
    assert_eq!(server.get("/readyz").await.code, 200);
    pipeline.failed(&failure());
    assert_eq!(server.get("/readyz").await.code, 200, "an outage is no reason to stop a roll-out");
    pipeline.set_state(State::Draining);
    says("splunk: draining").await;
    pipeline.set_state(State::Stopped);
    says("splunk: stopped").await;
}

#[tokio::test]
async fn every_pipeline_must_be_ready_but_a_quiet_topic_is_enough() {
    let server = Server::start();
    let quiet = server.board.pipeline("quiet", DeliveryLevel::Accepted);
    let busy = server.board.pipeline("busy", DeliveryLevel::Accepted);
    assigned(&quiet, None);
    assigned(&busy, Some(1));
    let reply = server.get("/readyz").await;
    assert!(reply.body.contains("quiet") && reply.body.contains("busy"), "an end not heard of is not quiet: {reply:?}");
    assigned(&quiet, Some(0));
    let reply = server.get("/readyz").await;
    assert!(!reply.body.contains("quiet") && reply.body.contains("busy"), "{reply:?}");
    busy.update(|status| status.was_accepted = true);
    assert_eq!(server.get("/readyz").await.code, 200);
    assigned(&quiet, Some(9));
    assert_eq!(server.get("/readyz").await.code, 200, "what was reached is kept");
}

#[tokio::test]
async fn connections_that_are_not_verified_are_shown() {
    let server = Server::start();
    let pipeline = server.board.pipeline("splunk", DeliveryLevel::Accepted);
    assert_eq!(server.status().await["pipelines"][0]["tls_verification_disabled"], Json::Array(Vec::new()));
    pipeline.update(|status| status.unverified = vec!["kafka", "splunk_hec"]);
    let status = server.status().await;
    assert_eq!(status["pipelines"][0]["tls_verification_disabled"][1], "splunk_hec");
    let verdict = "Waiting for partitions. Servers are not verified (insecure_skip_verify): kafka, splunk_hec.";
    assert_eq!(status["verdict"], verdict);
}

#[tokio::test]
async fn the_status_document_says_what_is_wrong_and_what_to_do() {
    let server = Server::start();
    assert_eq!(server.status().await["verdict"], "No pipeline is set up yet.");
    let pipeline = server.board.pipeline("splunk", DeliveryLevel::Indexed);
    let status = server.status().await;
    assert_eq!((&status["verdict"], &status["pipelines"][0]["lag"]), (&"Waiting for partitions.".into(), &Json::Null));
    assigned(&pipeline, Some(8));
    pipeline.update(|status| {
        status.progress =
            Progress { read: 15, delivered: 12, in_flight: 3, in_flight_bytes: 99, ..Progress::default() };
    });
    let status = server.status().await;
    assert_eq!((&status["version"], &status["well"]), (&1.into(), &true.into()));
    assert_eq!(status["verdict"], "Delivering; 8 records behind. Records expire in 6 d 23 h at the earliest.");
    let splunk = &status["pipelines"][0];
    assert_eq!(
        (&splunk["name"], &splunk["state"], &splunk["delivery"]),
        (&"splunk".into(), &"running".into(), &"indexed".into())
    );
    assert_eq!((&splunk["progress"]["read"], &splunk["lag"]), (&15.into(), &8.into()));
    assert_eq!(splunk["partitions"][0]["committed"], 10);
    assert_eq!(splunk["holding"], Json::Null);

    pipeline.update(|status| {
        status.note_failure(&failure());
        status.holding = Some(failure());
        status.enter(State::Holding);
    });
    let status = server.status().await;
    assert_eq!(status["well"], false);
    let verdict = status["verdict"].as_str().unwrap();
    assert!(verdict.starts_with("Pipeline splunk: Delivery holds until a human acts"), "{verdict}");
    assert!(verdict.contains("check the token"), "{verdict}");
    let splunk = &status["pipelines"][0];
    assert_eq!(splunk["holding"]["reason"], "unauthorized");
    assert_eq!(splunk["holding"]["detail"], failure().detail);
    assert_eq!(splunk["last_failure"]["remedy"], Reason::Unauthorized.remedy().unwrap());
    assert!(splunk["last_failure"]["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
}

#[tokio::test]
async fn the_status_document_shows_what_each_filter_has_come_to() {
    let server = Server::start();
    let pipeline = server.board.pipeline("splunk", DeliveryLevel::Indexed);
    pipeline.update(|status| {
        let last_condition_error = Some("at byte 1".to_owned());
        let rule = "routine".to_owned();
        status.filters = vec![FilterStatus {
            rule,
            filtered: 7,
            condition_errors: 1,
            last_condition_error,
            ..FilterStatus::default()
        }];
    });
    let status = server.status().await;
    let filter = &status["pipelines"][0]["filters"][0];
    assert_eq!((&filter["rule"], &filter["filtered"], &filter["sampled"]), (&"routine".into(), &7.into(), &0.into()));
    assert_eq!(filter["last_condition_error"], "at byte 1");
}

#[tokio::test]
async fn a_gap_stays_on_the_status_page_with_both_offsets_and_times() {
    let server = Server::start();
    let pipeline = server.board.pipeline("splunk", DeliveryLevel::Accepted);
    assigned(&pipeline, Some(0));
    pipeline.update(|status| {
        status.note_gap(&Gap {
            slot: Slot::new(0),
            topic: TopicName::new("audit"),
            partition: PartitionId::new(3),
            kind: GapKind::Expired,
            expected: ResumeAt::from_broker(100),
            resumed: ResumeAt::from_broker(160),
            from_ms: None,
            to_ms: Some(1_623_091_780_331),
        });
    });
    let status = server.status().await;
    assert_eq!(status["well"], false);
    assert!(status["verdict"].as_str().unwrap().contains("60 offsets were gone"), "{status}");
    let gap = &status["pipelines"][0]["gaps"][0];
    assert_eq!(
        (&gap["expected_offset"], &gap["resumed_offset"], &gap["records"]),
        (&100.into(), &160.into(), &60.into())
    );
    assert_eq!((&gap["kind"], &gap["from_time"]), (&"expired".into(), &Json::Null));
    assert_eq!(gap["to_time"], "2021-06-07T18:49:40.331Z");
}

#[tokio::test]
async fn a_browser_gets_a_page_in_which_nothing_from_outside_is_markup() {
    let server = Server::start();
    let pipeline = server.board.pipeline("splunk", DeliveryLevel::Accepted);
    assigned(&pipeline, Some(8));
    pipeline.failed(&failure());
    let reply = server.exchange("GET /statusz HTTP/1.1\r\nHost: a\r\nAccept: text/html,*/*\r\n\r\n").await;
    assert_eq!((reply.code, &*reply.headers["content-type"]), (200, "text/html; charset=utf-8"));
    assert!(reply.headers["content-security-policy"].starts_with("default-src 'none'"));
    assert!(reply.body.contains("&lt;b&gt;Invalid token&lt;/b&gt; &quot;x&quot;"), "{}", reply.body);
    assert!(!reply.body.contains("<b>Invalid") && !reply.body.contains("<script"));
    assert!(
        reply.body.contains("<td>audit 3</td><td>10</td><td>12</td><td>20</td><td>8</td><td>167.0</td>"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn metrics_are_served_in_the_format_that_they_claim() {
    let server = Server::start();
    server.board.pipeline("splunk", DeliveryLevel::Accepted);
    let reply = server.get("/metrics").await;
    assert_eq!((reply.code, &*reply.headers["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"));
    assert!(reply.body.contains("auditferry_records_read_total{pipeline=\"splunk\"} 0\n"), "{}", reply.body);
}

#[tokio::test]
async fn serving_ends_when_told_and_the_port_is_free_again() {
    let server = Server::start();
    assert_eq!(server.get("/livez").await.code, 200);
    let idle = TcpStream::connect(server.address).await.unwrap();
    server.shutdown.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), server.serving).await.expect("it ends");
    assert!(ended.unwrap().is_ok());
    drop(idle);
    drop(bind(server.address).unwrap());
}
