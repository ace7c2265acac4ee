//! Waking on change: one thread that hears of changes in projects and looks again.
//!
//! Where the host can't tell (too many watches, a network file system), the project is looked at
//! once a minute instead, and the daemon's log says why.

use crate::answering::Answering;
use crate::handle::Wake;
use crate::input::Input;
use crate::observe::{GitFolders, git_folders, observe};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use onboard_domain::ProjectId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Time from the first change to the look: a commit touches several files in a row.
const SETTLE: Duration = Duration::from_millis(300);
/// How often a project is looked at that can't be watched.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Changed paths that wait to be dealt with; beyond, everything is looked at.
const HEARD_MAX: usize = 1024;
/// What [`observe`] reads of a git folder, beside `refs` and `reftable`, and their first appearance.
const GIT_FILES: [&str; 6] = ["HEAD", "packed-refs", "shallow", "commondir", "refs", "reftable"];
/// What [`observe`] reads beside them; and the policy, which is read again after each look.
const PLAN_FILES: [&str; 3] = ["plan.yaml", "config.yaml", "policy.yaml"];

/// What the watching thread is told.
pub(crate) enum Watch {
    /// Watch this project, and look at it now.
    Project { project: ProjectId, root: PathBuf },
    /// Something changed: see what was heard.
    Heard,
}

/// Paths that changed and were not dealt with yet.
#[derive(Default)]
struct Heard {
    paths: BTreeSet<PathBuf>,
    /// Too many to tell, or the host dropped news: look at everything.
    everything: bool,
}

impl Heard {
    /// Adds a path, or everything; true when the thread has to be told.
    fn add(&mut self, path: Option<PathBuf>) -> bool {
        let first = self.paths.is_empty() && !self.everything;
        match path {
            Some(path) if self.paths.len() < HEARD_MAX => {
                self.paths.insert(path);
            }
            _ => {
                self.paths.clear();
                self.everything = true;
            }
        }
        first
    }
}

/// A project's folders, as they are watched: without links, as the host names them in its news.
struct Watched {
    /// As the state names it.
    root: PathBuf,
    real: PathBuf,
    git: Option<GitFolders>,
    /// Why changes can't be heard of here; then it is polled.
    deaf: Option<String>,
}

/// The thread's own state.
pub(crate) struct Watching {
    news: Receiver<Watch>,
    wakes: SyncSender<Wake>,
    watcher: Option<RecommendedWatcher>,
    heard: Arc<Mutex<Heard>>,
    projects: BTreeMap<ProjectId, Watched>,
    stale: BTreeSet<ProjectId>,
    /// When the stale ones are looked at.
    look_at: Option<Instant>,
    /// Projects that may not answer any more: one of them leaves the others watched.
    answering: Answering,
}

impl Watching {
    /// Prepares the thread; `own` is the way into its own channel, for the host's news. It ends
    /// when nobody else has one.
    pub(crate) fn new(
        news: Receiver<Watch>,
        own: Weak<Sender<Watch>>,
        wakes: SyncSender<Wake>,
    ) -> Watching {
        let heard = Arc::<Mutex<Heard>>::default();
        let told = Arc::clone(&heard);
        let hear = move |event: notify::Result<notify::Event>| {
            let paths = match event {
                Ok(event) if event.need_rescan() => vec![None],
                Ok(event) if event.kind.is_access() => return,
                Ok(event) => event.paths.into_iter().map(Some).collect(),
                Err(_) => vec![None],
            };
            let mut heard = told.lock().unwrap_or_else(PoisonError::into_inner);
            let mut first = false;
            for path in paths {
                first |= heard.add(path);
            }
            if first && let Some(own) = own.upgrade() {
                // A receiver that is gone has nothing to look at.
                drop(own.send(Watch::Heard));
            }
        };
        let watcher = notify::recommended_watcher(hear).ok();
        Watching {
            news,
            wakes,
            watcher,
            heard,
            projects: BTreeMap::new(),
            stale: BTreeSet::new(),
            look_at: None,
            answering: Answering::default(),
        }
    }

    /// Runs until the daemon ends.
    pub(crate) fn run(mut self) {
        let mut look_at_deaf = now() + LOOK_EVERY;
        loop {
            match self.news.recv_timeout(self.patience(look_at_deaf)) {
                Ok(news) => self.accept(news),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if now() >= look_at_deaf {
                look_at_deaf = now() + LOOK_EVERY;
                self.mark_deaf();
            }
            if self.look_at.is_some_and(|at| now() >= at) {
                self.look_at = None;
                if !self.look() {
                    return;
                }
            }
            if self.look_at.is_none() && !self.stale.is_empty() {
                self.look_at = Some(now() + SETTLE);
            }
        }
    }

    /// How long to wait for more: until the look that is due, until a poll is due, else for news
    /// alone.
    fn patience(&self, look_at_deaf: Instant) -> Duration {
        if let Some(at) = self.look_at {
            return at.saturating_duration_since(now());
        }
        if self.projects.values().any(|watched| watched.deaf.is_some()) {
            return look_at_deaf.saturating_duration_since(now());
        }
        Duration::MAX
    }

    fn accept(&mut self, news: Watch) {
        match news {
            Watch::Project { project, root } => {
                self.watch(project, root);
                self.stale.insert(project);
            }
            Watch::Heard => {
                let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
                let Heard { paths, everything } = std::mem::take(&mut *heard);
                drop(heard);
                let concerned = self.projects.iter().filter(|(_, watched)| {
                    everything || paths.iter().any(|path| watched.is_concerned(path))
                });
                self.stale.extend(concerned.map(|(project, _)| *project));
            }
        }
    }

    /// Watches a project's folders. Watching a folder again is cheap, and the only way to be sure
    /// of one that was removed and made anew.
    fn watch(&mut self, project: ProjectId, root: PathBuf) {
        let place = root.clone();
        let found = self.answering.ask(&root, move || find(&place));
        let (real, git, folders, mut deaf) = match found {
            Ok((real, git, folders)) => {
                let is_gone = folders.is_empty().then(|| "the folder is not there".to_string());
                (real, git, folders, is_gone)
            }
            Err(silent) => (root.clone(), None, Vec::new(), Some(silent)),
        };
        for (folder, mode) in folders {
            let heard = match &mut self.watcher {
                Some(watcher) => watcher.watch(&folder, mode).map_err(|error| error.to_string()),
                None => Err("the host offers no file notifications".into()),
            };
            if let Err(why) = heard {
                deaf = Some(why);
            }
        }
        let before = self.projects.get(&project).and_then(|watched| watched.deaf.clone());
        if let Some(why) = deaf.as_ref().filter(|why| Some(*why) != before.as_ref()) {
            let every = LOOK_EVERY.as_secs();
            eprintln!("{}: {why}; it is looked at every {every} s instead", root.display());
        }
        self.projects.insert(project, Watched { root, real, git, deaf });
    }

    fn mark_deaf(&mut self) {
        let deaf = self.projects.iter().filter(|(_, watched)| watched.deaf.is_some());
        self.stale.extend(deaf.map(|(project, _)| *project));
    }

    /// Looks at what may have changed; false when the loop has ended.
    fn look(&mut self) -> bool {
        for project in std::mem::take(&mut self.stale) {
            let Some(watched) = self.projects.get(&project) else { continue };
            let root = watched.root.clone();
            // Before the look: what changes in between is heard.
            self.watch(project, root.clone());
            let place = root.clone();
            let seen = match self.answering.ask(&root, move || observe(&place)) {
                Ok(seen) => seen,
                Err(silent) => {
                    // Looked at again with those that can't be watched.
                    if let Some(watched) = self.projects.get_mut(&project) {
                        watched.deaf = Some(silent);
                    }
                    continue;
                }
            };
            let input = Input::Observed { project, git: seen.git, plan: seen.plan };
            if self.wakes.send(Wake::Input(input)).is_err() {
                return false;
            }
        }
        true
    }
}

/// A project's folders without links, its git folders, and what is to be watched and how.
fn find(root: &Path) -> (PathBuf, Option<GitFolders>, Vec<(PathBuf, RecursiveMode)>) {
    let real = std::fs::canonicalize(root).unwrap_or_else(|_| root.into());
    let git = git_folders(&real).map(real_folders);
    let folders = folders_to_watch(&real, git.as_ref());
    (real, git, folders)
}

impl Watched {
    /// Whether a change at this path may change what [`observe`] sees. Git's index and locks, which
    /// change with every `git status`, are none of it.
    fn is_concerned(&self, path: &Path) -> bool {
        let beside = |folder: &Path, names: &[&str]| {
            path.parent() == Some(folder)
                && path.file_name().is_some_and(|name| names.iter().any(|known| name == *known))
        };
        let own = self.real.join(".ai_onboard");
        if path == own || path == self.real.join(".git") || beside(&own, &PLAN_FILES) {
            return true;
        }
        let Some(git) = &self.git else { return false };
        let is_lock = path.extension().is_some_and(|end| end == "lock");
        [&git.own, &git.common].into_iter().any(|folder| {
            let inside = |name| path.starts_with(folder.join(name)) && !is_lock;
            beside(folder, &GIT_FILES) || inside("refs") || inside("reftable")
        })
    }
}

fn real_folders(git: GitFolders) -> GitFolders {
    let real = |path: PathBuf| std::fs::canonicalize(&path).unwrap_or(path);
    GitFolders { own: real(git.own), common: real(git.common) }
}

/// The folders whose changes matter: HEAD, refs, the plan, and the root for their first appearance.
fn folders_to_watch(root: &Path, git: Option<&GitFolders>) -> Vec<(PathBuf, RecursiveMode)> {
    let mut folders = vec![
        (root.to_path_buf(), RecursiveMode::NonRecursive),
        (root.join(".ai_onboard"), RecursiveMode::NonRecursive),
    ];
    if let Some(git) = git {
        folders.push((git.common.join("refs"), RecursiveMode::Recursive));
        for folder in [&git.common, &git.own] {
            folders.push((folder.clone(), RecursiveMode::NonRecursive));
            folders.push((folder.join("reftable"), RecursiveMode::NonRecursive));
        }
    }
    folders.retain(|(folder, _)| folder.is_dir());
    folders
}

#[allow(clippy::disallowed_methods, reason = "a thread's own patience, not the journal's time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Observed;
    use std::sync::mpsc::{channel, sync_channel};

    /// A machine under load may be slow; a change that takes longer is never seen.
    const PATIENCE: Duration = Duration::from_secs(20);

    struct Scene {
        folder: tempfile::TempDir,
        watch: Option<Arc<Sender<Watch>>>,
        wakes: Receiver<Wake>,
        thread: std::thread::JoinHandle<()>,
    }

    impl Scene {
        fn new() -> Scene {
            let (send, receive) = channel();
            let (send_wakes, wakes) = sync_channel(16);
            let send = Arc::new(send);
            let own = Arc::downgrade(&send);
            let thread = std::thread::spawn(move || Watching::new(receive, own, send_wakes).run());
            Scene { folder: tempfile::tempdir().unwrap(), watch: Some(send), wakes, thread }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.folder.path().join(path)
        }

        /// Watches a project until its present look was seen.
        fn project(&self, id: u32, path: &str) {
            let watch = Watch::Project { project: ProjectId(id), root: self.at(path) };
            self.watch.as_ref().unwrap().send(watch).unwrap();
            self.sees(id, path);
        }

        /// Waits until the project was seen as it is.
        #[track_caller]
        fn sees(&self, id: u32, path: &str) {
            let wanted = observe(&self.at(path));
            let end = now() + PATIENCE;
            loop {
                let left = end.saturating_duration_since(now());
                match self.wakes.recv_timeout(left) {
                    Ok(Wake::Input(Input::Observed { project, git, plan })) => {
                        if project == ProjectId(id) && (Observed { git, plan }) == wanted {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(error) => panic!("{path} was not seen as it is: {error}"),
                }
            }
        }

        /// Does something that changes the project, and waits until that is seen.
        #[track_caller]
        fn changes(&self, id: u32, path: &str, change: impl FnOnce()) {
            let before = observe(&self.at(path));
            change();
            assert_ne!(observe(&self.at(path)), before, "nothing to see");
            self.sees(id, path);
        }

        #[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test's own git")]
        fn git(&self, path: &str, arguments: &[&str]) {
            let output = std::process::Command::new("git")
                .current_dir(self.at(path))
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .env("HOME", self.folder.path())
                .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
                .args(["-c", "init.defaultBranch=main"])
                .args(arguments)
                .output()
                .expect("git");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }

        fn commit(&self, path: &str) {
            self.git(path, &["commit", "--quiet", "--allow-empty", "-m", "more"]);
        }
    }

    fn write(path: PathBuf, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_repository_is_followed_from_its_first_commit_on() {
        let scene = Scene::new();
        std::fs::create_dir(scene.at("loom")).unwrap();
        scene.project(0, "loom");
        scene.changes(0, "loom", || scene.git("loom", &["init", "--quiet"]));
        scene.changes(0, "loom", || scene.commit("loom"));
        scene.changes(0, "loom", || scene.git("loom", &["branch", "deep/in/a/folder"]));
        scene.changes(0, "loom", || scene.git("loom", &["switch", "--quiet", "deep/in/a/folder"]));
        scene.changes(0, "loom", || scene.commit("loom"));
        scene.changes(0, "loom", || scene.git("loom", &["pack-refs", "--all"]));
        scene.changes(0, "loom", || scene.commit("loom"));
    }

    #[test]
    fn a_plan_is_seen_also_in_a_folder_that_was_made_anew() {
        let scene = Scene::new();
        std::fs::create_dir(scene.at("loom")).unwrap();
        scene.project(0, "loom");
        let plan = || scene.at("loom/.ai_onboard/plan.yaml");
        scene.changes(0, "loom", || write(plan(), "milestones: []\n"));
        scene.changes(0, "loom", || write(plan(), "milestones: [1]\n"));
        scene.changes(0, "loom", || std::fs::remove_dir_all(scene.at("loom/.ai_onboard")).unwrap());
        scene.changes(0, "loom", || write(plan(), "milestones: [2]\n"));
        scene.changes(0, "loom", || write(plan(), "milestones: [3]\n"));
    }

    #[test]
    fn two_work_trees_of_one_repository_both_hear_of_it() {
        let scene = Scene::new();
        std::fs::create_dir(scene.at("main")).unwrap();
        scene.git("main", &["init", "--quiet"]);
        scene.commit("main");
        scene.git("main", &["worktree", "add", "--quiet", "../side", "-b", "side"]);
        scene.project(0, "main");
        scene.project(1, "side");
        scene.changes(1, "side", || scene.commit("side"));
        scene.changes(0, "main", || scene.commit("main"));
        scene.changes(1, "side", || scene.git("main", &["branch", "more"]));
        scene.changes(1, "side", || scene.git("side", &["switch", "--quiet", "more"]));
    }

    #[test]
    fn what_git_status_writes_is_no_news() {
        let watched = Watched {
            root: "/p".into(),
            real: "/p".into(),
            git: Some(GitFolders { own: "/p/.git".into(), common: "/p/.git".into() }),
            deaf: None,
        };
        let concerned = |path: &str| watched.is_concerned(Path::new(path));
        for path in [
            "/p/.git",
            "/p/.git/HEAD",
            "/p/.git/packed-refs",
            "/p/.git/refs",
            "/p/.git/refs/heads/a",
            "/p/.git/reftable/tables.list",
            "/p/.ai_onboard",
            "/p/.ai_onboard/plan.yaml",
        ] {
            assert!(concerned(path), "{path}");
        }
        for path in [
            "/p/.git/index",
            "/p/.git/index.lock",
            "/p/.git/refs/heads/a.lock",
            "/p/src/main.rs",
            "/p/.ai_onboard/cache",
            "/p/.git/objects/ab",
            "/q/.git/HEAD",
        ] {
            assert!(!concerned(path), "{path}");
        }
    }

    #[test]
    fn news_beyond_the_bound_are_a_look_at_everything() {
        let mut heard = Heard::default();
        assert!(heard.add(Some("/p/0".into())));
        for index in 1..=HEARD_MAX {
            assert!(!heard.add(Some(format!("/p/{index}").into())));
        }
        assert_eq!((heard.paths.len(), heard.everything), (0, true));
    }

    #[test]
    fn the_thread_ends_with_the_daemon() {
        let mut scene = Scene::new();
        scene.watch = None;
        scene.thread.join().unwrap();
    }
}
