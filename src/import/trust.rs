//! Trust stores, key stores and how strictly certificates are looked at: towards Splunk and towards Kafka.
//!
//! Trust stores are taken as they are (PEM, PKCS#12 and JKS, found by content). A client's key store is not: its
//! certificate and its key have to become PEM files, and the finding has the commands.

use super::secrets::{Owner, Secrets};
use super::settings::{Key, Settings};
use super::write::Block;

const VALIDATE: &str = "splunk.hec.ssl.validate.certs";
const PATH: &str = "splunk.hec.ssl.trust.store.path";
const TYPE: &str = "splunk.hec.ssl.trust.store.type";
const PASSWORD: &str = "splunk.hec.ssl.trust.store.password";

const COPY: &str = "copy the file to where auditferry runs, or correct the path";

/// Writes whom to trust towards Splunk.
pub(super) fn splunk(settings: &mut Settings, secrets: &mut Secrets, pipeline: &str, hec: &mut Block) {
    let validate = settings.flag(VALIDATE).unwrap_or(true);
    let encrypted = settings.raw("splunk.hec.uri").is_none_or(|uri| uri.to_ascii_lowercase().contains("https://"));
    if !encrypted {
        note_given(settings, &[VALIDATE, PATH, TYPE, PASSWORD], "it has no effect on an `http://` endpoint");
        return;
    }
    let mut tls = Block::default();
    if !validate {
        settings.carried(VALIDATE, "sink.splunk_hec.tls.insecure_skip_verify");
        let cause = "certificates are not verified: anybody on the way can read the token and the events, and answer for \
                     Splunk that it has them";
        let remedy = "remove `insecure_skip_verify` and give the authority in `trust_store`; the system's authorities are \
                      trusted without one, which the connector could not do";
        settings.warn(VALIDATE, cause, remedy);
        tls.comment("DANGER: anybody on the way can read the token and the events, and answer for Splunk.");
        tls.bare("insecure_skip_verify", true, VALIDATE);
        if let Some(path) = settings.text(PATH) {
            tls.comment(format!("trust_store: {path}    # better: use this instead"));
        }
        note_given(settings, &[PATH, TYPE, PASSWORD], "it has no effect with `splunk.hec.ssl.validate.certs=false`");
        hec.block("tls", tls);
        return;
    }
    match settings.text(PATH) {
        None => {
            note_given(settings, &[TYPE, PASSWORD], "it has no effect without a trust store");
            if settings.raw(VALIDATE).is_some() {
                settings
                    .note(VALIDATE, "certificates are always verified, by default against the system's authorities");
            }
        }
        Some(path) => {
            let store = Store { location: PATH.into(), kind: TYPE.into(), password: Some(PASSWORD.into()) };
            let names = Names { target: "sink.splunk_hec", variable: "SPLUNK_TRUST_STORE_PASSWORD", pipeline };
            trust_store(settings, secrets, &store, &names, (path, &mut tls));
            if settings.raw(VALIDATE).is_some() {
                settings.note(VALIDATE, "certificates are always verified, here against the trust store");
            }
        }
    }
    hec.block("tls", tls);
}

struct Store {
    location: Key,
    kind: Key,
    password: Option<Key>,
}

struct Names<'a> {
    target: &'a str,
    variable: &'static str,
    pipeline: &'a str,
}

fn trust_store(
    settings: &mut Settings,
    secrets: &mut Secrets,
    store: &Store,
    names: &Names<'_>,
    (path, tls): (String, &mut Block),
) {
    let kind = settings.text(&store.kind);
    if let Some(kind) = &kind {
        if ["JKS", "PKCS12", "PEM"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
            settings.note(&store.kind, "the type is found by the file's content");
        } else {
            let remedy = format!(
                "convert it: `keytool -importkeystore -srckeystore {path} -srcstoretype {kind} -destkeystore {path}.p12 \
                 -deststoretype PKCS12`, and name the new file"
            );
            settings.refuse(&store.kind, format!("a trust store of type {kind} cannot be read"), remedy);
        }
    }
    settings.carried(&store.location, format!("{}.tls.trust_store", names.target));
    settings.note(&store.location, COPY);
    tls.text("trust_store", path, &store.location.name);
    let Some(key) = &store.password else { return };
    let Some(raw) = settings.raw(key) else { return };
    let file = settings.file_of(key).to_owned();
    let owner =
        Owner { file: &file, key: &key.name, pipeline: names.pipeline, what: "the password of the trust store" };
    let reference = secrets.refer(names.variable, &owner, raw, settings.providers());
    settings.carried(key, format!("{}.tls.trust_store_password", names.target));
    tls.text("trust_store_password", reference, &key.name);
}

fn note_given(settings: &mut Settings, keys: &[&str], cause: &str) {
    for key in keys {
        if settings.raw(*key).is_some() && !settings.is_settled(&(*key).into()) {
            settings.note(*key, cause);
        }
    }
}

/// Writes the certificates towards Kafka.
pub(super) fn kafka(settings: &mut Settings, secrets: &mut Secrets, pipeline: &str) -> Block {
    let mut tls = Block::default();
    if let Some(location) = settings.consumer("ssl.truststore.location") {
        let kind = settings.consumer("ssl.truststore.type").unwrap_or_else(|| "ssl.truststore.type".into());
        let password = settings.consumer("ssl.truststore.password");
        if let Some(path) = settings.text(&location) {
            let names = Names { target: "kafka", variable: "KAFKA_TRUST_STORE_PASSWORD", pipeline };
            trust_store(settings, secrets, &Store { location, kind, password }, &names, (path, &mut tls));
        }
    }
    if let Some(key) = settings.consumer("ssl.truststore.certificates") {
        let remedy = "write the certificates into a PEM file and name it in `trust_store` of the source's `tls`";
        settings.refuse(&key, "the authorities stand in the setting itself, which is not supported", remedy);
    }
    client_certificate(settings, secrets, pipeline, &mut tls);
    if let Some(key) = settings.consumer("ssl.endpoint.identification.algorithm") {
        match settings.raw(&key) {
            Some(value) if value.eq_ignore_ascii_case("https") => {
                settings.note(&key, "the names in certificates are always verified");
            }
            _ => {
                let cause = "Connect does not compare the brokers' names with those in their certificates; ours does";
                let remedy = "connect by a name that the certificate has; `insecure_skip_verify: true` of the source's \
                              `tls` would verify nothing at all";
                settings.refuse(&key, cause, remedy);
            }
        }
    }
    tls
}

/// Names what has to be converted, and writes the paths at which the commands leave it.
fn client_certificate(settings: &mut Settings, secrets: &mut Secrets, pipeline: &str, tls: &mut Block) {
    for name in ["ssl.keystore.certificate.chain", "ssl.keystore.key"] {
        if let Some(key) = settings.consumer(name) {
            let remedy =
                "write certificate and key into PEM files: `certificate_file` and `key_file` of the source's `tls`";
            settings.refuse(
                &key,
                "the client's certificate stands in the setting itself, which is not supported",
                remedy,
            );
        }
    }
    let Some(location) = settings.consumer("ssl.keystore.location") else { return };
    let Some(path) = settings.text(&location) else { return };
    let kind_key = settings.consumer("ssl.keystore.type");
    let kind = kind_key.as_ref().and_then(|key| settings.text(key)).unwrap_or_else(|| "JKS".to_owned());
    let pem = kind.eq_ignore_ascii_case("PEM");
    let (certificate, private) = if pem {
        settings.note(&location, COPY);
        (path.clone(), path.clone())
    } else {
        let [certificate, private, command] = conversion(&path, &kind);
        let cause = format!("the client's certificate lies in a key store ({kind}); ours reads PEM files");
        settings.warn(&location, cause, command);
        (certificate, private)
    };
    settings.carried(&location, "kafka.tls.certificate_file, kafka.tls.key_file");
    if let Some(key) = kind_key {
        settings.note(&key, "certificate and key are PEM files");
    }
    tls.text("certificate_file", certificate, &format!("from {}", location.name));
    tls.text("key_file", private, "");
    let passwords = [settings.consumer("ssl.key.password"), settings.consumer("ssl.keystore.password")];
    let [key, store] = passwords;
    let protects = if pem { key.clone() } else { key.clone().or_else(|| store.clone()) };
    if let Some(protects) = &protects {
        let raw = settings.raw(protects).unwrap_or_default().to_owned();
        let file = settings.file_of(protects).to_owned();
        let what = "the password of the client's private key";
        let owner = Owner { file: &file, key: &protects.name, pipeline, what };
        let reference = secrets.refer("KAFKA_KEY_PASSWORD", &owner, &raw, settings.providers());
        settings.carried(protects, "kafka.tls.key_password");
        tls.text("key_password", reference, &protects.name);
    }
    for unused in [key, store].into_iter().flatten() {
        if Some(&unused) != protects.as_ref() {
            settings.note(&unused, "it opens the key store, which only the conversion needs");
        }
    }
}

/// The PEM files, and the commands that make them; passwords are asked for, and protect the new key as well.
fn conversion(path: &str, kind: &str) -> [String; 3] {
    let base = path.rsplit_once('.').filter(|(_, end)| !end.contains('/')).map_or(path, |(base, _)| base);
    let (certificate, key, p12) = (format!("{base}.crt.pem"), format!("{base}.key.pem"), format!("{base}.p12"));
    let is_p12 = kind.eq_ignore_ascii_case("PKCS12");
    let from = if is_p12 { path } else { &p12 };
    let first = if is_p12 {
        String::new()
    } else {
        format!(
            "keytool -importkeystore -srckeystore {path} -srcstoretype {kind} -destkeystore {p12} -deststoretype \
             PKCS12 && "
        )
    };
    let command = format!(
        "convert it with the key's password throughout: `{first}openssl pkcs12 -in {from} -nokeys -out {certificate} && \
         openssl pkcs12 -in {from} -nocerts -out {key}`"
    );
    [certificate, key, command]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_make_the_files_that_are_written() {
        let [certificate, key, command] = conversion("/etc/kafka/client.jks", "JKS");
        assert_eq!((certificate.as_str(), key.as_str()), ("/etc/kafka/client.crt.pem", "/etc/kafka/client.key.pem"));
        for part in ["keytool", "client.jks", "client.p12", &certificate, &key] {
            assert!(command.contains(part), "{part}: {command}");
        }
        let [certificate, _, command] = conversion("/etc/ssl.d/client", "PKCS12");
        assert_eq!(certificate, "/etc/ssl.d/client.crt.pem");
        assert!(!command.contains("keytool"), "{command}");
    }
}
