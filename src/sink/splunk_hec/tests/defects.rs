//! What goes wrong with the Java connector and must not go wrong here. The numbers are those of the list of 28 defects that was
//! made from its source. Each that concerns the wire or the offsets has a test that is named after it:
//!
//! | defect | there | here |
//! | --- | --- | --- |
//! | 1 | a batch with a refused event (code 6) counts as delivered | `defect_1_a_code_6_condemns_one_event_and_not_its_batch` |
//! | 2 | so does one that is too large for Splunk Cloud | `defect_2_a_body_too_large_for_splunk_cloud_is_cut_and_nothing_of_it_is_lost` |
//! | 3 | five attempts within milliseconds, then the batch is dropped | `defect_3_an_outage_of_any_number_of_attempts_discards_nothing` |
//! | 4 | a dropped batch wedges the offset and leaks | `defect_4_what_is_never_taken_becomes_letters_and_the_offset_moves_on` |
//! | 5 | what stands before a refused event is indexed at every attempt | `defect_5_what_stands_before_a_refused_event_is_indexed_once`, and three more for the index |
//! | 6 | a number that comes again is lost track of, or proves an older batch | `defect_6_numbers_that_begin_again_prove_nothing_of_before` |
//! | 7 | a cookie makes everything be sent again | `defect_7_a_cookie_on_every_answer_has_nothing_resent` |
//! | 8 | a failed batch of a renamed topic is emptied | `defect_8_events_that_name_another_topic_survive_failures_and_settle_where_they_were_read` |
//! | 9 | a batch that lost events has the wrong length | `defect_9_the_length_of_a_request_is_right_after_events_were_taken_out` |
//! | 10 | malformed records leak and vanish | `defect_10_a_value_that_cannot_be_carried_is_a_letter_from_its_own_position` |
//! | 11 | a tombstone ends the task | `defects_11_and_13_tombstones_settle_in_every_mode_also_at_the_end` |
//! | 12 | so does a value that is no text, in raw mode | `defect_12_any_bytes_are_a_raw_event` |
//! | 13 | tombstones at the end are never committed | `defects_11_and_13_tombstones_settle_in_every_mode_also_at_the_end` |
//! | 14 | races move a commit back | `defect_14_settlements_from_many_threads_move_the_watermark_only_forward` in `delivery::settlement` |
//! | 15 | an error ends the polling for acknowledgements in silence | `defect_15_an_acknowledgement_in_the_instant_of_its_deadline_does_not_end_the_asking` in `acks` |
//! | 16 | a lost answer about acknowledgements: everything is sent again after minutes | `defect_16_a_lost_answer_about_acknowledgements_costs_a_repetition_and_no_event` |
//! | 17 | a token without acknowledgement: sent again for ever | `defect_17_a_token_without_acknowledgement_holds_and_says_how_to_mend_it` |
//! | 18 | a missing header becomes the word `null` | `defects_18_and_19_a_raw_request_carries_what_headers_say_and_nothing_else` |
//! | 19 | `$$$` in a header shifts the metadata | `defects_18_and_19_a_raw_request_carries_what_headers_say_and_nothing_else` |
//! | 20 | headers are written as Java shows objects | `defect_20_a_header_is_written_as_its_text_and_left_out_when_it_is_none` |
//! | 21 | the last connector that starts sets the flush window of all | `defect_21_each_pipeline_keeps_the_batch_settings_of_its_own` in `tests/it/config.rs` |
//! | 22 | the time limit of requests is ignored | `defect_22_the_time_limit_of_a_request_is_the_configured_one` |
//! | 23 | parsers are made for every record, gzip for every attempt | no test by this name: it costs time and no event. `make bench` measures the time; that a batch is compressed once is a test of `delivery::consignment` |
//! | 24 | a space in the list of addresses breaks that address | `defect_24_a_space_in_the_list_of_addresses_breaks_none_of_them` in `import` |
//! | 25 | an index that does not exist: the event is gone, the offset committed | `defect_25_an_index_that_the_token_may_not_write_to_holds_and_nothing_is_committed`; where the token may write to any index, HEC answers with success, and nobody can see it from outside |
//! | 26 | the warnings 24 and 25 count as failures | `defect_26_codes_24_and_25_are_success_and_slow_down` |
//! | 27 | no order after a failure | `defect_27_with_one_request_at_a_time_the_order_outlives_failures_and_refusals` |
//! | 28 | payloads and secrets in the log | `defect_28_no_report_shows_a_payload_or_the_token` |

use std::path::Path;

use super::rig::{Carried, Crossing, Read, Settings, carry, carry_while, read, reads, reads_with};
use super::*;
use crate::sink::splunk_hec::config::{Mode, RecordHeaders};

async fn server(options: HecOptions) -> HecStandIn {
    HecStandIn::start(HecOptions { keep_texts: 10_000, ..options }).await.unwrap()
}

async fn indexing_server() -> HecStandIn {
    server(HecOptions { tokens: vec![Token::new(TOKEN).with_acknowledgement()], ..HecOptions::default() }).await
}

fn sink_with(server: &HecStandIn, events: EventConfig) -> SplunkHec {
    SplunkHec::new(&HecConfig { events, ..config(&[&server.url()]) }).unwrap()
}

fn indexed_sink(server: &HecStandIn, ack_timeout: Duration) -> SplunkHec {
    let config = HecConfig { delivery: DeliveryLevel::Indexed, ack_timeout, ..config(&[&server.url()]) };
    SplunkHec::new(&config).unwrap()
}

fn refuse(server: &HecStandIn, answer: PoisonAnswer) {
    server.hec().set_poison(vec![Poison { needle: "BAD".into(), answer }]);
}

/// Everything but `letters` was indexed once, nothing twice, and everything is committed.
fn assert_exactly(server: &HecStandIn, carried: &Carried, count: i64, letters: &[i64]) {
    let seen: Vec<i64> = carried.letters.iter().map(|letter| letter.offset.get()).collect();
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, letters);
    assert_eq!(server.hec().missing("audit", 0, 0..count), letters);
    assert_eq!(server.hec().count().duplicates, 0);
    assert_eq!(carried.committed, count);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_1_a_code_6_condemns_one_event_and_not_its_batch() {
    let server = server(HecOptions::default()).await;
    refuse(&server, PoisonAnswer::Named(6));
    let carried = carry(sink(&server), Coding::Gzip, reads_with(100, &[40])).await;
    assert_exactly(&server, &carried, 100, &[40]);
    assert_eq!(carried.reasons(), [(40, "invalid_format")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_2_a_body_too_large_for_splunk_cloud_is_cut_and_nothing_of_it_is_lost() {
    let options =
        HecOptions { max_content_length: 1_500_000, oversize: Oversize::Code6Object0, ..HecOptions::default() };
    let server = server(options).await;
    let value = format!("{{\"a\":\"{}\"}}", "x".repeat(600_000));
    let carried = carry(sink(&server), Coding::Identity, vec![read(&value); 8]).await;
    assert_exactly(&server, &carried, 8, &[]);
    assert!(carried.log.iter().any(|line| line == "split"), "{:?}", carried.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_3_an_outage_of_any_number_of_attempts_discards_nothing() {
    let server = server(HecOptions::default()).await;
    for fault in [Fault::Answer(hec_answer(9)), Fault::Close, Fault::Answer(Answer::html(502))] {
        server.hec().push(Route::Event, fault.clone());
        server.hec().push(Route::Event, fault);
    }
    let carried = carry(sink(&server), Coding::Identity, reads(10)).await;
    assert_exactly(&server, &carried, 10, &[]);
    assert_eq!(carried.totals.delivered, 10);
    assert!(server.hec().count().requests > 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_4_what_is_never_taken_becomes_letters_and_the_offset_moves_on() {
    let server = server(HecOptions::default()).await;
    refuse(&server, PoisonAnswer::Unnamed(5));
    let crossing = Crossing::start(sink(&server), Settings::default());
    let all: Vec<usize> = (0..20).collect();
    crossing.feed(reads_with(20, &all));
    crossing.settled().await;
    crossing.feed(reads(5));
    crossing.settled().await;
    let letters: Vec<i64> = (0..20).collect();
    assert_exactly(&server, &crossing.end().await, 25, &letters);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_5_what_stands_before_a_refused_event_is_indexed_once() {
    for (code, reason) in [(12, "event_refused"), (13, "event_refused"), (15, "event_refused")] {
        let server = server(HecOptions::default()).await;
        refuse(&server, PoisonAnswer::Named(code));
        let carried = carry(sink(&server), Coding::Identity, reads_with(50, &[0, 30, 31, 49])).await;
        assert_exactly(&server, &carried, 50, &[0, 30, 31, 49]);
        assert!(carried.reasons().iter().all(|(_, seen)| *seen == reason), "{:?}", carried.reasons());
    }
}

fn index_from_header(mode: Mode) -> EventConfig {
    let record_headers = RecordHeaders { index: Some("to".into()), ..RecordHeaders::default() };
    let metadata = Metadata { index: Some("main".into()), ..Metadata::default() };
    EventConfig { mode, metadata, record_headers, ..EventConfig::default() }
}

async fn server_with_index() -> HecStandIn {
    let tokens = vec![Token { indexes: Some(vec!["main".into(), "other".into()]), ..Token::new(TOKEN) }];
    server(HecOptions { tokens, ..HecOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_5_an_index_header_that_splunk_forbids_condemns_its_record_and_stops_nobody() {
    for coding in [Coding::Identity, Coding::Gzip] {
        let server = server_with_index().await;
        let mut records = reads(20);
        records[7] = read("{}").with_header("to", Some(b"forbidden"));
        records[8] = read("{}").with_header("to", Some(b"other"));
        let carried = carry(sink_with(&server, index_from_header(Mode::Event)), coding, records).await;
        assert_exactly(&server, &carried, 20, &[7]);
        assert_eq!(carried.reasons(), [(7, "wrong_index")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_5_a_forbidden_index_of_raw_events_condemns_those_that_asked_for_it() {
    let server = server_with_index().await;
    let mut records = reads(20);
    records[7].headers = read("").with_header("to", Some(b"forbidden")).headers;
    records[9].headers = records[7].headers.clone();
    let mode = Mode::Raw { line_breaker: "\n".into() };
    let carried = carry(sink_with(&server, index_from_header(mode)), Coding::Gzip, records).await;
    assert_eq!(carried.reasons(), [(7, "wrong_index"), (9, "wrong_index")]);
    // Which of the two was refused first is not said.
    let letter = carried.letters.iter().find(|letter| letter.offset.get() == 7).expect("a letter");
    assert_eq!(letter.value.as_deref(), Some(&b"{\"n\":7}"[..]));
    assert_eq!((server.hec().count().events, carried.committed), (18, 20));
}

#[tokio::test]
async fn defect_5_a_configured_index_that_splunk_forbids_still_holds() {
    let tokens = vec![Token { indexes: Some(vec!["other".into()]), ..Token::new(TOKEN) }];
    let server = server(HecOptions { tokens, ..HecOptions::default() }).await;
    for mode in [Mode::Event, Mode::Raw { line_breaker: "\n".into() }] {
        let sink = sink_with(&server, index_from_header(mode));
        assert_eq!(send(&sink, 0, &["{}", "{}"]).await, "hold wrong_index");
        assert_eq!(send(&sink, 0, &["{}"]).await, "hold wrong_index");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_6_numbers_that_begin_again_prove_nothing_of_before() {
    let server = indexing_server().await;
    server.hec().withhold_acks(true);
    let hec = server.hec().clone();
    let restart = async move {
        assert!(hec.until(Duration::from_secs(30), |count| count.events >= 10).await);
        hec.restart_indexer();
        hec.withhold_acks(false);
    };
    let sink = indexed_sink(&server, Duration::from_millis(400));
    let carried = carry_while(sink, Coding::Identity, reads(10), restart).await;
    assert_eq!(carried.totals.delivered, 10);
    assert!(server.hec().times("audit", 0, 0) >= 2, "the acknowledgement was lost, so the events were sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_7_a_cookie_on_every_answer_has_nothing_resent() {
    let server = indexing_server().await;
    let taken = Answer::json(200, r#"{"text":"Success","code":0,"ackId":0}"#);
    let acknowledged = Answer::json(200, r#"{"acks":{"0":true}}"#);
    for n in 0..10 {
        let cookie = format!("AWSALB={n}; Path=/");
        let fault = |answer: &Answer| Fault::ProcessThenAnswer(answer.clone().with_header("Set-Cookie", &cookie));
        server.hec().push(Route::Event, fault(&taken));
        server.hec().push(Route::Ack, fault(&acknowledged));
    }
    let carried = carry(indexed_sink(&server, Duration::from_secs(60)), Coding::Identity, reads(10)).await;
    assert_exactly(&server, &carried, 10, &[]);
    assert_eq!(server.hec().count().requests, 1);
}

/// The topic that an event shows is a matter of its envelope; what settles is the record.
#[tokio::test(flavor = "multi_thread")]
async fn defect_8_events_that_name_another_topic_survive_failures_and_settle_where_they_were_read() {
    let server = server(HecOptions::default()).await;
    for fault in [Fault::Answer(hec_answer(9)), Fault::Close, Fault::Answer(Answer::html(502))] {
        server.hec().push(Route::Event, fault);
    }
    let renamed = |n: usize| {
        let fields = format!(r#"{{"kafka_topic":"renamed","kafka_partition":"7","kafka_offset":"{n}"}}"#);
        read(&format!(r#"{{"event":{n},"fields":{fields}}}"#))
    };
    let events = EventConfig { tracking: Vec::new(), ..preformatted() };
    let carried = carry(sink_with(&server, events), Coding::Gzip, (0..10).map(renamed).collect()).await;
    assert_eq!((carried.totals.delivered, carried.committed), (10, 10));
    assert_eq!(server.hec().missing("renamed", 7, 0..10), Vec::<i64>::new());
    assert_eq!((server.hec().count().events, server.hec().count().duplicates), (10, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_9_the_length_of_a_request_is_right_after_events_were_taken_out() {
    let server = server(HecOptions::default()).await;
    refuse(&server, PoisonAnswer::Named(6));
    let carried = carry(sink(&server), Coding::Identity, reads_with(30, &[3, 20])).await;
    assert_exactly(&server, &carried, 30, &[3, 20]);
    // The stand-in reads as many bytes as the head says: a wrong length would hang or cut.
    assert!(!carried.log.iter().any(|line| line.starts_with("failed")), "{:?}", carried.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_10_a_value_that_cannot_be_carried_is_a_letter_from_its_own_position() {
    let server = server(HecOptions::default()).await;
    let mut records = reads(5);
    records[2].value = Some(b"\xff\xfe".to_vec());
    let carried = carry(sink(&server), Coding::Identity, records).await;
    assert_exactly(&server, &carried, 5, &[2]);
    assert_eq!(carried.letters[0].value.as_deref(), Some(&b"\xff\xfe"[..]));
    assert_eq!(carried.letters[0].topic.as_str(), "audit");
}

fn preformatted() -> EventConfig {
    EventConfig { mode: Mode::Preformatted, ..EventConfig::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn defects_11_and_13_tombstones_settle_in_every_mode_also_at_the_end() {
    for mode in [Mode::Event, Mode::Preformatted, Mode::Raw { line_breaker: "\n".into() }] {
        let server = server(HecOptions::default()).await;
        let empty = read("");
        let records = vec![Read::tombstone(), read(r#"{"event":1}"#), Read::tombstone(), empty];
        let events = EventConfig { mode, ..EventConfig::default() };
        let carried = carry(sink_with(&server, events), Coding::Identity, records).await;
        assert_eq!(carried.reasons(), [(0, "empty_value"), (2, "empty_value"), (3, "empty_value")]);
        assert_eq!((carried.committed, server.hec().count().events), (4, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_12_any_bytes_are_a_raw_event() {
    let server = server(HecOptions::default()).await;
    let events = EventConfig { mode: Mode::Raw { line_breaker: "\n".into() }, ..EventConfig::default() };
    let mut records = reads(2);
    records.push(Read { value: Some(b"\x00\xff".to_vec()), ..Read::default() });
    let carried = carry(sink_with(&server, events), Coding::Identity, records).await;
    assert_eq!((carried.totals.delivered, server.hec().count().events), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_16_a_lost_answer_about_acknowledgements_costs_a_repetition_and_no_event() {
    let server = indexing_server().await;
    server.hec().push(Route::Ack, Fault::ProcessThenClose);
    let carried = carry(indexed_sink(&server, Duration::from_millis(400)), Coding::Identity, reads(3)).await;
    assert_eq!((carried.totals.delivered, carried.committed), (3, 3));
    assert_eq!(server.hec().missing("audit", 0, 0..3), Vec::<i64>::new());
}

#[tokio::test]
async fn defect_17_a_token_without_acknowledgement_holds_and_says_how_to_mend_it() {
    let server = server(HecOptions::default()).await;
    let sink = indexed_sink(&server, Duration::from_secs(60));
    let failure = failure(sink.attempt(0, parcel(&sink, 0, &["x"])).await);
    assert_eq!(failure.reason, Reason::AckDisabled);
    assert!(failure.detail.contains("useACK"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn defects_18_and_19_a_raw_request_carries_what_headers_say_and_nothing_else() {
    let server = server(HecOptions::default()).await;
    let record_headers = RecordHeaders {
        index: Some("i".into()),
        source: Some("s".into()),
        host: Some("h".into()),
        ..RecordHeaders::default()
    };
    let mode = Mode::Raw { line_breaker: "\n".into() };
    let events = EventConfig { mode, record_headers, ..EventConfig::default() };
    let records = vec![
        read("a"),
        read("b").with_header("s", Some(b"x$$$y&index=z")),
        read("c").with_header("s", None),
        read("d").with_header("s", Some(b"x$$$y&index=z")).with_header("i", Some(b"main")),
    ];
    let carried = carry(sink_with(&server, events), Coding::Identity, records).await;
    assert_eq!(carried.committed, 4);
    let mut queries: Vec<String> = server.hec().requests().into_iter().map(|request| request.query).collect();
    queries.sort_unstable();
    queries.dedup();
    assert_eq!(queries, ["", "source=x%24%24%24y%26index%3Dz", "source=x%24%24%24y%26index%3Dz&index=main"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_20_a_header_is_written_as_its_text_and_left_out_when_it_is_none() {
    let server = server(HecOptions::default()).await;
    let fields = vec!["day".into(), "map".into(), "bytes".into()];
    let record_headers = RecordHeaders { fields, ..RecordHeaders::default() };
    let events = EventConfig { record_headers, tracking: Vec::new(), ..EventConfig::default() };
    let record = read("{}")
        .with_header("day", Some(b"1970-01-01"))
        .with_header("map", Some(br#"{"a":"b"}"#))
        .with_header("bytes", Some(b"\x80\x81"));
    carry(sink_with(&server, events), Coding::Identity, vec![record]).await;
    let texts = server.hec().texts();
    assert!(texts[0].ends_with(r#""fields":{"day":"1970-01-01","map":"{\"a\":\"b\"}"}}"#), "{texts:?}");
}

#[tokio::test]
async fn defect_22_the_time_limit_of_a_request_is_the_configured_one() {
    let server = server(HecOptions::default()).await;
    server.hec().push(Route::Event, Fault::Hang(Duration::from_secs(60)));
    let config = HecConfig { transport: transport(Duration::from_millis(50)), ..config(&[&server.url()]) };
    let started = std::time::Instant::now();
    assert_eq!(send(&SplunkHec::new(&config).unwrap(), 0, &["x"]).await, "retry timeout");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_25_an_index_that_the_token_may_not_write_to_holds_and_nothing_is_committed() {
    let server = server_with_index().await;
    let metadata = Metadata { index: Some("no-such-index".into()), ..Metadata::default() };
    let sink = sink_with(&server, EventConfig { metadata, ..EventConfig::default() });
    let allowed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_allowed = Arc::clone(&allowed);
    let proof: super::rig::Proof = Box::new(move |_| is_allowed.load(std::sync::atomic::Ordering::SeqCst));
    let crossing = Crossing::start(sink, Settings { proof: Some(proof), ..Settings::default() });
    crossing.feed(reads(10));
    crossing.until("held", || crossing.logged("holding wrong_index") == 1).await;
    assert_eq!((server.hec().count().events, crossing.totals().in_flight()), (0, 10));
    allowed.store(true, std::sync::atomic::Ordering::SeqCst);
    server.hec().set_tokens(vec![Token::new(TOKEN)]);
    crossing.settled().await;
    assert_exactly(&server, &crossing.end().await, 10, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_26_codes_24_and_25_are_success_and_slow_down() {
    for code in [24, 25] {
        let server = server(HecOptions::default()).await;
        server.hec().push(Route::Event, Fault::ProcessThenAnswer(hec_answer(code)));
        let carried = carry(sink(&server), Coding::Identity, reads(10)).await;
        assert_exactly(&server, &carried, 10, &[]);
    }
    let server = indexing_server().await;
    let full = Answer::json(200, r#"{"text":"HEC queue is approaching capacity","code":24,"ackId":0}"#);
    server.hec().push(Route::Event, Fault::ProcessThenAnswer(full));
    assert_eq!(send(&indexed_sink(&server, Duration::from_secs(60)), 0, &["x"]).await, "slower, delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_27_with_one_request_at_a_time_the_order_outlives_failures_and_refusals() {
    for answer in [PoisonAnswer::Named(6), PoisonAnswer::Unnamed(6)] {
        let server = server(HecOptions::default()).await;
        refuse(&server, answer);
        for fault in
            [Fault::Answer(hec_answer(9)), Fault::Pass, Fault::Close, Fault::Pass, Fault::Answer(hec_answer(8))]
        {
            server.hec().push(Route::Event, fault);
        }
        let crossing = Crossing::start(sink(&server), Settings { max_in_flight: 1, ..Settings::default() });
        crossing.feed(reads_with(40, &[11]));
        crossing.until("the first batch left", || server.hec().count().requests > 0).await;
        crossing.feed(reads(40));
        crossing.settled().await;
        assert_exactly(&server, &crossing.end().await, 80, &[11]);
        let offset = |text: &String| -> i64 {
            let envelope: serde_json::Value = serde_json::from_str(text).unwrap();
            envelope["fields"]["kafka_offset"].as_str().unwrap().parse().unwrap()
        };
        let arrived: Vec<i64> = server.hec().texts().iter().map(offset).collect();
        assert_eq!(arrived, (0..80).filter(|offset| *offset != 11).collect::<Vec<_>>(), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_28_no_report_shows_a_payload_or_the_token() {
    let server = server(HecOptions::default()).await;
    refuse(&server, PoisonAnswer::Named(6));
    let carried = carry(sink(&server), Coding::Identity, reads_with(3, &[1])).await;
    let bad = read(r#"{"event":1,"fields":{"s3cret":{"BAD":1}}}"#);
    let letters = carry(sink_with(&server, preformatted()), Coding::Identity, vec![bad]).await.letters;
    for letter in carried.letters.iter().chain(&letters) {
        let detail = &letter.failure.detail;
        assert!(!["BAD", "s3cret", TOKEN].iter().any(|word| detail.contains(word)), "{detail}");
    }
    assert_eq!((carried.letters.len(), letters.len()), (1, 1));
}

/// The silent stop: Splunk answers with success and drops what follows.
#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_with_an_unknown_member_is_a_letter_and_the_others_arrive() {
    let server = server(HecOptions::default()).await;
    let good = |n: usize| read(&format!("{{\"event\":{n},\n \"fields\":{{\"n\":\"{n}\"}}}}"));
    let mut records: Vec<Read> = (0..20).map(good).collect();
    records[5] = read(r#"{"event":5,"extra":true}"#);
    records[6] = read(r#"{"event":6,"index":"main"}"#);
    let carried = carry(sink_with(&server, preformatted()), Coding::Identity, records).await;
    assert_exactly(&server, &carried, 20, &[5]);
    assert_eq!(carried.letters[0].value.as_deref(), Some(&br#"{"event":5,"extra":true}"#[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_envelope_is_given_back_as_it_was() {
    let server = server(HecOptions::default()).await;
    refuse(&server, PoisonAnswer::Named(6));
    let values =
        [r#"{"event":"BAD"}"#, " {\"event\" : \"BAD\",\n\"fields\":{\"kafka_topic\":\"own\"}}", "{\"event\":\"BAD\"} "];
    let mut records: Vec<Read> = values.iter().map(|value| read(value)).collect();
    records.iter_mut().for_each(|record| record.key = Some(b"k".to_vec()));
    records.push(read(r#"{"event":"good"}"#));
    let carried = carry(sink_with(&server, preformatted()), Coding::Gzip, records).await;
    assert_exactly(&server, &carried, 4, &[0, 1, 2]);
    for letter in &carried.letters {
        let expected = values[usize::try_from(letter.offset.get()).unwrap()];
        assert_eq!(letter.value.as_deref(), Some(expected.as_bytes()));
        assert_eq!(letter.key.as_deref(), Some(&b"k"[..]));
    }
}

#[test]
fn the_table_of_defects_is_whole_and_every_test_in_it_exists() {
    let table: Vec<&str> = include_str!("defects.rs").lines().filter_map(|line| line.strip_prefix("//! | ")).collect();
    let rows: Vec<&str> = table.into_iter().filter(|row| row.starts_with(|c: char| c.is_ascii_digit())).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut source = String::new();
    read_sources(&root.join("src"), &mut source);
    read_sources(&root.join("tests"), &mut source);
    assert_eq!(rows.len(), 28);
    for (number, row) in (1..).zip(rows) {
        assert!(row.starts_with(&format!("{number} | ")), "{row}");
        let test = row.split('`').find(|word| word.starts_with("defect"));
        let exists = test.is_some_and(|test| source.contains(&format!("fn {test}()")));
        assert!(exists || row.contains("no test by this name"), "no such test: {row}");
    }
}

fn read_sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
