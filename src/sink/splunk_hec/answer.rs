//! HEC's own answer, where what came back is one.
//!
//! The status is the server's; the body may come from anything on the way. A body counts as an answer of HEC only when
//! it is complete, within the limit, and a JSON object whose members have the documented types.

use serde::Deserialize;

use crate::secret::Secret;
use crate::sink::http::{Seen, presentable};

/// HEC's own answer: `{"text":"Success","code":0}` and its optional members.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub(super) struct HecAnswer {
    #[serde(default)]
    pub(super) text: String,
    pub(super) code: u32,
    #[serde(rename = "invalid-event-number")]
    pub(super) invalid_event: Option<u64>,
    #[serde(rename = "ackId")]
    pub(super) ack_id: Option<u64>,
}

impl Seen {
    /// HEC's answer, if this is one.
    pub(super) fn hec(&self) -> Option<HecAnswer> {
        self.whole.then(|| serde_json::from_slice(&self.body).ok()).flatten()
    }

    /// What was seen, in words for a human: bounded, on one line, without the token.
    pub(super) fn describe(&self, token: &Secret) -> String {
        let mut text = format!("HTTP {}", self.status);
        if let Some(answer) = self.hec() {
            text.push_str(&format!(", code {}: {}", answer.code, answer.text));
            if let Some(number) = answer.invalid_event {
                text.push_str(&format!(", invalid-event-number {number}"));
            }
        } else if let (300..=399, Some(location)) = (self.status, &self.location) {
            text.push_str(&format!(", a redirect to {location}"));
        } else if self.body.is_empty() {
            text.push_str(", no body");
        } else {
            let kind = if self.whole { "not an answer of HEC" } else { "an answer that is cut short or too long" };
            text.push_str(&format!(", {kind}: {}", String::from_utf8_lossy(&self.body)));
        }
        presentable(&text, &[token])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::DETAIL_MAX_CHARS;

    #[test]
    fn a_description_is_bounded_on_one_line_and_without_the_token() {
        let token = Secret::new("s3cret".into());
        let body = format!("<html>\r\n\u{1b}[31m s3cret {}", "x".repeat(1000)).into_bytes();
        let seen = Seen { status: 200, body, whole: true, ..Seen::default() };
        let text = seen.describe(&token);
        assert!(text.starts_with(r"HTTP 200, not an answer of HEC: <html>\r\n\u{1b}[31m *** xxx"), "{text}");
        assert_eq!(text.chars().count(), DETAIL_MAX_CHARS);
    }

    #[test]
    fn only_a_whole_object_with_the_documented_types_is_an_answer() {
        let hec = |body: &str, whole| Seen { body: body.into(), whole, ..Seen::default() }.hec();
        assert!(hec(r#"{"text":"Success","code":0,"ackId":7,"new":[]}"#, true).is_some_and(|a| a.ack_id == Some(7)));
        for body in [
            "",
            "{}",
            "null",
            "[]",
            r#"{"text":"Success"}"#,
            r#"{"code":"0"}"#,
            r#"{"code":-1}"#,
            r#"{"code":0,"ackId":-1}"#,
            r#"{"code":0,"code":0}"#,
            r#"{"code":0"#,
            r#"{"code":0}{}"#,
        ] {
            assert_eq!(hec(body, true), None, "{body}");
        }
        assert_eq!(hec(r#"{"code":0}"#, false), None);
    }
}
