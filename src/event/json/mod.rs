//! Whether a payload may stand unchanged as a value inside another JSON document: decided in one pass, without
//! allocation and without building a tree.
//!
//! It must be decided in full. An unbalanced payload would break out of the envelope that it is put into and could
//! forge events. Accepted is exactly what RFC 8259 allows, with three restrictions, all of them on the safe side (the
//! payload is then sent as a JSON string, which any UTF-8 text can be):
//!
//! - objects and arrays only, since an event that is a bare scalar is text to every reader;
//! - at most 512 levels of nesting, because parsers of receivers recurse;
//! - no escape of half a surrogate pair: the text that it stands for does not exist, and parsers disagree about it.
//!
//! Numbers of any size and precision and repeated keys pass, as RFC 8259 says; nothing here gives them a meaning.

mod marks;
mod tape;
mod walk;

#[cfg(test)]
mod tests;

pub use tape::Tape;
pub(super) use tape::{Kind, Node};
use walk::{Blind, Shape, walk};

/// What a payload is, as far as embedding it in another JSON document is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Json<'a> {
    /// A complete JSON object; `time` is the raw text between the quotation marks of its top-level member `time`: only
    /// when the first member of that name is a string without escapes. A key spelled with escapes is not recognised.
    Object { time: Option<&'a str> },
    /// A complete JSON array.
    Array,
    /// UTF-8 text that is not for embedding as it is.
    Text(&'a str),
    /// Nothing at all, or nothing but white space (Unicode's, as [`str::trim`] has it).
    Blank,
    /// Not UTF-8.
    NotUtf8,
}

/// Classifies a payload.
pub fn scan(payload: &[u8]) -> Json<'_> {
    match walk(payload, &mut Blind) {
        Some(Shape { object, time, ascii }) if ascii || std::str::from_utf8(payload).is_ok() => {
            // Between two ASCII quotation marks of valid UTF-8 lies valid UTF-8.
            if object { Json::Object { time: time.and_then(|t| std::str::from_utf8(t).ok()) } } else { Json::Array }
        }
        Some(_) | None => not_for_embedding(payload),
    }
}

#[cold]
fn not_for_embedding(payload: &[u8]) -> Json<'_> {
    match std::str::from_utf8(payload) {
        Err(_) => Json::NotUtf8,
        Ok(text) if text.trim().is_empty() => Json::Blank,
        Ok(text) => Json::Text(text),
    }
}
