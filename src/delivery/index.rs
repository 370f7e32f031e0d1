//! The index of a batch: where each event lies in the body, and where it came from.
//!
//! While a batch is filled and sent it is an array. A batch that waits for its acknowledgement is held compressed, and its
//! index with it: as differences from one event to the next it takes a quarter. It is read again only when a batch is cut, or
//! an event becomes a letter.

use std::borrow::Cow;

use crate::position::Offset;
use crate::sink::PayloadAt;

/// One event. What it takes is paid per event under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Event {
    /// End of the encoded event in the body; it starts where the one before it ends.
    pub(super) end: u32,
    /// Index into the batch's runs.
    pub(super) run: u32,
    pub(super) payload: PayloadAt,
    pub(super) offset: Offset,
    /// Milliseconds since 1970, or [`NO_TIMESTAMP`].
    pub(super) timestamp_ms: i64,
    /// End of its payload (only if it is elsewhere), key and headers in the extras; equal to the one before when it has none.
    pub(super) extras_end: u32,
}

pub(super) const NO_TIMESTAMP: i64 = i64::MIN;

#[derive(Debug)]
pub(super) enum Index {
    Array(Vec<Event>),
    Packed { events: usize, bytes: Box<[u8]> },
}

impl Index {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Array(events) => events.len(),
            Self::Packed { events, .. } => *events,
        }
    }

    /// Bytes of memory that it takes.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Array(events) => events.capacity() * size_of::<Event>(),
            Self::Packed { bytes, .. } => bytes.len(),
        }
    }

    pub(super) fn events(&self) -> Cow<'_, [Event]> {
        match self {
            Self::Array(events) => Cow::Borrowed(events),
            Self::Packed { events, bytes } => Cow::Owned(unpack(*events, bytes)),
        }
    }

    pub(super) fn pack(&mut self) {
        if let Self::Array(events) = self {
            *self = Self::Packed { events: events.len(), bytes: pack(events) };
        }
    }
}

/// An event as numbers, each of which is close to that of the event before.
type Row = [i64; 7];

fn row(event: &Event) -> Row {
    let Event { end, run, payload, offset, timestamp_ms, extras_end } = *event;
    let (kind, start, len) = match payload {
        PayloadAt::Verbatim { start, len } => (0, start, len),
        PayloadAt::JsonString { start, len } => (1, start, len),
        PayloadAt::BehindBrace { start, len } => (2, start, len),
        PayloadAt::Elsewhere => (3, 0, 0),
    };
    let kind_of_run = i64::from(run) << 2 | kind;
    [i64::from(end), kind_of_run, offset.get(), timestamp_ms, i64::from(start), i64::from(len), i64::from(extras_end)]
}

/// What [`row`] was made of.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "they were this small before")]
fn event(row: &Row) -> Event {
    let [end, kind_of_run, offset, timestamp_ms, start, len, extras_end] = *row;
    let (start, len) = (start as u32, len as u32);
    let payload = match kind_of_run & 3 {
        0 => PayloadAt::Verbatim { start, len },
        1 => PayloadAt::JsonString { start, len },
        2 => PayloadAt::BehindBrace { start, len },
        _ => PayloadAt::Elsewhere,
    };
    let (end, run, extras_end) = (end as u32, (kind_of_run >> 2) as u32, extras_end as u32);
    Event { end, run, payload, offset: Offset::new(offset), timestamp_ms, extras_end }
}

/// Measured on audit events: some 10 bytes each.
const USUAL_SIZE: usize = 11;

fn pack(events: &[Event]) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(events.len() * USUAL_SIZE);
    let mut before = Row::default();
    for event in events {
        let now = row(event);
        now.iter().zip(&before).for_each(|(now, before)| push(&mut bytes, now.wrapping_sub(*before)));
        before = now;
    }
    bytes.into_boxed_slice()
}

fn unpack(events: usize, mut bytes: &[u8]) -> Vec<Event> {
    let mut now = Row::default();
    let mut next = || {
        now.iter_mut().for_each(|number| *number = number.wrapping_add(take(&mut bytes)));
        event(&now)
    };
    (0..events).map(|_| next()).collect()
}

/// Seven bits a byte, the least first; the sign is the lowest bit, so that small numbers of either sign take one byte.
fn push(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
}

/// What [`push`] wrote. Nobody else writes these bytes, so their end never comes too early.
fn take(bytes: &mut &[u8]) -> i64 {
    let (mut number, mut shift) = (0_u64, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
        shift += 7;
    }
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_payload() -> impl Strategy<Value = PayloadAt> {
        (0..4, any::<u32>(), any::<u32>()).prop_map(|(kind, start, len)| match kind {
            0 => PayloadAt::Verbatim { start, len },
            1 => PayloadAt::JsonString { start, len },
            2 => PayloadAt::BehindBrace { start, len },
            _ => PayloadAt::Elsewhere,
        })
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let timestamp = prop_oneof![Just(NO_TIMESTAMP), any::<i64>()];
        (any::<u32>(), any::<u32>(), any_payload(), any::<i64>(), timestamp, any::<u32>()).prop_map(
            |(end, run, payload, offset, timestamp_ms, extras_end)| Event {
                end,
                run,
                payload,
                offset: Offset::new(offset),
                timestamp_ms,
                extras_end,
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_packed_is_read_back_whatever_it_is(events in proptest::collection::vec(any_event(), 0..50)) {
            let mut index = Index::Array(events.clone());
            index.pack();
            prop_assert_eq!(index.len(), events.len());
            prop_assert_eq!(index.events().into_owned(), events);
        }
    }

    #[test]
    fn the_index_of_usual_events_takes_a_quarter_when_it_is_packed() {
        let event = |n: u32| Event {
            end: (n + 1) * 1200 + n % 7 * 90,
            run: n / 300,
            payload: PayloadAt::Verbatim { start: 35, len: 1090 + n % 7 * 90 },
            offset: Offset::new(i64::from(n / 300 * 100_000 + n)),
            timestamp_ms: 1_700_000_000_000 + i64::from(n) * 20,
            extras_end: n * 9,
        };
        let mut index = Index::Array((0..1800).map(event).collect());
        let before = index.weight();
        assert!(before >= 1800 * size_of::<Event>());
        index.pack();
        assert!(index.weight() <= 1800 * 10, "{} bytes an event", index.weight() / 1800);
        assert!(index.weight() * 4 <= before);
    }
}
