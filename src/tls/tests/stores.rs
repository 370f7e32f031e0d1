//! Trust stores of every format.

use proptest::prelude::*;
use rustls::pki_types::CertificateDer;

use super::super::config::TrustStore;
use super::super::{Authorities, FileError, Format, authorities};
use super::workshop::{PASSWORD, Workshop};
use crate::secret::{Secret, SecretSource};
use std::path::Path;

fn open(path: &Path, password: Option<&str>) -> Result<Authorities, FileError> {
    let password = password.map(|text| SecretSource::fixed(Secret::new(text.into())));
    authorities(&TrustStore { path: path.to_owned(), password })
}

fn refusal(path: &Path, password: Option<&str>) -> String {
    open(path, password).unwrap_err().to_string()
}

/// The store must hold just the two authorities of the workshop.
#[track_caller]
fn assert_holds_both(workshop: &Workshop, path: &Path, password: Option<&str>, format: Format) {
    let found = open(path, password).unwrap_or_else(|error| panic!("{error}"));
    let expected: [CertificateDer<'_>; 2] = [workshop.certificate("a.pem"), workshop.certificate("b.pem")];
    assert_eq!(found.format, format);
    assert_eq!(found.unusable, Vec::<String>::new());
    assert_eq!(found.certificates.len(), 2, "{}", path.display());
    assert!(expected.iter().all(|certificate| found.certificates.contains(certificate)), "{}", path.display());
}

#[test]
fn pem_and_der_are_told_apart_by_their_content() {
    let workshop = Workshop::new();
    let both = [b"# both\r\n".to_vec(), workshop.read("a.pem"), b"\n".to_vec(), workshop.read("b.pem")].concat();
    let marked = [b"\xef\xbb\xbf".to_vec(), workshop.read("a.pem"), workshop.read("b.pem")].concat();
    assert_holds_both(&workshop, &workshop.write("both.jks", both), None, Format::Pem);
    assert_holds_both(&workshop, &workshop.write("marked.pem", marked), None, Format::Pem);
    let der = workshop.write("ca.txt", workshop.certificate("a.pem"));
    let found = open(&der, None).unwrap();
    assert_eq!((found.format, found.certificates), (Format::Der, vec![workshop.certificate("a.pem")]));
}

#[test]
fn authorities_survive_the_way_through_pem_text() {
    let workshop = Workshop::new();
    let text = open(&workshop.trust_store("t.jks", "JKS", &[]), Some(PASSWORD)).unwrap().to_pem();
    assert!(text.lines().all(|line| line.len() <= 64));
    assert_holds_both(&workshop, &workshop.write("text.pem", text), None, Format::Pem);
}

#[test]
fn a_jks_store_is_read_with_its_password_and_as_in_java_without_one() {
    let workshop = Workshop::new();
    let store = workshop.trust_store("trust.jks", "JKS", &[]);
    assert_holds_both(&workshop, &store, Some(PASSWORD), Format::Jks);
    assert_holds_both(&workshop, &store, None, Format::Jks);
    let message = refusal(&store, Some("wrong"));
    assert!(message.contains("the password is wrong") && message.contains("trust_store_password"), "{message}");
}

#[test]
fn a_jks_store_that_was_tampered_with_or_cut_short_is_refused() {
    let workshop = Workshop::new();
    workshop.trust_store("trust.jks", "JKS", &[]);
    let whole = workshop.read("trust.jks");
    for end in 1..whole.len() {
        let message = refusal(&workshop.write("cut.jks", &whole[..end]), Some(PASSWORD));
        assert!(!message.contains("panicked") && !message.is_empty());
        if end >= 4 {
            let said = ["cut short", "damaged", "the password is wrong"].iter().any(|words| message.contains(words));
            assert!(said, "{end}: {message}");
        }
    }
    for at in (12..whole.len()).step_by(7) {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        assert!(open(&workshop.write("changed.jks", changed), Some(PASSWORD)).is_err(), "{at}");
    }
    let huge = [&whole[..8], &[0xff; 4], &whole[12..]].concat();
    assert!(refusal(&workshop.write("huge.jks", huge), None).contains("Java key store that is"));
}

#[test]
fn pkcs12_stores_of_keytool_are_read_whatever_protects_them() {
    let workshop = Workshop::new();
    let modern = workshop.trust_store("modern.p12", "PKCS12", &[]);
    let legacy = workshop.trust_store("legacy.p12", "PKCS12", &["-J-Dkeystore.pkcs12.legacy"]);
    for store in [&modern, &legacy] {
        assert_holds_both(&workshop, store, Some(PASSWORD), Format::Pkcs12);
        let message = refusal(store, Some("wrong"));
        assert!(message.contains("the password is wrong"), "{message}");
        let message = refusal(store, None);
        assert!(message.contains("no password is given") && message.contains("trust_store_password"), "{message}");
    }
    // Nothing tells a wrong password but what comes out.
    let no_mac = workshop.trust_store("no-mac.p12", "PKCS12", &["-J-Dkeystore.pkcs12.macAlgorithm=NONE"]);
    assert_holds_both(&workshop, &no_mac, Some(PASSWORD), Format::Pkcs12);
    assert!(refusal(&no_mac, Some("wrong")).contains("the password is wrong"));
    let open_to_all = workshop.trust_store(
        "open.p12",
        "PKCS12",
        &["-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE", "-J-Dkeystore.pkcs12.macAlgorithm=NONE"],
    );
    assert_holds_both(&workshop, &open_to_all, None, Format::Pkcs12);
    assert_holds_both(&workshop, &open_to_all, Some("any"), Format::Pkcs12);
}

#[test]
fn pkcs12_stores_of_openssl_are_read_though_they_do_not_say_what_is_trusted() {
    let workshop = Workshop::new();
    workshop.write("both.pem", [workshop.read("a.pem"), workshop.read("b.pem")].concat());
    let certificates = ["-nokeys", "-in", "both.pem"];
    let with = |options: &[&'static str]| [&certificates[..], options].concat();
    // OpenSSL's own `-legacy` adds RC2, for which some systems want another package; `keytool` makes that above.
    for (store, options) in [
        ("modern.p12", with(&[])),
        ("modern-no-mac.p12", with(&["-nomac"])),
        ("old.p12", with(&["-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"])),
        ("old-no-mac.p12", with(&["-certpbe", "PBE-SHA1-3DES", "-nomac"])),
        ("plain.p12", with(&["-certpbe", "NONE"])),
    ] {
        let store = workshop.export(store, &options);
        assert_holds_both(&workshop, &store, Some(PASSWORD), Format::Pkcs12);
    }
    let bare = workshop.export("bare.p12", &with(&["-certpbe", "NONE", "-nomac"]));
    assert_holds_both(&workshop, &bare, None, Format::Pkcs12);
}

#[test]
fn a_pkcs12_store_that_is_cut_short_is_refused() {
    let workshop = Workshop::new();
    workshop.trust_store("trust.p12", "PKCS12", &[]);
    let whole = workshop.read("trust.p12");
    for end in [5, 100, whole.len() / 2, whole.len() - 1] {
        let message = refusal(&workshop.write("cut.p12", &whole[..end]), Some(PASSWORD));
        assert!(message.contains("cut short"), "{end}: {message}");
    }
}

#[test]
fn a_store_that_holds_only_private_keys_says_so() {
    let workshop = Workshop::new();
    let chain = ["-in", "server.pem", "-inkey", "server.key", "-certfile", "a.pem"];
    for store in [
        workshop.key_store("own.jks", "JKS"),
        workshop.key_store("own.p12", "PKCS12"),
        workshop.export("openssl.p12", &chain),
    ] {
        let message = refusal(&store, Some(PASSWORD));
        assert!(message.contains("1 private key and no certificate of an authority"), "{message}");
        assert!(message.contains("keytool -importcert"), "{message}");
    }
}

#[test]
fn only_what_is_marked_as_trusted_is_trusted_beside_a_private_key() {
    let workshop = Workshop::new();
    for kind in ["JKS", "PKCS12"] {
        let store = format!("mixed.{kind}");
        workshop.key_store(&store, kind);
        let path = workshop.trust_store(&store, kind, &[]);
        let format = if kind == "JKS" { Format::Jks } else { Format::Pkcs12 };
        assert_holds_both(&workshop, &path, Some(PASSWORD), format);
    }
}

#[test]
fn a_store_without_any_entry_says_so() {
    let workshop = Workshop::new();
    for (store, kind) in [("empty.jks", "JKS"), ("empty.p12", "PKCS12")] {
        workshop.key_store(store, kind);
        workshop.keytool(store, kind, &["-delete", "-alias", "own"]);
        let message = refusal(&workshop.path(store), Some(PASSWORD));
        assert!(message.contains("it holds no certificate"), "{message}");
    }
}

#[test]
fn what_is_no_trust_store_is_refused_by_name_with_the_way_out() {
    let workshop = Workshop::new();
    workshop.trust_store("trust.jceks", "JCEKS", &[]);
    workshop.openssl(&["crl2pkcs7", "-nocrl", "-certfile", "a.pem", "-out", "a.p7b"]);
    workshop.openssl(&["crl2pkcs7", "-nocrl", "-certfile", "a.pem", "-out", "a.p7", "-outform", "der"]);
    workshop.openssl(&["x509", "-in", "a.pem", "-trustout", "-out", "trusted.pem"]);
    workshop.openssl(&["pkey", "-in", "a.key", "-outform", "der", "-out", "a.key.der"]);
    workshop.write("bks", b"\0\0\0\x02\0\0\0\x14 and so on");
    workshop.write("text", "nothing");
    workshop.write("nothing", "");
    workshop.write("cut.pem", &workshop.read("a.pem")[..100]);
    workshop.write("bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    for (name, words, remedy) in [
        ("trust.jceks", "JCEKS key store", "keytool -importkeystore"),
        ("bks", "BouncyCastle", "keytool -importkeystore"),
        ("a.p7b", "PKCS#7", "openssl pkcs7 -print_certs"),
        ("a.p7", "PKCS#7", "-inform der"),
        ("trusted.pem", "trusted certificates", "openssl x509"),
        ("a.key", "holds a private key", "authority's certificate"),
        ("a.key.der", "is a private key", "authority's certificate"),
        ("text", "neither PEM nor DER", "BEGIN CERTIFICATE"),
        ("nothing", "is empty", "authority's certificate"),
        ("cut.pem", "damaged or cut short", "make it again"),
        ("bad.pem", "", "check its certificates"),
        ("none", "No such file", "must name a readable file"),
    ] {
        let message = refusal(&workshop.path(name), Some(PASSWORD));
        assert!(message.contains(words) && message.contains(remedy), "{name}: {message}");
        assert!(!message.contains(PASSWORD), "{message}");
    }
    let without_end = refusal(Path::new("/dev/zero"), None);
    assert!(without_end.contains("larger than 16 MiB"), "{without_end}");
}

#[test]
fn one_certificate_that_cannot_be_used_does_not_take_the_others_along() {
    let workshop = Workshop::new();
    let bad = b"-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n".to_vec();
    let found = open(&workshop.write("mixed.pem", [workshop.read("a.pem"), bad].concat()), None).unwrap();
    assert_eq!((found.certificates.len(), found.unusable.len()), (1, 1));
}

#[test]
fn a_password_is_read_anew_from_its_file() {
    let workshop = Workshop::new();
    let path = workshop.trust_store("trust.p12", "PKCS12", &[]);
    let file = workshop.write("password", format!("{PASSWORD}\n"));
    let password = Some(SecretSource::in_file(file.clone(), Secret::new("old".into())));
    let store = TrustStore { path, password };
    assert_eq!(authorities(&store).unwrap().certificates.len(), 2);
    std::fs::remove_file(file).unwrap();
    let message = authorities(&store).unwrap_err().to_string();
    assert!(message.contains("its password: cannot read the file"), "{message}");
}

proptest! {
    /// Whatever a file holds, it is read or refused: it makes no panic and takes no memory that is not there.
    #[test]
    fn no_content_brings_the_reader_down(
        head in prop::sample::select(vec![
            &b""[..], b"\xfe\xed\xfe\xed\0\0\0\x02", b"\x30\x82\x01\0\x02\x01\x03", b"\x30\x80\x30", b"-----BEGIN CERTIFICATE-----\n",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
        password in prop::option::of("[a-z]{0,4}"),
    ) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [head, &rest].concat()).unwrap();
        if let Err(error) = open(file.path(), password.as_deref()) {
            prop_assert!(!error.problem.is_empty() && !error.remedy.is_empty());
        }
    }
}
