//! Data to stdout, everything else to stderr, JSON with its version.

use crate::arguments::{Colour, Global};
use crate::clock;
use crate::failure::{Failure, Kind};
use crate::render::Look;
use anstream::{AutoStream, ColorChoice};
use onboard_web::api::Versioned;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// Prints data. A reader that went away (`| head`) ends the process silently, as other tools do.
///
/// # Errors
/// When stdout can't be written for another reason.
pub fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(Kind::Failed, format!("can't write the output: {error}"))),
    }
}

/// Prints one value as JSON, with its schema version.
///
/// # Errors
/// When stdout can't be written.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    data(&format!("{}\n", encode(&Versioned::new(value))?))
}

/// Prints one value as one line of JSON, as it is.
///
/// # Errors
/// When stdout can't be written.
pub fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    data(&format!("{}\n", encode(value)?))
}

fn encode(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::new(Kind::Failed, error.to_string()))
}

/// Says something that is no data, on stderr. One that can't be written is not missed.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// How to draw for stdout.
pub fn look(global: &Global) -> Look {
    drawn_for(global, io::stdout().is_terminal(), AutoStream::choice(&io::stdout()))
}

/// How to draw for stderr.
pub fn look_of_notes(global: &Global) -> Look {
    drawn_for(global, io::stderr().is_terminal(), AutoStream::choice(&io::stderr()))
}

fn drawn_for(global: &Global, is_terminal: bool, choice: ColorChoice) -> Look {
    let colour = match global.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => !matches!(choice, ColorChoice::Never),
    };
    let width = if is_terminal { columns() } else { None };
    Look { width, colour, now: clock::now(), is_absolute: global.timestamps, zone: zone() }
}

/// What `COLUMNS` says, as other tools have it, else what the terminal does.
fn columns() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    if let Some(width) = said.filter(|width| *width > 0) {
        return Some(width);
    }

    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

fn zone() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::system()
}

/// Whether a person is there who can be asked.
pub fn can_ask(global: &Global) -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal() && !global.no_input
}

/// Asks for a yes on a terminal; true where nobody can be asked.
pub fn confirm(global: &Global, question: &str) -> bool {
    if !can_ask(global) {
        return true;
    }
    let _ = write!(io::stderr().lock(), "{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
