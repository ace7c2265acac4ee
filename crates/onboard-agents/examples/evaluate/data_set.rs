//! Files of a data set: in a folder, or, where they are not there, as HEAD of the repository there has
//! them, so that a bare clone does.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use onboard_agents::git::Repository;

/// The largest file of either data set is some two megabytes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

pub struct DataSet {
    root: PathBuf,
    stored: Option<(Repository, HashMap<String, ObjectId>)>,
}

impl DataSet {
    pub fn open(root: &str) -> Self {
        let root = PathBuf::from(root);
        let stored = || {
            let repository = Repository::open(&root, None).ok()?;
            let head = ObjectId::from_hex(repository.head_id()?.as_bytes()).ok()?;
            let files = repository.files(head).ok()?.files;
            let files = files.into_iter().map(|file| (file.path, file.blob)).collect();
            Some((repository, files))
        };
        Self { stored: stored(), root }
    }

    /// A file's text; `None` where it is neither here nor there.
    #[allow(clippy::disallowed_methods, reason = "an evaluation reads the files it is given")]
    pub fn text(&self, path: &str) -> Option<String> {
        if let Ok(text) = std::fs::read_to_string(Path::new(&self.root).join(path)) {
            return Some(text);
        }
        let (repository, files) = self.stored.as_ref()?;
        let content = repository.content(*files.get(path)?, MOST_BYTES).ok()??;
        String::from_utf8(content).ok()
    }

    /// A file of JSON.
    pub fn json(&self, path: &str) -> Option<serde_json::Value> {
        serde_json::from_str(&self.text(path)?).ok()
    }

    /// The commit that is read, where it is a repository.
    pub fn head(&self) -> String {
        let head = self.stored.as_ref().and_then(|(repository, _)| repository.head_id());
        head.unwrap_or_else(|| "no repository".to_owned())
    }
}
