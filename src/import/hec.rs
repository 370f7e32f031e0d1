//! How the connector reaches Splunk, and what it does when Splunk does not answer.
//!
//! What the connector documents and does not do (a time limit, a window) is honoured here, with a warning: the person
//! who wrote the setting meant it.

use std::time::Duration;

use crate::defaults;
use crate::units::show_duration;

use super::secrets::{Owner, Secrets};
use super::settings::Settings;
use super::write::Block;

pub(super) const TOKEN: &str = "SPLUNK_HEC_TOKEN";

/// Writes endpoints, delivery level and token.
pub(super) fn reach(settings: &mut Settings, secrets: &mut Secrets, pipeline: &str, hec: &mut Block) {
    endpoints(settings, hec);
    let indexed = settings.flag("splunk.hec.ack.enabled").unwrap_or(false);
    let level = if indexed { "indexed" } else { "accepted" };
    if settings.raw("splunk.hec.ack.enabled").is_some() {
        settings.carried("splunk.hec.ack.enabled", "sink.splunk_hec.delivery");
        hec.text("delivery", level, "splunk.hec.ack.enabled");
    } else {
        hec.text("delivery", level, "splunk.hec.ack.enabled is off by default");
    }
    let key = "splunk.hec.token";
    let file = settings.file().to_owned();
    let owner = Owner { file: &file, key, pipeline, what: "the HEC token" };
    let reference = match settings.raw(key) {
        Some(raw) => secrets.refer(TOKEN, &owner, raw, settings.providers()),
        None => {
            settings.warn(key, "there is no token: the connector would not start", format!("set {TOKEN}"));
            secrets.missing(TOKEN, &owner)
        }
    };
    if settings.raw(key).is_some() {
        settings.carried(key, "sink.splunk_hec.token");
    }
    hec.text("token", reference, key);
}

fn endpoints(settings: &mut Settings, hec: &mut Block) {
    let key = "splunk.hec.uri";
    let Some(text) = settings.text(key) else {
        if !settings.is_settled(&key.into()) {
            settings.refuse(key, "there is no endpoint: the connector would not start", "add `endpoints` to the sink");
        }
        return;
    };
    let mut endpoints: Vec<String> = Vec::new();
    let written: Vec<&str> = text.split(',').filter(|uri| !uri.trim().is_empty()).collect();
    if written.iter().any(|uri| uri.trim() != *uri) {
        let cause = "there is white space around a comma: the connector fails at every request to that endpoint";
        settings.warn(key, cause, "nothing to do: it is removed here, and that endpoint will get events again");
    }
    for uri in &written {
        let Some(endpoint) = endpoint(settings, key, uri.trim()) else { continue };
        if endpoints.contains(&endpoint) {
            settings.warn(key, format!("{endpoint} is listed twice"), "nothing to do: it is listed once now");
        } else {
            endpoints.push(endpoint);
        }
    }
    if endpoints.iter().any(|endpoint| endpoint.starts_with("http://")) {
        let remedy = "use `https://`, the default of Splunk's collectors";
        settings.warn(key, "the token and the events travel unencrypted to an `http://` endpoint", remedy);
    }
    if !settings.is_refused(key) {
        settings.carried(key, "sink.splunk_hec.endpoints");
    }
    hec.list("endpoints", endpoints, key);
}

/// `scheme://host:port` of a URI as people write it.
fn endpoint(settings: &mut Settings, key: &str, uri: &str) -> Option<String> {
    // A reference may stand for a whole endpoint.
    if uri.starts_with("${") {
        return Some(uri.to_owned());
    }
    let Some((scheme, rest)) = uri.split_once("://") else {
        settings.refuse(key, "an endpoint is not a URL", "write for example `https://splunk.example.com:8088`");
        return None;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !matches!(path, "" | "/") {
        let cause = "an endpoint has a path, which the connector leaves out when it sends events";
        settings.warn(key, cause, "nothing to do: it is left out here, too; behind a proxy by path, give its own host");
    }
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => {
            let cause = "an endpoint has a user name or a password in it, which HEC does not take";
            settings.warn(key, cause, "nothing to do: it is left out here");
            host
        }
        None => authority,
    };
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && !port.ends_with(']'));
    let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    if has_port || host.ends_with('}') {
        return Some(format!("{scheme}://{host}"));
    }
    settings.warn(
        key,
        "an endpoint has no port",
        format!("nothing to do: {port} is written, which the connector takes"),
    );
    Some(format!("{scheme}://{}:{port}", host.trim_end_matches(':')))
}

/// Writes compression, connections and time limits.
pub(super) fn limits(settings: &mut Settings, hec: &mut Block) {
    if settings.flag("splunk.hec.enable.compression") == Some(true) {
        settings.carried("splunk.hec.enable.compression", "sink.splunk_hec.compression");
        hec.text("compression", "gzip", "splunk.hec.enable.compression");
    }
    if settings.flag("splunk.hec.http.keepalive") == Some(false) {
        settings.carried("splunk.hec.http.keepalive", "sink.splunk_hec.keep_alive");
        hec.bare("keep_alive", false, "splunk.hec.http.keepalive");
    }
    request_timeout(settings, hec);
    acknowledgements(settings, hec);
}

fn request_timeout(settings: &mut Settings, hec: &mut Block) {
    let key = "splunk.hec.socket.timeout";
    let Some(seconds) = settings.number(key).filter(|seconds| *seconds != 60) else { return };
    // Every export of a fully managed connector has 10 there: nobody chose it.
    let is_default = seconds == 10 && super::kafka::is_managed(settings);
    if seconds <= 0 || is_default {
        settings.note(key, "the connector ignores it and always waits 60 s, as ours does by default");
        return;
    }
    settings.carried(key, "sink.splunk_hec.request_timeout");
    let cause = format!("the connector ignores it and always waits 60 s; ours waits the {seconds} s that it says");
    settings.warn(key, cause, "a Splunk that is slower gets the events again: raise `request_timeout` if it may be");
    if seconds <= defaults::CONNECT_TIMEOUT.as_secs().cast_signed() {
        hec.bare("connect_timeout", show_duration(duration(seconds) / 2), "has to be shorter than request_timeout");
    }
    hec.bare("request_timeout", time(seconds), key);
}

fn acknowledgements(settings: &mut Settings, hec: &mut Block) {
    let (poll, timeout) = ("splunk.hec.ack.poll.interval", "splunk.hec.event.timeout");
    let indexed = settings.flag("splunk.hec.ack.enabled") == Some(true);
    for key in [poll, timeout] {
        if !indexed && settings.raw(key).is_some() {
            settings.note(key, "it has no effect without `splunk.hec.ack.enabled`");
        }
    }
    if !indexed {
        return;
    }
    if let Some(seconds) = settings.number(timeout).filter(|seconds| *seconds > 0 && *seconds != 300) {
        settings.carried(timeout, "sink.splunk_hec.ack_timeout");
        if seconds < 120 {
            let cause = "quiet indexers acknowledge after up to two minutes: events will be sent again and again";
            settings.warn(timeout, cause, "remove `ack_timeout`: its default is longer");
        }
        hec.bare("ack_timeout", time(seconds), timeout);
    }
    match settings.number(poll) {
        Some(10) => settings
            .note(poll, "its default; ours asks sooner at first, and less often while acknowledgements stay away"),
        Some(seconds) if seconds > 0 => {
            settings.carried(poll, "sink.splunk_hec.ack_poll_interval");
            hec.bare("ack_poll_interval", time(seconds), poll);
        }
        Some(_) => settings.refuse(poll, "the interval is not longer than zero", "remove it"),
        None => {}
    }
}

/// Writes what bounds a batch, and says what becomes of retries.
pub(super) fn batches(settings: &mut Settings, pipeline: &mut Block) {
    let key = "splunk.hec.max.batch.size";
    let limit = i64::from(defaults::BATCH_MAX_EVENTS_LIMIT);
    match settings.number(key) {
        Some(500) => {
            let (bytes, events) = (defaults::BATCH_MAX_BYTES, defaults::BATCH_MAX_EVENTS);
            settings.note(key, format!("its default; ours fills a request up to {bytes}, at most {events} events"));
        }
        Some(events) if events > 0 => {
            settings.carried(key, "batch.max_events");
            let mut batch = Block::default();
            batch.bare("max_events", events.min(limit), key);
            pipeline.block("batch", batch);
        }
        Some(_) => settings.refuse(key, "a batch of no events cannot be sent", "remove it"),
        None => {}
    }
    let key = "splunk.flush.window";
    if let Some(seconds) = settings.number(key) {
        let cause = format!(
            "the connector collects events for {seconds} s, and the last one started decides for its whole worker; ours \
             sends an event at once, and under load {} after the previous request (`batch.max_age`)",
            show_duration(defaults::BATCH_MAX_AGE)
        );
        settings.note(key, cause);
    }
    let key = "splunk.hec.max.retries";
    match settings.number(key) {
        Some(retries) if retries > 0 => {
            let cause = format!("the connector throws a batch away after {retries} retries; ours never drops events");
            settings.warn(key, cause, "nothing to do: events wait in Kafka for as long as Splunk is away");
        }
        Some(_) => settings.note(key, "the connector then retries for ever, and so does ours"),
        None => {}
    }
    let key = "splunk.hec.ssl.enforced";
    if settings.flag(key).is_some() {
        settings.note(key, "the scheme of each endpoint decides; `check` warns of `http://`");
    }
}

fn duration(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn time(seconds: i64) -> String {
    show_duration(duration(seconds))
}
