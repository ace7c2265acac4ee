//! Performing what was decided: the one place where decisions touch processes.

use crate::answering::Answering;
use crate::attend::{Assignment, Grip, House, attend};
use crate::brokerage::Brokerage;
use crate::clock;
use crate::credentials::Credentials;
use crate::facts::Facts;
use crate::handle::Shared;
use crate::input::{Exit, Input};
use crate::latch::{self, Latch};
use crate::manifests;
use crate::network;
use crate::policies::{Known, Policies, Wanted};
use crate::profile::{ProfileOf, Seen, Unfit, profile};
use crate::step::{is_agreed, is_to_be_put};
use crate::writing::{Writing, failed};
use onboard_domain::hook::{self, Delivery};
use onboard_domain::proposal::Work;
use onboard_domain::spec::Program;
use onboard_domain::state::{Agent, EndedRun, Phase, Run, State, Trigger, Usage};
use onboard_domain::{
    Actor, AgentSpec, Command, Effect, Generation, ProjectId, ProposalId, RunId, Time, Via,
};
use onboard_policy::{Permit, PolicyInForce, Request, Walls, judge};
use onboard_protocol::{Task, WorkCopy};
use onboard_sandbox::{PROJECT_DIR, Permitted};
use onboard_validation::patch::paths::Fence;
use onboard_writer::Order;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

/// The stack of an attendant: it holds no deep recursion, and there may be hundreds.
const ATTENDANT_STACK: usize = 256 * 1024;
/// How often a fault of the latch file is tried again before it is left to the next start.
const LATCH_TRIES: u32 = 3;

/// What performs effects.
pub(crate) struct Effects {
    pub(crate) house: House,
    pub(crate) policies: Policies,
    /// What this host can enforce; `None` until the probe has ended.
    pub(crate) walls: Option<Walls>,
    /// Runs that wait for the probe.
    pub(crate) unprobed: Vec<(RunId, Generation)>,
    /// This program, as agents see it read-only.
    pub(crate) program: PathBuf,
    /// The first part of the control groups' names.
    pub(crate) instance: String,
    pub(crate) grips: BTreeMap<RunId, Grip>,
    /// The policies that runs of this daemon were judged by, by project: hash and origin.
    pub(crate) adopted: BTreeMap<PathBuf, (String, String)>,
    /// Why policies' files are refused, by project, as it was told.
    pub(crate) refused: BTreeMap<PathBuf, String>,
    /// Projects that may not answer any more.
    pub(crate) answering: Answering,
    /// Who works on proposals.
    pub(crate) writing: Writing,
    /// What follows at once from effects of this turn.
    pub(crate) news: Vec<Input>,
    /// The latch as it was when this turn was decided: a lift is of no other.
    pub(crate) latch_seen: latch::Seen,
}

impl Effects {
    /// Performs an effect. Doing it twice is harmless: a run has one grip, and a generation once.
    pub(crate) fn perform(&mut self, shared: &Shared, effect: Effect) {
        match effect {
            Effect::Launch { run, generation } => self.launch(shared, run, generation),
            // Nobody attends to it: its end is on its way.
            Effect::Terminate { run, .. } => {
                if let Some(grip) = self.grips.get(&run) {
                    grip.terminate();
                }
            }
            Effect::Kill { run, generation, .. } => match self.grips.get(&run) {
                Some(grip) => grip.kill(),
                // Nobody attends to it, so nothing of it was ever started.
                None => self.tell(Input::Gone {
                    run,
                    generation,
                    exit: Exit::Fault { why: "it was never started".into() },
                    usage: Usage::default(),
                }),
            },
            Effect::SetLatch { reason } => {
                let latch = Latch { reason, since_ms: clock::wall().0 };
                insist(|| latch::set(&shared.paths, &latch).map(drop));
                // A lift that was decided in the same turn lifts this one, too.
                self.latch_seen = latch::seen(&shared.paths);
            }
            Effect::ClearLatch => {
                insist(|| latch::clear(&shared.paths, &self.latch_seen).map(drop))
            }
            Effect::Proposal { proposal, work } => self.work_on(shared, proposal, work),
            // The loop itself ends.
            Effect::Exit => {}
        }
    }

    /// Has the separate writer do its work, judged by the policy that is in force now. An emergency
    /// holds it up: it is ordered again when that is lifted.
    fn work_on(&mut self, shared: &Shared, proposal: ProposalId, work: Work) {
        if latch::is_set(&shared.paths) {
            return;
        }
        let ordered = {
            let state = shared.state.read().unwrap_or_else(PoisonError::into_inner);
            self.order(&state, proposal, work)
        };
        match ordered {
            Ok(Some(order)) => self.writing.order(proposal, order),
            Ok(None) => {}
            Err(why) => self.tell(Input::Proposal { proposal, news: failed(work, why) }),
        }
    }

    fn order(
        &mut self,
        state: &State,
        id: ProposalId,
        work: Work,
    ) -> Result<Option<Order>, String> {
        // Decided otherwise in the meantime.
        let known = state.proposals.get(&id).filter(|proposal| proposal.work() == Some(work));
        let Some(proposal) = known else { return Ok(None) };
        let Some(project) = state.projects.get(&proposal.project) else { return Ok(None) };
        let policy = self.policy_of(state, Path::new(&project.root));
        let policy = match &*policy {
            PolicyInForce::Sound(policy) => policy,
            PolicyInForce::Broken(why) => return Err(format!("no policy is in force: {why}")),
        };
        let patch = self.house.blobs.get(&proposal.proposed.patch);
        let patch = patch.map_err(|error| format!("the patch is lost: {error}"))?;
        let accepted = proposal.accepted.unwrap_or(proposal.made);
        Ok(Some(Order {
            work,
            root: project.root.clone(),
            agent: proposal.by.to_string(),
            proposal: id.to_string(),
            title: proposal.proposed.title.clone(),
            reason: proposal.proposed.reason.clone(),
            patch: String::from_utf8(patch).map_err(|error| error.to_string())?,
            accepted_s: accepted.0.div_euclid(1_000),
            forbidden: policy.forbidden_paths().map(Into::into).collect(),
            read_only: policy.read_only_paths().map(Into::into).collect(),
            // It is looked at before people are asked, and undone as it was done.
            protected: work != Work::Write || proposal.protected,
            file_bytes_max: u64::from(policy.limits().file_size_mb) << 20,
            branch: proposal.branch.clone(),
        }))
    }

    fn launch(&mut self, shared: &Shared, run: RunId, generation: Generation) {
        self.grips.retain(|_, grip| !grip.is_gone());
        if self.grips.contains_key(&run) {
            return;
        }
        if self.walls.is_none() {
            self.unprobed.push((run, generation));
            return;
        }
        let prepared = {
            let state = shared.state.read().unwrap_or_else(PoisonError::into_inner);
            self.prepare(&state, run, generation)
        };
        match prepared {
            Ok(Some(assignment)) => self.attend(assignment),
            // Ended in the meantime.
            Ok(None) => {}
            Err((rule, why)) => {
                self.tell(Input::LaunchRefused { run, generation, rule, why });
            }
        }
    }

    /// The probe has ended: what waited for it is launched.
    pub(crate) fn set_walls(&mut self, shared: &Shared, walls: Walls) {
        self.walls = Some(walls);
        for (run, generation) in std::mem::take(&mut self.unprobed) {
            self.launch(shared, run, generation);
        }
    }

    /// Gives the loop news from its own thread: what does not fit its queue is kept aside.
    fn tell(&mut self, input: Input) {
        self.news.push(input);
    }

    /// What the loop is to decide next, before it sleeps.
    pub(crate) fn take_news(&mut self) -> Vec<Input> {
        std::mem::take(&mut self.news)
    }

    /// Judges the run against the policy in force, and makes ready what it is allowed.
    fn prepare(
        &mut self,
        state: &State,
        run: RunId,
        generation: Generation,
    ) -> Result<Option<Assignment>, (String, String)> {
        if latch::is_set(&self.house.shared.paths) {
            return Err(("emergency".into(), "an emergency shutdown is in force".into()));
        }
        let Some(entry) = state.runs.get(&run) else { return Ok(None) };
        let Phase::Placed { deadline_ms, .. } = entry.phase else { return Ok(None) };
        let Some(agent) = state.agents.get(&entry.agent) else { return Ok(None) };
        let Some(project) = state.projects.get(&agent.project) else { return Ok(None) };
        let policy = self.policy_of(state, Path::new(&project.root));
        if let PolicyInForce::Sound(_) = &*policy {
            self.is_as_decided(agent, &project.root).map_err(|why| ("council".into(), why))?;
        }
        let none = Walls::none();
        let walls = self.walls.as_ref().unwrap_or(&none);
        let request = Request { agent: entry.agent, spec: &agent.spec, run, generation, walls };
        let permit = judge(&policy, state, &request)
            .map_err(|denial| (denial.rule.to_string(), denial.to_string()))?;
        // Of the policy that it was judged by, whatever its files say meanwhile.
        let log_bytes = match &*policy {
            PolicyInForce::Sound(policy) => policy.storage().of_logs(),
            PolicyInForce::Broken(_) => 0,
        };
        self.assign(state, (run, generation), permit, (deadline_ms, log_bytes)).map(Some)
    }

    /// Makes ready what a permit allows, within a deadline and so many bytes of log.
    fn assign(
        &mut self,
        state: &State,
        (run, generation): (RunId, Generation),
        permit: Permit,
        (deadline_ms, log_bytes): (i64, u64),
    ) -> Result<Assignment, (String, String)> {
        let agent_id = state.runs[&run].agent;
        let agent = &state.agents[&agent_id];
        let root = &state.projects[&agent.project].root;
        let deadline_ms = deadline_ms.min(permit.bounds().limits().deadline_ms);
        let memory_limit_mb = u64::from(permit.bounds().limits().memory_mb);
        let missing = permit.bounds().missing_walls().to_vec();
        let fence = Fence {
            forbidden: permit.bounds().forbidden_paths().to_vec(),
            read_only: permit.bounds().read_only_paths().to_vec(),
            // Proposed they may be; people are asked.
            allows_protected: true,
        };
        let paths = &self.house.shared.paths;
        let credentials = Credentials::new(paths.credentials());
        let models = paths.models();
        let brokerage = Brokerage::of(&credentials, &models, permit.bounds(), &agent.spec, root);
        let reach = network::reach(permit.bounds(), brokerage);
        let facts = Facts::of(state, agent_id, &self.house.blobs);
        let run_name = run.to_string();
        let unfit = |Unfit { rule, why }| (rule.to_string(), why);
        let seen =
            self.look(root, &agent.spec, permit.bounds().forbidden_paths()).map_err(unfit)?;
        let of = ProfileOf {
            instance: &self.instance,
            run: &run_name,
            root,
            spec: &agent.spec,
            program: &self.program,
        };
        let mut profile = profile(&of, permit.bounds(), seen, reach.as_ref()).map_err(unfit)?;
        profile.read_only.extend(facts.mounts());
        let permitted = Permitted::new(permit, profile)
            .map_err(|why| ("profile".to_string(), why.to_string()))?;
        let copy = self.work_copy(state, run, &fence, &permitted)?;
        let task = Task { copy, ..task(state, run, deadline_ms, &facts) };
        Ok(Assignment {
            run,
            generation,
            agent: agent_id,
            permitted,
            task,
            deadline_ms,
            memory_limit_mb,
            missing,
            fence,
            log_bytes,
            reach,
            facts,
        })
    }

    /// Reads a project's policy when something changed there, so that a bad one is said before a run
    /// meets it.
    pub(crate) fn look_at_policy(&mut self, shared: &Shared, project: ProjectId) {
        let state = shared.state.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.projects.get(&project) {
            self.policy_of(&state, Path::new(&known.root));
        }
    }

    /// Reads what the decisions of the next turn may ask for. Of a project whose file system doesn't
    /// answer, what its files said last counts for the runs that it has.
    pub(crate) fn read_for_turn(&mut self, wanted: Wanted) {
        let policies = self.policies.clone();
        policies.read_for_turn(wanted, |root| self.read(root).ok().or_else(|| policies.last(root)));
    }

    fn read(&mut self, root: &Path) -> Result<Known, String> {
        let (policies, place) = (self.policies.clone(), root.to_path_buf());
        self.answering.ask(root, move || policies.of(&place))
    }

    /// The policy as its files say now; a change is recorded, and why they are refused if they are.
    /// Where the project's file system doesn't answer, nothing is allowed, and that is recorded.
    fn policy_of(&mut self, state: &State, root: &Path) -> Arc<PolicyInForce> {
        let known = match self.read(root) {
            Ok(known) => known,
            Err(why) => {
                self.tell_refused(state, root, Some(&why));
                return Arc::new(PolicyInForce::Broken(why));
            }
        };
        let project = state.project_at(&root.to_string_lossy());
        let known = self.policies.in_force(root, known, &|hash| is_agreed(state, project, hash));
        self.tell_refused(state, root, known.problem.as_deref());
        if let Some(hash) = known.files {
            let said = (hash.clone(), known.origin.clone());
            // By project: two projects with a policy each don't take turns in the journal.
            let told = self.adopted.insert(root.into(), said.clone());
            let own = project.and_then(|id| state.projects[&id].policy.as_ref());
            let recorded = || own.map(|p| (p.hash.clone(), p.origin.clone()));
            let again = known.waits && is_to_be_put(state, &hash);
            if again || told.or_else(recorded) != Some(said) {
                self.tell_policy(Command::AdoptPolicy { hash, origin: known.origin, project });
            }
        }
        known.in_force
    }

    /// Each reason once, until the files are sound again.
    fn tell_refused(&mut self, state: &State, root: &Path, problem: Option<&str>) {
        let Some(why) = problem else {
            self.refused.remove(root);
            return;
        };
        if self.refused.get(root).is_some_and(|told| told == why) {
            return;
        }
        self.refused.insert(root.into(), why.into());
        let found = state.projects.iter().find(|(_, project)| Path::new(&project.root) == root);
        if let Some((project, _)) = found {
            self.tell_policy(Command::RefusePolicy { project: *project, why: why.into() });
        }
    }

    fn tell_policy(&mut self, command: Command) {
        let why = "its files changed".into();
        let (actor, via) = (Actor::Daemon, Via::Daemon);
        self.tell(Input::Command { token: 0, actor, via, why, command });
    }

    /// Whether an agent that came with a project is the one that people let run, to the byte. What its
    /// program reads beside the files that its manifest names is not looked at.
    fn is_as_decided(&mut self, agent: &Agent, root: &str) -> Result<(), String> {
        let name = &agent.spec.name;
        if !agent.is_deployed() {
            return Err(format!(
                "nobody has let it run: `ai_onboard background-agents start {name}`"
            ));
        }
        let Program::Command { folder, .. } = &agent.spec.program else { return Ok(()) };
        let (origin, folder) = (PathBuf::from(&agent.spec.origin), PathBuf::from(folder));
        match self.answering.ask(Path::new(root), move || manifests::hash_of(&origin, &folder))? {
            Ok(hash) if hash == agent.spec.hash => Ok(()),
            Ok(_) => Err(format!(
                "its manifest or program changed since people let it run; look at it, then \
                 `ai_onboard background-agents start {name}`"
            )),
            Err(error) => Err(format!("its manifest or program can't be read: {error}")),
        }
    }

    /// What the profile of a run's walls needs to know of the project.
    fn look(&mut self, root: &str, spec: &AgentSpec, forbidden: &[String]) -> Result<Seen, Unfit> {
        let (place, program, forbidden) =
            (root.to_string(), spec.program.clone(), forbidden.to_vec());
        let state = self.house.shared.paths.state.clone();
        let look = move || Seen::look(&place, &program, forbidden, &state);
        let silent = |why| Unfit { rule: "project", why };
        self.answering.ask(Path::new(root), look).map_err(silent)?
    }

    /// What a check of proposals works on: the project's newest commit, with the patch of the proposal
    /// that the run is for.
    fn work_copy(
        &self,
        state: &State,
        run: RunId,
        fence: &Fence,
        permitted: &Permitted,
    ) -> Result<Option<WorkCopy>, (String, String)> {
        let entry = &state.runs[&run];
        if !state.agents[&entry.agent].spec.checks_proposals {
            return Ok(None);
        }
        let gone = |why: String| ("proposal".to_string(), why);
        let patch = match &entry.trigger {
            Trigger::Proposal { proposal } => {
                let known = state.proposals.get(proposal);
                let known = known.ok_or_else(|| gone(format!("{proposal} is forgotten")))?;
                let patch = self.house.blobs.get(&known.proposed.patch);
                let patch = patch.map_err(|error| gone(format!("the patch is lost: {error}")))?;
                Some(String::from_utf8(patch).map_err(|error| gone(error.to_string()))?)
            }
            _ => None,
        };
        let (forbidden, bytes_max) = (fence.forbidden.clone(), permitted.tmp_bytes());
        Ok(Some(WorkCopy { patch, forbidden, bytes_max }))
    }

    fn attend(&mut self, assignment: Assignment) {
        let grip = Grip::default();
        let (run, generation) = (assignment.run, assignment.generation);
        self.grips.insert(run, grip.clone());
        let house = self.house.clone();
        let thread = std::thread::Builder::new()
            .name(run.to_string())
            .stack_size(ATTENDANT_STACK)
            .spawn(move || attend(house, assignment, &grip));
        if let Err(error) = thread {
            self.grips.remove(&run);
            let why = format!("no thread to attend to it: {error}");
            self.tell(Input::LaunchRefused { run, generation, rule: "threads".into(), why });
        }
    }
}

fn task(state: &State, run: RunId, deadline_ms: i64, facts: &Facts) -> Task {
    let entry = &state.runs[&run];
    let agent = &state.agents[&entry.agent];
    let project = &state.projects[&agent.project];
    let now: Time = clock::wall();
    Task {
        agent: agent.spec.name.clone(),
        project: project.name.clone(),
        root: PROJECT_DIR.into(),
        run,
        trigger: entry.trigger.clone(),
        attempt: entry.attempt,
        now,
        deadline: now.plus(deadline_ms),
        settings: agent.spec.settings.clone(),
        leases: project
            .leases
            .iter()
            .filter_map(|(name, lease)| Some((name.clone(), lease.of(run)?.token)))
            .collect(),
        checkpoints: agent.checkpoints.keys().cloned().collect(),
        facts: facts.places(),
        deliveries: deliveries(state, entry),
        copy: None,
    }
}

/// What came by the webhook that woke a run, since the agent's run before began.
fn deliveries(state: &State, run: &Run) -> Vec<Delivery> {
    let Trigger::Event { kind } = &run.trigger else { return Vec::new() };
    let Some(known) = hook::of_topic(kind).and_then(|name| state.hooks.get(name)) else {
        return Vec::new();
    };
    let began = |ended: &EndedRun| ended.started.unwrap_or(ended.queued);
    let before = state.agents.get(&run.agent).and_then(|agent| agent.recent.back().map(began));
    let is_new = |delivery: &&Delivery| before.is_none_or(|before| delivery.at > before);
    known.recent.iter().filter(is_new).cloned().collect()
}

/// Tries a short write a few times; what still fails is said in the daemon's log, and the journal,
/// which has the same fact, decides at the next start.
fn insist(write: impl Fn() -> std::io::Result<()>) {
    for attempt in 1..=LATCH_TRIES {
        match write() {
            Ok(()) => return,
            Err(error) if attempt == LATCH_TRIES => eprintln!("the emergency latch: {error}"),
            Err(_) => std::thread::yield_now(),
        }
    }
}
