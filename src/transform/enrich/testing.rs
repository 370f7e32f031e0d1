//! A small GeoIP database for tests, written by the format's specification (MaxMind DB File Format 2.0): a search tree of
//! 24-bit records, a data section, the metadata. Nothing is shared or compressed.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

/// A database of this type, with a record for each network. Networks must not lie within each other.
pub(crate) fn database(kind: &str, records: &[(&str, Value)]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut leaves: Vec<(IpNet, usize)> = Vec::new();
    for (network, record) in records {
        leaves.push((network.parse().expect("a network"), data.len()));
        push(&mut data, record);
    }
    let mut tree = Tree { nodes: vec![[None, None]] };
    for (network, at) in &leaves {
        tree.insert(network, *at);
    }
    let count = tree.nodes.len();
    let mut out = Vec::new();
    for record in tree.nodes.iter().flatten() {
        let number = match record {
            None => count,
            Some(Target::Node(node)) => *node,
            Some(Target::Data(at)) => count + 16 + at,
        };
        out.extend_from_slice(&u32::try_from(number).expect("small").to_be_bytes()[1..]);
    }
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&data);
    out.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    let metadata = json!({
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1_700_000_000,
        "database_type": kind, "description": {"en": "for tests"}, "ip_version": 6, "languages": ["en"],
        "node_count": count, "record_size": 24,
    });
    push(&mut out, &metadata);
    out
}

#[derive(Clone, Copy)]
enum Target {
    Node(usize),
    Data(usize),
}

/// IPv4 lies in the IPv6 tree below `::/96`.
struct Tree {
    nodes: Vec<[Option<Target>; 2]>,
}

impl Tree {
    fn insert(&mut self, network: &IpNet, data: usize) {
        let (bits, length) = match network.addr() {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 96 + network.prefix_len()),
            IpAddr::V6(address) => (address.to_bits(), network.prefix_len()),
        };
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from((bits >> (127 - depth)) & 1 == 1);
            if depth + 1 == length {
                self.nodes[node][side] = Some(Target::Data(data));
                return;
            }
            node = match self.nodes[node][side] {
                Some(Target::Node(next)) => next,
                Some(Target::Data(_)) | None => {
                    self.nodes.push([None, None]);
                    self.nodes[node][side] = Some(Target::Node(self.nodes.len() - 1));
                    self.nodes.len() - 1
                }
            };
        }
    }
}

/// The types of whole numbers: unsigned of 16, 32 and 64 bits. Readers are strict about them.
const U16: u8 = 5;
const U32: u8 = 6;
const U64: u8 = 9;

fn push(out: &mut Vec<u8>, value: &Value) {
    push_as(out, value, U16);
}

/// Appends a value: maps, lists, texts, doubles, and whole numbers of this type.
fn push_as(out: &mut Vec<u8>, value: &Value, width: u8) {
    match value {
        Value::Object(members) => {
            control(out, 7, members.len());
            for (name, value) in members {
                push(out, &Value::from(name.as_str()));
                push_as(
                    out,
                    value,
                    match name.as_str() {
                        "node_count" | "autonomous_system_number" => U32,
                        "build_epoch" => U64,
                        _ => U16,
                    },
                );
            }
        }
        Value::Array(items) => {
            control(out, 11, items.len());
            items.iter().for_each(|item| push(out, item));
        }
        Value::String(text) => {
            control(out, 2, text.len());
            out.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) => match number.as_u64() {
            Some(number) => {
                let bytes = number.to_be_bytes();
                let significant = &bytes[usize::try_from(number.leading_zeros() / 8).expect("small")..];
                control(out, width, significant.len());
                out.extend_from_slice(significant);
            }
            None => {
                control(out, 3, 8);
                out.extend_from_slice(&number.as_f64().expect("a double").to_be_bytes());
            }
        },
        Value::Null | Value::Bool(_) => unreachable!("no database of ours has them"),
    }
}

/// Type and size in front of a value. Sizes up to 284 are enough here.
fn control(out: &mut Vec<u8>, kind: u8, size: usize) {
    let (low, more) = if size < 29 { (size, None) } else { (29, Some(size - 29)) };
    let low = u8::try_from(low).expect("below 30");
    if kind < 8 {
        out.push((kind << 5) | low);
    } else {
        out.extend_from_slice(&[low, kind - 7]);
    }
    out.extend(more.map(|more| u8::try_from(more).expect("a small size")));
}
