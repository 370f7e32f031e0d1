//! Structure check of a payload in one pass.

/// What a payload is, as far as embedding it in another JSON document is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Json<'a> {
    /// A complete JSON object; `time` is the raw text between the quotes of its top-level string member `time`
    /// (the first one, only when it has no escapes).
    Object { time: Option<&'a str> },
    /// A complete JSON array.
    Array,
    /// UTF-8 text that is not a JSON object or array, or is nested deeper than the limit.
    Text(&'a str),
    /// Nothing but JSON white space.
    Blank,
    /// Not UTF-8.
    NotUtf8,
}

/// Classifies a payload.
pub fn scan(payload: &[u8]) -> Json<'_> {
    let Ok(text) = std::str::from_utf8(payload) else { return Json::NotUtf8 };
    #[derive(serde::Deserialize)]
    struct Time<'a> {
        #[serde(borrow)]
        time: Option<&'a str>,
    }
    if text.trim().is_empty() {
        Json::Blank
    } else if serde_json::from_str::<Vec<serde::de::IgnoredAny>>(text).is_ok() {
        Json::Array
    } else if let Ok(Time { time }) = serde_json::from_str(text) {
        Json::Object { time }
    } else {
        Json::Text(text)
    }
}
