//! Every answer that HEC can give: what becomes of the events. What any receiver can do wrong is asked by the
//! [suite](crate::sink::conformance_tests) of all sinks, at both delivery levels.
//!
//! Each row of the tables goes through the whole core, over a real socket: a batch is read, the server answers so, and
//! the table says what follows. While there is no receipt nothing may count as delivered and nothing may be committed, which
//! the [rig](super::rig) checks all along. Then the server mends its ways, and every event has to be indexed exactly once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::StreamExt;

use super::rig::{Carried, Crossing, Proof, Settings, reads, reads_with};
use super::*;
use crate::demo::hec::CODES;
use crate::demo::receiver::Request;
use crate::sink::conformance_tests as suite;
use Becomes::{Again, Cut, Delivered, Held, Letter, Slower};
use DeliveryLevel::{Accepted, Indexed};

/// What becomes of the events of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Becomes {
    /// The answer is the receipt, or announces one; nothing is sent twice.
    Delivered,
    /// As `Delivered`, and the endpoint is given a rest.
    Slower,
    /// Not delivered; the same events are sent again after a pause.
    Again,
    /// Not delivered; all are kept until a human has mended something, and one request from time to time tries.
    Held,
    /// Not delivered; they are sent again in parts.
    Cut,
    /// A dead letter with the server's words.
    Letter,
}

/// HEC's own codes, each with its documented status and without further members. A success without an `ackId` proves nothing
/// where acknowledgement was asked for.
#[rustfmt::skip]
const CODE_TABLE: [(u16, [Becomes; 4]); 29] = [
    // code | acknowledgement off | acknowledgement on
    //      | one event  batch    | one event  batch
    (0,  [Delivered, Delivered, Held,   Held]),  // Success
    (1,  [Held,      Held,      Held,   Held]),  // Token disabled
    (2,  [Held,      Held,      Held,   Held]),  // Token is required
    (3,  [Held,      Held,      Held,   Held]),  // Invalid authorization
    (4,  [Held,      Held,      Held,   Held]),  // Invalid token
    (5,  [Letter,    Cut,       Letter, Cut]),   // No data
    (6,  [Letter,    Cut,       Letter, Cut]),   // Invalid data format
    (7,  [Held,      Held,      Held,   Held]),  // Incorrect index; see `defects` for one that a record asks for
    (8,  [Again,     Again,     Again,  Again]), // Internal server error
    (9,  [Again,     Again,     Again,  Again]), // Server is busy
    (10, [Held,      Held,      Held,   Held]),  // Data channel is missing
    (11, [Held,      Held,      Held,   Held]),  // Invalid data channel
    (12, [Letter,    Cut,       Letter, Cut]),   // Event field is required
    (13, [Letter,    Cut,       Letter, Cut]),   // Event field cannot be blank
    (14, [Held,      Held,      Held,   Held]),  // ACK is disabled
    (15, [Letter,    Cut,       Letter, Cut]),   // Error in handling indexed fields
    (16, [Held,      Held,      Held,   Held]),  // Query string authorization is not enabled
    (17, [Again,     Again,     Again,  Again]), // HEC is healthy: no answer to events
    (18, [Again,     Again,     Again,  Again]), // Queues are full
    (19, [Again,     Again,     Again,  Again]), // Ack service unavailable
    (20, [Again,     Again,     Again,  Again]), // Both
    (21, [Held,      Held,      Held,   Held]),  // Invalid token
    (22, [Held,      Held,      Held,   Held]),  // Token disabled
    (23, [Again,     Again,     Again,  Again]), // Server is shutting down
    (24, [Slower,    Slower,    Held,   Held]),  // HEC queue is approaching capacity
    (25, [Slower,    Slower,    Held,   Held]),  // HEC ACK is approaching capacity
    (26, [Again,     Again,     Again,  Again]), // HEC queue is at capacity
    (27, [Again,     Again,     Again,  Again]), // HEC ACK channel is at capacity
    (28, [Held,      Held,      Held,   Held]),  // Data channel is missing: sticky sessions
];

/// The successes with an `ackId`: announced, and delivered once it is acknowledged.
const ANNOUNCED: [(u16, Becomes); 3] = [(0, Delivered), (24, Slower), (25, Slower)];

/// The codes that name the event at fault, the second of a batch: it is a letter, and the others are delivered. Code 7 names
/// the one after it, and the index of the configuration is for a human to mend.
const NAMING: [(u16, Becomes); 6] = [(5, Letter), (6, Letter), (7, Held), (12, Letter), (13, Letter), (15, Letter)];

/// Any other status with a page in place of HEC's answer, at both levels: one event, batch. The suite asks for them.
fn at_page(status: u16) -> [suite::Becomes; 2] {
    use suite::Becomes::{Again, Cut, Held, Letter};
    match status {
        // No answer of HEC is no receipt, and no success that HEC has is one.
        100..=299 => [Again, Again],
        // Never followed.
        300..=399 => [Held, Held],
        400 | 408 | 425 | 429 => [Again, Again],
        413 => [Letter, Cut],
        // Credentials, or not what stands at HEC's address.
        401..=499 => [Held, Held],
        _ => [Again, Again],
    }
}

/// HEC for the suite.
struct Subject {
    level: DeliveryLevel,
    next_ack: AtomicU64,
}

impl Subject {
    fn at(level: DeliveryLevel) -> Self {
        Self { level, next_ack: AtomicU64::new(0) }
    }
}

impl suite::Subject for Subject {
    fn sink(&self, target: &suite::Target) -> Arc<dyn Sink> {
        let suite::Target { url, transport, token, tls } = target.clone();
        let config = HecConfig { delivery: self.level, transport, token, tls, ..config(&[&url]) };
        Arc::new(SplunkHec::new(&config).unwrap())
    }

    fn good(&self, request: &Request) -> Answer {
        // Every query is told that all it asks for is safe, and every request has an identifier of its own.
        if request.head.path.ends_with("/ack") {
            let asked: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            let ids = asked["acks"].as_array().unwrap().iter();
            let safe: serde_json::Map<_, _> = ids.map(|id| (id.to_string(), true.into())).collect();
            return Answer::json(200, serde_json::json!({"acks": safe}).to_string());
        }
        let id = self.next_ack.fetch_add(1, Ordering::SeqCst);
        Answer::json(200, format!(r#"{{"text":"Success","code":0,"ackId":{id}}}"#))
    }

    fn carries(&self, request: &Request) -> Vec<i64> {
        let envelopes = serde_json::Deserializer::from_slice(&request.body).into_iter::<serde_json::Value>();
        let offset = |envelope: serde_json::Value| envelope["fields"]["kafka_offset"].as_str()?.parse().ok();
        envelopes.filter_map(|envelope| offset(envelope.ok()?)).collect()
    }

    fn becomes(&self, status: u16) -> [suite::Becomes; 2] {
        at_page(status)
    }

    fn is_receipt(&self, _body: &[u8]) -> bool {
        false
    }

    fn is_batch(&self) -> bool {
        true
    }

    fn token_of(&self, request: &Request) -> Option<String> {
        Some(request.head.header("authorization")?.strip_prefix("Splunk ")?.to_owned())
    }
}

suite::conformance!(accepted, Subject::at(DeliveryLevel::Accepted));
suite::conformance!(indexed, Subject::at(DeliveryLevel::Indexed));

const BATCH: usize = 6;

/// One cell of a table.
struct Case {
    name: String,
    level: DeliveryLevel,
    events: usize,
    answer: Answer,
    becomes: Becomes,
}

impl Case {
    fn new(name: String, level: DeliveryLevel, events: usize, answer: Answer, becomes: Becomes) -> Self {
        Self { name, level, events, answer, becomes }
    }

    async fn run(self) {
        let server = server(self.level).await;
        let hec = server.hec().clone();
        let transport = transport(Duration::from_secs(30));
        let config = HecConfig { delivery: self.level, transport, ..config(&[&server.url()]) };
        let sink = SplunkHec::new(&config).unwrap();
        let mended = Arc::new(AtomicBool::new(false));
        let proof: Proof = match self.becomes {
            // The answer, or the acknowledgement that it announces.
            Delivered | Slower => {
                let hec = hec.clone();
                Box::new(move |_| hec.outstanding_acks() == 0 && hec.count().events > 0)
            }
            // The parts are taken one after the other.
            Cut => {
                let hec = hec.clone();
                Box::new(move |offset| hec.times("audit", 0, offset) == 1)
            }
            Again | Held | Letter => {
                let mended = Arc::clone(&mended);
                Box::new(move |_| mended.load(Ordering::SeqCst))
            }
        };
        self.misbehave(&hec);
        let crossing = Crossing::start(sink, Settings { proof: Some(proof), ..Settings::default() });
        crossing.feed(reads(self.events));
        match self.becomes {
            Delivered | Slower => {
                hec.until(Duration::from_secs(60), |count| count.events > 0).await;
                hec.withhold_acks(false);
            }
            Again => {
                crossing.until(&format!("{}: sent again", self.name), || crossing.logged("retry") >= 2).await;
            }
            Held => {
                crossing.until(&format!("{}: held", self.name), || crossing.logged("holding") >= 1).await;
            }
            Cut => crossing.until(&format!("{}: refused", self.name), || crossing.logged("split") >= 1).await,
            Letter => {}
        }
        mended.store(true, Ordering::SeqCst);
        if self.becomes != Letter {
            hec.clear(Route::Event);
        }
        crossing.settled().await;
        self.judge(&hec, &crossing.end().await);
    }

    fn misbehave(&self, hec: &Hec) {
        let answer = self.answer.clone();
        let (fault, spell) = match self.becomes {
            Delivered | Slower => (Fault::ProcessThenAnswer(answer), Spell::UntilCleared),
            Again | Held | Letter => (Fault::Answer(answer), Spell::UntilCleared),
            // If every part were refused, every event would be a letter in the end.
            Cut => (Fault::Answer(answer), Spell::Requests(1)),
        };
        hec.withhold_acks(matches!(self.becomes, Delivered | Slower));
        hec.stand(Route::Event, fault, spell);
    }

    fn judge(&self, hec: &Hec, carried: &Carried) {
        let (name, events) = (&self.name, i64::try_from(self.events).unwrap());
        let count = hec.count();
        assert_eq!(carried.committed, events, "{name}: everything is committed in the end");
        if self.becomes == Letter {
            assert_eq!((carried.letters.len(), count.events), (1, 0), "{name}");
            let detail = &carried.letters[0].failure.detail;
            assert!(detail.contains(&format!("HTTP {}", self.answer.status)), "{name}: {detail}");
            return;
        }
        assert_eq!(carried.letters.len(), 0, "{name}: {:?}", carried.letters);
        assert_eq!(hec.missing("audit", 0, 0..events), Vec::<i64>::new(), "{name}");
        assert_eq!(count.duplicates, 0, "{name}: once each");
        match self.becomes {
            Delivered | Slower => assert_eq!(count.requests, 1, "{name}"),
            Again | Held | Cut | Letter => assert!(count.requests >= 2, "{name}"),
        }
    }
}

async fn server(level: DeliveryLevel) -> HecStandIn {
    let token = match level {
        Accepted | DeliveryLevel::Archived => Token::new(TOKEN),
        Indexed => Token::new(TOKEN).with_acknowledgement(),
    };
    HecStandIn::start(HecOptions { tokens: vec![token], ..HecOptions::default() }).await.unwrap()
}

/// All at the same time: most of them wait for a pause to end.
async fn run(cases: Vec<Case>) {
    futures_util::stream::iter(cases.into_iter().map(Case::run)).buffer_unordered(48).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_the_events_at_every_code_alone_and_in_a_batch_with_and_without_acknowledgement() {
    let mut cases = Vec::new();
    for ((code, becomes), (known, ..)) in CODE_TABLE.into_iter().zip(CODES) {
        assert_eq!(code, known, "one row for each code, in order");
        let columns = [(Accepted, 1), (Accepted, BATCH), (Indexed, 1), (Indexed, BATCH)];
        for ((level, events), becomes) in columns.into_iter().zip(becomes) {
            let name = format!("code {code}, {level:?}, {events} events");
            cases.push(Case::new(name, level, events, hec_answer(code), becomes));
        }
    }
    for (code, becomes) in ANNOUNCED {
        for events in [1, BATCH] {
            let body = format!(r#"{{"text":"x","code":{code},"ackId":0}}"#);
            let name = format!("code {code} with an ackId, {events} events");
            cases.push(Case::new(name, Indexed, events, Answer::json(200, body), becomes));
        }
    }
    assert_eq!(cases.len(), 29 * 4 + 6);
    run(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_slows_down_and_a_plain_success_does_not() {
    for (code, warned) in [(0, ""), (24, "slower, "), (25, "slower, ")] {
        let server = server(Accepted).await;
        server.hec().push(Route::Event, Fault::ProcessThenAnswer(hec_answer(code)));
        assert_eq!(send(&sink(&server), 0, &["x"]).await, format!("{warned}delivered"), "code {code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_named_is_a_letter_and_the_others_of_its_batch_are_delivered_once() {
    for level in [Accepted, Indexed] {
        for (code, becomes) in NAMING {
            let server = server(level).await;
            let hec = server.hec().clone();
            hec.set_poison(vec![Poison { needle: "BAD".into(), answer: PoisonAnswer::Named(code) }]);
            let config = HecConfig { delivery: level, ..config(&[&server.url()]) };
            let crossing = Crossing::start(SplunkHec::new(&config).unwrap(), Settings::default());
            crossing.feed(reads_with(BATCH, &[1]));
            if becomes == Held {
                crossing.until("held", || crossing.logged("holding wrong_index") >= 1).await;
                assert_eq!(crossing.totals().delivered, 0, "code {code}, {level:?}");
                hec.set_poison(Vec::new());
            }
            crossing.settled().await;
            let carried = crossing.end().await;
            let letters: &[i64] = if becomes == Letter { &[1] } else { &[] };
            let seen: Vec<i64> = carried.letters.iter().map(|letter| letter.offset.get()).collect();
            assert_eq!((seen.as_slice(), carried.committed), (letters, 6), "code {code}, {level:?}");
            assert_eq!(hec.missing("audit", 0, 0..6), letters, "code {code}, {level:?}");
        }
    }
}
