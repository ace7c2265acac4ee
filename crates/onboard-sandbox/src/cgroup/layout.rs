//! Where on this host groups can be created, found by reading and tried by creating.

use super::{Controller, Version};
use crate::layer::Mechanism;
use crate::plan::Mechanisms;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// The folder all groups of this program are under.
const OWN_FOLDER: &str = "ai_onboard";
/// Version 2 allows no processes beside child groups: the caller itself moves here.
const OWN_LEAF: &str = "ai_onboard.host";

/// One hierarchy in which groups can be created.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hierarchy {
    pub version: Version,
    pub controllers: BTreeSet<Controller>,
    /// The caller's own group: new ones go below it, so that limits on the caller hold for them.
    pub own: PathBuf,
}

/// All hierarchies in which groups can be created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub hierarchies: Vec<Hierarchy>,
}

/// One hierarchy's folder of a run, to be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub version: Version,
    pub path: String,
    /// Whether its members stand still until a word in a file of it changes, even if killed.
    pub freezes: bool,
}

/// What a sweep of left-over groups did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Runs whose groups were removed.
    pub removed: BTreeSet<String>,
    /// Runs nobody claims whose groups still hold processes.
    pub inhabited: BTreeSet<String>,
}

impl Layout {
    /// Finds the hierarchies of this host in which the caller may create groups.
    pub fn find() -> io::Result<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        let own = std::fs::read_to_string("/proc/self/cgroup")?;
        let mut layout = Self::parse(&mounts, &own);
        for hierarchy in &mut layout.hierarchies {
            if hierarchy.version == Version::Two {
                hierarchy.controllers = hierarchy.enable_controllers();
            }
        }
        layout.hierarchies.retain(|h| !h.controllers.is_empty() && h.takes_groups());
        Ok(layout)
    }

    /// Reads the kernel's two tables: mounts, and the caller's own groups.
    fn parse(mountinfo: &str, own: &str) -> Self {
        let hierarchies = mountinfo.lines().filter_map(|line| hierarchy(line, own)).collect();
        let mut layout = Self { hierarchies };
        // A hierarchy mounted twice is still one.
        layout.hierarchies.sort();
        layout
            .hierarchies
            .dedup_by(|a, b| a.version == b.version && a.controllers == b.controllers);
        layout
    }

    fn version_of(&self, controller: Controller) -> Option<Version> {
        self.hierarchies.iter().find(|h| h.controllers.contains(&controller)).map(|h| h.version)
    }

    /// What holds each limit here. `disks`: whether there is a disk whose reads can be limited.
    pub fn mechanisms(&self, disks: bool) -> Mechanisms {
        let group = |controller, otherwise| match self.version_of(controller) {
            Some(Version::One) => Mechanism::CgroupV1,
            Some(Version::Two) => Mechanism::CgroupV2,
            None => otherwise,
        };
        let has_v2 = self.hierarchies.iter().any(|h| h.version == Version::Two);
        let no_freezer = if has_v2 { Mechanism::CgroupV2 } else { Mechanism::StopSignals };
        Mechanisms {
            cpu: group(Controller::Cpu, Mechanism::DutyCycle),
            memory: group(Controller::Memory, Mechanism::DataLimitAndSum),
            pids: group(Controller::Pids, Mechanism::ProcessLimit),
            disk_reads: if disks {
                group(Controller::Io, Mechanism::Nothing)
            } else {
                Mechanism::Nothing
            },
            freeze: group(Controller::Freezer, no_freezer),
        }
    }

    /// The folder of one run's group in each hierarchy.
    pub fn places(&self, instance: &str, run: &str) -> Vec<(&Hierarchy, PathBuf)> {
        let place = |h: &Hierarchy| h.own.join(OWN_FOLDER).join(instance).join(run);
        self.hierarchies.iter().map(|h| (h, place(h))).collect()
    }

    /// The same, as the launcher enters them.
    pub(crate) fn entries(&self, instance: &str, run: &str) -> Vec<Entry> {
        let entry = |(hierarchy, path): (&Hierarchy, PathBuf)| Entry {
            version: hierarchy.version,
            path: path.to_string_lossy().into_owned(),
            freezes: hierarchy.controllers.contains(&Controller::Freezer),
        };
        self.places(instance, run).into_iter().map(entry).collect()
    }

    /// Removes the folder of an instance that ends, as far as nothing is in it any more.
    pub fn leave(&self, instance: &str) {
        for hierarchy in &self.hierarchies {
            // One that still holds a run's group stays, and the next start sweeps it.
            let _ = std::fs::remove_dir(hierarchy.own.join(OWN_FOLDER).join(instance));
        }
    }

    /// Removes the groups of runs that `lives` does not claim and that hold no process any more.
    pub fn sweep(&self, instance: &str, lives: impl Fn(&str) -> bool) -> Sweep {
        let mut sweep = Sweep::default();
        for hierarchy in &self.hierarchies {
            let folder = hierarchy.own.join(OWN_FOLDER).join(instance);
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for entry in entries.flatten().filter(|e| e.path().is_dir()) {
                let Ok(run) = entry.file_name().into_string() else { continue };
                if lives(&run) {
                    continue;
                }
                let gone = std::fs::remove_dir(entry.path()).is_ok();
                if gone { &mut sweep.removed } else { &mut sweep.inhabited }.insert(run);
            }
        }
        let inhabited = sweep.inhabited.clone();
        sweep.removed.retain(|run| !inhabited.contains(run));
        sweep
    }
}

impl Hierarchy {
    /// Whether groups can be created: tried, because rights alone do not say it.
    fn takes_groups(&self) -> bool {
        let folder = self.own.join(OWN_FOLDER);
        let trial = folder.join(format!("trial-{}", std::process::id()));
        std::fs::create_dir_all(&folder).is_ok()
            && std::fs::create_dir(&trial).is_ok()
            && std::fs::remove_dir(&trial).is_ok()
    }

    /// Version 2: makes controllers available to child groups; which ones are then.
    fn enable_controllers(&self) -> BTreeSet<Controller> {
        let read = |file: &Path| std::fs::read_to_string(file).unwrap_or_default();
        let control = self.own.join("cgroup.subtree_control");
        let offered = parse_controllers(&read(&self.own.join("cgroup.controllers")));
        // A group with processes of its own hands down some controllers all the same, and then its
        // children take threads alone. The first group of a hierarchy has no kind, and may.
        let is_first = !self.own.join("cgroup.type").exists();
        let is_inhabited = !read(&self.own.join("cgroup.procs")).trim().is_empty();
        if is_inhabited && !is_first && self.step_aside().is_err() {
            return BTreeSet::new();
        }
        for controller in &offered {
            // What is not there after this is reported as not there.
            let _ = std::fs::write(&control, format!("+{}", controller.name(Version::Two)));
        }
        parse_controllers(&read(&control))
    }

    /// Version 2: makes the controllers available in every folder between the caller's own, where they
    /// are, and a run's: a group has those alone that the one above it hands down.
    pub(crate) fn hand_down(&self, run: &Path) -> io::Result<()> {
        if self.version == Version::One || self.controllers.is_empty() {
            return Ok(());
        }
        let names: Vec<String> =
            self.controllers.iter().map(|c| format!("+{}", c.name(Version::Two))).collect();
        let mut between: Vec<&Path> =
            run.ancestors().skip(1).take_while(|folder| *folder != self.own).collect();
        between.reverse();
        between.into_iter().try_for_each(|folder| {
            // Opened, never created: a plain folder in the kernel's place is an error.
            let control = folder.join("cgroup.subtree_control");
            let mut open = std::fs::OpenOptions::new();
            let mut control = open.write(true).truncate(true).open(control)?;
            io::Write::write_all(&mut control, names.join(" ").as_bytes())
        })
    }

    /// Moves the caller to a leaf of its own, if it is alone in its group.
    fn step_aside(&self) -> io::Result<()> {
        let own = std::process::id().to_string();
        let members = std::fs::read_to_string(self.own.join("cgroup.procs"))?;
        if members.split_ascii_whitespace().any(|pid| pid != own) {
            return Err(io::Error::from_raw_os_error(libc::EBUSY));
        }
        let leaf = self.own.join(OWN_LEAF);
        std::fs::create_dir_all(&leaf)?;
        std::fs::write(leaf.join("cgroup.procs"), own)
    }
}

fn parse_controllers(text: &str) -> BTreeSet<Controller> {
    let known = |name: &str| Controller::ALL.into_iter().find(|c| c.name(Version::Two) == name);
    text.split_ascii_whitespace()
        .filter_map(known)
        .filter(|c| !matches!(c, Controller::Cpuacct | Controller::Freezer))
        .collect()
}

/// One line of `mountinfo`, if it is a hierarchy with controllers we use.
fn hierarchy(line: &str, own: &str) -> Option<Hierarchy> {
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ').skip(3);
    let (mount_root, mount_point) = (fields.next()?, fields.next()?);
    let mut kind = after.split(' ');
    let (version, controllers, group) = match kind.next()? {
        "cgroup2" => (Version::Two, BTreeSet::new(), own_group(own, |names| names.is_empty())?),
        "cgroup" => {
            let options: Vec<&str> = kind.nth(1)?.split(',').collect();
            let named = |c: &Controller| options.contains(&c.name(Version::One));
            let controllers: BTreeSet<Controller> =
                Controller::ALL.into_iter().filter(named).collect();
            let name = controllers.first()?.name(Version::One);
            (
                Version::One,
                controllers,
                own_group(own, |names| names.split(',').any(|n| n == name))?,
            )
        }
        _ => return None,
    };
    // In a container the mount shows a part of the hierarchy, and our path starts with that part.
    let visible = group.strip_prefix(mount_root).unwrap_or(group).trim_start_matches('/');
    let mut own = Path::new(mount_point).join(visible);
    if own.ends_with(OWN_LEAF) {
        own.pop();
    }
    Some(Hierarchy { version, controllers, own })
}

/// The path of the caller's group in the hierarchy whose controllers fit.
fn own_group(own: &str, fits: impl Fn(&str) -> bool) -> Option<&str> {
    own.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (names, path) = rest.split_once(':')?;
        fits(names).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(mountinfo: &str, own: &str, expect: Expect) {
        let lines: Vec<String> = Layout::parse(mountinfo, own)
            .hierarchies
            .iter()
            .map(|h| format!("{:?} {:?} {}\n", h.version, h.controllers, h.own.display()))
            .collect();
        expect.assert_eq(&lines.concat());
    }

    #[test]
    fn version_one_one_controller_a_mount() {
        check(
            "31 25 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
             34 25 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
             36 25 0:31 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio\n\
             39 25 0:34 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
             40 25 0:35 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n",
            "4:memory:/service/a\n7:blkio:/\n1:cpu:/\n0::/\n",
            expect![[r#"
                One {Cpu} /sys/fs/cgroup/cpu/
                One {Memory} /sys/fs/cgroup/memory/service/a
                One {Io} /sys/fs/cgroup/blkio/
                Two {} /sys/fs/cgroup/unified/
            "#]],
        );
    }

    #[test]
    fn version_one_shared_mounts_in_a_container() {
        check(
            "31 25 0:26 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
            "3:cpu,cpuacct:/docker/abc/inner\n",
            expect![[r#"
                One {Cpu, Cpuacct} /sys/fs/cgroup/cpu,cpuacct/inner
            "#]],
        );
    }

    #[test]
    fn version_two_from_the_leaf_the_caller_moved_to() {
        check(
            "26 22 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
            "0::/user.slice/user@1000.service/app.slice/x.service/ai_onboard.host\n",
            expect![[r#"
                Two {} /sys/fs/cgroup/user.slice/user@1000.service/app.slice/x.service
            "#]],
        );
    }

    #[test]
    fn version_two_reports_the_controllers_that_came_on() {
        let dir = tempfile::tempdir().expect("folder");
        let own = dir.path().to_owned();
        std::fs::write(own.join("cgroup.controllers"), "cpuset cpu io memory pids\n")
            .expect("file");
        // A plain file keeps only the last request, as a host that delegates one controller would.
        std::fs::write(own.join("cgroup.subtree_control"), "").expect("file");
        let hierarchy = Hierarchy { version: Version::Two, controllers: BTreeSet::new(), own };
        expect![[r#"
            {}
        "#]]
        .assert_debug_eq(&hierarchy.enable_controllers());
        let asked = std::fs::read_to_string(dir.path().join("cgroup.subtree_control"));
        assert_eq!(asked.expect("file"), "+io");
    }

    /// A plain folder can't move anybody, but it shows what is asked of it.
    #[test]
    fn version_two_leaves_a_group_before_it_hands_anything_down() {
        let own = std::process::id();
        let (stranger, both) = (format!("{own}\n1\n"), ["cgroup.type", "cgroup.procs"]);
        let cases = [
            ("alone", format!("{own}\n"), &both[..]),
            ("with a stranger", stranger.clone(), &both[..]),
            ("in the first group", stranger, &both[1..]),
            ("elsewhere", String::new(), &both[..]),
        ];
        let lines = cases.map(|(what, members, files)| {
            let dir = tempfile::tempdir().expect("folder");
            let at = |name: &str| dir.path().join(name);
            for file in files {
                std::fs::write(at(file), &members).expect("file");
            }
            std::fs::write(at("cgroup.controllers"), "cpu").expect("file");
            std::fs::write(at("cgroup.subtree_control"), "").expect("file");
            let (version, controllers) = (Version::Two, BTreeSet::new());
            let hierarchy = Hierarchy { version, controllers, own: dir.path().to_owned() };
            hierarchy.enable_controllers();
            let read = |path| std::fs::read_to_string(path).unwrap_or_default();
            let moved = read(at(OWN_LEAF).join("cgroup.procs")) == own.to_string();
            let asked = read(at("cgroup.subtree_control"));
            format!("{what}: moved {moved}, asked {asked:?}\n")
        });
        expect![[r#"
            alone: moved true, asked "+cpu"
            with a stranger: moved false, asked ""
            in the first group: moved false, asked "+cpu"
            elsewhere: moved false, asked "+cpu"
        "#]]
        .assert_eq(&lines.concat());
    }

    #[test]
    fn version_two_hands_its_controllers_down_to_the_run() {
        let dir = tempfile::tempdir().expect("folder");
        let hierarchy = |version, controllers: &[Controller]| Hierarchy {
            version,
            controllers: controllers.iter().copied().collect(),
            own: dir.path().to_owned(),
        };
        let run = dir.path().join(OWN_FOLDER).join("i").join("r");
        let folders = [dir.path().to_owned(), dir.path().join(OWN_FOLDER), run.join("..")];
        std::fs::create_dir_all(&run).expect("folder");
        for folder in &folders {
            std::fs::write(folder.join("cgroup.subtree_control"), "").expect("file");
        }
        let said = || {
            folders.clone().map(|folder| {
                std::fs::read_to_string(folder.join("cgroup.subtree_control")).expect("file")
            })
        };
        let both = [Controller::Memory, Controller::Cpu];
        hierarchy(Version::One, &both).hand_down(&run).expect("nothing to do");
        hierarchy(Version::Two, &[]).hand_down(&run).expect("nothing to do");
        assert_eq!(said(), ["", "", ""]);
        hierarchy(Version::Two, &both).hand_down(&run).expect("written");
        assert_eq!(said(), ["", "+cpu +memory", "+cpu +memory"]);
        let elsewhere = dir.path().join("plain/i/r");
        std::fs::create_dir_all(&elsewhere).expect("folder");
        assert!(hierarchy(Version::Two, &both).hand_down(&elsewhere).is_err(), "nobody hands down");
    }

    #[test]
    fn a_sweep_leaves_the_living_and_the_inhabited() {
        let dir = tempfile::tempdir().expect("folder");
        let hierarchy = Hierarchy {
            version: Version::Two,
            controllers: [Controller::Cpu].into(),
            own: dir.path().to_owned(),
        };
        let layout = Layout { hierarchies: vec![hierarchy] };
        for run in ["living", "stale", "inhabited"] {
            std::fs::create_dir_all(&layout.places("i", run)[0].1).expect("folder");
        }
        std::fs::write(layout.places("i", "inhabited")[0].1.join("x"), "").expect("file");
        expect![[r#"
            Sweep {
                removed: {
                    "stale",
                },
                inhabited: {
                    "inhabited",
                },
            }
        "#]]
        .assert_debug_eq(&layout.sweep("i", |run| run == "living"));
        layout.leave("i");
        assert!(layout.places("i", "living")[0].1.exists(), "not while a run's group is there");
        std::fs::create_dir_all(layout.places("empty", "run")[0].1.parent().expect("folder"))
            .expect("folder");
        layout.leave("empty");
        assert!(!dir.path().join(OWN_FOLDER).join("empty").exists());
    }
}
