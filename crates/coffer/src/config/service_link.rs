//! Variables that Kubernetes and Docker make for services ("service links"), which are no settings.

/// Whether a variable has the shape of one that is made for a service: of a service `coffer-admin`
/// they are `COFFER_ADMIN_SERVICE_HOST`, `COFFER_ADMIN_SERVICE_PORT` and that with a port's name,
/// `COFFER_ADMIN_PORT=tcp://…`, and `COFFER_ADMIN_PORT_4747_TCP` with three endings.
pub(super) fn is_one(name: &str, value: &str) -> bool {
    const ENDINGS: [&str; 4] = ["", "_PROTO", "_PORT", "_ADDR"];
    if name.ends_with("_SERVICE_HOST") || has_named_port(name) {
        return true;
    }
    if name.ends_with("_PORT") && has_protocol(value) {
        return true;
    }
    let ports = name.match_indices("_PORT_").filter_map(|(at, word)| name.get(at + word.len()..));
    ports.into_iter().any(|after| {
        let rest = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let protocols = ["_TCP", "_UDP", "_SCTP"];
        let ending = protocols.iter().find_map(|protocol| rest.strip_prefix(protocol));
        rest.len() < after.len() && ending.is_some_and(|ending| ENDINGS.contains(&ending))
    })
}

fn has_named_port(name: &str) -> bool {
    name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_")
}

fn has_protocol(value: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|protocol| value.starts_with(protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shapes_of_service_links_are_passed_over() {
        for (name, value) in [
            ("COFFER_PORT", "tcp://10.0.0.1:4747"),
            ("COFFER_SERVICE_HOST", "10.0.0.1"),
            ("COFFER_SERVICE_PORT", "4747"),
            ("COFFER_SERVICE_PORT_HTTP", "4747"),
            ("COFFER_ADMIN_PORT", "tcp://10.0.0.1:1"),
            ("COFFER_METRICS_SERVICE_HOST", "10.0.0.1"),
            ("COFFER_PORT_4747_TCP", "tcp://10.0.0.1:4747"),
            ("COFFER_ADMIN_PORT_4747_TCP_ADDR", "10.0.0.1"),
            ("COFFER_ADMIN_PORT_4747_UDP_PORT", "4747"),
            ("COFFER_PORT_4747_SCTP_PROTO", "sctp"),
        ] {
            assert!(is_one(name, value), "{name}");
        }
        for (name, value) in [
            ("COFFER_PORT", "4747"),
            ("COFFER_ADMIN_PORT", "4747"),
            ("COFFER_PORT_HTTP", "4747"),
            ("COFFER_PORT_4747", "4747"),
            ("COFFER_PORT_4747_TCP_LISTEN", "1"),
            ("COFFER_LISTNE", "127.0.0.1:1"),
            ("COFFER_SERVICE", "x"),
        ] {
            assert!(!is_one(name, value), "{name}");
        }
    }
}
