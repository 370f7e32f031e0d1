//! How an endpoint is, asked without an event; and a whole pipeline with an endpoint that swallows everything.

use tokio::net::{TcpSocket, TcpStream};

use super::rig::{carry, read};
use super::*;
use crate::sink::Condition;

const SHORT: Duration = Duration::from_millis(200);

fn impatient(endpoints: &[&str]) -> SplunkHec {
    let transport = Transport { connect: SHORT, ..transport(SHORT) };
    SplunkHec::new(&HecConfig { transport, ..config(endpoints) }).unwrap()
}

/// A condition without its words.
fn word(condition: &Condition) -> String {
    match condition {
        Condition::Well => "well".to_owned(),
        Condition::Unwell(failure) => format!("unwell {}", failure.reason),
        Condition::Silent(failure) => format!("silent {}", failure.reason),
    }
}

/// From now on nothing is answered.
fn fall_silent(hec: &Hec) {
    for route in [Route::Event, Route::Ack, Route::Health] {
        hec.stand(route, Fault::Hang(Duration::from_secs(600)), Spell::UntilCleared);
    }
}

#[tokio::test]
async fn only_an_answer_that_it_can_take_nothing_and_no_answer_speak_against_an_endpoint() {
    let server = HecStandIn::start(HecOptions::default()).await.unwrap();
    let sink = impatient(&[&server.url()]);
    for (fault, expected) in [
        (Fault::Pass, "well"),
        (Fault::Answer(hec_answer(18)), "unwell busy"),
        (Fault::Answer(hec_answer(19)), "unwell busy"),
        (Fault::Answer(hec_answer(20)), "unwell busy"),
        (Fault::Answer(hec_answer(23)), "unwell busy"),
        (Fault::Answer(Answer::status(429)), "unwell busy"),
        (Fault::Answer(Answer::html(502)), "unwell server_error"),
        (Fault::Answer(Answer::html(200)), "well"),
        (Fault::Answer(Answer::html(404)), "well"),
        (Fault::Answer(hec_answer(4)), "well"),
        (Fault::Answer(hec_answer(21)), "well"),
        (Fault::Close, "silent network"),
        (Fault::Hang(Duration::from_secs(60)), "silent timeout"),
    ] {
        server.hec().push(Route::Health, fault.clone());
        assert_eq!(word(&sink.condition(0).await), expected, "{fault:?}");
    }
    assert_eq!(server.hec().count().requests, 0, "no request to the event endpoint");
}

#[tokio::test]
async fn the_acknowledgement_service_counts_only_where_acknowledgement_is_needed() {
    let server = HecStandIn::start(HecOptions::default()).await.unwrap();
    for (delivery, query) in [(DeliveryLevel::Accepted, ""), (DeliveryLevel::Indexed, "ack=1")] {
        let sink = SplunkHec::new(&HecConfig { delivery, ..config(&[&server.url()]) }).unwrap();
        assert_eq!(sink.condition(0).await, Condition::Well);
        let asked = server.hec().requests().pop().unwrap();
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", "/services/collector/health"));
        assert_eq!(asked.query, query);
    }
}

/// Method: a listener whose queue of connections is full drops the SYN of the next one, as a firewall does.
#[tokio::test]
async fn an_endpoint_whose_connections_hang_is_silent_and_a_parcel_to_it_is_tried_again() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
        assert!(waiting.len() < 64, "the queue is short");
    }
    let transport = Transport { connect: SHORT, ..transport(Duration::from_secs(60)) };
    let sink = SplunkHec::new(&HecConfig { transport, ..config(&[&format!("http://{address}")]) }).unwrap();
    assert_eq!(word(&sink.condition(0).await), "silent connect");
    assert_eq!(send(&sink, 0, &["x"]).await, "retry connect");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_swallows_everything_gets_no_parcel_while_others_work() {
    let servers = tokio::join!(
        HecStandIn::start(HecOptions::default()),
        HecStandIn::start(HecOptions::default()),
        HecStandIn::start(HecOptions::default())
    );
    let (first, hole, last) = (servers.0.unwrap(), servers.1.unwrap(), servers.2.unwrap());
    fall_silent(hole.hec());
    let sink = impatient(&[&first.url(), &hole.url(), &last.url()]);
    let records: Vec<_> = (0..2_000).map(|_| read("{}")).collect();
    let carried = carry(sink, Coding::Identity, records).await;
    assert_eq!((carried.totals.delivered, carried.committed), (2_000, 2_000));
    assert_eq!(hole.hec().count().requests, 0);
    assert_eq!(first.hec().count().duplicates + last.hec().count().duplicates, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn parcels_that_an_endpoint_swallows_arrive_at_another_one() {
    let (first, second) =
        tokio::join!(HecStandIn::start(HecOptions::default()), HecStandIn::start(HecOptions::default()));
    let (first, hole) = (first.unwrap(), second.unwrap());
    // Health is all that it answers.
    hole.hec().stand(Route::Event, Fault::Hang(Duration::from_secs(600)), Spell::UntilCleared);
    let sink = impatient(&[&hole.url(), &first.url()]);
    let records: Vec<_> = (0..2_000).map(|_| read("{}")).collect();
    let carried = carry(sink, Coding::Identity, records).await;
    assert_eq!((carried.totals.delivered, carried.committed), (2_000, 2_000));
    assert_eq!((first.hec().count().distinct, first.hec().count().duplicates), (2_000, 0));
}
