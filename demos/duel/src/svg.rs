//! Screens as SVG.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// The size of a cell, in hundredths of a unit.
const CELL: (u32, u32) = (840, 1_800);
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d8dbe2";

/// Renders a screen: a rectangle for each run of cells with the same background, a text for each run of the same style.
pub(crate) fn render(buffer: &Buffer) -> String {
    let (width, height) = (u32::from(buffer.area.width) * CELL.0, u32::from(buffer.area.height) * CELL.1);
    let (w, h) = (hundredths(width), hundredths(height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
         aria-label=\"duel, in a terminal\" \
         font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\" \
         xml:space=\"preserve\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in buffer.content.chunks(usize::from(buffer.area.width)).zip(0..) {
        let (cells, y): (&[Cell], u32) = row;
        for (x, run) in runs(cells, |cell| colours(cell).1) {
            if let Some(colour) = colours(&run[0]).1 {
                let (left, top) = (hundredths(x * CELL.0), hundredths(y * CELL.1));
                let (across, down) = (hundredths(count(run) * CELL.0), hundredths(CELL.1));
                let _ = writeln!(
                    svg,
                    "<rect x=\"{left}\" y=\"{top}\" width=\"{across}\" height=\"{down}\" fill=\"{colour}\"/>"
                );
            }
        }
        for (x, run) in runs(cells, |cell| (colours(cell), cell.modifier, cell.symbol() == " ")) {
            text(&mut svg, x, y, run);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Writes one run of text, unless it is blank.
fn text(svg: &mut String, x: u32, y: u32, run: &[Cell]) {
    let symbols: String = run.iter().map(Cell::symbol).collect();
    if symbols.trim().is_empty() {
        return;
    }
    let colour = colours(&run[0]).0.unwrap_or_else(|| FOREGROUND.into());
    let weight = if run[0].modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let symbols = symbols.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (left, base) = (hundredths(x * CELL.0), hundredths(y * CELL.1 + CELL.1 * 3 / 4));
    let length = hundredths(count(run) * CELL.0);
    let _ = writeln!(
        svg,
        "<text x=\"{left}\" y=\"{base}\" textLength=\"{length}\" fill=\"{colour}\"{weight}>{symbols}</text>"
    );
}

/// Splits cells into runs that look the same. Returns each with the column of its first cell.
fn runs<K: PartialEq>(cells: &[Cell], look: impl Fn(&Cell) -> K) -> impl Iterator<Item = (u32, &[Cell])> {
    let mut column = 0;
    cells.chunk_by(move |one, next| look(one) == look(next)).map(move |run| {
        let first = column;
        column += count(run);
        (first, run)
    })
}

fn count(run: &[Cell]) -> u32 {
    u32::try_from(run.len()).unwrap_or(u32::MAX)
}

/// Returns the colours of a cell's symbol and background, where they are not the default ones.
fn colours(cell: &Cell) -> (Option<String>, Option<String>) {
    let (front, back) = (rgb(cell.fg), rgb(cell.bg));
    if cell.modifier.contains(Modifier::REVERSED) {
        (back.or_else(|| Some(BACKGROUND.into())), front.or_else(|| Some(FOREGROUND.into())))
    } else {
        (front, back)
    }
}

/// Converts a colour of the 6x6x6 cube or of the grey ramp.
fn rgb(colour: Color) -> Option<String> {
    let Color::Indexed(index) = colour else { return None };
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    let [red, green, blue] = match index {
        0..=15 => return None,
        16..=231 => [(index - 16) / 36, (index - 16) / 6 % 6, (index - 16) % 6].map(level),
        232.. => [8 + 10 * (index - 232); 3],
    };
    Some(format!("#{red:02x}{green:02x}{blue:02x}"))
}

fn hundredths(number: u32) -> String {
    match (number / 100, number % 100) {
        (whole, 0) => whole.to_string(),
        (whole, part) => format!("{whole}.{part:02}").trim_end_matches('0').into(),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Style};

    use super::{render, rgb};

    #[test]
    fn a_run_of_cells_is_one_text_on_one_background() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 2));
        buffer.set_string(2, 1, "a<b", Style::new().fg(Color::Indexed(231)).bg(Color::Indexed(16)));
        let svg = render(&buffer);
        assert!(svg.contains("<rect x=\"16.8\" y=\"18\" width=\"25.2\" height=\"18\" fill=\"#000000\"/>"), "{svg}");
        assert!(svg.contains("textLength=\"25.2\" fill=\"#ffffff\">a&lt;b</text>"), "{svg}");
        assert_eq!(svg.matches("<text").count(), 1);
    }

    #[test]
    fn indexed_colours_are_those_of_terminals() {
        assert_eq!(rgb(Color::Indexed(74)).as_deref(), Some("#5fafd7"));
        assert_eq!(rgb(Color::Indexed(244)).as_deref(), Some("#808080"));
        assert_eq!(rgb(Color::Reset), None);
    }
}
