//! A directory as store: what is written, found, and said of what is not there.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;

use super::config::{Location, StoreConfig};
use super::{Created, Repeat, Store};
use crate::tls::HttpClient;
use crate::tls::config::{TlsConfig, Transport};

fn transport() -> Transport {
    let time = std::time::Duration::from_secs(5);
    Transport { connect: time, request: time, keep_alive: true, proxy: None }
}

fn directory(folder: &std::path::Path) -> Store {
    let config = StoreConfig::of(Location::Directory(folder.to_owned()), transport());
    let http = Arc::new(HttpClient::new(&TlsConfig::default(), &transport()).unwrap());
    Store::open(&config, &http, Repeat::Never).unwrap()
}

async fn names(store: &Store, folder: &str, after: Option<&str>) -> Vec<String> {
    let mut names: Vec<String> = store.list(folder, after).map_ok(|listed| listed.name).try_collect().await.unwrap();
    names.sort();
    names
}

#[tokio::test]
async fn an_object_is_created_once_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = directory(&folder.path().join("new/archive"));
    let name = "v1/log=a.b/chain/p=00003/000000000000.note";
    assert_eq!(store.create(name, Bytes::from_static(b"one"), "text/plain").await, Ok(Created::New));
    assert_eq!(store.create(name, Bytes::from_static(b"two"), "text/plain").await, Ok(Created::Exists));
    assert_eq!(store.get(name).await, Ok(Some(Bytes::from_static(b"one"))));
    assert_eq!(store.size(name).await, Ok(Some(3)));
    let parts: Vec<Bytes> = store.stream(name).await.unwrap().unwrap().try_collect().await.unwrap();
    assert_eq!(parts.concat(), b"one");
    assert_eq!((store.get("v1/none").await, store.size("v1/none").await), (Ok(None), Ok(None)));
    assert!(store.stream("v1/none").await.unwrap().is_none());
    assert!(folder.path().join("new/archive").join(name).is_file(), "names are file names, nothing is escaped");
}

#[tokio::test]
async fn what_lies_below_a_folder_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let store = directory(folder.path());
    for name in ["a/p=1/1", "a/p=1/2", "a/p=2/1", "b/1"] {
        store.put(name, Bytes::from_static(b"x"), "text/plain").await.unwrap();
    }
    assert_eq!(names(&store, "a", None).await, ["a/p=1/1", "a/p=1/2", "a/p=2/1"]);
    assert_eq!(names(&store, "a/p=1", Some("a/p=1/1")).await, ["a/p=1/2"]);
    assert_eq!(names(&store, "none", None).await, Vec::<String>::new());
    let mut folders = store.folders("a").await.unwrap();
    folders.sort();
    assert_eq!(folders, ["p=1", "p=2"]);
}

#[test]
fn a_place_that_is_no_directory_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = StoreConfig::of(Location::Directory(file.path().to_owned()), transport());
    let http = Arc::new(HttpClient::new(&TlsConfig::default(), &transport()).unwrap());
    let error = Store::open(&config, &http, Repeat::Never).unwrap_err().to_string();
    assert!(error.contains(&file.path().display().to_string()) && error.contains("give a directory"), "{error}");
}
