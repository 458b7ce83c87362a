//! The counters as text, in Prometheus's exposition format.

use std::fmt::Write;

use super::counters::Counters;
use super::event::LeaveReason;

/// Writes one metric: its name without the prefix, its type, what it says, and its samples by label.
pub(crate) fn metric(
    text: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    samples: impl IntoIterator<Item = (String, u64)>,
) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP inputwire_udp_{name} {help}\n# TYPE inputwire_udp_{name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "inputwire_udp_{name}{labels} {value}");
    }
}

/// A sample without labels.
pub(crate) fn alone(value: u64) -> [(String, u64); 1] {
    [(String::new(), value)]
}

pub(crate) fn text(counters: &Counters, clients: usize, unproven: usize) -> String {
    let count = |count: usize| alone(u64::try_from(count).unwrap_or(u64::MAX));
    let mut text = String::new();
    metric(&mut text, "clients", "gauge", "Clients that are here.", count(clients));
    metric(&mut text, "unproven", "gauge", "Sessions whose client has proven nothing yet.", count(unproven));
    for (name, help, value) in [
        ("datagrams_received_total", "Datagrams received.", counters.datagrams_received),
        ("bytes_received_total", "Bytes in them.", counters.bytes_received),
        ("datagrams_sent_total", "Datagrams sent.", counters.datagrams_sent),
        ("bytes_sent_total", "Bytes in them.", counters.bytes_sent),
        ("admitted_total", "Hellos that were given a session.", counters.admitted),
        ("joined_total", "Clients that have joined.", counters.joined),
        ("unproven_total", "Sessions that ended because nobody proved anything.", counters.unproven),
        ("moved_total", "Changed addresses that were taken over.", counters.moved),
        ("tries_total", "Silent clients tried for datagrams from unknown addresses.", counters.tries),
    ] {
        metric(&mut text, name, "counter", help, alone(value));
    }
    let label = |name: &str| format!("{{reason=\"{name}\"}}");
    let refused = counters.refused().map(|(name, value)| (label(name), value));
    metric(&mut text, "refused_total", "counter", "Datagrams refused.", refused);
    let left = LeaveReason::ALL.into_iter().map(|reason| (label(reason.name()), counters.left(reason)));
    metric(&mut text, "left_total", "counter", "Clients that have left.", left);
    text
}
