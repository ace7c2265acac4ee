//! What holds an agent's runs: the policy as its files say now, and the walls of this host.

use crate::api::{LayerView, LimitsView, Safety, StorageView};
use onboard_daemon::handle::Handle;
use onboard_daemon::logs;
use onboard_daemon::policies::StorageQuota;
use onboard_domain::storage::Stored;
use onboard_domain::{AgentId, ProjectId};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The safety of an agent; reads the policy's files when they changed.
pub fn of(handle: &Handle, agent: AgentId) -> Safety {
    let asked = handle.read(|state| {
        let agent = state.agents.get(&agent)?;
        let project = state.projects.get(&agent.project)?;
        Some((PathBuf::from(&project.root), agent.spec.limits))
    });
    let Some((root, asked)) = asked else { return Safety::default() };
    let policy = handle.policies().of(&root);
    let (limits, denied) = match policy.allows(&asked) {
        Ok(allowed) => {
            let limits = LimitsView {
                cpu_percent: allowed.cpu_percent,
                memory_mb: allowed.memory_mb,
                pids: allowed.pids,
                file_size_mb: allowed.file_size_mb,
                io_ops_per_sec: allowed.io_ops_per_sec,
                deadline_s: super::run::seconds(allowed.deadline_ms),
            };
            (Some(limits), None)
        }
        Err(why) => (None, Some(why)),
    };
    let stored = handle.read(|state| state.stored_by(agent));
    let logs = logs::bytes(&handle.paths().logs(), agent);
    let storage = Some(storage(stored, logs, &policy.storage()));
    Safety {
        storage,
        limits,
        denied,
        policy_origin: policy.origin,
        policy_problem: policy.problem,
        policy_warnings: policy.warnings,
        layers: layers(handle),
    }
}

/// What is kept for an agent beside its quota.
pub fn storage(stored: Stored, logs: u64, quota: &StorageQuota) -> StorageView {
    StorageView {
        stored,
        stored_max: quota.of_rest(),
        logs,
        logs_max: quota.of_logs(),
        set_by: quota.source.clone(),
    }
}

fn layers(handle: &Handle) -> Vec<LayerView> {
    let view = |found: &onboard_daemon::walls::Found| LayerView {
        name: found.layer.word().into(),
        status: found.status.to_string(),
        how: found.how.clone(),
    };
    handle.layers().iter().map(view).collect()
}

/// Projects whose policy's files are not in force, and why.
pub fn problems(handle: &Handle) -> BTreeMap<ProjectId, String> {
    let roots: Vec<(ProjectId, PathBuf)> = handle.read(|state| {
        state.projects.iter().map(|(id, project)| (*id, PathBuf::from(&project.root))).collect()
    });
    let problem = |(id, root): (ProjectId, PathBuf)| {
        handle.policies().of(&root).problem.map(|problem| (id, problem))
    };
    roots.into_iter().filter_map(problem).collect()
}
