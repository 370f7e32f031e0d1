//! A message for an incoming webhook of Slack.
//!
//! Formats: "Sending messages using incoming webhooks", "Block Kit" (header at most 150 characters, section with at most 10
//! fields of 2,000, context with at most 10 elements) and "Formatting message text" (`&`, `<` and `>` are escaped) at
//! docs.slack.dev.
//!
//! All that comes from an event stands in `plain_text` objects, without emoji: there `*`, `_`, `~` and a backtick mean nothing.
//! Escaping takes links and mentions (`<!channel>`) their meaning, also in `text`, which notifications show.

use serde_json::{Value, json};

use super::Message;

const HEADER_MAX: usize = 150;
const TEXT_MAX: usize = 1_000;
const FIELDS_MAX: usize = 10;
const FIELD_MAX: usize = 2_000;

pub(in crate::sink::webhook) fn body(message: &Message) -> Value {
    let plain = |text: String| json!({"type": "plain_text", "text": text, "emoji": false});
    let fields: Vec<Value> = message
        .facts
        .iter()
        .take(FIELDS_MAX)
        .map(|(name, value)| plain(format!("{name}\n{}", escaped(value, FIELD_MAX - name.len() - 1))))
        .collect();
    json!({
        "text": escaped(&message.headline, TEXT_MAX),
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": [
            {"type": "header", "text": plain(escaped(&message.headline, HEADER_MAX))},
            {"type": "section", "fields": fields},
        ],
    })
}

/// At most so many characters, the escapes counted.
fn escaped(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut left = most;
    for c in text.chars() {
        let mut buffer = [0; 4];
        let shown = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            c => c.encode_utf8(&mut buffer),
        };
        let width = shown.chars().count();
        // The last one is kept free for the ellipsis.
        if width >= left {
            out.push('…');
            break;
        }
        left -= width;
        out.push_str(shown);
    }
    out
}
