//! What is measured, and the table of it.

use std::thread;
use std::time::Duration;

use crate::child::{Frames, Mark, ServerProcess};
use crate::common::AnyError;
use crate::common::crowd::Crowd;
use crate::common::report::{Report, ratio};
use crate::common::usage::pin;
use crate::flood;
use crate::{Kind, Options};

/// A span of time in which one server was measured.
#[derive(Clone, Copy, Debug)]
struct Span {
    before: Mark,
    after: Mark,
    /// On the clock of the crowd.
    begin: u64,
    end: u64,
}

impl Span {
    fn measure(server: &mut ServerProcess, crowd: &mut Crowd, time: Duration) -> Result<Self, AnyError> {
        let (before, begin) = (server.mark()?, crowd.now_us());
        crowd.run(time)?;
        Ok(Self { before, after: server.mark()?, begin, end: crowd.now_us() })
    }

    fn seconds(&self) -> f64 {
        ratio(self.end - self.begin, 1_000_000)
    }

    /// A difference per client and second.
    fn each(&self, count: impl Fn(&Mark) -> u64) -> f64 {
        ratio(count(&self.after) - count(&self.before), self.after.clients) / self.seconds()
    }

    fn user(&self) -> f64 {
        self.each(|mark| mark.usage.user_us)
    }

    fn system(&self) -> f64 {
        self.each(|mark| mark.usage.system_us)
    }

    fn core_percent(&self) -> f64 {
        let used = |mark: &Mark| mark.usage.user_us + mark.usage.system_us;
        ratio(used(&self.after) - used(&self.before), 10_000) / self.seconds()
    }

    fn print(&self, name: &str) {
        println!(
            "{name:<10}{:>9}{:>10.1} us{:>10.1} us{:>10.1} us{:>9.1} %{:>9.1}{:>9.1}",
            self.after.clients,
            self.user(),
            self.system(),
            self.user() + self.system(),
            self.core_percent(),
            self.each(|mark| mark.received),
            self.each(|mark| mark.sent),
        );
    }
}

fn print_head() {
    println!(
        "{:<10}{:>9}{:>13}{:>13}{:>13}{:>11}{:>9}{:>9}",
        "server", "clients", "user", "system", "CPU", "core", "in", "out"
    );
}

pub(crate) fn run(options: &Options) -> Result<bool, AnyError> {
    pin(0, false);
    let lines = options.lines;
    println!(
        "{} clients, one way {} to {} ms, up to {} ms of jitter, {} % loss each way; {:?} after {:?} of warm-up.\n\
         CPU is microseconds a second for each client; in and out are datagrams a second for each client.\n",
        options.clients,
        lines.nearest_us / 1_000,
        lines.farthest_us / 1_000,
        lines.jitter_us / 1_000,
        lines.loss / 10,
        options.time,
        options.warm_up,
    );
    let mut is_fine = true;
    let mut ratios = Vec::new();
    for round in 0..options.rounds {
        let mut size = 20;
        let mut with_sessions = None;
        if options.sessions {
            let is_last = round + 1 == options.rounds;
            let (fine, span) = sessions(options, is_last)?;
            is_fine &= fine;
            size = usize::try_from(
                (span.after.sent_bytes - span.before.sent_bytes) / (span.after.sent - span.before.sent).max(1),
            )?;
            with_sessions = Some(span);
        }
        if options.bare {
            let span = bare(options, size)?;
            if let Some(with) = with_sessions {
                ratios.push((with.user() + with.system()) / (span.user() + span.system()));
                println!("{:<10}{:>9.3} times the CPU of bare\n", "ratio", ratios[ratios.len() - 1]);
            }
        }
    }
    ratios.sort_unstable_by(f64::total_cmp);
    if ratios.len() > 1 {
        println!("{:<10}{:>9.3} in the median of {} rounds", "ratio", ratios[ratios.len() / 2], ratios.len());
    }
    Ok(is_fine)
}

fn bare(options: &Options, size: usize) -> Result<Span, AnyError> {
    let mut server = ServerProcess::start(options, Kind::Bare { size })?;
    let mut crowd = Crowd::new(server.address, options.lines, options.seed, 0, options.clients, Some(size))?;
    crowd.run(Duration::from_secs(3).min(options.warm_up))?;
    let span = Span::measure(&mut server, &mut crowd, options.time)?;
    print_head();
    span.print("bare");
    server.finish()?;
    Ok(span)
}

fn sessions(options: &Options, is_last: bool) -> Result<(bool, Span), AnyError> {
    let mut server = ServerProcess::start(options, Kind::Sessions)?;
    let empty = server.mark()?;
    let mut crowd = Crowd::new(server.address, options.lines, options.seed, 0, options.clients, None)?;
    crowd.run(options.warm_up)?;
    let span = Span::measure(&mut server, &mut crowd, options.time)?;
    let mut flooded = None;
    if options.flood > 0 && is_last {
        let (address, count, rate) = (server.address, options.flood, options.flood_rate);
        let flood = thread::spawn(move || flood::send(address, count, rate, 1));
        let time = Duration::from_micros(count.saturating_mul(1_000_000) / rate.max(1));
        let span = Span::measure(&mut server, &mut crowd, time)?;
        let sent = flood.join().map_err(|_| "the flood panicked")??;
        flooded = Some((sent, span));
    }
    crowd.run(Duration::from_millis(500))?;
    server.close();
    crowd.run(Duration::from_secs(1))?;
    let heard = crowd.players().filter(|player| player.is_closed()).count();
    let epoch = crowd.epoch_us();
    let frames = server.finish()?;

    println!("{:<14}{:>11}{:>11}{:>10}{:>14}", "press to use", "p50", "p99", "inputs", "replaced");
    print_latencies("", options, &crowd, &frames, &span, epoch);
    println!();
    print_head();
    span.print("sessions");
    let bytes = (span.after.usage.resident_kib - empty.usage.resident_kib) * 1_024;
    println!(
        "{:<10}{:>9} bytes for each session; {} hellos refused; {heard} of {} clients heard the goodbye",
        "memory",
        bytes / span.after.clients.max(1),
        span.after.refused,
        options.clients,
    );
    if let Some((sent, flooded)) = flooded {
        println!(
            "\nflood of {sent} datagrams, {} a second; the server received and refused {} of them",
            options.flood_rate,
            flooded.after.junk - flooded.before.junk,
        );
        print_latencies(", flood", options, &crowd, &frames, &flooded, epoch);
        println!(
            "memory    {} KiB before, {} KiB after; core {:.1} %",
            flooded.before.usage.resident_kib,
            flooded.after.usage.resident_kib,
            flooded.core_percent(),
        );
    }
    println!();
    let all = u64::try_from(options.clients).unwrap_or(u64::MAX);
    Ok((span.after.clients == all && span.after.refused == 0, span))
}

fn print_latencies(name: &str, options: &Options, crowd: &Crowd, frames: &Frames, span: &Span, epoch: u64) {
    let (mut nearest, mut farthest, mut all) = (Report::default(), Report::default(), Report::default());
    // The nearest and the farthest percent, at least one client.
    let few = options.clients.div_ceil(100);
    for (index, player) in crowd.players().enumerate() {
        let used_at = |frame: usize| Some(frames.used_at(player.number, frame)?.saturating_sub(epoch));
        let add = |report: &mut Report| report.add(player, span.begin, span.end, used_at);
        if index < few {
            add(&mut nearest);
        }
        if index + few >= options.clients {
            add(&mut farthest);
        }
        add(&mut all);
    }
    for (whose, mut report) in [("nearest", nearest), ("farthest", farthest), ("all", all)] {
        println!(
            "{:<14}{:>8.1} ms{:>8.1} ms{:>10}{:>10} = {:.3} %",
            format!("{whose}{name}"),
            report.percentile(50),
            report.percentile(99),
            report.inputs,
            report.replaced,
            report.replaced_percent(),
        );
    }
}
