//! Statistics, and tables of them.

use crate::duel::{FRAME_US, Measured};

/// Returns the quantile `part` of the values.
pub fn quantile(values: &mut [u64], part: f64) -> u64 {
    values.sort_unstable();
    values.get(((values.len() as f64 * part) as usize).min(values.len().saturating_sub(1))).copied().unwrap_or(0)
}

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Formats ages in frames: the median, the 99th percentile, the maximum.
pub fn ages(measured: &mut Measured) -> String {
    let mut at = |part| quantile(&mut measured.ages, part) as f64 / FRAME_US as f64;
    format!("{:.1} / {:.1} / {:.1}", at(0.5), at(0.99), at(1.0))
}

/// Prints a row of a table.
pub fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// Prints the head of a table.
pub fn head(cells: &[&str]) {
    println!("| {} |", cells.join(" | "));
    println!("|{}", "---|".repeat(cells.len()));
}
