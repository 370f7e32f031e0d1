//! From a request to what goes back over the wire: routes, tokens, channels, faults.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};

use super::code::{answer, answer_with};
use super::collector::{Rules, Verdict, collect};
use super::raw;
use super::wire::{Answer, Head, Wire};
use super::{Fault, Hec, HecOptions, KEPT_REQUESTS, Oversize, Route, Token};

/// Bytes by which an answer is cut short: the length is announced, the end of the body is missing.
const CUT: usize = 5;

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(hec: &Hec, stream: S) {
    let mut wire = Wire::new(stream);
    let mut body = Vec::new();
    // Whatever fails here is the client's connection, and the client sees it.
    while let Ok(Some(head)) = wire.read_request(&mut body).await {
        match respond(hec, &mut wire, &head, &body).await {
            Ok(Next::KeepAlive) => {}
            Ok(Next::Close) | Err(_) => return,
        }
    }
}

enum Next {
    KeepAlive,
    Close,
}

async fn respond<S>(hec: &Hec, wire: &mut Wire<S>, head: &Head, body: &[u8]) -> io::Result<Next>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let route = route_of(&head.path);
    let (fault, latency) = arrive(hec, route, head, body);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let process = || {
        let answer = process(hec, route, head, body);
        hec.shared.changed.notify_waiters();
        answer
    };
    match fault {
        Fault::Pass => wire.write(&process()).await?,
        Fault::Answer(answer) => {
            hec.shared.changed.notify_waiters();
            wire.write(&answer).await?;
        }
        Fault::ProcessThenAnswer(answer) => {
            process();
            wire.write(&answer).await?;
        }
        Fault::ProcessThenDelay(delay) => {
            let answer = process();
            tokio::time::sleep(delay).await;
            wire.write(&answer).await?;
        }
        Fault::Delay(delay) => {
            tokio::time::sleep(delay).await;
            wire.write(&process()).await?;
        }
        Fault::Close => return Ok(Next::Close),
        Fault::ProcessThenClose => {
            process();
            return Ok(Next::Close);
        }
        Fault::ProcessThenCut => {
            wire.write_cut(&process(), CUT).await?;
            return Ok(Next::Close);
        }
        Fault::Hang(delay) => {
            tokio::time::sleep(delay).await;
            return Ok(Next::Close);
        }
        Fault::ProcessThenHang(delay) => {
            process();
            tokio::time::sleep(delay).await;
            return Ok(Next::Close);
        }
    }
    Ok(Next::KeepAlive)
}

/// Splunk serves each endpoint with and without the protocol's version.
fn route_of(path: &str) -> Option<Route> {
    match path {
        "/services/collector" | "/services/collector/event" | "/services/collector/event/1.0" => Some(Route::Event),
        "/services/collector/raw" | "/services/collector/raw/1.0" => Some(Route::Event),
        "/services/collector/ack" => Some(Route::Ack),
        "/services/collector/health" | "/services/collector/health/1.0" => Some(Route::Health),
        _ => None,
    }
}

/// Notes the request and takes the fault that is meant for it.
fn arrive(hec: &Hec, route: Option<Route>, head: &Head, body: &[u8]) -> (Fault, std::time::Duration) {
    let mut state = hec.state();
    if !state.options.count_only {
        if state.requests.len() == KEPT_REQUESTS {
            state.requests.pop_front();
        }
        state.requests.push_back(head.clone());
    }
    if route == Some(Route::Event) {
        state.received.count.requests += 1;
        state.received.count.bytes += body.len() as u64;
    }
    let latency = state.options.latency;
    (route.map_or(Fault::Pass, |route| state.script(route).next()), latency)
}

fn process(hec: &Hec, route: Option<Route>, head: &Head, body: &[u8]) -> Answer {
    let Some(route) = route else {
        return Answer::json(404, r#"{"text":"The requested URL was not found on this server.","code":404}"#);
    };
    match (head.method.as_str(), route) {
        // Observed: OPTIONS and health need no token.
        ("OPTIONS", _) => Answer::status(200),
        ("GET", Route::Health) => answer(17),
        ("POST", Route::Event) => authorised(hec, head, |token| event(hec, &token, head, body)),
        ("POST", Route::Ack) => authorised(hec, head, |token| ack(hec, &token, head, body)),
        _ => Answer::json(405, r#"{"text":"Method Not Allowed","code":405}"#),
    }
}

/// Codes 1 to 4 and 16 of the documented list.
fn authorised(hec: &Hec, head: &Head, then: impl FnOnce(Token) -> Answer) -> Answer {
    if head.parameter("token").is_some() {
        return answer(16);
    }
    let Some(credentials) = head.header("authorization") else { return answer(2) };
    let Some(value) = credentials.strip_prefix("Splunk ") else { return answer(3) };
    let token = hec.state().options.tokens.iter().find(|token| token.value == value.trim()).cloned();
    match token {
        None => answer(4),
        Some(token) if token.disabled => answer(1),
        Some(token) => then(token),
    }
}

/// The channel that an acknowledging token needs, in the header or the address; code 10 or 11 without a valid one.
fn channel<'a>(token: &Token, head: &'a Head) -> Result<Option<&'a str>, Answer> {
    let channel = head.header("x-splunk-request-channel").or_else(|| head.parameter("channel"));
    match channel {
        Some(channel) if uuid::Uuid::try_parse(channel).is_err() => Err(answer(11)),
        None if token.acknowledgement => Err(answer(10)),
        Some(_) | None => Ok(channel),
    }
}

fn event(hec: &Hec, token: &Token, head: &Head, body: &[u8]) -> Answer {
    let channel = match channel(token, head) {
        Ok(channel) => channel,
        Err(refusal) => return refusal,
    };
    let options = hec.state().options.clone();
    let unpacked;
    let body = match head.header("content-encoding") {
        None | Some("identity") => body,
        Some("gzip") => match unpack(body, options.max_content_length) {
            Some(bytes) => {
                unpacked = bytes;
                &unpacked
            }
            None => return answer(6),
        },
        // Observed: deflate is refused so.
        Some(_) => return Answer::json(415, r#"{"text":"Unsupported Media Type","code":415}"#),
    };
    if body.len() > options.max_content_length {
        return oversize(&options, body.len());
    }
    if options.count_only {
        return count_only(hec, body);
    }
    index(hec, token, channel, (head, body))
}

fn index(hec: &Hec, token: &Token, channel: Option<&str>, (head, body): (&Head, &[u8])) -> Answer {
    let poison = hec.state().poison.clone();
    let max_event_bytes = hec.state().options.max_event_bytes;
    let mut events = Vec::new();
    let search_for_time = head.parameter("auto_extract_timestamp") == Some("true") && head.parameter("time").is_none();
    let rules = Rules { indexes: token.indexes.as_deref(), max_event_bytes, poison: &poison, search_for_time };
    let verdict = if head.path.contains("/raw") {
        let code = raw::collect(&head.query, body, &rules, &mut events);
        Verdict { code, invalid_event: None }
    } else {
        collect(body, &rules, &mut events)
    };

    let mut state = hec.state();
    let keep = state.options.keep_texts;
    for envelope in &events {
        state.received.add(envelope, keep);
    }
    // A refused request carries an identifier too when some of its events were indexed.
    let ack_id = match channel {
        Some(channel) if token.acknowledgement && (verdict.code == 0 || !events.is_empty()) => {
            let latency = state.options.ack_latency;
            Some(state.issued.issue(channel, latency))
        }
        Some(_) | None => None,
    };
    answer_with(verdict.code, verdict.invalid_event, ack_id)
}

/// Lines are taken for events; nothing is parsed or acknowledged.
fn count_only(hec: &Hec, body: &[u8]) -> Answer {
    let lines = body.iter().filter(|byte| **byte == b'\n').count() as u64;
    hec.state().received.count.events += lines;
    answer(0)
}

fn oversize(options: &HecOptions, length: usize) -> Answer {
    match options.oversize {
        Oversize::Code6Object0 => answer_with(6, Some(0), None),
        Oversize::Status413 => {
            let limit = options.max_content_length;
            let text = format!("Content-Length of {length} too large (maximum is {limit})");
            Answer::json(413, format!(r#"{{"text":"{text}","code":413}}"#))
        }
    }
}

/// At most one byte more than `limit`, so that a small body cannot fill the memory.
fn unpack(body: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(body).take(limit as u64 + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[derive(Deserialize)]
struct Query {
    acks: Vec<u64>,
}

fn ack(hec: &Hec, token: &Token, head: &Head, body: &[u8]) -> Answer {
    if !token.acknowledgement {
        return answer(14);
    }
    let channel = match channel(token, head) {
        Ok(Some(channel)) => channel,
        Ok(None) => return answer(10),
        Err(refusal) => return refusal,
    };
    let Ok(Query { acks }) = serde_json::from_slice(body) else { return answer(6) };
    let answers = hec.state().issued.query(channel, &acks);
    let members: Vec<String> = answers.iter().map(|(id, safe)| format!("\"{id}\":{safe}")).collect();
    Answer::json(200, format!(r#"{{"acks":{{{}}}}}"#, members.join(",")))
}
