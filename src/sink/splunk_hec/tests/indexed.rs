//! Delivery level `indexed`: nothing counts without a true acknowledgement.

use futures_util::future::join_all;

use super::*;

async fn server() -> HecStandIn {
    let tokens = vec![Token::new(TOKEN).with_acknowledgement()];
    HecStandIn::start(HecOptions { tokens, ..HecOptions::default() }).await.unwrap()
}

fn sink(server: &HecStandIn, ack_timeout: Duration) -> SplunkHec {
    let config = HecConfig { delivery: DeliveryLevel::Indexed, ack_timeout, ..config(&[&server.url()]) };
    SplunkHec::new(&config).unwrap()
}

/// Long enough for every test that expects an acknowledgement.
const LONG: Duration = Duration::from_secs(60);

/// Short enough to wait for in every test that expects none.
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn an_event_is_delivered_when_its_acknowledgement_is_true() {
    let server = server().await;
    let sink = sink(&server, LONG);
    server.hec().withhold_acks(true);
    let Attempt::Pending(mut proof) = sink.attempt(0, parcel(&sink, 0, &["x"])).await else { panic!("not pending") };
    let hec = server.hec();
    let asked = async {
        while hec.requests().iter().filter(|request| request.path.ends_with("/ack")).count() < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = &mut proof => panic!("proven without a true acknowledgement"),
        () = asked => {}
    }
    hec.withhold_acks(false);
    assert_eq!(short(proof.await).await, "delivered");
    assert_eq!(hec.outstanding_acks(), 0);
}

#[tokio::test]
async fn many_requests_under_way_are_all_proven_and_no_channel_carries_two() {
    let server = server().await;
    server.hec().set_latency(Duration::from_millis(1));
    let sink = sink(&server, LONG);
    let mut outcomes = Vec::new();
    for round in 0..10 {
        outcomes.extend(join_all((0..8).map(|n| sink.attempt(0, parcel(&sink, round * 8 + n, &["x"])))).await);
    }
    let proofs = join_all(outcomes.into_iter().map(short)).await;
    assert_eq!(proofs, vec!["delivered"; 80]);
    assert_eq!(server.hec().count().duplicates, 0);
    assert_eq!(server.hec().missing("audit", 0, 0..80), Vec::<i64>::new());
    let requests = server.hec().requests();
    let posts = requests.iter().filter(|request| request.path.ends_with("/event"));
    let channels: std::collections::BTreeSet<_> = posts.map(|post| post.header("x-splunk-request-channel")).collect();
    assert_eq!(channels.len(), 8, "channels are used again, and there are no more than requests at a time");
}

#[tokio::test]
async fn an_acknowledgement_that_never_turns_true_is_a_retry() {
    let server = server().await;
    server.hec().withhold_acks(true);
    assert_eq!(send(&sink(&server, SHORT), 0, &["x"]).await, "retry ack_timeout");
}

#[tokio::test]
async fn no_answer_of_the_acknowledgement_endpoint_but_true_is_proof() {
    let huge = format!(r#"{{"acks":{{"0":true,"1":true}},"x":"{}"}}"#, "x".repeat(HEC_ANSWER_MAX_BYTES));
    let cases = [
        (Fault::Answer(Answer::html(200)), "retry ack_unknown"),
        (Fault::Answer(Answer::html(404)), "retry ack_unknown"),
        (Fault::Answer(Answer::status(400)), "retry ack_unknown"),
        (Fault::Answer(hec_answer(8)), "retry ack_unknown"),
        (Fault::Answer(hec_answer(9)), "retry ack_unknown"),
        (Fault::Answer(hec_answer(0)), "retry ack_unknown"),
        (Fault::Answer(Answer::json(500, r#"{"acks":{"0":true}}"#)), "retry ack_unknown"),
        (Fault::Answer(Answer::json(200, r#"{"acks":{"0":true"#)), "retry ack_unknown"),
        (Fault::Answer(Answer::json(200, r#"{"acks":{"0":"true"}}"#)), "retry ack_unknown"),
        (Fault::Answer(Answer::json(200, huge)), "retry ack_unknown"),
        (Fault::Answer(Answer::json(200, r#"{"acks":{"7":true,"x":true}}"#)), "retry ack_timeout"),
        (Fault::Answer(Answer::json(200, r#"{"acks":{}}"#)), "retry ack_timeout"),
        (Fault::Answer(Answer::status(307).with_header("Location", "/x")), "retry ack_unknown"),
        (Fault::Close, "retry ack_unknown"),
        (Fault::ProcessThenCut, "retry ack_timeout"),
        (Fault::Answer(hec_answer(14)), "hold ack_disabled"),
        (Fault::Answer(hec_answer(4)), "hold unauthorized"),
        (Fault::Answer(hec_answer(3)), "hold unauthorized"),
    ];
    let case = |(fault, expected): (Fault, &'static str)| async move {
        let server = server().await;
        let spell = if fault == Fault::ProcessThenCut { Spell::Requests(1) } else { Spell::UntilCleared };
        server.hec().stand(Route::Ack, fault.clone(), spell);
        assert_eq!(send(&sink(&server, SHORT), 0, &["x"]).await, expected, "{fault:?}");
    };
    join_all(cases.map(case)).await;
}

#[tokio::test]
async fn an_acknowledgement_endpoint_that_recovers_in_time_proves() {
    let server = server().await;
    for fault in [Fault::Answer(hec_answer(9)), Fault::Answer(Answer::html(502)), Fault::Close] {
        server.hec().push(Route::Ack, fault);
    }
    assert_eq!(send(&sink(&server, LONG), 0, &["x"]).await, "delivered");
}

#[tokio::test]
async fn a_lost_answer_to_a_query_is_never_taken_for_true() {
    let server = server().await;
    server.hec().push(Route::Ack, Fault::ProcessThenClose);
    let sink = sink(&server, SHORT);
    assert_eq!(send(&sink, 0, &["x"]).await, "retry ack_timeout");
    assert_eq!(send(&sink, 0, &["x"]).await, "delivered");
    assert_eq!(server.hec().times("audit", 0, 0), 2);
}

#[tokio::test]
async fn a_restarted_indexer_proves_nothing_of_before() {
    let server = server().await;
    let sink = sink(&server, LONG);
    server.hec().withhold_acks(true);
    let before = sink.attempt(0, parcel(&sink, 0, &["a"])).await;
    server.hec().restart_indexer();
    // Its identifier is 0 again: a true 0 would be the second request's, not the first one's.
    let after = sink.attempt(0, parcel(&sink, 1, &["b"])).await;
    server.hec().withhold_acks(false);
    assert_eq!(short(after).await, "retry ack_unknown");
    assert_eq!(short(before).await, "retry ack_unknown");
    assert_eq!(send(&sink, 0, &["a", "b"]).await, "delivered");
}

#[tokio::test]
async fn a_number_given_twice_proves_neither_request_although_it_is_true_while_the_second_is_under_way() {
    let server = server().await;
    let sink = sink(&server, LONG);
    server.hec().withhold_acks(true);
    let first = sink.attempt(0, parcel(&sink, 0, &["a"])).await;
    server.hec().restart_indexer();
    // The server has the second, as 0 again, and says true for 0 before its answer arrives.
    server.hec().push(Route::Event, Fault::ProcessThenDelay(Duration::from_millis(400)));
    server.hec().withhold_acks(false);
    let second = async { short(sink.attempt(0, parcel(&sink, 1, &["b"])).await).await };
    let both = tokio::join!(short(first), second);
    assert_eq!(both, ("retry ack_unknown".to_owned(), "retry ack_unknown".to_owned()));
}

#[tokio::test]
async fn a_request_without_an_answer_does_not_let_an_older_one_be_proven_by_it() {
    let server = server().await;
    let sink = sink(&server, LONG);
    server.hec().withhold_acks(true);
    let first = sink.attempt(0, parcel(&sink, 0, &["a"])).await;
    server.hec().restart_indexer();
    server.hec().push(Route::Event, Fault::ProcessThenClose);
    assert_eq!(send(&sink, 1, &["b"]).await, "retry network");
    // The server now says true for 0, which is "b".
    server.hec().withhold_acks(false);
    assert_eq!(short(first).await, "retry ack_unknown");
}

#[tokio::test]
async fn a_success_without_an_identifier_holds() {
    let server = HecStandIn::start(HecOptions::default()).await.unwrap();
    let sink = sink(&server, LONG);
    let failure = failure(sink.attempt(0, parcel(&sink, 0, &["x"])).await);
    assert_eq!(failure.reason, Reason::AckDisabled);
    assert!(failure.detail.contains("useACK"), "{failure}");
}

#[tokio::test]
async fn the_events_before_poison_are_delivered_once_acknowledged() {
    let server = server().await;
    server.hec().set_poison(vec![Poison { needle: "BAD".into(), answer: PoisonAnswer::Named(6) }]);
    let values = ["a", "BAD", "c"];
    assert_eq!(send(&sink(&server, LONG), 0, &values).await, "poison 1 1 invalid_format");
    server.hec().withhold_acks(true);
    assert_eq!(send(&sink(&server, SHORT), 0, &values).await, "poison 0 1 invalid_format");
    assert_eq!(send(&sink(&server, LONG), 0, &["BAD", "c"]).await, "poison 0 0 invalid_format");
}

#[tokio::test]
async fn a_channel_sends_back_the_cookies_that_keep_it_at_its_indexer() {
    let server = server().await;
    let sink = sink(&server, LONG);
    let taken = Answer::json(200, r#"{"text":"Success","code":0,"ackId":0}"#);
    for cookie in ["LB=a; Path=/", "LB=b; Path=/"] {
        let fault = Fault::ProcessThenAnswer(taken.clone().with_header("Set-Cookie", cookie));
        server.hec().push(Route::Event, fault);
    }
    let both = tokio::join!(sink.attempt(0, parcel(&sink, 0, &["x"])), sink.attempt(0, parcel(&sink, 1, &["x"])));
    assert_eq!(tokio::join!(short(both.0), short(both.1)), ("delivered".into(), "delivered".into()));
    assert_eq!(send(&sink, 2, &["x"]).await, "delivered");

    let requests = server.hec().requests();
    let cookies_of = |end: &str| -> std::collections::BTreeSet<Option<String>> {
        let those = requests.iter().filter(|request| request.path.ends_with(end));
        those.map(|request| request.header("cookie").map(str::to_owned)).collect()
    };
    assert_eq!(cookies_of("/ack"), [Some("LB=a".to_owned()), Some("LB=b".to_owned())].into());
    assert!(requests.iter().rfind(|request| request.path.ends_with("/event")).unwrap().header("cookie").is_some());
}
