//! The output of a player: a line each second, and a summary at the end.

use std::fmt;

use inputwire::{Frame, Health, PeerRef, PeerStats};

use crate::game::INPUT_LEN;

/// Returns the line of each second: the current state, and what happened since the last line.
pub(crate) fn status(next_frame: Frame, peer: PeerRef<'_, INPUT_LEN>, last: &PeerStats) -> String {
    let stats = peer.stats();
    if stats.health == Health::Connecting {
        let refused = stats.totals.refused.iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0);
        return match refused {
            Some((reason, count)) => format!("no peer yet; {count} datagrams refused: {reason}"),
            None => "no peer yet".into(),
        };
    }
    let delta = stats.since(last);
    let latest = peer.latest_input().map_or("-".into(), |(frame, _)| frame.to_string());
    let rtt = stats.rtt.map_or("-".into(), |rtt| format!("{:.1}", rtt.smoothed.as_secs_f64() * 1_000.0));
    let loss = loss_percent(&stats).map_or("-".into(), |loss| format!("{loss:.1}"));
    let kbits = float(delta.per_second(delta.totals.bytes_sent * 8)) / 1_000.0;
    format!(
        "frame {:>5}  peer's {latest:>5}  rtt {rtt:>4} ms  {:?}  loss {loss:>4} %  missing {}  sent {kbits:.1} kbit/s",
        next_frame.get(),
        stats.health,
        stats.missing,
    )
}

/// Returns the share of the peer's datagrams that did not arrive. The classic wire does not know it.
fn loss_percent(stats: &PeerStats) -> Option<f64> {
    let lost = float(stats.inbound_lost?);
    Some(100.0 * lost / (lost + float(stats.totals.packets_received)).max(1.0))
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which no counter here reaches")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// Figures by name, in the order of printing: one `name=value` per line.
#[derive(Default)]
pub(crate) struct Summary(Vec<(String, String)>);

impl Summary {
    pub(crate) fn add(&mut self, name: &str, value: impl fmt::Display) {
        self.0.push((name.into(), value.to_string()));
    }

    /// Adds a value, or `unknown`.
    pub(crate) fn add_option(&mut self, name: &str, value: Option<impl fmt::Display>) {
        match value {
            Some(value) => self.add(name, value),
            None => self.add(name, "unknown"),
        }
    }

    /// Reads a printed summary.
    pub(crate) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let pairs = lines.filter_map(|line| line.split_once('=')).filter(|(name, _)| !name.contains(' '));
        Self(pairs.map(|(name, value)| (name.into(), value.into())).collect())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// Whether there was a peer, and each input was delivered unchanged and once; on the compact wire also in order and with
    /// none missing.
    pub(crate) fn is_right(&self) -> bool {
        self.check().unwrap_or(false)
    }

    fn check(&self) -> Option<bool> {
        let accounted = self.count("undelivered")? == self.count("lost")? + self.count("missing")?;
        let complete = self.count("undelivered")? == 0 && self.count("late")? == 0;
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
