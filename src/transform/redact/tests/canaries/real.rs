//! Writes events as Confluent does, with canaries in all places that the canonical view, enrichment and the mappings take values
//! from.

use fastrand::Rng;

use super::writer::Writer;

impl Writer {
    /// A principal's id as it stands in its place, without anything around it.
    fn id(&mut self) -> String {
        let id = format!("{}-{}", ["u", "sa"][self.rng.usize(..2)], self.token());
        self.values.push(id.clone());
        id
    }

    /// `"name":"value"` and a comma.
    fn member(&mut self, name: &str, value: &str) {
        self.name(name);
        self.string(value);
        self.out.push(',');
    }

    /// The members of an event as Confluent writes it, in the dialect of the control plane or of Kafka: what the canonical view,
    /// enrichment and the mappings take values from.
    fn real(&mut self) {
        let (who, whom, mail, other) = (self.id(), self.id(), self.email(), self.email());
        let (key, addresses) = (self.token(), [self.ip(), self.ip()]);
        self.values.push(key.clone());
        let method =
            ["CreateAPIKey", "BindRoleForPrincipal", "InviteUser", "SignIn", "kafka.CreateAcls"][self.rng.usize(..5)];
        let kind = ["cloud/request", "kafka.server/authorization", "kafka.server/authentication"][self.rng.usize(..3)];
        let crn = format!("crn://confluent.cloud/organization=o/environment=env-1/user={whom}");
        self.member("id", "1");
        self.member("type", &format!("io.confluent.{kind}"));
        self.member("subject", &crn);
        self.out.push_str("\"data\":{");
        self.member("methodName", method);
        self.member("resourceName", &crn);
        if self.rng.bool() {
            self.out.push_str("\"authenticationInfo\":{\"principal\":{");
            self.member("email", &mail);
            self.out.push_str("\"confluentUser\":{\"resourceId\":");
            self.string(&who);
            self.out.push_str("}},\"credentials\":{\"idSecretCredentials\":{\"credentialId\":");
            self.string(&key);
            self.out.push_str("}},\"result\":\"SUCCESS\"},\"clientAddress\":[{\"ip\":");
            self.string(&addresses[0]);
            self.out.push_str("}],\"requestMetadata\":{\"clientAddress\":[{\"ip\":");
            self.string(&addresses[1]);
            self.out.push_str("}]},");
        } else {
            self.out.push_str("\"authenticationInfo\":{");
            self.member("principal", &format!("User:{who}"));
            self.member("identity", &format!("crn://confluent.cloud/identity={mail}"));
            self.out.push_str("\"metadata\":{\"identifier\":");
            self.string(&key);
            self.out.push_str("}},\"requestMetadata\":{\"client_address\":");
            self.string(&format!("/{}", addresses[0]));
            self.out.push_str("},\"clientAddress\":[{\"ip\":");
            self.string(&addresses[1]);
            self.out.push_str("}],");
            self.out.push_str("\"authorizationInfo\":{\"granted\":false,\"rbacAuthorization\":{\"actingPrincipal\":");
            self.string(&format!("User:{whom}"));
            self.out.push_str("}},");
        }
        self.out.push_str("\"cloudResources\":[{\"resource\":{\"type\":\"USER\",\"resourceId\":");
        self.string(&whom);
        self.out.push_str("}}],\"request\":{\"data\":{");
        self.member("principal", &format!("User:{whom}"));
        self.name("email");
        self.string(&other);
        self.out.push_str("}},\"result\":{\"status\":\"FAILURE\",\"message\":");
        let message = format!("{mail} ({who}) from /{} may not change {whom}", addresses[0]);
        self.string(&message);
        self.out.push_str("}},");
    }
}

/// An event as Confluent writes it with an odd one inside, and its canaries.
pub(super) fn real_event(seed: u64) -> (String, Vec<String>) {
    let mut rng = Rng::with_seed(seed);
    let odd = rng.u8(..3) == 0;
    let mut writer = Writer::new(rng, odd);
    writer.out.push('{');
    writer.real();
    writer.name("more");
    writer.object(1);
    writer.out.push('}');
    (writer.out, writer.canaries)
}
