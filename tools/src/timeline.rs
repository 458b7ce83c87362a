//! The timeline of a recording as a picture: what one session pushed, sent, received and delivered, and what it reported.

use std::collections::BTreeMap;
use std::fmt::Write;

use inputwire::PeerId;
use inputwire_record::{Call, Outcome, Replay, Step};

const COLUMNS: u64 = 900;
const LEFT: u64 = 170;
const ROW: u64 = 34;
/// As many events get a line of text of their own.
const LABELS: usize = 60;

/// What a bar of a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Pushed,
    Sent(PeerId),
    Received(PeerId),
    Refused(PeerId),
    Delivered(PeerId),
}

impl Row {
    fn label(self) -> String {
        match self {
            Self::Pushed => "inputs pushed".into(),
            Self::Sent(peer) => format!("peer {peer}: sent"),
            Self::Received(peer) => format!("peer {peer}: received"),
            Self::Refused(peer) => format!("peer {peer}: refused"),
            Self::Delivered(peer) => format!("peer {peer}: inputs"),
        }
    }

    const fn colour(self) -> &'static str {
        match self {
            Self::Pushed => "#4c78a8",
            Self::Sent(_) => "#72b7b2",
            Self::Received(_) => "#54a24b",
            Self::Refused(_) => "#e45756",
            Self::Delivered(_) => "#f58518",
        }
    }
}

/// Everything that the picture shows, with its times in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    rows: BTreeMap<Row, Vec<u64>>,
    events: Vec<(u64, String)>,
    /// For each peer: when, and the smoothed round trip.
    rtts: BTreeMap<PeerId, Vec<(u64, u64)>>,
    times: Option<(u64, u64)>,
}

impl Timeline {
    pub(crate) fn add(&mut self, replay: &Replay<'_>, step: &Step<'_>) {
        let now = step.now.as_micros();
        let row = match (step.call, &step.outcome) {
            (Call::PushInput { .. }, Outcome::Number(_)) => Some(Row::Pushed),
            (_, Outcome::Datagram(peer, _)) => Some(Row::Sent(*peer)),
            (Call::HandleDatagram { from, .. }, Outcome::Nothing) => Some(Row::Received(from)),
            (Call::HandleDatagram { from, .. }, Outcome::Refused(_)) => Some(Row::Refused(from)),
            (_, Outcome::Input(peer, ..)) => Some(Row::Delivered(*peer)),
            _ => None,
        };
        if let Some(row) = row {
            self.rows.entry(row).or_default().push(now);
        }
        match (step.call, &step.outcome) {
            (_, Outcome::Event(event)) => self.events.push((now, event.to_string())),
            (Call::Note(text), _) => self.events.push((now, format!("note: {text}"))),
            (Call::BeginEpoch { epoch, .. }, Outcome::Nothing) => {
                self.events.push((now, format!("epoch {epoch} begins")));
            }
            (Call::Close { .. }, _) => self.events.push((now, "closed here".into())),
            (Call::HandleDatagram { from, .. }, Outcome::Nothing) => {
                if let Some(rtt) = replay.stats(from).and_then(|stats| stats.rtt) {
                    let rtt = u64::try_from(rtt.smoothed.as_micros()).unwrap_or(u64::MAX);
                    self.rtts.entry(from).or_default().push((now, rtt));
                }
            }
            _ => {}
        }
        // Calls without a time have that of the one before; before the first, that is zero.
        if step.call.now().is_some() {
            let (first, last) = self.times.unwrap_or((now, now));
            self.times = Some((first.min(now), last.max(now)));
        }
    }

    /// Draws the picture.
    pub(crate) fn svg(&self, title: &str) -> String {
        let (first, last) = self.times.unwrap_or_default();
        let span = (last - first).max(1);
        let column = |at: u64| {
            let column = u128::from(at.saturating_sub(first)) * u128::from(COLUMNS - 1) / u128::from(span);
            u64::try_from(column).unwrap_or(0).min(COLUMNS - 1)
        };
        let labels = self.events.len().min(LABELS) as u64;
        let graphs = (self.rows.len() + self.rtts.len()) as u64;
        let axis = 40 + graphs * ROW;
        let (width, height) = (LEFT + COLUMNS + 30, axis + 40 + labels * 16);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" font-family=\"ui-monospace, Menlo, Consolas, monospace\" \
             font-size=\"12\">\n<title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"8\" y=\"20\" font-weight=\"bold\">{title}</text>\n",
            title = escape(title),
        );
        for (at, _) in &self.events {
            let x = LEFT + column(*at);
            let _ = writeln!(svg, "<line x1=\"{x}\" y1=\"30\" x2=\"{x}\" y2=\"{axis}\" stroke=\"#cccccc\"/>");
        }
        let mut bottom = 30;
        for (row, times) in &self.rows {
            bottom += ROW;
            let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
            for at in times {
                *counts.entry(column(*at)).or_default() += 1;
            }
            let most = counts.values().copied().max().unwrap_or(1);
            label(&mut svg, bottom, &format!("{} {}", row.label(), times.len()));
            for (x, count) in counts {
                let tall = (count * (ROW - 8)).div_ceil(most);
                let (x, y) = (LEFT + x, bottom - tall);
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"1\" height=\"{tall}\" fill=\"{}\"/>",
                    row.colour()
                );
            }
        }
        for (peer, samples) in &self.rtts {
            bottom += ROW;
            let most = samples.iter().map(|(_, rtt)| *rtt).max().unwrap_or(1).max(1);
            label(&mut svg, bottom, &format!("peer {peer}: rtt, to {} ms", most.div_ceil(1_000)));
            let mut points: BTreeMap<u64, u64> = BTreeMap::new();
            for (at, rtt) in samples {
                let point = points.entry(column(*at)).or_default();
                *point = (*point).max(*rtt);
            }
            let points = points.into_iter().map(|(x, rtt)| {
                let tall = u128::from(rtt) * u128::from(ROW - 8) / u128::from(most);
                format!("{},{}", LEFT + x, bottom - u64::try_from(tall).unwrap_or(0))
            });
            let points = points.collect::<Vec<_>>().join(" ");
            let _ = writeln!(svg, "<polyline points=\"{points}\" fill=\"none\" stroke=\"#b279a2\"/>");
        }
        for tenth in 0..=10 {
            let x = LEFT + (COLUMNS - 1) * tenth / 10;
            let second = seconds(span * tenth / 10);
            let _ = writeln!(
                svg,
                "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"#666666\">{second}</text>",
                axis + 18
            );
        }
        for (index, (at, event)) in (0..).zip(self.events.iter().take(LABELS)) {
            let (y, at) = (axis + 40 + index * 16, seconds(at.saturating_sub(first)));
            let _ = writeln!(svg, "<text x=\"8\" y=\"{y}\">{at:>8} s  {}</text>", escape(event));
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn label(svg: &mut String, bottom: u64, text: &str) {
    let _ = writeln!(svg, "<text x=\"8\" y=\"{}\">{}</text>", bottom - 4, escape(text));
}

fn seconds(micros: u64) -> String {
    format!("{}.{:02}", micros / 1_000_000, micros / 10_000 % 100)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
