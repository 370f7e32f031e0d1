//! Values that were found in their places, to be searched for in the rest of the event.

use std::net::IpAddr;

use super::edits::Label;
use super::find::{self, Where};
use super::vocabulary;
use crate::defaults::{REDACT_SWEEP_MIN, REDACT_VALUES_MAX};

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Where it lies in `texts`.
    text: (usize, usize),
    place: Where,
    label: Label,
}

/// Memory for the values of one event after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownValues {
    values: Vec<Known>,
    texts: Vec<u8>,
    /// IP addresses: each has several spellings with a colon. That without one is among the values.
    ips: Vec<(IpAddr, Label)>,
}

impl KnownValues {
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.texts.clear();
        self.ips.clear();
    }

    /// Whether there are so many that something is wrong with the event.
    pub(super) fn are_too_many(&self) -> bool {
        self.values.len() + self.ips.len() > REDACT_VALUES_MAX
    }

    /// Remembers a value, in the form of a [`super::reading`].
    pub(super) fn add(&mut self, value: &[u8], label: Label) {
        let place = match value {
            _ if value.is_empty() || vocabulary::is_vocabulary(value) => return,
            _ if value.len() < REDACT_SWEEP_MIN => Where::Alone,
            _ if value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') => Where::NoDigitBeside,
            _ => Where::Anywhere,
        };
        let known = |known: &Known| known.label == label && self.texts.get(known.text.0..known.text.1) == Some(value);
        if !self.values.iter().any(known) && !self.are_too_many() {
            let start = self.texts.len();
            self.texts.extend_from_slice(value);
            self.values.push(Known { text: (start, self.texts.len()), place, label });
        }
    }

    /// Remembers an IP address, however it is spelled.
    pub(super) fn add_ip(&mut self, ip: IpAddr, label: Label) {
        let spelled_as_ipv6 = ip.is_ipv6();
        let ip = ip.to_canonical();
        if !self.ips.contains(&(ip, label)) && !self.are_too_many() {
            self.ips.push((ip, label));
        }
        if spelled_as_ipv6 && ip.is_ipv4() {
            self.add(ip.to_string().as_bytes(), label);
        }
    }

    /// Whether there is nothing to search for.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.ips.is_empty()
    }

    /// Every place in `text` where one of the values stands.
    pub(super) fn find(&self, text: &[u8], found: &mut dyn FnMut(Label, usize, usize)) {
        for Known { text: (start, end), place, label } in &self.values {
            let value = self.texts.get(*start..*end).unwrap_or_default();
            find::value(text, value, *place, &mut |start, end| found(*label, start, end));
        }
        if !self.ips.is_empty() {
            find::ips_with_colon(text, &mut |ip, start, end| {
                let ip = ip.to_canonical();
                for (_, label) in self.ips.iter().filter(|(known, _)| *known == ip) {
                    found(*label, start, end);
                }
            });
        }
    }
}
