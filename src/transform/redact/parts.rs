//! What a text at a place of some class holds: which part of it is the value, and which values are to be searched for elsewhere.
//!
//! All of it works on the result of a [`super::reading`]. In doubt the whole text is the value.

use std::net::IpAddr;

use super::class::Class;
use super::find;

/// What a text holds.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// To be redacted, unless the whole text is.
    pub(super) redacted: Vec<(usize, usize)>,
    /// To be searched for elsewhere.
    pub(super) known: Vec<(usize, usize)>,
}

impl Parts {
    pub(super) fn clear(&mut self) {
        self.redacted.clear();
        self.known.clear();
    }

    /// Finds what a text at a place of the class holds; returns whether the whole of it is to be redacted. `ip` is called with
    /// every IP address of a client.
    pub(super) fn of(&mut self, class: Class, text: &[u8], ip: &mut dyn FnMut(IpAddr)) -> bool {
        match class {
            Class::Email => emails(text, self),
            Class::ClientIp => ips(text, self, ip),
            Class::Principal => principal(text, self),
            Class::CredentialId => credential(text, self),
            Class::Payload => true,
            Class::RequestId | Class::Organization | Class::Environment | Class::Cluster | Class::Name => {
                name(text, self)
            }
        }
    }

    fn both(&mut self, start: usize, end: usize) {
        self.redacted.push((start, end));
        self.known.push((start, end));
    }
}

/// Each returns whether the whole text is to be redacted.
fn emails(text: &[u8], parts: &mut Parts) -> bool {
    let mut pure = false;
    find::emails(text, true, &mut |start, end| pure |= (start, end) == (0, text.len()));
    // An address is found everywhere by its looks.
    if !pure {
        parts.known.push((0, text.len()));
    }
    true
}

fn ips(text: &[u8], parts: &mut Parts, ip_found: &mut dyn FnMut(IpAddr)) -> bool {
    let mut done = 0;
    let mut only_ips = true;
    find::ips(text, &mut |ip, start, end| {
        ip_found(ip);
        parts.both(start, end);
        only_ips &= is_beside_ip(&text[done..start]);
        done = end;
    });
    // What is left may be the name of a host, or something that nobody knows.
    let is_whole = parts.redacted.is_empty() || !only_ips || !is_beside_ip(&text[done..]);
    if is_whole {
        parts.known.push((0, text.len()));
    }
    is_whole
}

/// Whether this is a port, brackets and separators and nothing else.
fn is_beside_ip(text: &[u8]) -> bool {
    let mut in_port = false;
    text.iter().all(|byte| {
        in_port = *byte == b':' || (in_port && byte.is_ascii_digit());
        in_port || matches!(byte, b'/' | b'[' | b']' | b',' | b' ')
    })
}

fn principal(text: &[u8], parts: &mut Parts) -> bool {
    if text == b"none:unknown_user" {
        return false;
    }
    let kind = [&b"user:"[..], b"serviceaccount:", b"group:", b"pool:"].into_iter().find(|kind| text.starts_with(kind));
    let start = kind.map_or(0, <[u8]>::len);
    let id = text.get(start..).unwrap_or_default();
    if id == b"*" || id.is_empty() {
        return false;
    }
    if text.starts_with(b"crn:") {
        return crn_tail(text, parts);
    }
    parts.both(start, text.len());
    common_name(text, parts);
    kind.is_none()
}

/// The parts of a CRN that name a principal; when none does, the last one.
fn crn_tail(text: &[u8], parts: &mut Parts) -> bool {
    let mut last = None;
    find::crn_parts(text, &mut |key, start, end| {
        last = Some((start, end));
        if Class::of_crn_key(key) == Some(Class::Principal) {
            parts.both(start, end);
        }
    });
    if let (true, Some((start, end))) = (parts.redacted.is_empty(), last) {
        parts.both(start, end);
    }
    if parts.redacted.is_empty() {
        parts.known.push((0, text.len()));
    }
    parts.redacted.is_empty()
}

fn credential(text: &[u8], parts: &mut Parts) -> bool {
    parts.known.push((0, text.len()));
    common_name(text, parts);
    true
}

fn name(text: &[u8], parts: &mut Parts) -> bool {
    if text == b"*" {
        return false;
    }
    parts.known.push((0, text.len()));
    true
}

/// The common name of a certificate's subject is known by itself, too.
fn common_name(text: &[u8], parts: &mut Parts) {
    let Some(at) = memchr::memmem::find(text, b"cn=") else { return };
    let start = at + b"cn=".len();
    let len = text[start..].iter().take_while(|byte| !matches!(byte, b',' | b'/' | b'+' | b';')).count();
    if len > 0 {
        parts.known.push((start, start + len));
    }
}
