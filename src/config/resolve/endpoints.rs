//! `host:port` and `scheme://host:port`, in one normal form.

/// Why an address is not one, and what to write instead. Never quotes the address: it may hold a password.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Malformed {
    pub(super) cause: &'static str,
    pub(super) remedy: &'static str,
}

const fn malformed<T>(cause: &'static str, remedy: &'static str) -> Result<T, Malformed> {
    Err(Malformed { cause, remedy })
}

/// An HTTP endpoint in normal form, lower case, without a trailing dot in the host: certificates name hosts without it.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Endpoint {
    pub(super) text: String,
    pub(super) host: String,
    pub(super) encrypted: bool,
}

/// Parses `http(s)://host:port`, with or without a slash at the end.
pub(super) fn parse_endpoint(text: &str) -> Result<Endpoint, Malformed> {
    let example = "write for example `https://splunk.example.com:8088`";
    let Some((scheme, rest)) = text.split_once("://") else {
        return malformed("this is not a URL", example);
    };
    let encrypted = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return malformed("the URL begins with neither `https://` nor `http://`", example),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    if authority.contains('@') {
        return malformed("the URL holds a user name or password", "remove it: HEC takes only the `token`");
    }
    if !matches!(tail, "" | "/") {
        return malformed("the URL has a path", "end it after the port; the path of the collector is added");
    }
    let remedy = "add the port: 8088 unless changed, or 443 on Splunk Cloud";
    let (host, port) = parse_host_port(authority, remedy)?;
    let host = host.strip_suffix('.').unwrap_or(&host).to_owned();
    let scheme = if encrypted { "https" } else { "http" };
    Ok(Endpoint { text: format!("{scheme}://{host}:{port}"), host, encrypted })
}

/// Parses a comma-separated list of brokers.
pub(super) fn parse_brokers(text: &str) -> Result<String, Malformed> {
    let brokers: Vec<&str> = text.split(',').map(str::trim).filter(|broker| !broker.is_empty()).collect();
    if brokers.is_empty() {
        return malformed("there is no broker in this list", "write `host:port`, several separated by commas");
    }
    let mut normal = Vec::with_capacity(brokers.len());
    for broker in brokers {
        if broker.contains("://") {
            return malformed(
                "a broker is `host:port`, without `://`",
                "remove the `SASL_SSL://` or what stands there",
            );
        }
        let (host, port) = parse_host_port(broker, "add the port, on Confluent Cloud `:9092`")?;
        normal.push(format!("{host}:{port}"));
    }
    Ok(normal.join(","))
}

fn parse_host_port(text: &str, no_port: &'static str) -> Result<(String, u16), Malformed> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        Some(_) | None => return malformed("there is no port", no_port),
    };
    let Ok(port @ 1..) = port.parse::<u16>() else {
        return malformed("the port is not a number from 1 to 65535", no_port);
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let valid = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host != "." && host.chars().all(allowed),
    };
    if valid {
        Ok((host.to_ascii_lowercase(), port))
    } else {
        malformed(
            "the host is neither a name nor an address",
            "write `name:port`, `10.0.0.1:port` or `[2001:db8::1]:port`",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_have_one_normal_form() {
        for (written, normal) in [
            ("https://a.example:8088", "https://a.example:8088"),
            ("HTTPS://A.Example.:443/", "https://a.example:443"),
            ("http://[::1]:8088", "http://[::1]:8088"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ] {
            assert_eq!(parse_endpoint(written).map(|endpoint| endpoint.text).as_deref(), Ok(normal));
        }
    }

    #[test]
    fn what_is_not_an_endpoint_is_refused() {
        for written in [
            "a.example:8088",
            "ftp://a:1",
            "https://a.example",
            "https://a.example:0",
            "https://a.example:65536",
            "https://:8088",
            "https://a b:8088",
            "https://user:pass@a:8088",
            "https://a:8088/services/collector",
            "https://a:8088?x",
            "https://[::1]",
            "https://[zz]:1",
            "https://.:1",
        ] {
            assert!(parse_endpoint(written).is_err(), "{written}");
        }
    }

    #[test]
    fn broker_lists_lose_their_spaces() {
        assert_eq!(parse_brokers(" A:9092, b:9093 ,").as_deref(), Ok("a:9092,b:9093"));
        for written in ["", ",", "a", "SASL_SSL://a:9092", "a:9092 b:9092"] {
            assert!(parse_brokers(written).is_err(), "{written}");
        }
    }
}
