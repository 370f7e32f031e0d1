//! What a GeoIP database adds for an address. The file is in MaxMind's DB format, with the members of GeoIP2 and GeoLite2
//! (City, Country, ASN, Enterprise, ISP).
//!
//! The database is held in memory as it is in its file; only what is wanted of a record is decoded, without allocation.
//! Names are the English ones.

use std::fmt::{self, Write as _};
use std::marker::PhantomData;
use std::net::IpAddr;

use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::literal::{push_member, push_string};
use super::sheet::TableError;

macro_rules! parts {
    ($($(#[doc = $doc:literal])* $variant:ident => $name:literal,)*) => {
        /// What can be taken of a record.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum GeoPart { $($(#[doc = $doc])* $variant,)* }

        impl GeoPart {
            pub const ALL: &'static [GeoPart] = &[$(GeoPart::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(GeoPart::$variant => $name,)* }
            }

            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(GeoPart::$variant),)* _ => None }
            }
        }
    };
}

parts! {
    /// The country's name.
    Country => "country",
    /// The country's two letters (ISO 3166-1).
    CountryCode => "country_code",
    /// The continent's name.
    Continent => "continent",
    /// The name of the largest subdivision: state, province.
    Region => "region",
    /// The city's name.
    City => "city",
    /// The number of the autonomous system.
    Asn => "asn",
    /// Who runs the autonomous system.
    AsOrganization => "as_organization",
    /// In degrees; only when it is asked for.
    Latitude => "latitude",
    /// In degrees; only when it is asked for.
    Longitude => "longitude",
}

/// A part and its name in the output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GeoTake {
    pub part: GeoPart,
    pub output: String,
}

#[derive(Debug)]
pub struct Geo {
    reader: Reader<Vec<u8>>,
    take: Vec<GeoTake>,
    /// Of the file, in bytes; all of it is held.
    size: usize,
}

/// What a look into a database came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Look {
    Found,
    NotFound,
    /// The database has a record that cannot be read.
    Unreadable,
}

impl Geo {
    /// Reads a file's content.
    ///
    /// # Errors
    /// It is no such database.
    pub fn read(bytes: Vec<u8>, take: &[GeoTake]) -> Result<Self, TableError> {
        let size = bytes.len();
        let reader = Reader::from_source(bytes).map_err(|error| {
            let remedy = "give a file in MaxMind's DB format (`.mmdb`), complete and not compressed";
            TableError::of_file(format!("this is no GeoIP database ({error})"), remedy)
        })?;
        Ok(Self { reader, take: take.to_vec(), size })
    }

    /// What such a database has, for those who do not say what they want. Empty when its kind is not known.
    pub fn usual_parts(&self) -> &'static [GeoPart] {
        let kind = self.database_type();
        let is = |words: [&str; 2]| words.iter().any(|word| kind.contains(word));
        if is(["ASN", "ISP"]) {
            &[GeoPart::Asn, GeoPart::AsOrganization]
        } else if is(["City", "Enterprise"]) {
            &[GeoPart::Country, GeoPart::CountryCode, GeoPart::City]
        } else if is(["Country", "country"]) {
            &[GeoPart::Country, GeoPart::CountryCode]
        } else {
            &[]
        }
    }

    pub fn database_type(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// Appends what it knows about the address to other members.
    pub(super) fn add(&self, address: IpAddr, out: &mut String) -> Look {
        let found = match self.reader.lookup(address.to_canonical()) {
            Ok(found) => found,
            // A database of IPv4 addresses knows nothing of IPv6.
            Err(MaxMindDbError::InvalidInput { .. }) => return Look::NotFound,
            Err(_) => return Look::Unreadable,
        };
        match found.decode::<Entry<'_>>() {
            Ok(None) => Look::NotFound,
            Ok(Some(entry)) => {
                for take in &self.take {
                    entry.push(take, out);
                }
                Look::Found
            }
            Err(_) => Look::Unreadable,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.size
    }
}

/// The members of a record that can be taken. Others are skipped.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry<'a> {
    #[serde(borrow)]
    continent: Named<'a>,
    #[serde(borrow)]
    country: Named<'a>,
    #[serde(borrow, deserialize_with = "first")]
    subdivisions: Option<Named<'a>>,
    #[serde(borrow)]
    city: Named<'a>,
    location: Location,
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<&'a str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named<'a> {
    iso_code: Option<&'a str>,
    #[serde(borrow)]
    names: Names<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

/// The first element of a list; the others are skipped.
fn first<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Named<'a>>, D::Error> {
    deserializer.deserialize_seq(FirstVisitor(PhantomData))
}

struct FirstVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for FirstVisitor<'a> {
    type Value = Option<Named<'a>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let first = seq.next_element()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}

impl Entry<'_> {
    fn push(&self, take: &GeoTake, out: &mut String) {
        let text = match take.part {
            GeoPart::Country => self.country.names.en,
            GeoPart::CountryCode => self.country.iso_code,
            GeoPart::Continent => self.continent.names.en,
            GeoPart::Region => self.subdivisions.as_ref().and_then(|first| first.names.en),
            GeoPart::City => self.city.names.en,
            GeoPart::AsOrganization => self.autonomous_system_organization,
            GeoPart::Asn => return push_shown(self.autonomous_system_number, &take.output, out),
            GeoPart::Latitude => return push_shown(self.location.latitude, &take.output, out),
            GeoPart::Longitude => return push_shown(self.location.longitude, &take.output, out),
        };
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            push_member(out, 0, &take.output, |out| push_string(out, text));
        }
    }
}

/// A number as text: indexed fields hold nothing else.
fn push_shown(number: Option<impl fmt::Display>, name: &str, out: &mut String) {
    if let Some(number) = number {
        push_member(out, 0, name, |out| {
            out.push('"');
            // Writing to memory cannot fail.
            write!(out, "{number}").unwrap_or_default();
            out.push('"');
        });
    }
}
