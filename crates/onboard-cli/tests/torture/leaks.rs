//! What runs take of the host, counted: nothing of it may be left when they have ended.

use crate::processes;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What is counted, and where.
pub struct Place<'a> {
    pub daemon: i32,
    /// On every agent's command line.
    pub marker: &'a str,
    /// The name of this daemon's control groups.
    pub instance: String,
    /// Folders in which nothing may pile up.
    pub folders: [(&'static str, PathBuf); 3],
}

/// How many there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, usize>);

impl Place<'_> {
    /// Counts now.
    pub fn count(&self) -> Counts {
        let mut counts = Counts::default();
        for kind in descriptors(self.daemon) {
            counts.add(&format!("descriptors: {kind}"), 1);
        }
        let table = |name: &str| lines(&proc(self.daemon, name));
        counts.add("threads", entries(&proc(self.daemon, "task")));
        counts.add("mounts", table("mountinfo"));
        counts.add("network interfaces", table("net/dev"));
        let all = processes::all();
        let children = || all.iter().filter(|process| process.parent == self.daemon);
        counts.add("children", children().filter(|child| !child.is_dead).count());
        counts.add("zombies", children().filter(|child| child.is_dead).count());
        counts.add("namespaces", self.namespaces(&all));
        counts.add("control groups", groups(Path::new("/sys/fs/cgroup"), &self.instance));
        for (name, folder) in &self.folders {
            counts.add(name, entries(folder));
        }
        counts
    }

    /// Namespaces of the daemon, of its processes and of all agents. One that no process is in is
    /// kept by a descriptor or a mount, which are counted as such.
    fn namespaces(&self, all: &[processes::Process]) -> usize {
        let mut family = BTreeSet::from([self.daemon]);
        // Each pass finds one generation more.
        while all
            .iter()
            .any(|process| family.contains(&process.parent) && family.insert(process.pid))
        {}
        family.extend(all.iter().filter(|p| p.command.contains(self.marker)).map(|p| p.pid));
        let links = |pid| fs::read_dir(proc(pid, "ns")).into_iter().flatten().flatten();
        let named = family.into_iter().flat_map(links);
        let distinct: BTreeSet<PathBuf> =
            named.filter_map(|link| fs::read_link(link.path()).ok()).collect();
        distinct.len()
    }
}

impl Counts {
    fn add(&mut self, kind: &str, count: usize) {
        *self.0.entry(kind.into()).or_default() += count;
    }

    /// Of what there is more than there was.
    pub fn more_than(&self, before: &Counts) -> Vec<String> {
        let grown = self.0.iter().filter_map(|(kind, now)| {
            let then = before.0.get(kind).copied().unwrap_or_default();
            (*now > then).then(|| format!("{kind}: {then} before, {now} now"))
        });
        grown.collect()
    }

    /// Numbers of both by kind, the descriptors as one.
    pub fn beside(&self, before: &Counts) -> Table {
        let mut rows: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (counts, is_before) in [(before, true), (self, false)] {
            for (kind, count) in &counts.0 {
                let row = rows.entry(kind.split(':').next().unwrap_or(kind)).or_default();
                *(if is_before { &mut row.0 } else { &mut row.1 }) += count;
            }
        }
        Table(rows.into_iter().map(|(kind, (then, now))| (kind.into(), then, now)).collect())
    }
}

/// Kinds with their numbers before and after.
pub struct Table(Vec<(String, usize, usize)>);

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:<20} {:>6} {:>6}", "", "before", "after")?;
        self.0
            .iter()
            .try_for_each(|(kind, then, now)| writeln!(f, "  {kind:<20} {then:>6} {now:>6}"))
    }
}

fn proc(pid: i32, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

/// What each open descriptor is, without its number: `socket`, `/dev/fuse`, `net`, a file.
fn descriptors(pid: i32) -> Vec<String> {
    let links = fs::read_dir(proc(pid, "fd")).expect("the daemon's descriptors").flatten();
    let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    targets
        .map(|target| {
            let text = target.to_string_lossy();
            // `socket:[42]`; in `anon_inode:[eventfd]` the brackets have the kind.
            match text.split_once(":[") {
                Some(("anon_inode", kind)) => kind.trim_end_matches(']').into(),
                Some((kind, _)) => kind.into(),
                None => text.into_owned(),
            }
        })
        .collect()
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, |entries| entries.flatten().count())
}

fn lines(file: &Path) -> usize {
    fs::read_to_string(file).map_or(0, |text| text.lines().count())
}

/// Folders below those of this daemon, in every hierarchy.
fn groups(folder: &Path, instance: &str) -> usize {
    let Ok(inside) = fs::read_dir(folder) else { return 0 };
    let folders =
        inside.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders
        .map(|entry| {
            let counted = entry.file_name() == *instance;
            let own = if counted { folders_in(&entry.path()) } else { 0 };
            own + groups(&entry.path(), instance)
        })
        .sum()
}

fn folders_in(folder: &Path) -> usize {
    let inside = fs::read_dir(folder).into_iter().flatten().flatten();
    inside.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).count()
}
