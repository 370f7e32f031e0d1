//! Filling in a template.

use std::borrow::Cow;

use super::{Escape, Name, Place};
use crate::event::{Field, Json, Record, Shape, View, scan};
use crate::sink::webhook::frame::push_percent;
use crate::sink::webhook::json::{push_string, push_text};
use crate::sink::webhook::message::{changes_direction, is_line_end};

/// A record, and its fields if it is a JSON object.
pub(in crate::sink::webhook) struct Reading<'a> {
    pub(in crate::sink::webhook) record: &'a Record<'a>,
    pub(in crate::sink::webhook) payload: &'a str,
    pub(in crate::sink::webhook) view: Option<View<'a>>,
}

impl Reading<'_> {
    pub(super) fn push(&self, name: Name, place: Place, escape: Escape, out: &mut Vec<u8>) {
        match place {
            Place::Value => self.push_value(name, out),
            Place::Text => {
                let text = self.text(name);
                match escape {
                    Escape::Json => push_text(out, &text),
                    Escape::Form => push_form(out, &text),
                    Escape::Text => push_plain(out, &text),
                }
            }
        }
    }

    fn text(&self, name: Name) -> Cow<'_, str> {
        match name {
            Name::Topic => Cow::Borrowed(self.record.topic),
            Name::Partition => self.record.partition.to_string().into(),
            Name::Offset => self.record.offset.to_string().into(),
            Name::Event => Cow::Borrowed(self.payload),
            Name::View(field) => match field.shape() {
                Shape::List => self.list(field).join(", ").into(),
                Shape::Text | Shape::Method | Shape::Bool => {
                    self.view.as_ref().and_then(|view| view.text(field)).unwrap_or_default()
                }
            },
        }
    }

    fn push_value(&self, name: Name, out: &mut Vec<u8>) {
        match name {
            Name::Topic => push_string(out, self.record.topic),
            Name::Partition => out.extend_from_slice(self.record.partition.to_string().as_bytes()),
            Name::Offset => out.extend_from_slice(self.record.offset.to_string().as_bytes()),
            // Checked in full: what merely looks like JSON could end its place.
            Name::Event => match scan(self.payload.as_bytes()) {
                Json::Object { .. } | Json::Array => out.extend_from_slice(self.payload.as_bytes()),
                Json::Text(_) | Json::Blank | Json::NotUtf8 => push_string(out, self.payload),
            },
            Name::View(field) => self.push_field(field, out),
        }
    }

    fn push_field(&self, field: Field, out: &mut Vec<u8>) {
        let Some(view) = &self.view else { return out.extend_from_slice(b"null") };
        match field.shape() {
            Shape::Text | Shape::Method => match view.text(field) {
                Some(text) => push_string(out, &text),
                None => out.extend_from_slice(b"null"),
            },
            Shape::Bool => out.extend_from_slice(view.is(field).to_string().as_bytes()),
            Shape::List => {
                out.push(b'[');
                for (index, text) in self.list(field).iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    push_string(out, text);
                }
                out.push(b']');
            }
        }
    }

    fn list(&self, field: Field) -> Vec<Cow<'_, str>> {
        let mut all = Vec::new();
        if let Some(view) = &self.view {
            view.each(field, &mut |text| all.push(text));
        }
        all
    }
}

/// Everything but unreserved characters by its bytes (RFC 3986, section 2.3).
fn push_form(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            push_percent(out, byte);
        }
    }
}

/// On one line, with quotes, backslashes and what cannot be seen as escapes.
fn push_plain(out: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        let is_hidden = c.is_control() || is_line_end(c) || changes_direction(c);
        if is_hidden || matches!(c, '"' | '\\') {
            out.extend(c.escape_default().map(|escaped| escaped as u8));
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}
