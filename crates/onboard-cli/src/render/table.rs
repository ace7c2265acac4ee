//! Columns: an uppercase header, two spaces between, no lines; cut only on a terminal.

use super::{Ink, Look, chars};
use onboard_validation::show;

/// Two spaces: enough to tell columns apart, and easy for `awk`.
const GAP: usize = 2;

/// The narrowest a cut column gets.
const NARROWEST: usize = 8;

/// A table of texts.
#[derive(Debug)]
pub struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<(String, Option<Ink>)>>,
}

impl Table {
    /// A table without rows.
    pub fn new(header: &[&'static str]) -> Table {
        Table { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; cells without ink are drawn plainly.
    pub fn row(&mut self, cells: Vec<(String, Option<Ink>)>) {
        let shown = |(text, ink): (String, _)| (show::line(&text).into_owned(), ink);
        self.rows.push(cells.into_iter().map(shown).collect());
    }

    /// The table as text; on a terminal the widest columns are cut until it fits.
    pub fn draw(&self, look: &Look) -> String {
        let mut widths: Vec<usize> = self.header.iter().map(|name| chars(name)).collect();
        for row in &self.rows {
            for (width, (text, _)) in widths.iter_mut().zip(row) {
                *width = (*width).max(chars(text));
            }
        }
        if let Some(room) = look.width {
            fit(&mut widths, room);
        }
        let header = self.header.iter().map(|name| ((*name).to_string(), Some(Ink::Dim)));
        let mut out = line(&header.collect::<Vec<_>>(), &widths, look);
        for row in &self.rows {
            out.push_str(&line(row, &widths, look));
        }
        out
    }
}

/// Takes from the widest column until all fit or none can give.
fn fit(widths: &mut [usize], room: usize) {
    while widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1) > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => return,
        }
    }
}

fn line(cells: &[(String, Option<Ink>)], widths: &[usize], look: &Look) -> String {
    let mut out = String::new();
    for (index, ((text, ink), width)) in cells.iter().zip(widths).enumerate() {
        let text = cut(text, *width);
        let padding = if index + 1 == cells.len() { 0 } else { width + GAP - chars(&text) };
        out.push_str(&ink.map_or_else(|| text.clone(), |ink| look.paint(ink, &text)));
        out.push_str(&" ".repeat(padding));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn cut(text: &str, width: usize) -> String {
    if chars(text) <= width {
        return text.to_string();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}
