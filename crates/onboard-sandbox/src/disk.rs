//! The disks behind folders, by the device numbers that throttling wants.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The whole disks behind `paths`, as `major:minor`. A file system without a disk of its own (a
/// network one, one in memory, some that pool disks) has none.
pub fn behind<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let disks: BTreeSet<String> = paths
        .filter_map(|path| {
            let device = std::fs::metadata(path).ok()?.dev();
            whole_disk(libc::major(device), libc::minor(device))
        })
        .collect();
    disks.into_iter().collect()
}

/// Reads are throttled at the whole disk, so a partition stands for the disk it is on.
fn whole_disk(major: u32, minor: u32) -> Option<String> {
    let entry = Path::new("/sys/dev/block").join(format!("{major}:{minor}"));
    let entry = entry.canonicalize().ok()?;
    let disk = if entry.join("partition").exists() { entry.parent()? } else { &entry };
    Some(std::fs::read_to_string(disk.join("dev")).ok()?.trim().to_owned())
}
