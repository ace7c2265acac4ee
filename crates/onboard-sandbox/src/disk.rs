//! The disks behind folders, by the device numbers that throttling wants.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The whole disks behind `paths`, as `major:minor`. A file system without a disk of its own (a
/// network one, one in memory, some that pool disks) has none.
pub fn behind<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    // Most folders are on one device, and naming its disk takes a dozen system calls.
    let devices: BTreeSet<u64> =
        paths.filter_map(|path| Some(std::fs::metadata(path).ok()?.dev())).collect();
    let disks: BTreeSet<String> = devices
        .into_iter()
        .filter_map(|device| whole_disk(libc::major(device), libc::minor(device)))
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

#[cfg(test)]
mod tests {
    use super::behind;

    #[test]
    fn a_disk_is_named_once_however_many_folders_are_on_it() {
        let alone = behind(["/"].into_iter());
        assert!(alone.len() <= 1, "{alone:?}");
        assert_eq!(behind(["/", "/", "/no/such/folder"].into_iter()), alone);
    }
}
