//! XML as a run of elements. Nothing that a document defines is believed, and nothing is fetched.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde::{Deserialize, Serialize};

/// Elements inside of one another: results have six.
const DEEPEST: usize = 64;

/// What is wrong in a file, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// Both from 1; 0 where it is about the whole file.
    pub line: usize,
    pub column: usize,
    pub what: String,
}

impl Mistake {
    pub fn at_start(what: impl Into<String>) -> Self {
        Self { line: 0, column: 0, what: what.into() }
    }

    /// At a byte of the text.
    pub fn at(text: &str, byte: usize, what: impl Into<String>) -> Self {
        let before = text.get(..byte.min(text.len())).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        Self { line, column: before[begin..].chars().count() + 1, what: what.into() }
    }
}

/// An element that begins.
pub struct Element<'a> {
    name: String,
    start: BytesStart<'a>,
}

impl Element<'_> {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of an attribute; one that can't be understood is none.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let found = self.start.attributes().flatten().find(|one| one.key.as_ref() == name)?;
        found.normalized_value(XmlVersion::Implicit1_0).ok().map(|value| value.into_owned())
    }

    pub fn number(&self, name: &str) -> Option<u32> {
        self.attribute(name)?.trim().parse().ok()
    }
}

/// What a document consists of.
pub enum Part<'a> {
    Begins(Element<'a>),
    Text(&'a str),
    Ends(&'a str),
}

/// The name of the outermost element; `None` where none begins.
pub fn root(text: &str) -> Option<String> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start) | Event::Empty(start)) => {
                return Some(start.local_name().as_ref().to_owned());
            }
            Ok(Event::Eof) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// Goes through a document.
///
/// # Errors
/// When it is no well-formed XML, or not whole.
pub fn read(text: &str, each: &mut dyn FnMut(Part<'_>)) -> Result<(), Mistake> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut depth = 0_usize;
    loop {
        let event = reader.read_event().map_err(|error| {
            let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
            Mistake::at(text, at, error.to_string())
        })?;
        match event {
            Event::Start(start) => {
                depth += 1;
                if depth > DEEPEST {
                    let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
                    return Err(Mistake::at(text, at, "its elements are nested too deep"));
                }
                let name = start.local_name().as_ref().to_owned();
                each(Part::Begins(Element { name, start }));
            }
            Event::Text(part) => each(Part::Text(&part.into_inner())),
            Event::CData(part) => each(Part::Text(&part.into_inner())),
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                each(Part::Ends(end.local_name().as_ref()));
            }
            Event::Eof if depth > 0 => {
                return Err(Mistake::at(text, text.len(), "it ends in the middle of an element"));
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}
