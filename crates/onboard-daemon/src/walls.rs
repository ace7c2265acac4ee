//! What this host can enforce, as the policy's judge wants it; probed once a boot.

use onboard_policy::{Standing, Wall, Walls};
use onboard_sandbox::cgroup::Layout;
use onboard_sandbox::probe::probe;
use onboard_sandbox::{Layer, Status};
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where it is remembered what was found.
const FILE: &str = "walls.json";

/// What each wall of the policy is made of; the weakest layer decides.
const MADE_OF: [(Wall, &[Layer]); 9] = [
    (Wall::Identity, &[Layer::User, Layer::Privileges]),
    (Wall::FileSystem, &[Layer::Files, Layer::ForbiddenPaths, Layer::FileSize]),
    (Wall::Network, &[Layer::Network]),
    (Wall::Processes, &[Layer::Processes, Layer::Names]),
    (Wall::SystemCalls, &[Layer::SystemCalls, Layer::Reports]),
    (Wall::Cpu, &[Layer::Cpu]),
    (Wall::Memory, &[Layer::Memory]),
    (Wall::Pids, &[Layer::Pids]),
    (Wall::Ending, &[Layer::Kill]),
];

/// One layer as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub layer: Layer,
    pub status: Status,
    /// What holds it, or why nothing does.
    pub how: String,
}

/// What was found, and on which boot by which program: another one finds out anew.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Probed {
    key: String,
    found: Vec<Found>,
}

/// What this host can enforce, as found earlier in this boot by this program, or by trying. What
/// a launch needs and does not get ends that launch, so an old answer can't open a hole.
pub fn of_this_boot(runtime: &Path, program: &Path, layout: &Layout) -> Vec<Found> {
    let file = runtime.join(FILE);
    let key = key(program);
    let known = fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Probed>(&text).ok());
    if let Some(known) = known
        && known.key == key
    {
        return known.found;
    }
    let found: Vec<Found> = probe(layout)
        .into_iter()
        .map(|capability| Found {
            layer: capability.layer,
            status: capability.status,
            how: capability.how,
        })
        .collect();
    let probed = Probed { key, found };
    // A trial that failed may have failed for a passing reason: it is made again.
    if probed.found.iter().all(|found| found.status != Status::Absent) {
        remember(&file, &probed);
    }
    probed.found
}

/// Has the next start find out anew.
pub(crate) fn forget(runtime: &Path) {
    // One that stays costs a run that is refused, and is overwritten by the next boot.
    let _ = fs::remove_file(runtime.join(FILE));
}

/// A file that can't be written costs the next start a second, nothing else.
fn remember(file: &PathBuf, probed: &Probed) {
    if let (Some(folder), Ok(text)) = (file.parent(), serde_json::to_vec(probed)) {
        let new = file.with_extension("new");
        let _ = fs::create_dir_all(folder)
            .and_then(|()| fs::write(&new, text))
            .and_then(|()| fs::rename(&new, file));
    }
}

fn key(program: &Path) -> String {
    let boot = onboard_sandbox::boot_id().unwrap_or_default();
    let stamp = fs::metadata(program)
        .map_or((0, 0, 0), |meta| (meta.ino(), meta.len(), meta.mtime_nsec() ^ meta.mtime()));
    let uid = rustix::process::geteuid().as_raw();
    format!("{boot} {stamp:?} {uid}")
}

/// The policy's walls, from the layers they are made of.
pub fn walls(found: &[Found]) -> Walls {
    let standing = |layers: &[Layer]| {
        let mut weakest = Standing::Enforced;
        for layer in layers {
            let found = found.iter().find(|found| found.layer == *layer);
            let why = |found: &Found| format!("{layer}: {}", found.how);
            weakest = match (weakest, found) {
                (absent @ Standing::Absent { .. }, _) => absent,
                (_, None) => Standing::Absent { why: format!("{layer}: not probed") },
                (_, Some(found)) if found.status == Status::Absent => {
                    Standing::Absent { why: why(found) }
                }
                (Standing::Enforced, Some(found)) if found.status == Status::Degraded => {
                    Standing::Degraded { why: why(found) }
                }
                (weakest, Some(_)) => weakest,
            };
        }
        weakest
    };
    MADE_OF.iter().fold(Walls::none(), |walls, (wall, layers)| walls.with(*wall, standing(layers)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weakest_layer_decides() {
        let mut found: Vec<Found> = Layer::ALL
            .into_iter()
            .map(|layer| Found { layer, status: Status::Enforced, how: "held".into() })
            .collect();
        assert_eq!(walls(&found), Walls::all());
        found.iter_mut().find(|f| f.layer == Layer::ForbiddenPaths).unwrap().status =
            Status::Degraded;
        let degraded = Standing::Degraded { why: "forbidden paths: held".into() };
        assert_eq!(walls(&found).standing(Wall::FileSystem), degraded);
        found.retain(|f| f.layer != Layer::Kill);
        let absent = Standing::Absent { why: "kill: not probed".into() };
        assert_eq!(walls(&found).standing(Wall::Ending), absent);
    }
}
