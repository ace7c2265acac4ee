//! The paths that a policy's files name, to be looked at where the project is.

use crate::access::folder_or_not;
use crate::authority::Authority;
use crate::layer::{Layer, Written};
use alloc::string::String;
use onboard_text::Problem;

/// A path as a file names it.
#[derive(Clone, Copy, Debug)]
pub struct NamedPath<'a> {
    layer: &'a Layer,
    written: &'a Written<String>,
    /// Whether it may not be read; otherwise it is read-only.
    pub is_forbidden: bool,
}

impl NamedPath<'_> {
    /// The path, without a `/` at its end.
    pub fn path(&self) -> &str {
        folder_or_not(&self.written.value)
    }

    /// Whether the file says that it is a folder.
    pub fn is_folder(&self) -> bool {
        self.written.value.ends_with('/')
    }

    /// Whose file names it.
    pub fn authority(&self) -> Authority {
        self.layer.authority
    }

    /// A problem with it, at its place.
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        self.layer.document.problem(self.written.span, message)
    }
}

impl Layer {
    /// Every path that the file names, in its order: forbidden ones first.
    pub fn named_paths(&self) -> impl Iterator<Item = NamedPath<'_>> {
        let forbidden = self.forbidden_paths.iter().map(|written| (written, true));
        let read_only = self.read_only_paths.iter().map(|written| (written, false));
        forbidden.chain(read_only).map(|(written, is_forbidden)| NamedPath {
            layer: self,
            written,
            is_forbidden,
        })
    }
}
