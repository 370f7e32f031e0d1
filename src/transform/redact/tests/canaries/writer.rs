//! Writes events at random, with canaries in the places of what is redacted.

use fastrand::Rng;

use super::super::Class;

/// Writes one event.
pub(super) struct Writer {
    pub(super) rng: Rng,
    pub(super) out: String,
    /// What must not be found in what leaves, in small letters.
    pub(super) canaries: Vec<String>,
    /// Values that were put into their places, to be mentioned elsewhere.
    pub(super) values: Vec<String>,
    /// Whether strings are spelled in odd ways.
    odd: bool,
}

impl Writer {
    pub(super) fn new(rng: Rng, odd: bool) -> Self {
        Self { rng, out: String::new(), canaries: Vec::new(), values: Vec::new(), odd }
    }

    pub(super) fn token(&mut self) -> String {
        let token: String = (0..12).map(|_| self.rng.lowercase()).collect();
        let token = format!("cnry{token}{}", self.rng.u8(..));
        self.canaries.push(token.clone());
        token
    }

    fn cased(&mut self, text: &str) -> String {
        match self.rng.u8(..4) {
            0 => text.to_uppercase(),
            1 => text.chars().map(|c| if self.rng.bool() { c.to_ascii_uppercase() } else { c }).collect(),
            _ => text.to_owned(),
        }
    }

    pub(super) fn email(&mut self) -> String {
        let token = self.token();
        let local = match self.rng.u8(..6) {
            0 => format!("{token}+tag"),
            1 => format!("o'{token}"),
            2 => format!("ä.{token}"),
            _ => token,
        };
        let email = format!("{local}@leak.example");
        self.cased(&email)
    }

    pub(super) fn ip(&mut self) -> String {
        let mut octet = || self.rng.u8(100..=255);
        let ip = if octet() % 3 > 0 {
            let [a, b, c, d] = std::array::from_fn(|_| octet());
            format!("{a}.{b}.{c}.{d}")
        } else {
            let mut unit = || format!("{:x}", self.rng.u16(0x1000..));
            let units: [String; 4] = std::array::from_fn(|_| unit());
            match self.rng.bool() {
                true => format!("2001:db8:{}::{}", units[0..2].join(":"), units[2..].join(":")),
                false => format!("2001:db8:{}:0:0:{}", units[0..2].join(":"), units[2..].join(":")),
            }
        };
        self.canaries.push(ip.clone());
        self.values.push(ip.clone());
        ip
    }

    /// A value of a class as it stands in its place.
    fn placed(&mut self, class: Class) -> String {
        let value = match class {
            Class::Email if self.rng.u8(..4) == 0 => self.token(),
            Class::Email => self.email(),
            Class::ClientIp => {
                let ip = self.ip();
                let is_v4 = ip.contains('.');
                return match self.rng.u8(..4) {
                    0 => format!("/{ip}"),
                    1 if is_v4 => format!("/{ip}:{}", self.rng.u16(1024..)),
                    2 => format!("host-{}/{ip}", self.token()),
                    _ => ip,
                };
            }
            Class::Principal => {
                let token = self.token();
                let id = match self.rng.u8(..4) {
                    0 => format!("u-{token}"),
                    1 => format!("sa-{token}"),
                    2 => format!("CN={token},OU=x"),
                    _ => token,
                };
                self.values.push(id.clone());
                return match self.rng.u8(..4) {
                    0 => format!("User:{id}"),
                    1 if !id.contains(',') => {
                        format!("crn://confluent.cloud/organization=o/identity-provider=Confluent/identity={id}")
                    }
                    _ => id,
                };
            }
            // Only what identifies somebody is searched for elsewhere.
            Class::Payload => return self.token(),
            _ => self.token(),
        };
        self.values.push(value.clone());
        value
    }

    /// A text that mentions a value.
    fn mention(&mut self, value: &str) -> String {
        let value = if value.contains(':') || value.contains('.') { value.to_owned() } else { self.cased(value) };
        match self.rng.u8(..7) {
            0 => format!("denied for {value}, see above"),
            1 => format!("crn://confluent.cloud/organization=o/user={value}/topic=t"),
            2 => format!("User:{value}"),
            3 => format!("{{\"a\":\"{value}\"}}"),
            4 => format!("({value})\t\"{value}\""),
            5 => format!("a\\b {value}"),
            _ => value,
        }
    }

    /// Writes a string, each character in some spelling of JSON.
    pub(super) fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            let escape = self.odd && self.rng.u8(..6) == 0;
            match c {
                _ if escape => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let unit = if self.rng.bool() { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") };
                        self.out.push_str(&unit);
                    }
                }
                '"' | '\\' => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                '\t' => self.out.push_str("\\t"),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    /// Hides some characters behind escapes that are none of JSON's outer layer.
    fn hide(&mut self, text: &str) -> String {
        if !self.odd || self.rng.bool() {
            return text.to_owned();
        }
        let mut hidden = String::new();
        for c in text.chars() {
            match self.rng.u8(..8) {
                0 => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| hidden.push_str(&format!("%{byte:02X}"))),
                1 => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| hidden.push_str(&format!("%25{byte:02x}"))),
                2 if c.is_ascii() => hidden.push_str(&format!("\\u{:04x}", u32::from(c))),
                _ => hidden.push(c),
            }
        }
        hidden
    }

    /// Another spelling of a member's name.
    fn spelled(&mut self, name: &str) -> String {
        match self.rng.u8(..4) {
            0 => name.chars().fold(String::new(), |mut snake, c| {
                if c.is_ascii_uppercase() {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
                snake
            }),
            1 => name.to_uppercase(),
            _ => name.to_owned(),
        }
    }

    pub(super) fn name(&mut self, name: &str) {
        self.string(name);
        self.out.push(':');
    }

    /// Writes a value, perhaps deep within others.
    fn nested(&mut self, text: &str) {
        match self.rng.u8(..8) {
            0 => {
                self.out.push('[');
                self.nested(text);
                self.out.push_str(",null]");
            }
            1 => {
                self.out.push_str("{\"deeper\":");
                self.nested(text);
                self.out.push_str(",\"n\":-1.5e3}");
            }
            _ => {
                let text = self.hide(text);
                self.string(&text);
            }
        }
    }

    /// A member in whose place something is redacted.
    fn place(&mut self) {
        let class =
            [Class::Email, Class::ClientIp, Class::Principal, Class::CredentialId, Class::Payload][self.rng.usize(..5)];
        let names: &[&str] = match class {
            Class::Email => &["email", "userEmail"],
            Class::ClientIp => &["clientAddress", "clientIp", "ip"],
            Class::Principal => &[
                "principal",
                "originalPrincipal",
                "assignedPrincipals",
                "identity",
                "confluentUser",
                "principalResourceId",
            ],
            Class::CredentialId => &["credentialId", "dname", "apiKey"],
            _ => &["data"],
        };
        let name = names[self.rng.usize(..names.len())];
        let name = self.spelled(name);
        let value = self.placed(class);
        match class {
            Class::Payload => {
                let outer = ["request", "result"][self.rng.usize(..2)];
                let outer = self.spelled(outer);
                self.name(&outer);
                self.out.push('{');
                self.name(&name);
                self.nested(&value);
                self.out.push('}');
            }
            Class::CredentialId if self.rng.bool() => {
                self.out.push_str("\"metadata\":{\"identifier\":");
                self.nested(&value);
                self.out.push('}');
            }
            Class::Principal if self.rng.u8(..4) == 0 => {
                self.out.push_str("\"x\":{\"resourceId\":");
                self.string(&value);
                self.out.push_str(",\"type\":\"USER\",\"typ\\u0065\":\"TOPIC\"}");
            }
            _ => {
                self.name(&name);
                self.nested(&value);
            }
        }
    }

    /// What only a path or a pattern finds: nothing else mentions it.
    fn by_path(&mut self) {
        let token = self.token();
        match self.rng.u8(..4) {
            0 => {
                self.name("password");
                self.nested(&token);
            }
            1 => {
                self.name("list");
                self.out.push_str("[[{");
                self.name("password");
                self.nested(&token);
                self.out.push_str("}]]");
            }
            2 => {
                self.name("secret.value");
                self.out.push('{');
                self.name(&token);
                self.out.push_str("1}");
            }
            _ => {
                self.name("message");
                let odd = std::mem::replace(&mut self.odd, false);
                self.nested(&format!("it said token={token}!"));
                self.odd = odd;
            }
        }
    }

    fn noise(&mut self) {
        let name = ["methodName", "status", "n", "x", "granted", "🦀"][self.rng.usize(..6)];
        self.name(name);
        let value = ["null", "true", "12", "\"kafka.CreateTopics\"", "\"\"", "[]", "{}", "\"ü\"", "\"100%\""]
            [self.rng.usize(..9)];
        self.out.push_str(value);
    }

    fn mentions(&mut self) {
        let Some(value) = self.values.get(self.rng.usize(..self.values.len().max(1))).cloned() else {
            return self.noise();
        };
        let text = self.mention(&value);
        if self.rng.u8(..4) == 0 {
            self.name(&text);
            self.out.push('0');
        } else {
            let name = ["message", "subject", "host", "x"][self.rng.usize(..4)];
            self.name(name);
            self.nested(&text);
        }
    }

    pub(super) fn object(&mut self, depth: usize) {
        self.out.push('{');
        let members = self.rng.usize(1..6);
        for member in 0..members {
            if member > 0 {
                self.out.push_str([",", " ,\n"][self.rng.usize(..2)]);
            }
            match self.rng.u8(..10) {
                0..=2 => self.place(),
                3 => self.by_path(),
                4 | 5 => self.mentions(),
                6 | 7 if depth > 0 => {
                    let name = ["data", "requestMetadata", "authenticationInfo", "data"][self.rng.usize(..4)];
                    self.name(name);
                    self.object(depth - 1);
                }
                8 if depth > 0 => {
                    self.out.push_str("\"l\":[");
                    self.object(depth - 1);
                    self.out.push_str(",7]");
                }
                _ => self.noise(),
            }
        }
        self.out.push('}');
    }
}

/// An event that is spelt in every possible way, and its canaries.
pub(super) fn odd_event(seed: u64) -> (String, Vec<String>) {
    let mut rng = Rng::with_seed(seed);
    let odd = rng.u8(..3) > 0;
    let mut writer = Writer::new(rng, odd);
    // Values first, so that they are mentioned before and after their places.
    let depth = writer.rng.usize(0..5);
    writer.object(depth);
    let mut text = std::mem::take(&mut writer.out);
    writer.object(0);
    let head = std::mem::take(&mut writer.out);
    if writer.rng.bool() {
        text = format!("{},{}", &head[..head.len() - 1], &text[1..]);
    }
    (text, writer.canaries)
}
