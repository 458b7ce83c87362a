//! Draws the screen.

use inputwire::{Health, PeerStats};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};

use crate::app::App;
use crate::endpoint::Endpoint;
use crate::game::{HEIGHT, WIDTH, is_wall};
use crate::link::Side;
use crate::net::Net;
use crate::scheme::Scheme;
use crate::tape::Fate;

/// The smallest screen that shows everything.
pub(crate) const LEAST: (u16, u16) = (80, 24);
/// The width of the column of figures.
const FIGURES: u16 = 24;
/// The rows of the smallest tape, with its border.
const TAPE: u16 = 5;

/// Colours that can be told apart with any kind of colour vision (after Okabe and Ito).
const BLUE: Color = Color::Indexed(25);
const SKY: Color = Color::Indexed(74);
const YELLOW: Color = Color::Indexed(227);
const VERMILLION: Color = Color::Indexed(166);
const PURPLE: Color = Color::Indexed(175);
const GREEN: Color = Color::Indexed(36);
const GREY: Color = Color::Indexed(244);
const BLACK: Color = Color::Indexed(16);
const WHITE: Color = Color::Indexed(231);

const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const PLAYERS: [Style; 2] = [BOLD.fg(BLACK).bg(PURPLE), BOLD.fg(BLACK).bg(GREEN)];

/// Draws the whole screen.
pub(crate) fn draw<N: Net>(frame: &mut Frame<'_>, app: &mut App<N>) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = format!(
            "duel needs a screen of {}x{}; this one is {}x{}. Enlarge it, or press q to quit.",
            LEAST.0, LEAST.1, area.width, area.height
        );
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
        return;
    }
    let [title, middle, legend, link, help] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(2),
    ])
    .areas(area);
    let [left, right, figures] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1), Constraint::Length(FIGURES)]).areas(middle);

    frame.render_widget(title_line(app.scheme), title);
    frame.render_widget(Line::raw("inputwire duel ").alignment(Alignment::Right), title);
    for (side, area) in Side::BOTH.into_iter().zip([left, right]) {
        draw_endpoint(frame, area, side, app);
    }
    draw_figures(frame, figures, app);
    frame.render_widget(legend_line(), legend);
    frame.render_widget(link_line(app), link);
    frame.render_widget(help_lines(), help);
}

fn title_line(scheme: Scheme) -> Line<'static> {
    let bold = Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED);
    Line::from(vec![Span::styled(format!(" {} ", scheme.name()), bold), Span::raw(format!(" {}", scheme.describe()))])
}

/// Draws an arena, and the tape below it.
fn draw_endpoint<N: Net>(frame: &mut Frame<'_>, area: Rect, side: Side, app: &App<N>) {
    let scale = ((area.width - 2) / cells(WIDTH)).min((area.height - TAPE - 2) / cells(HEIGHT));
    let [upper, lower] =
        Layout::vertical([Constraint::Length(cells(HEIGHT) * scale + 2), Constraint::Min(0)]).areas(area);

    let endpoint = &app.duel.endpoints[side.index()];
    let (status, style) = status(endpoint, app.duel.judge.apart_since);
    let [a, b] = endpoint.shown().tanks.map(|tank| tank.score);
    let block = Block::bordered()
        .border_style(style)
        .title(heading(format!(" {}'s screen ", side.name())))
        .title(heading(format!(" A {a} : {b} B ")).alignment(Alignment::Right))
        .title_bottom(Line::from(Span::styled(format!(" {status} "), style.add_modifier(Modifier::BOLD))));
    draw_arena(frame.buffer_mut(), block.inner(upper), scale, endpoint);
    frame.render_widget(block, upper);

    let counts = endpoint.tape.counts();
    let block = Block::bordered()
        .border_style(GREY)
        .title(heading(format!(" {}'s inputs at {} ", side.other().name(), side.name())))
        .title_bottom(heading(format!(" R {}  L {}  N {} ", counts.rescued, counts.late, counts.never)));
    draw_tape(frame.buffer_mut(), block.inner(lower), endpoint);
    frame.render_widget(block, lower);
}

/// A title, brighter than its border.
fn heading(text: String) -> Line<'static> {
    Line::styled(text, Style::new().fg(Color::Reset))
}

/// Describes the game at one endpoint, in words and in colour.
fn status(endpoint: &Endpoint, apart_since: Option<u32>) -> (String, Style) {
    if endpoint.waiting {
        ("WAITING for the peer".into(), Style::new().fg(SKY))
    } else if let Some(frame) = apart_since {
        (format!("DIVERGED at frame {frame}"), Style::new().fg(VERMILLION))
    } else {
        match endpoint.guessed() {
            0 => ("all inputs known".into(), Style::new()),
            1 => ("guessing 1 frame".into(), Style::new().fg(YELLOW)),
            guessed => (format!("guessing {guessed} frames"), Style::new().fg(YELLOW)),
        }
    }
}

fn draw_arena(buffer: &mut Buffer, area: Rect, scale: u16, endpoint: &Endpoint) {
    let inset = (area.width - cells(WIDTH) * scale) / 2;
    let mut fill = |(x, y): (i32, i32), symbol: &str, style: Style| {
        let corner = (area.x + inset + cells(x) * scale, area.y + cells(y) * scale);
        for (down, across) in (0..scale).flat_map(|down| (0..scale).map(move |across| (down, across))) {
            buffer.set_string(corner.0 + across, corner.1 + down, symbol, style);
        }
    };
    for cell in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y))) {
        if is_wall(cell.0, cell.1) {
            fill(cell, "#", Style::new().fg(GREY));
        }
    }
    for (tank, (style, shot)) in endpoint.shown().tanks.iter().zip(PLAYERS.into_iter().zip(["a", "b"])) {
        if let Some(place) = tank.shot {
            fill(place.cell(), shot, BOLD.fg(style.bg.unwrap_or(WHITE)));
        }
    }
    for (tank, (style, name)) in endpoint.shown().tanks.iter().zip(PLAYERS.into_iter().zip(["A", "B"])) {
        fill(tank.place.cell(), name, style);
    }
}

/// Converts a number of cells of the arena to one of the screen.
fn cells(number: i32) -> u16 {
    u16::try_from(number).unwrap_or(0)
}

/// Draws the tape, which runs to the right and down. The latest frame is in the last row.
fn draw_tape(buffer: &mut Buffer, area: Rect, endpoint: &Endpoint) {
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    if width * height == 0 {
        return;
    }
    // The tape scrolls by whole rows, so that it stands still while it is read.
    let now = endpoint.shown().frame as usize;
    let in_last = (now + width - 1) % width + 1;
    let shown = (now).min(width * (height - 1) + in_last);
    let fates: Vec<Fate> = endpoint.tape.last(endpoint.shown().frame, shown).collect();
    let skipped = shown - fates.len();
    for (index, fate) in fates.into_iter().enumerate() {
        let (row, column) = ((index + skipped) / width, (index + skipped) % width);
        let (symbol, style) = face(fate);
        let position = (area.x + u16::try_from(column).unwrap_or(0), area.y + u16::try_from(row).unwrap_or(0));
        buffer.set_string(position.0, position.1, symbol, style);
    }
}

/// Returns the letter of a fate, and its colour.
fn face(fate: Fate) -> (&'static str, Style) {
    match fate {
        Fate::OnTime => ("·", Style::new().fg(WHITE).bg(BLUE)),
        Fate::Rescued => ("R", Style::new().fg(BLACK).bg(SKY)),
        Fate::Late => ("L", Style::new().fg(BLACK).bg(YELLOW)),
        Fate::Never => ("N", BOLD.fg(WHITE).bg(VERMILLION)),
        Fate::Missing => ("?", Style::new().fg(WHITE).bg(GREY)),
    }
}

fn draw_figures<N: Net>(frame: &mut Frame<'_>, area: Rect, app: &App<N>) {
    let block = Block::bordered().border_style(GREY).title(heading(" what the stats say ".into()));
    let endpoints = &app.duel.endpoints;
    let stats = [endpoints[0].stats(), endpoints[1].stats()];
    let figure = |name: &str, [a, b]: [String; 2]| Line::from(format!("{name:<10}{a:>6}{b:>6}"));
    let of_stats = |read: fn(&PeerStats) -> Option<String>| {
        [&stats[0], &stats[1]].map(|stats| read(stats).unwrap_or_else(|| "-".into()))
    };
    let of_meter = |read: fn(&Endpoint, &PeerStats) -> Option<String>| {
        Side::BOTH.map(|side| read(&endpoints[side.index()], &stats[side.index()]).unwrap_or_else(|| "-".into()))
    };
    let mut lines = vec![
        figure("", ["A".into(), "B".into()]),
        figure("rtt ms", of_stats(|stats| Some(millis(stats.rtt?.smoothed)))),
        figure("jitter ms", of_stats(|stats| Some(millis(stats.jitter?)))),
        figure("loss %", of_meter(|endpoint, stats| endpoint.meter.loss_percent(stats).map(|loss| loss.to_string()))),
        figure("kbit/s out", of_meter(|endpoint, stats| Some(tenths(endpoint.meter.bits_out(stats) / 100)))),
        figure("unacked", of_stats(|stats| Some(stats.unacked.to_string()))),
        figure("waited", of_meter(|endpoint, _| Some(endpoint.waited.to_string()))),
        figure("health", of_stats(|stats| Some(short(stats.health).into()))),
        Line::default(),
        Line::from("never came, of all"),
    ];
    for scheme in Scheme::ALL {
        let score = app.score(scheme);
        let mark = if scheme == app.scheme { ">" } else { " " };
        let figures = match score.judged() {
            0 => "not yet".into(),
            judged => format!("{}/{judged}", score.never),
        };
        let style = if scheme == app.scheme { BOLD } else { Style::new() };
        lines.push(Line::styled(format!("{mark}{:<11}{figures:>10}", scheme.name()), style));
    }
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn millis(span: std::time::Duration) -> String {
    tenths(u64::try_from(span.as_micros() / 100).unwrap_or(u64::MAX))
}

fn tenths(number: u64) -> String {
    format!("{}.{}", number / 10, number % 10)
}

/// Returns a peer's health in at most five letters.
fn short(health: Health) -> &'static str {
    match health {
        Health::Connecting => "new",
        Health::Good => "good",
        Health::Warning => "slow",
        Health::Critical => "SLOW",
        Health::Interrupted => "quiet",
        Health::Disconnected => "gone",
        _ => "?",
    }
}

fn legend_line() -> Line<'static> {
    let meanings = [
        (Fate::OnTime, "on time"),
        (Fate::Rescued, "rescued in time"),
        (Fate::Late, "late, put right"),
        (Fate::Never, "never came"),
        (Fate::Missing, "missing"),
    ];
    let spans = meanings.into_iter().flat_map(|(fate, meaning)| {
        let (symbol, style) = face(fate);
        [Span::styled(symbol, style), Span::raw(format!(" {meaning}   "))]
    });
    std::iter::once(Span::raw(" ")).chain(spans).collect()
}

fn link_line<N: Net>(app: &mut App<N>) -> Line<'static> {
    let now = app.now;
    let knobs = app.duel.net.link().knobs;
    let out = knobs.unplugged_until.saturating_since(now);
    let cable = if out.is_zero() {
        Span::raw("cable in")
    } else {
        let text = format!("CABLE OUT {} s", tenths(u64::try_from(out.as_millis() / 100).unwrap_or(0)));
        Span::styled(text, BOLD.fg(WHITE).bg(VERMILLION))
    };
    let bursts = if knobs.bursts { "on" } else { "off" };
    let text =
        format!(" link: {} % loss   bursts {bursts}   {} ms each way   ", knobs.loss_percent, knobs.delay.as_millis());
    Line::from(vec![Span::raw(text), cable])
}

fn help_lines() -> Paragraph<'static> {
    Paragraph::new(vec![
        Line::from(" 0-9 loss  b bursts  d delay  p pull the cable  m next scheme  r restart  q quit"),
        Line::from(" arrows drive A, space fires; left alone for 3 s, A plays by itself as B does"),
    ])
    .style(BOLD)
}
