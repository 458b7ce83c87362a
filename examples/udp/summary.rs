//! What a peer tells of itself: a line each second, and the sum of it at the end.

use std::fmt;

use inputwire::{Health, PeerId, PeerStats, Session};

use crate::game::INPUT;

/// The line of each second: how it is, and what happened since the last line.
pub(crate) fn status(session: &Session<1, INPUT>, peer: PeerId, stats: &PeerStats, last: &PeerStats) -> String {
    if stats.health == Health::Connecting {
        let refused = stats.totals.refused.iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0);
        return match refused {
            Some((reason, count)) => format!("nobody is there yet; {count} refused: {reason}"),
            None => "nobody is there yet".into(),
        };
    }
    let rates = stats.since(last);
    let newest = session.newest_input(peer).map_or("-".into(), |(frame, _)| frame.to_string());
    let rtt = stats.rtt.map_or("-".into(), |rtt| format!("{:.1}", rtt.smoothed.as_secs_f64() * 1_000.0));
    let loss = loss_percent(stats).map_or("-".into(), |loss| format!("{loss:.1}"));
    let kbits = float(rates.per_second(rates.totals.bytes_sent * 8)) / 1_000.0;
    format!(
        "frame {:>5}  peer's {newest:>5}  rtt {rtt:>4} ms  {:?}  loss {loss:>4} %  gaps {}  sent {kbits:.1} kbit/s",
        session.next_frame(),
        stats.health,
        stats.gaps,
    )
}

/// How much of what the peer sent did not arrive. The classic wire cannot tell.
fn loss_percent(stats: &PeerStats) -> Option<f64> {
    let lost = float(stats.inbound_lost?);
    Some(100.0 * lost / (lost + float(stats.totals.packets_received)).max(1.0))
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which no counter here reaches")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// Figures by name, in the order in which they are shown: one `name=value` in each line.
#[derive(Default)]
pub(crate) struct Summary(Vec<(String, String)>);

impl Summary {
    pub(crate) fn add(&mut self, name: &str, value: impl fmt::Display) {
        self.0.push((name.into(), value.to_string()));
    }

    /// Adds a value if it is known.
    pub(crate) fn add_known(&mut self, name: &str, value: Option<impl fmt::Display>) {
        match value {
            Some(value) => self.add(name, value),
            None => self.add(name, "unknown"),
        }
    }

    /// Reads the lines that a summary is shown in.
    pub(crate) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let pairs = lines.filter_map(|line| line.split_once('=')).filter(|(name, _)| !name.contains(' '));
        Self(pairs.map(|(name, value)| (name.into(), value.into())).collect())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// Whether there was a peer, and each input that it told was the one that its player pushed, once and, on the compact
    /// wire, in order and without a gap.
    pub(crate) fn is_right(&self) -> bool {
        self.found_nothing_wrong().unwrap_or(false)
    }

    fn found_nothing_wrong(&self) -> Option<bool> {
        let accounted = self.count("missing")? == self.count("lost")? + self.count("gaps")?;
        let complete = self.count("missing")? == 0 && self.count("late")? == 0;
        let right = self.count("wrong")? == 0 && accounted && (complete || self.get("wire")? == "classic");
        Some(right && self.get("connected")? == "true")
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&lines.join("\n"))
    }
}
