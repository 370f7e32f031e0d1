//! Reads segments as anybody could: a Zstandard decoder and a JSON parser, nothing of this program.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;

use super::rig::Rig;
use crate::support::kafka::{Kafka, Message};
use crate::support::s3::S3;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Record {
    pub partition: i32,
    pub offset: i64,
    timestamp_ms: Option<i64>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

/// All records of the topic, as Kafka has them.
pub fn of_topic(kafka: &Kafka, topic: &str) -> Vec<Record> {
    let mut records: Vec<Record> = kafka
        .read(topic)
        .into_iter()
        .map(|Message { partition, offset, timestamp_ms, key, value, headers }| Record {
            partition,
            offset,
            timestamp_ms,
            key,
            value,
            headers,
        })
        .collect();
    records.sort();
    records
}

/// All records of the archive, by partition and offset.
pub fn records(rig: &Rig) -> Vec<Record> {
    let mut records = Vec::new();
    for (name, bytes) in segments(rig) {
        let partition = name.split("/p=").nth(1).unwrap()[..5].parse().unwrap();
        let mut plain = Vec::new();
        zstd::Decoder::new(&bytes[..]).unwrap().read_to_end(&mut plain).unwrap();
        records.extend(
            plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| record(partition, line)),
        );
    }
    records.sort();
    records
}

fn record(partition: i32, line: &[u8]) -> Record {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(line).unwrap();
    let text = |name: &str| members.get(name).map(|raw| serde_json::from_str::<String>(raw.get()).unwrap());
    let bytes = |plain: &str, encoded: &str| {
        text(plain).map(String::into_bytes).or_else(|| text(encoded).map(|encoded| STANDARD.decode(encoded).unwrap()))
    };
    let headers: Vec<(String, Value)> =
        members.get("h").map(|raw| serde_json::from_str(raw.get()).unwrap()).unwrap_or_default();
    let header = |value: Value| match value.as_str() {
        Some(text) => Some(text.as_bytes().to_vec()),
        None => value["b"].as_str().map(|encoded| STANDARD.decode(encoded).unwrap()),
    };
    Record {
        partition,
        offset: members["o"].get().parse().unwrap(),
        timestamp_ms: members.get("t").map(|raw| raw.get().parse().unwrap()),
        key: bytes("k", "kb"),
        value: members.get("e").map(|raw| raw.get().as_bytes().to_vec()).or_else(|| bytes("v", "vb")),
        headers: headers.into_iter().map(|(name, value)| (name, header(value))).collect(),
    }
}

/// The segments that a link names, by name. Others are what a crash has left: their records are in a later segment, too.
fn segments(rig: &Rig) -> Vec<(String, Vec<u8>)> {
    let (notes, others): (Vec<_>, Vec<_>) = objects(rig).into_iter().partition(|(name, _)| name.contains("/chain/"));
    let links = notes.iter().map(|(_, note)| note.split(|byte| *byte == b'\n').next().unwrap());
    let links = links.map(|text| serde_json::from_slice::<Value>(text).unwrap());
    let named: Vec<String> = links.filter_map(|link| link["seg"]["key"].as_str().map(ToOwned::to_owned)).collect();
    others.into_iter().filter(|(name, _)| named.iter().any(|named| name.ends_with(named))).collect()
}

/// All objects, by name.
pub fn objects(rig: &Rig) -> Vec<(String, Vec<u8>)> {
    let sink = &rig.config["pipelines"]["splunk"]["sink"]["archive"];
    let url = sink["url"].as_str().unwrap();
    match url.strip_prefix("s3://") {
        None => in_folder(Path::new(url)),
        Some(rest) => S3::shared().objects(rest.split_once('/').unwrap().0),
    }
}

fn in_folder(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(in_folder(&path));
        } else {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    files
}
