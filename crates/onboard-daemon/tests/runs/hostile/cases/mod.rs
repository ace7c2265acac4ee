//! The table of attacks. The numbers are those of the list in `docs/safety.md`.

mod files;
mod kernel;
mod network;
mod output;
mod processes;
mod programs;
mod resources;

use super::Case;

/// Why nothing is on record, where nothing is.
const ABSENT: &str = "what is not there has nobody to tell of it";
const OWN: &str = "the kernel's ordinary answer, reached by mistake too";
const REFUSED: &str = "without control groups an allocation fails, which is an ordinary error";
const ENDS: &str = "a tree ends with its run, whatever it is";
const HONEST: &str = "honest work";
const NO_EFFECT: &str = "honest programs do it all the time, and it does nothing";
const NOT_STARTED: &str = "the run is not started, and its outcome says why";

/// Every case, by its subject.
pub fn all() -> Vec<Case> {
    let subjects = [
        files::all(),
        programs::all(),
        kernel::all(),
        processes::all(),
        resources::all(),
        network::all(),
        output::all(),
    ];
    subjects.into_iter().flatten().collect()
}
