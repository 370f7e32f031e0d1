//! The HEC answer codes, their HTTP status and their text, as Splunk documents them ("Possible error codes" of the HTTP
//! Event Collector) and as 10.x sends them.

use super::wire::Answer;

/// `(code, HTTP status, text)`. 28 is sent by Splunk Cloud only.
pub const CODES: [(u16, u16, &str); 29] = [
    (0, 200, "Success"),
    (1, 403, "Token disabled"),
    (2, 401, "Token is required"),
    (3, 401, "Invalid authorization"),
    (4, 403, "Invalid token"),
    (5, 400, "No data"),
    (6, 400, "Invalid data format"),
    (7, 400, "Incorrect index"),
    (8, 500, "Internal server error"),
    (9, 503, "Server is busy"),
    (10, 400, "Data channel is missing"),
    (11, 400, "Invalid data channel"),
    (12, 400, "Event field is required"),
    (13, 400, "Event field cannot be blank"),
    (14, 400, "ACK is disabled"),
    (15, 400, "Error in handling indexed fields"),
    (16, 400, "Query string authorization is not enabled"),
    (17, 200, "HEC is healthy"),
    (18, 503, "HEC is unhealthy, queues are full"),
    (19, 503, "HEC is unhealthy, ack service unavailable"),
    (20, 503, "HEC is unhealthy, queues are full, ack service unavailable"),
    (21, 400, "Invalid token"),
    (22, 400, "Token disabled"),
    (23, 503, "Server is shutting down"),
    (24, 200, "HEC queue is approaching capacity"),
    (25, 200, "HEC ACK is approaching capacity"),
    (26, 429, "HEC queue is at capacity"),
    (27, 429, "HEC ACK channel is at capacity"),
    (28, 400, "Data channel is missing: use a load balancer with sticky sessions"),
];

/// The plain answer with this code. A code that Splunk does not have is answered as an internal error.
pub fn answer(code: u16) -> Answer {
    answer_with(code, None, None)
}

/// The answer with this code, the number of the invalid event and the identifier to ask for its acknowledgement.
pub(super) fn answer_with(code: u16, invalid_event: Option<usize>, ack_id: Option<u64>) -> Answer {
    let (code, status, text) =
        CODES.iter().copied().find(|(c, ..)| *c == code).unwrap_or((8, 500, "Internal server error"));
    let mut body = format!(r#"{{"text":"{text}","code":{code}"#);
    if let Some(number) = invalid_event {
        body.push_str(&format!(r#","invalid-event-number":{number}"#));
    }
    if let Some(id) = ack_id {
        body.push_str(&format!(r#","ackId":{id}"#));
    }
    body.push('}');
    Answer::json(status, body)
}
