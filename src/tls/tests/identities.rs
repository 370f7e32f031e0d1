//! Client certificates and their keys.

use super::super::check_identity;
use super::super::config::Identity;
use super::workshop::{PASSWORD, Workshop};
use crate::secret::{Secret, SecretSource};

fn check(workshop: &Workshop, certificate: &str, key: &str, password: Option<&str>) -> Result<(), String> {
    let key_password = password.map(|text| SecretSource::fixed(Secret::new(text.into())));
    let identity = Identity { certificate: workshop.path(certificate), key: workshop.path(key), key_password };
    check_identity(&identity).map_err(|error| error.to_string())
}

#[test]
fn keys_of_every_usual_form_are_read() {
    let workshop = Workshop::new();
    let password = format!("pass:{PASSWORD}");
    let encrypted = ["pkcs8", "-topk8", "-in", "server.key", "-out", "encrypted.key", "-passout", &password];
    workshop.openssl(&encrypted);
    workshop.openssl(&["ec", "-in", "server.key", "-out", "ec.key"]);
    for (key, password) in [("server.key", None), ("ec.key", None), ("encrypted.key", Some(PASSWORD))] {
        assert_eq!(check(&workshop, "server.pem", key, password), Ok(()), "{key}");
    }
}

#[test]
fn an_identity_that_cannot_be_used_says_what_is_wrong_and_how_to_mend_it() {
    let workshop = Workshop::new();
    let password = format!("pass:{PASSWORD}");
    workshop.openssl(&["pkcs8", "-topk8", "-in", "server.key", "-out", "encrypted.key", "-passout", &password]);
    workshop.openssl(&["ec", "-in", "server.key", "-out", "old.key", "-aes128", "-passout", &password]);
    workshop.write("text", "nothing");
    for (certificate, key, password, words) in [
        ("server.pem", "a.key", None, "does not belong to the client certificate"),
        ("server.pem", "encrypted.key", None, "set tls.key_password"),
        ("server.pem", "encrypted.key", Some("wrong"), "password is wrong"),
        ("server.pem", "old.key", Some(PASSWORD), "OpenSSL's old way"),
        ("server.pem", "text", None, "holds no private key"),
        ("server.pem", "none", None, "tls.key_file must name a readable file"),
        ("text", "server.key", None, "holds no certificate"),
        ("none", "server.key", None, "tls.certificate_file must name a readable file"),
    ] {
        let message = check(&workshop, certificate, key, password).unwrap_err();
        assert!(message.contains(words), "{certificate}, {key}: {message}");
    }
}
