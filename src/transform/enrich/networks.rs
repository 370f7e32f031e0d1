//! What a table of networks adds for an address: the narrowest network that holds it counts.
//!
//! Networks are nested in each other or apart, so they cut the addresses into stretches that each belong to one of them, or
//! to none. The stretches are worked out when the table is read; an address is found by bisection. IPv4 and IPv6 have
//! tables of their own: `::/0` is no IPv4 network. An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) counts as
//! IPv4.

use std::net::IpAddr;

use ipnet::IpNet;

use super::rows::{Layout, Texts, each_row, twice};
use super::sheet::{Fault, TableError};

#[derive(Debug, Default)]
pub struct Networks {
    v4: Stretches,
    v6: Stretches,
    texts: Texts,
}

impl Networks {
    /// Reads a file's content.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote the file.
    pub fn read(bytes: &[u8], layout: &Layout) -> Result<Self, TableError> {
        let (mut networks, mut texts) = (Vec::new(), Texts::default());
        each_row(bytes, layout, &mut |key, cells| {
            let network = parse_network(key)?;
            networks.push((network, texts.push(&layout.take, cells)?));
            Ok(())
        })?;
        Self::new(networks, texts).map_err(|network| {
            let Fault { problem: _, remedy } = twice();
            TableError::of_file(format!("the network {network} is in the table twice"), remedy)
        })
    }

    /// `Err` is a network that is there twice.
    fn new(networks: Vec<(IpNet, u32)>, texts: Texts) -> Result<Self, IpNet> {
        let (mut v4, mut v6): (Vec<_>, Vec<_>) =
            networks.into_iter().partition(|(network, _)| network.addr().is_ipv4());
        Ok(Self { v4: Stretches::new(&mut v4)?, v6: Stretches::new(&mut v6)?, texts })
    }

    pub(super) fn find(&self, address: IpAddr) -> Option<&str> {
        let address = address.to_canonical();
        let stretches = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        stretches.find(number(address)).map(|row| self.texts.get(row))
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let stretches = self.v4.0.capacity() + self.v6.0.capacity();
        self.texts.bytes() + stretches * size_of::<(u128, Option<u32>)>()
    }
}

/// A network, or an address, which is a network of one.
pub(super) fn parse_network(text: &str) -> Result<IpNet, Fault> {
    let fault = |problem: String, remedy: String| Fault { problem, remedy };
    let network = match (text.parse::<IpNet>(), text.parse::<IpAddr>()) {
        (Ok(network), _) => network,
        (Err(_), Ok(address)) => IpNet::from(address),
        (Err(_), Err(_)) => {
            let remedy = "write an address and the length of its prefix, for example `10.0.0.0/8` or `2001:db8::/32`";
            return Err(fault(format!("`{text}` is not a network"), remedy.to_owned()));
        }
    };
    if network.trunc() != network {
        let problem = format!("`{text}` has bits behind its prefix");
        return Err(fault(problem, format!("write `{}`, or a longer prefix", network.trunc())));
    }
    Ok(network)
}

/// Where each stretch begins, and the row that it belongs to; it ends where the next begins.
#[derive(Debug, Default)]
struct Stretches(Vec<(u128, Option<u32>)>);

impl Stretches {
    fn new(networks: &mut [(IpNet, u32)]) -> Result<Self, IpNet> {
        // Outer networks first.
        networks.sort_by_key(|(network, _)| (number(network.network()), network.prefix_len()));
        if let Some(pair) = networks.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(pair[0].0);
        }
        let mut stretches = Self::default();
        // The networks that hold the place where we are, and their last addresses.
        let mut open: Vec<(u128, u32)> = Vec::new();
        for (network, row) in networks.iter() {
            let (first, last) = (number(network.network()), number(network.broadcast()));
            stretches.close(&mut open, |end| end < first);
            stretches.begin(first, Some(*row));
            open.push((last, *row));
        }
        stretches.close(&mut open, |_| true);
        stretches.0.shrink_to_fit();
        Ok(stretches)
    }

    /// Leaves the innermost networks for which `is_over` holds.
    fn close(&mut self, open: &mut Vec<(u128, u32)>, is_over: impl Fn(u128) -> bool) {
        while let Some((end, _)) = open.pop_if(|(end, _)| is_over(*end)) {
            // Behind the last address of all there is nothing.
            if let Some(next) = end.checked_add(1) {
                self.begin(next, open.last().map(|(_, row)| *row));
            }
        }
    }

    fn begin(&mut self, at: u128, row: Option<u32>) {
        // Networks may begin, and end, at the same address: then the innermost, or the outermost, is said last.
        if let Some(last) = self.0.last_mut().filter(|(start, _)| *start == at) {
            last.1 = row;
        } else {
            self.0.push((at, row));
        }
    }

    fn find(&self, address: u128) -> Option<u32> {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        self.0.get(after.checked_sub(1)?)?.1
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rows::Take;
    use super::super::sheet::Format;
    use super::*;

    fn layout(format: Format) -> Layout {
        let take = vec![Take { column: "value".into(), output: "net".into() }];
        Layout { format, key_column: None, take }
    }

    fn read(json: &str) -> Result<Networks, String> {
        Networks::read(json.as_bytes(), &layout(Format::Json)).map_err(|error| error.to_string())
    }

    fn find(networks: &Networks, address: &str) -> Option<String> {
        networks.find(address.parse().unwrap()).map(str::to_owned)
    }

    #[test]
    fn the_narrowest_network_counts_wherever_it_lies_in_the_wider_one() {
        let table = r#"{"10.0.0.0/8": "wide", "10.0.0.0/16": "first", "10.1.0.0/16": "inner", "10.1.2.3": "one",
                        "10.255.0.0/16": "last", "10.255.255.255/32": "end", "11.0.0.0/8": "next"}"#;
        let networks = read(table).unwrap();
        for (address, expected) in [
            ("9.255.255.255", None),
            ("10.0.0.0", Some("first")),
            ("10.0.255.255", Some("first")),
            ("10.1.2.2", Some("inner")),
            ("10.1.2.3", Some("one")),
            ("10.1.2.4", Some("inner")),
            ("10.2.0.0", Some("wide")),
            ("10.255.255.254", Some("last")),
            ("10.255.255.255", Some("end")),
            ("11.0.0.0", Some("next")),
            ("12.0.0.0", None),
            ("::ffff:10.1.2.3", Some("one")),
            ("::", None),
        ] {
            assert_eq!(find(&networks, address), expected.map(|name| format!(r#""net":"{name}""#)), "{address}");
        }
    }

    #[test]
    fn a_network_of_everything_holds_one_family_only() {
        let networks = read(r#"{"::/0": "six", "2001:db8::/32": "docs"}"#).unwrap();
        assert_eq!(find(&networks, "10.0.0.1"), None);
        assert_eq!(find(&networks, "2001:db8::17").unwrap(), r#""net":"docs""#);
        assert_eq!(find(&networks, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").unwrap(), r#""net":"six""#);
    }

    #[test]
    fn what_is_no_network_is_refused_with_its_place() {
        for (json, words) in [
            ("{\"10.0.0.0/8\": \"a\",\n \"10.0.0.0/33\": \"b\"}", "line 2, column 17: `10.0.0.0/33` is not a network"),
            (r#"{"10.1.2.3/8": "a"}"#, "write `10.0.0.0/8`"),
            (r#"{"office": "a"}"#, "`office` is not a network"),
            (r#"{"10.0.0.0/8": "a", "10.0.0.0/8": "b"}"#, "10.0.0.0/8 is in the table twice"),
            (r#"{"10.0.0.1": "a", "10.0.0.1/32": "b"}"#, "10.0.0.1/32 is in the table twice"),
        ] {
            let error = read(json).expect_err(json);
            assert!(error.contains(words), "{error}");
        }
    }

    proptest! {
        #[test]
        fn bisection_finds_what_going_through_all_networks_finds(
            networks in proptest::collection::vec((any::<u8>(), any::<u8>(), 0..=32u8), 1..40),
            probes in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..40),
        ) {
            // Few different bits, so that networks meet.
            let bits = |high: u8, low: u8| u32::from_be_bytes([high & 3, 0, low & 0x81, low]);
            let mut known: Vec<IpNet> = networks
                .iter()
                .map(|(high, low, len)| IpNet::new(IpAddr::from(bits(*high, *low).to_be_bytes()), *len).unwrap().trunc())
                .collect();
            known.sort();
            known.dedup();
            let mut rows: Vec<(IpNet, u32)> = known.iter().copied().zip(0..).collect();
            let stretches = Stretches::new(&mut rows).unwrap();
            let ends = known.iter().flat_map(|network| [number(network.network()), number(network.broadcast())]);
            let ends = ends.flat_map(|end| [end.saturating_sub(1), end, (end + 1).min(u128::from(u32::MAX))]);
            let probes = probes.iter().map(|(a, b, c)| u128::from(bits(*a, *b) ^ u32::from(*c))).chain(ends);
            for probe in probes {
                let bits = u32::try_from(probe).unwrap();
                let address = IpAddr::from(bits.to_be_bytes());
                let narrowest = rows.iter().filter(|(network, _)| network.contains(&address));
                let expected = narrowest.max_by_key(|(network, _)| network.prefix_len()).map(|(_, row)| *row);
                prop_assert_eq!(stretches.find(probe), expected, "{}", address);
            }
        }
    }
}
